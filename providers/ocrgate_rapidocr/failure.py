"""Errors of this adapter, each with its row of `codes.yaml`."""

from __future__ import annotations

from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError

TYPE = "rapidocr"


def failure(name: str, code: str, message: str) -> ProviderError:
    """The error to raise; `code` is a row of this adapter's table or of the gateway's."""
    return ProviderError(name, lookup(TYPE, code, message))


def engine_failure(name: str, error: Exception) -> ProviderError:
    """What an exception out of RapidOCR, OpenCV or onnxruntime means."""
    message = f"{type(error).__name__}: {error}".strip().rstrip(":")
    # onnxruntime's own error arrives as text inside RapidOCR's.
    last = message.strip().rpartition("\n")[2] or message
    if any(sign in message for sign in ("bad_alloc", "Failed to allocate", "Insufficient memory", "OutOfMemory")):
        return failure(name, "worker_memory", last)
    if any(sign in message for sign in ("INVALID_PROTOBUF", "InvalidProtobuf", "INVALID_GRAPH", "InvalidGraph")):
        return failure(name, "model_corrupt", last)
    if type(error).__module__.partition(".")[0] == "cv2":
        return failure(name, "image_refused", last)
    return failure(name, "engine_failed", last)
