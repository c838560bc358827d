"""`diagnose()`: from whatever somebody holds in their hand to a diagnosis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ocrgate.diagnosis.catalogue import lookup
from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.errors import ProviderError, ProviderRefused


def diagnose(code_or_reply_or_exception: object, provider: str = "baidu") -> Diagnosis:
    """What a code, a reply, an exception or a whole JSON text means.

    Args:
        code_or_reply_or_exception: `110`, `"SDK108"`, `{"error_code": 18, …}`, a JSON text of such a reply,
            or an exception.
        provider: the provider type whose table is asked first.

    Returns:
        The diagnosis; for a code that is in no table one with `known` False.
    """
    subject = code_or_reply_or_exception
    if isinstance(subject, Diagnosis):
        return subject
    if isinstance(subject, ProviderError):
        return subject.diagnosis
    if isinstance(subject, ProviderRefused):
        return lookup("gateway", subject.reason, subject.detail)
    if isinstance(subject, BaseException):
        return _exception(subject, provider)
    if isinstance(subject, Mapping):
        return _reply(subject, provider)
    if isinstance(subject, (str, bytes)):
        text = subject.decode("utf-8", "replace") if isinstance(subject, bytes) else subject
        reply = _json(text)
        if reply is not None:
            return _reply(reply, provider)
        return lookup(provider, text.strip())
    return lookup(provider, subject)


def _json(text: str) -> Mapping[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        reply = json.loads(text)
    except ValueError:
        return None
    return reply if isinstance(reply, dict) else None


def _reply(reply: Mapping[str, Any], provider: str) -> Diagnosis:
    code = next((reply[key] for key in ("error_code", "errno", "code", "error") if key in reply), "bad_reply")
    message = next((reply[key] for key in ("error_msg", "msg", "error_description", "message") if key in reply), "")
    log_id = reply.get("log_id", reply.get("logid"))
    return lookup(provider, code, str(message), log_id=None if log_id is None else str(log_id))


def _exception(error: BaseException, provider: str) -> Diagnosis:
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, (ModuleNotFoundError, ImportError)):
        return lookup(provider, "engine_missing", message)
    if isinstance(error, MemoryError):
        return lookup(provider, "worker_memory", message)
    if isinstance(error, TimeoutError):
        return lookup(provider, "timeout", message)
    if isinstance(error, ConnectionRefusedError):
        return lookup(provider, "connection_refused", message)
    if isinstance(error, ConnectionError):
        return lookup(provider, "connection_reset", message)
    return lookup(provider, "adapter_error", message)
