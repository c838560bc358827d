"""What a ledger raises."""

from __future__ import annotations

from typing import Any

from ocrgate.errors import OCRError


class LedgerError(OCRError, OSError):
    """A line could not be written to the ledger, or a ledger could not be read.

    Attributes:
        path: of the ledger.
        reason: what stands in the way and what to do about it, in plain words.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.reason)
