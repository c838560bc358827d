"""What went wrong in the network, told apart: name, connection, proxy, TLS, time, reset.

Exceptions of requests, urllib3, ssl and http.client are known by the names of their classes, so none is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from ocrgate.diagnosis.rule import Clue, Rule, text_of


def _when(code: str, types: str = "", *, errors: str = "", says: tuple[str, ...] = (), unless: str = "") -> Rule:
    return Rule(
        code,
        frozenset(types.split()),
        frozenset(errors.split()),
        tuple(text.casefold() for text in says),
        unless=frozenset(unless.split()),
    )


RULES = (
    _when("proxy", "ProxyError InvalidProxyURL"),
    _when("proxy", says=("Tunnel connection failed: 407", "Missing dependencies for SOCKS")),
    _when("dns", "NameResolutionError gaierror herror LocationParseError"),
    _when("connection_refused", "ConnectionRefusedError", errors="ECONNREFUSED"),
    _when("too_many_files", errors="EMFILE ENFILE"),
    _when("unreachable", errors="ENETUNREACH EHOSTUNREACH ENETDOWN EHOSTDOWN EADDRNOTAVAIL"),
    # urllib3 derives "no connection" from "no connection in time".
    _when("connect_timeout", "ConnectTimeoutError ConnectTimeout", unless="NewConnectionError"),
    _when("connect_timeout", "NewConnectionError", says=("[Errno 110]", "[Errno 60]", "[WinError 10060]", "timed out")),
    _when("connection_reset", "SSLEOFError SSLZeroReturnError"),
    _when("tls", "SSLError CertificateError SSLCertVerificationError"),
    _when(
        "timeout",
        "ReadTimeoutError ReadTimeout TimeoutExpired builtins.TimeoutError requests.exceptions.Timeout"
        " asyncio.exceptions.TimeoutError concurrent.futures._base.TimeoutError",
        errors="ETIMEDOUT",
    ),
    _when(
        "connection_reset",
        "ConnectionResetError BrokenPipeError RemoteDisconnected IncompleteRead ConnectionAbortedError",
        errors="ECONNRESET EPIPE ECONNABORTED",
    ),
    _when("bad_url", "InvalidURL MissingSchema InvalidSchema URLSchemeUnknown"),
    _when(
        "bad_reply",
        "ContentDecodingError DecodeError BadStatusLine LineTooLong InvalidHeader TooManyRedirects"
        " http.client.HTTPException",
    ),
    _when("tls", says=("TLS CA certificate bundle", "TLS certificate file")),
    _when("connection_reset", "builtins.ConnectionError"),
    _when(
        "network",
        "RequestException requests.exceptions.ConnectionError urllib.error.URLError urllib3.exceptions.HTTPError"
        " NewConnectionError MaxRetryError ProtocolError",
    ),
)
"""From the most to the least exact; the first that fits the whole story of an exception decides."""

_QUOTABLE = re.compile(
    r"Tunnel connection failed: \d{3}[\w \-]{0,60}|Missing dependencies for SOCKS|TLS CA certificate bundle"
)
"""The parts of a library's own words that name neither URL nor body."""


def network(error: BaseException) -> tuple[str, str] | None:
    """The code of a network fault and what the system said of it; None for anything else.

    The text quotes no URL and no body, so it holds no secret.
    """
    found = list(causes(error))
    clue = Clue.together(map(Clue.of, found))
    code = next((rule.code for rule in RULES if rule.fits(clue)), None)
    return None if code is None else (code, said(found))


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all it was made of; requests and urllib3 keep theirs in `args` and `reason`."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        group = getattr(cause, "exceptions", ())
        waiting += [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]
        waiting += group if isinstance(group, tuple) else ()


def said(found: Sequence[BaseException]) -> str:
    """What the innermost system or TLS error said: the part of the story that names neither URL nor body."""
    for cause in reversed(found):
        names = Clue.of(cause).names
        name = type(cause).__name__
        if "ssl.SSLCertVerificationError" in names:
            return f"{name}: {getattr(cause, 'verify_message', '')}"
        if names & {"ssl.SSLError", "socket.gaierror"} and cause.args:
            return f"{name}: {cause.args[-1]}"
        if isinstance(cause, OSError) and cause.errno is not None:
            return f"{name}: {os.strerror(cause.errno)}"
    quoted = next((part[0] for part in map(_QUOTABLE.search, map(text_of, found)) if part), None)
    if quoted is not None:
        return quoted
    return " < ".join(dict.fromkeys(type(cause).__name__ for cause in found))
