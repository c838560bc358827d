"""A reply of a service, read for the error that it tells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ocrgate.diagnosis.catalogue import lookup, table
from ocrgate.diagnosis.diagnosis import Diagnosis

CODES = ("error_code", "errno", "err_no", "code", "error")
MESSAGES = ("error_msg", "err_msg", "errmsg", "msg", "error_description", "message")
ANSWERS = ("words_result", "result", "results", "codes_result", "tables_result", "forms_result", "access_token")
_LOG_IDS = ("log_id", "logid", "logId", "request_id", "requestId")


def diagnosed(reply: Mapping[Any, Any], provider: str) -> Diagnosis:
    """What a reply means: its error code, else what it says of the image, else that it holds no error or no answer."""
    log_id = _first(reply, _LOG_IDS)
    reference = str(log_id) if isinstance(log_id, (str, int)) and not isinstance(log_id, bool) else None
    message = _first(reply, MESSAGES)
    said = "" if message is None else str(message)
    code = error_code(reply)
    if isinstance(code, Mapping):
        inner = diagnosed(code, provider)
        return lookup(provider, inner.code, inner.message or said, log_id=reference or inner.log_id)
    if code is not None:
        return lookup(provider, code, said, log_id=reference)
    status = reply.get("image_status")
    if isinstance(status, str) and status in table(provider):
        return lookup(provider, status, status, log_id=reference)
    if any(reply.get(name) not in (None, "", [], {}) for name in ANSWERS):
        return lookup(provider, "no_error", said, log_id=reference)
    return lookup(provider, "bad_reply", said or "neither an error code nor an answer", log_id=reference)


def error_code(reply: Mapping[Any, Any]) -> str | Mapping[Any, Any] | None:
    """The error code of a reply as a text, a mapping when it is wrapped in one, None when there is none."""
    for name in CODES:
        value = reply.get(name)
        if isinstance(value, Mapping):
            return value
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            code = plain(value)
            if code not in ("", "0"):
                return code
    return None


def plain(code: float | str) -> str:
    """A code as it is written: `18` for 18.0 and for ` 18 `."""
    if isinstance(code, float) and math.isfinite(code) and code == int(code):
        return str(int(code))
    return str(code).strip()


def _first(reply: Mapping[Any, Any], names: Iterable[str]) -> object | None:
    return next((reply[name] for name in names if reply.get(name) is not None), None)
