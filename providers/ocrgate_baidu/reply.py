"""Is a reply an answer? Judged by what it holds: HTTP status, JSON, error codes, and the part that answers."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import math
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ocrgate_baidu.failure import Failed, failed
from ocrgate_baidu.notes import CONTENT
from ocrgate_baidu.transport import RawReply

ANSWERS = (*CONTENT, "formula_result")
WRONG_DOCUMENT = ("non_idcard", "other_type_card")
UNREADABLE = ("blurred", "over_exposure", "over_dark", "unknown")
_TITLE = re.compile(r"<title[^>]*>([^<]{1,120})", re.IGNORECASE)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALVES = re.compile("[\ud800-\udfff]")
Reply = dict[str, Any]


def decode(reply: RawReply) -> Reply:
    """The reply as a mapping, its `log_id` as a text.

    Raises:
        Failed: when the HTTP status, the content or an error code in it says that this is no answer.
    """
    content = _json(reply)
    retry_after = _retry_after(reply.headers)
    if content is not None:
        content = _unwrapped(content)
        code, message = _error(content)
        if code is not None:
            raise failed(code, message, retry_after=retry_after, log_id=content.get("log_id"))
    if not 200 <= reply.status < 300:
        raise _status(reply, content, retry_after)
    if content is None:
        raise failed("bad_reply", _described(reply), retry_after=retry_after)
    return content


def answer(reply: RawReply) -> Reply:
    """The reply of an OCR endpoint.

    Raises:
        Failed: also when nothing in it answers, or when it says that the image shows something else.
    """
    content = decode(reply)
    status = content.get("image_status")
    if status in WRONG_DOCUMENT or (status in UNREADABLE and not _worded(content.get("words_result"))):
        raise failed(status, str(status), log_id=content.get("log_id"))
    if not any(isinstance(content.get(name), (list, dict)) for name in ANSWERS):
        raise failed("bad_reply", f"the reply holds none of {', '.join(ANSWERS)}", log_id=content.get("log_id"))
    return content


def _worded(words: object) -> bool:
    """Whether any field of a card holds text."""
    entries = words.values() if isinstance(words, dict) else ()
    return any(isinstance(entry, dict) and entry.get("words") for entry in entries)


def _json(reply: RawReply) -> Reply | None:
    try:
        content = json.loads(reply.body.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
        # The only way to write half a surrogate pair in UTF-8, and such a text could not be written again.
        content = _mended(content) if _SURROGATE.search(reply.body) else content
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is beyond all bounds")
    return number


def _mended(content: Any) -> Any:
    """The same with the replacement character for every half of a surrogate pair."""
    if isinstance(content, dict):
        return {_mended(name): _mended(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_mended(value) for value in content]
    return _HALVES.sub("\ufffd", content) if isinstance(content, str) else content


def _unwrapped(content: Reply) -> Reply:
    """The older wrapping `{"errno": 0, "msg": …, "data": {…}}` taken off, and `log_id` made a text."""
    inner = content.get("data")
    if "errno" in content and not _nonzero(content["errno"]) and isinstance(inner, dict):
        content = {**content, **inner} if any(name in inner for name in ANSWERS) else content
    log_id = content.get("log_id", content.get("logid", content.get("logId")))
    if isinstance(log_id, (int, str)) and not isinstance(log_id, bool):
        return {**content, "log_id": str(log_id)[:200]}
    return {name: value for name, value in content.items() if name != "log_id"}


def _nonzero(code: object) -> bool:
    return code is not None and str(code).strip() not in ("", "0")


def _error(content: Mapping[str, Any]) -> tuple[object | None, str]:
    for name in ("error_code", "errno", "err_no"):
        if _nonzero(content.get(name)):
            said = next((content[key] for key in ("error_msg", "msg", "err_msg", "errmsg") if key in content), "")
            return _code(content[name]), str(said)[:500]
    error = content.get("error")
    if isinstance(error, str) and error:
        return error[:80], str(content.get("error_description", ""))[:500]
    return None, ""


def _code(code: object) -> object:
    if isinstance(code, float) and math.isfinite(code) and code == int(code):
        return int(code)
    return str(code).strip()[:80]


def _status(reply: RawReply, content: Reply | None, retry_after: float | None) -> Failed:
    status = reply.status
    if 300 <= status < 400:
        return failed("bad_reply", f"HTTP {status}: a redirect to {_target(reply)}, which is not followed")
    code = {407: "proxy", 401: "http_401", 403: "http_403", 408: "http_408", 413: "http_413", 429: "http_429"}.get(
        status
    )
    if code is None:
        code = "http_4xx" if 400 <= status < 500 else "http_5xx" if 500 <= status < 600 else "bad_reply"
    said = content.get("message", content.get("msg")) if content else None
    message = _described(reply) if said is None else f"{_phrase(status)}: {str(said)[:300]}"
    return failed(code, message, retry_after=retry_after)


def _target(reply: RawReply) -> str:
    try:
        host = urlsplit(reply.headers.get("location", "")).hostname
    except ValueError:
        return "a place that is no URL"
    return host[:100] if host else "another path"


def _phrase(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _described(reply: RawReply) -> str:
    """A reply that is no JSON object, in a few words for people."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()[:60] or "no content type"
    text = reply.body[:4000].decode("utf-8", "replace")
    title = _TITLE.search(text)
    shown = title.group(1).strip() if title else " ".join(text.split())[:60]
    size = f"{len(reply.body)} bytes, {kind}" if reply.body else "an empty body"
    return f"{_phrase(reply.status)}, {size}" + (f": {shown}" if shown else "")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from seconds or from a date; None when it is neither."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value) if len(value) < 10 else None
    try:
        when = email.utils.parsedate_to_datetime(value)
        when = when if when.tzinfo is not None else when.replace(tzinfo=dt.timezone.utc)
        return max(0.0, when.timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
