"""Errors of this adapter, each with its row of `codes.yaml`."""

from __future__ import annotations

from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError

TYPE = "tesseract"


def failure(name: str, code: str, message: str, remedy: str = "") -> ProviderError:
    """The error to raise.

    Args:
        name: the adapter's configured name.
        code: a row of this adapter's table or of the gateway's.
        message: what happened, with the names and numbers of this case.
        remedy: the exact command, where it depends on the machine; the table's own otherwise.
    """
    return ProviderError(name, lookup(TYPE, code, message, remedy=remedy))
