"""What is left of a line that was torn off."""

from __future__ import annotations

import hashlib


class Fragment:
    """Bytes behind the last line of the chain, their last line end not included."""

    __slots__ = ("_digest", "_pending", "_spoilt", "count")

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._pending = self._spoilt = False
        self.count = 0

    def add(self, raw: bytes, ended: bool) -> None:
        if self._pending:
            raw = b"\n" + raw
        self._digest.update(raw)
        self.count += len(raw)
        self._pending = ended

    def spoil(self) -> None:
        """From now on no line can name what is here."""
        self._spoilt = True

    @property
    def digest(self) -> str | None:
        return None if self._spoilt or self.count == 0 else self._digest.hexdigest()
