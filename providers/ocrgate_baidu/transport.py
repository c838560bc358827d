"""Sends one form and brings one reply back, whole and by the deadline, or says why not."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

from ocrgate.clock import Deadline
from ocrgate_baidu.attempt import Attempt, Watchdog
from ocrgate_baidu.failure import Failed, failed
from ocrgate_baidu.network import diagnosed, ended

MAX_REPLY = 32_000_000
_CHUNK = 65536
_BASE64 = ("image", "pdf_file", "ofd_file")


@dataclass(frozen=True, slots=True)
class RawReply:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: names in lower case.
        body: whole.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wire:
    """How the server is reached.

    Attributes:
        base_url: scheme and host, and a path in front of Baidu's own when a gateway of yours wants one.
        verify: whether the server's certificate is checked.
        ca_bundle: a PEM file of the CAs to trust instead of the shipped ones.
        proxies: by scheme, `{"https": "http://proxy.example:8080"}`.
        trust_env: whether `HTTP(S)_PROXY`, `NO_PROXY` and `REQUESTS_CA_BUNDLE` count.
        lanes: connections that are kept.
    """

    base_url: str = "https://aip.baidubce.com"
    verify: bool = True
    ca_bundle: str | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust_env: bool = True
    lanes: int = 8


def form(data: Mapping[str, Any]) -> bytes:
    """The fields as a form; True and False as Baidu writes them."""
    parts = []
    for name, value in data.items():
        if isinstance(value, bool):
            value = "true" if value else "false"  # noqa: PLW2901
        # Base64 has three characters to escape; the general function takes a second for ten megabytes.
        text = str(value)
        escaped = (
            text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D") if name in _BASE64 else quote_plus(text)
        )
        parts.append(f"{quote_plus(name)}={escaped}")
    return "&".join(parts).encode("ascii")


class Transport:
    """One pool of connections to one server. Thread-safe, and usable after a fork."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._lock = threading.Lock()
        self._session: Any = None
        self._watchdog = Watchdog()
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"Transport({urlsplit(self.wire.base_url).netloc.rpartition('@')[2]})"

    def post(
        self,
        path: str,
        data: Mapping[str, Any],
        deadline: Deadline,
        *,
        query: Mapping[str, str] | None = None,
        secret_query: str = "",
        on_cancel: Callable[[Callable[[], None]], object] | None = None,
        on_begin: Callable[[], None] | None = None,
        on_sent: Callable[[int, str], None] | None = None,
    ) -> RawReply:
        """Send a form and read the reply, whatever its status.

        Args:
            path: below the base URL.
            data: the fields.
            deadline: of everything: name lookup, connecting, sending, the last byte of the reply.
            query: of the URL.
            secret_query: goes into the request line, and is known to no library, log or exception.
            on_cancel: registers what to run when the caller gives up; what it returns, if callable, takes that back.
            on_begin: told when the request begins to go out.
            on_sent: told the bytes of the body and the address they were sent from, when a request was begun at all.

        Raises:
            Failed: with the diagnosis of what happened in the network.
        """
        if deadline.expired:
            raise failed("timeout", "no time was left for the call")
        attempt = Attempt(secret_query, on_begin)
        session, body = self._opened(), form(data)
        self._watchdog.watch(attempt, deadline.remaining)
        unhook = on_cancel(attempt.cancel) if on_cancel is not None else None
        outcome: RawReply | Failed
        with attempt.current():
            try:
                outcome = self._exchange(session, attempt, path, body, deadline, query or {})
            except Failed as failure:
                outcome = failure
            except Exception as error:  # noqa: BLE001 - whatever the libraries raise is a fault of the network
                outcome = diagnosed(error, attempt)
        if callable(unhook):
            unhook()
        if attempt.begun and on_sent is not None:
            on_sent(len(body), attempt.source)
        # Raised out here, so that the library's exception, which may quote the request, is not its context.
        if isinstance(outcome, Failed):
            raise outcome
        return outcome

    def close(self) -> None:
        """End what is going on and give the connections back."""
        with self._lock:
            session, self._session = self._session, None
        self._watchdog.close()
        if session is not None:
            session.close()

    def _opened(self) -> Any:
        if self._pid != os.getpid():
            # Connections of another process are not ours to write to, and its threads did not come along.
            self._lock, self._session, self._watchdog, self._pid = threading.Lock(), None, Watchdog(), os.getpid()
        with self._lock:
            if self._session is None:
                self._session = self._open()
            return self._session

    def _open(self) -> Any:
        from ocrgate_baidu.quiet import quietly

        with quietly():
            import requests

            from ocrgate_baidu.connection import PooledAdapter
        session = requests.Session()
        session.trust_env = self.wire.trust_env
        # Says that there is nothing to look up in a .netrc.
        session.auth = _no_auth
        for scheme in ("https://", "http://"):
            session.mount(scheme, PooledAdapter(self.wire.lanes))
        session.headers["User-Agent"] = "ocrgate"
        session.headers["Accept-Encoding"] = "identity"
        return session

    def _exchange(
        self, session: Any, attempt: Attempt, path: str, body: bytes, deadline: Deadline, query: Mapping[str, str]
    ) -> RawReply:
        seconds = max(0.001, deadline.remaining)
        verify: bool | str = (self.wire.ca_bundle or True) if self.wire.verify else False
        response = _sent(
            session,
            attempt,
            self.wire.base_url.rstrip("/") + path,
            params=dict(query),
            data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=(seconds, seconds),
            proxies=dict(self.wire.proxies),
            verify=verify,
            allow_redirects=False,
            stream=True,
        )
        with response:
            chunks: list[bytes] = []
            size = 0
            for chunk in response.iter_content(_CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_REPLY:
                    raise failed("bad_reply", f"the reply is larger than {MAX_REPLY:,} bytes")
            if attempt.reason is not None:
                # A reply without a length looks whole when the connection is shut down under it.
                raise ended(attempt)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return RawReply(response.status_code, headers, b"".join(chunks))


def _sent(session: Any, attempt: Attempt, url: str, **request: Any) -> Any:
    """The response to a POST, its body still to be read.

    A server closes connections that rest for long. When it did so just before the request came, nobody has seen the
    request, and it goes out again through another connection.
    """
    from requests import ConnectionError as NotConnected

    while True:
        attempt.stale = False
        try:
            return session.post(url, **request)
        except NotConnected:
            # Every turn uses up one kept connection, and a new one is not stale.
            if not attempt.stale or attempt.reason is not None:
                raise


def _no_auth(request: Any) -> Any:
    return request
