"""What is told of a key to others: its tokens, which only those who have the key can read, and a mark to know it by."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORM = "1."
_NONCE = 12


def fingerprint(api_key: str, secret_key: str) -> str:
    """12 hexadecimal digits that tell keys apart, and from which neither part of a key can be found."""
    # Keyed by the secret, so that nobody who merely has an API key to try can try it.
    digest = hmac.new(_bytes(secret_key), b"ocrgate fingerprint\0" + _bytes(api_key), "sha256")
    return digest.hexdigest()[:12]


def available() -> bool:
    """Whether the library that seals is installed; imports nothing."""
    return find_spec("cryptography") is not None


class CredentialSeal:
    """AES-256-GCM under a key that is derived from both parts of a credential. Thread-safe; cheap to build.

    Args:
        api_key, secret_key: whoever has the same two can open what was sealed; in no repr.
    """

    def __init__(self, api_key: str, secret_key: str) -> None:
        self._api_key = api_key
        self._secret_key = secret_key

    def __repr__(self) -> str:
        return "CredentialSeal()"

    def seal(self, text: str) -> str:
        """The text, sealed, in ASCII; another one each time.

        Raises:
            ImportError: when `cryptography` is not installed.
        """
        nonce = os.urandom(_NONCE)
        return (
            _FORM + base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, _bytes(text), _FORM.encode())).decode()
        )

    def open(self, text: str) -> str | None:
        """What was sealed; None for what was not, was changed, or was sealed with another credential.

        None, too, when `cryptography` is not installed.
        """
        if not text.startswith(_FORM):
            return None
        try:
            from cryptography.exceptions import InvalidTag
        except ImportError:
            return None
        try:
            written = text[len(_FORM) :].encode("ascii")
            sealed = base64.b64decode(written, altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(sealed) != written:
                return None
            opened = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _FORM.encode())
            return opened.decode("utf-8", "surrogatepass")
        except (binascii.Error, InvalidTag, ValueError):
            return None

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derive = HKDF(SHA256(), length=32, salt=_bytes(self._api_key), info=b"ocrgate token seal 1")
        return AESGCM(derive.derive(_bytes(self._secret_key)))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
