"""urllib3's connections, taught to belong to an attempt. Imported with the transport, on first use."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager, ProxyManager

from ocrgate import fork
from ocrgate_baidu.attempt import Attempt, current

STALE = 1.0
"""Seconds of rest after which the other side may have closed a kept connection before the next request reaches it."""

Addresses = list[tuple[Any, ...]]
Resolve = Callable[[str, int], Addresses]


def _resolve(host: str, port: int) -> Addresses:
    return list(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))


class Resolver:
    """Looks host names up in threads of their own, since the system's call knows no timeout; one for each name."""

    def __init__(self, resolve: Resolve = _resolve) -> None:
        self._resolve = resolve
        self.after_fork()
        fork.renew(self)

    def after_fork(self) -> None:
        # Threads that were looking a name up did not come along.
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[Addresses]] = {}

    def lookup(self, host: str, port: int) -> Future[Addresses]:
        """The addresses of a host, to be waited for."""
        with self._lock:
            future = self._running.get((host, port))
            if future is None:
                future = self._running[host, port] = Future()
                threading.Thread(
                    target=self._run, args=(host, port, future), name="ocrgate-baidu-dns", daemon=True
                ).start()
            return future

    def _run(self, host: str, port: int, future: Future[Addresses]) -> None:
        try:
            addresses = self._resolve(host, port)
        except Exception as error:  # noqa: BLE001 - handed on to the thread that waits
            outcome: Exception | None = error
        else:
            outcome = None
        with self._lock:
            self._running.pop((host, port), None)
        if outcome is None:
            future.set_result(addresses)
        else:
            future.set_exception(outcome)


RESOLVER = Resolver()


def _own_address(sock: Any) -> str:
    try:
        # TLS within TLS, through a proxy, is no socket but holds one.
        return str(getattr(sock, "socket", sock).getsockname()[0])
    except (OSError, IndexError):
        return ""


class _Watched:
    """What both kinds of connection add: they can be shut down from outside, and they put the token on the wire.

    Attributes:
        resting_since: monotonic seconds at which it was given back to the pool, or None since it was opened.
    """

    resting_since: float | None = None

    def _new_conn(self: Any) -> socket.socket:
        attempt = current() or Attempt()
        limit = float(self.timeout) if isinstance(self.timeout, (int, float)) else 60.0
        lookup = RESOLVER.lookup(self._dns_host, self.port)
        either: list[Future[Any]] = [lookup, attempt.ended]
        wait(either, timeout=limit, return_when=FIRST_COMPLETED)
        if not lookup.done():
            raise ConnectTimeoutError(self, "the host name was not resolved in time")
        try:
            addresses = lookup.result()
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        sock: socket.socket = self._first_connected(addresses, attempt, limit)
        attempt.connected = True
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock

    def _first_connected(self: Any, addresses: Addresses, attempt: Attempt, limit: float) -> socket.socket:
        last: OSError = OSError("the host name has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            if attempt.ended.done():
                break
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                # An address that swallows everything must leave time for the next one.
                sock.settimeout(max(0.001, limit / (len(addresses) - tried)))
                attempt.hold(sock)
                sock.connect(address)
            except OSError as error:
                last = error
                sock.close()
                continue
            # The limit of one read or write from now on; the attempt's own end comes first.
            sock.settimeout(max(0.001, limit))
            return sock
        if isinstance(last, TimeoutError) or attempt.ended.done():
            raise ConnectTimeoutError(self, "no connection in time") from last
        raise NewConnectionError(self, f"no connection: {last}") from last

    def putrequest(self: Any, method: str, url: str, *arguments: Any, **options: Any) -> None:
        attempt = current()
        if attempt is not None:
            self.attempt = attempt
            if self.sock is not None:
                attempt.hold(self.sock)
                attempt.connected = True
                attempt.stale = self.resting_since is not None and time.monotonic() - self.resting_since >= STALE
                attempt.begin(_own_address(self.sock))
            if attempt.secret_query:
                url += ("&" if "?" in url else "?") + attempt.secret_query
        super().putrequest(method, url, *arguments, **options)  # type: ignore[misc]

    def connect(self: Any) -> None:
        self.resting_since = None
        super().connect()  # type: ignore[misc]
        attempt = current()
        if attempt is not None:
            if attempt.ended.done():
                raise ConnectTimeoutError(self, "ended while connecting")
            attempt.begin(_own_address(self.sock))


class WatchedHTTP(_Watched, HTTPConnection):
    """A plain connection."""


class WatchedHTTPS(_Watched, HTTPSConnection):
    """A connection under TLS."""


def _release(connection: Any) -> None:
    attempt = getattr(connection, "attempt", None)
    if attempt is not None:
        connection.resting_since = time.monotonic()
        connection.attempt = None
        attempt.let_go()


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = WatchedHTTP

    def _put_conn(self, conn: Any) -> None:
        _release(conn)
        super()._put_conn(conn)


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = WatchedHTTPS

    def _put_conn(self, conn: Any) -> None:
        _release(conn)
        super()._put_conn(conn)

    def _validate_conn(self, conn: Any) -> None:
        # urllib3 warns at every call when verification was switched off, which here is said once, at construction.
        if conn.is_closed:
            conn.connect()


POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class PooledAdapter(HTTPAdapter):
    """Lets requests use our connections, to the server and to a proxy alike; repeats nothing by itself."""

    def __init__(self, lanes: int) -> None:
        super().__init__(pool_connections=4, pool_maxsize=lanes, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        if not proxy.lower().startswith(("http://", "https://")):
            raise InvalidProxyURL("only http:// and https:// proxies can be ended in time")
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager
