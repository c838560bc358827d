"""Errors of this adapter, each with its row of `codes.yaml`."""

from __future__ import annotations

from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError

TYPE = "easyocr"


def failure(name: str, code: str, message: str, remedy: str = "") -> ProviderError:
    """The error to raise.

    Args:
        name: the adapter's configured name.
        code: a row of this adapter's table or of the gateway's.
        message: what happened, with the names and numbers of this case.
        remedy: the exact command, where it depends on the case; the table's own otherwise.
    """
    return ProviderError(name, lookup(TYPE, code, message, remedy=remedy))


def engine_failure(name: str, error: Exception) -> ProviderError:
    """What an exception out of EasyOCR, OpenCV or torch means."""
    message = f"{type(error).__name__}: {error}".strip().rstrip(":")
    signs = ("DefaultCPUAllocator", "not enough memory", "out of memory", "bad_alloc", "Insufficient memory")
    if any(sign in message for sign in signs):
        return failure(name, "worker_memory", message)
    if type(error).__module__.partition(".")[0] == "cv2":
        return failure(name, "image_refused", message)
    return failure(name, "engine_failed", message)
