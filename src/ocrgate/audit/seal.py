"""What makes one text vouch for itself: a digest over its bytes, with a key or without."""

from __future__ import annotations

import hashlib
import hmac

PLAIN = "sha256"
_KEYED = "hmac-sha256"
_PURPOSE = b"ocrgate audit key"


class Seal:
    """Closes JSON objects with a digest of all that stands before it.

    Args:
        key: any text; with it, nobody without it can make a digest that holds. None for plain SHA-256.

    Attributes:
        algorithm: `sha256`, or `hmac-sha256:` and eight digits that tell one key from another without giving it away.

    Raises:
        ValueError: when the key is empty.
    """

    __slots__ = ("_key", "algorithm")

    def __init__(self, key: str | None = None) -> None:
        if key == "":
            raise ValueError("the key of the ledger is empty; give it a secret, or none at all")
        self._key = None if key is None else key.encode("utf-8", "surrogatepass")
        self.algorithm = PLAIN
        if self._key is not None:
            self.algorithm = f"{_KEYED}:{hmac.digest(self._key, _PURPOSE, 'sha256').hex()[:8]}"

    @property
    def keyed(self) -> bool:
        return self._key is not None

    def closed(self, body: bytes) -> tuple[bytes, str]:
        """A JSON object with its digest as the last field, and the digest, 64 hexadecimal digits."""
        digest = self._digest(body, self.algorithm)
        return b'%b,"hash":"%b"}' % (body[:-1], digest.encode()), digest

    def holds(self, body: bytes, algorithm: str, digest: str) -> bool:
        """Whether this is the digest of the object; False also when it was made with another key."""
        if algorithm not in (PLAIN, self.algorithm):
            return False
        return hmac.compare_digest(self._digest(body, algorithm), digest)

    def _digest(self, body: bytes, algorithm: str) -> str:
        if algorithm == PLAIN or self._key is None:
            return hashlib.sha256(body).hexdigest()
        return hmac.digest(self._key, body, "sha256").hex()
