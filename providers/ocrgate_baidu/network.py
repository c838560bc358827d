"""What went wrong in the network, told apart: name, connection, proxy, TLS, time, reset."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

from ocrgate_baidu.attempt import Attempt
from ocrgate_baidu.failure import Failed, failed


def ended(attempt: Attempt) -> Failed:
    """The failure of an attempt that was ended from outside."""
    if attempt.reason == "cancelled":
        return failed("cancelled", "the caller gave up")
    if not attempt.connected:
        return failed("connect_timeout", "no connection in the time of one attempt")
    return failed("timeout", "no complete reply in the time of one attempt")


def diagnosed(error: BaseException, attempt: Attempt) -> Failed:
    """The failure for whatever requests, urllib3, ssl or socket raised; its text quotes no URL."""
    if attempt.reason is not None:
        return ended(attempt)
    causes = list(_causes(error))
    names = {cause.__name__ for each in causes for cause in type(each).__mro__}
    said = _said(causes)
    if names & {"ProxyError", "InvalidProxyURL"}:
        return failed("proxy", said)
    if names & {"NameResolutionError", "gaierror", "LocationParseError"}:
        return failed("dns", said)
    if "ConnectionRefusedError" in names:
        return failed("connection_refused", said)
    # urllib3 derives "no connection" from "no connection in time".
    if "NewConnectionError" not in names and names & {"ConnectTimeoutError", "ConnectTimeout"}:
        return failed("connect_timeout", said)
    if any(isinstance(cause, ssl.SSLError) for cause in causes) or "SSLError" in names:
        cut = any(isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in causes)
        return failed("connection_reset" if cut else "tls", said)
    if names & {"ReadTimeoutError", "ReadTimeout", "TimeoutError"}:
        return failed("timeout", said)
    if names & {
        "ConnectionResetError",
        "BrokenPipeError",
        "RemoteDisconnected",
        "IncompleteRead",
        "ConnectionAbortedError",
    }:
        return failed("connection_reset", said)
    if names & {
        "ContentDecodingError",
        "DecodeError",
        "BadStatusLine",
        "LineTooLong",
        "HTTPException",
        "InvalidHeader",
    }:
        return failed("bad_reply", said)
    if any("TLS CA certificate bundle" in str(cause) for cause in causes):
        return failed("tls", "the file of trusted CAs is missing")
    return failed("network", said)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all it was made of; requests and urllib3 keep theirs in `args` and `reason`."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]


def _said(causes: list[BaseException]) -> str:
    """What the innermost system or TLS error said: the part of the story that names neither URL nor body."""
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{type(cause).__name__}: {cause.verify_message}"
        if isinstance(cause, (ssl.SSLError, socket.gaierror)):
            return f"{type(cause).__name__}: {cause.args[-1]}"
        if isinstance(cause, OSError) and cause.errno is not None:
            return f"{type(cause).__name__}: {os.strerror(cause.errno)}"
    return " < ".join(dict.fromkeys(type(cause).__name__ for cause in causes))
