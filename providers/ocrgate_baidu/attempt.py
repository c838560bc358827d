"""One exchange with the server, which can be ended from outside at any point of it."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Protocol

IDLE = 30.0
_local = threading.local()


class _Socket(Protocol):
    def fileno(self) -> int: ...


class Attempt:
    """One exchange: what connection it holds, and whether it was ended.

    Ending shuts the connection down below TLS and HTTP, so a thread that waits in a connect, a handshake, a write
    or a read of it wakes at once, however slowly bytes may be dripping in.

    Args:
        on_begin: told when a request first goes out.
        secret_query: added to the request line by the connection itself, so that no URL known to a library, its log
            or its exceptions holds it.

    Attributes:
        ended: done once the attempt was ended; holds `timeout` or `cancelled`.
        connected: whether a connection was ever made.
        begun: whether a request was begun on one, its proxy passed and its certificate verified.
        source: IP address it was sent from, or empty.
        stale: whether its request went into a connection that had rested so long that nobody may have been there.
    """

    def __init__(self, secret_query: str = "", on_begin: Callable[[], None] | None = None) -> None:
        self._on_begin = on_begin
        self.secret_query = secret_query
        self.ended: Future[str] = Future()
        self.connected = False
        self.stale = False
        self.begun = False
        self.source = ""
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._over = False

    @property
    def reason(self) -> str | None:
        """`timeout`, `cancelled`, or None while it was not ended."""
        return self.ended.result() if self.ended.done() else None

    def hold(self, sock: _Socket) -> None:
        """Take a connection; it is shut down at once when the attempt has been ended already."""
        # A duplicate stays valid while the TLS layer replaces the socket, and after http.client has closed its own.
        handle = socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            old, self._handle = self._handle, None if self._over else handle
            if self._over or self.ended.done():
                _shut(handle)
        for unused in (old, handle if self._over else None):
            if unused is not None:
                unused.close()

    def let_go(self) -> None:
        """The connection is about to serve somebody else, or nobody; ending the attempt no longer touches it."""
        with self._lock:
            self._over = True
            handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def begin(self, source: str) -> None:
        """A request goes out, from this address."""
        told, self.begun, self.source = self.begun, True, source
        if self._on_begin is not None and not told:
            self._on_begin()

    def expire(self) -> None:
        """End it: its time is over."""
        self._end("timeout")

    def cancel(self) -> None:
        """End it: nobody waits for it any more."""
        self._end("cancelled")

    def _end(self, reason: str) -> None:
        with self._lock:
            if self._over or self.ended.done():
                return
            self.ended.set_result(reason)
            if self._handle is not None:
                _shut(self._handle)

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Connections used by this thread meanwhile are the attempt's."""
        _local.attempt = self
        try:
            yield
        finally:
            _local.attempt = None
            self.let_go()


def current() -> Attempt | None:
    """The attempt that this thread works for."""
    return getattr(_local, "attempt", None)


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """One thread that ends attempts when their time is over; it goes home when there is nothing to watch."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Attempt]] = []
        self._serial = itertools.count()
        self._thread: threading.Thread | None = None
        self._closing = False

    def watch(self, attempt: Attempt, seconds: float) -> None:
        """End `attempt` in `seconds`, unless it is over by then."""
        at = time.monotonic() + seconds
        with self._changed:
            heapq.heappush(self._heap, (at, next(self._serial), attempt))
            self._closing = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ocrgate-baidu-watchdog", daemon=True)
                self._thread.start()
            elif self._heap[0][2] is attempt:
                self._changed.notify()

    def close(self) -> None:
        """End everything that is being watched, and the thread."""
        with self._changed:
            left, self._heap = self._heap, []
            thread, self._closing = self._thread, True
            self._changed.notify()
        for _, _, attempt in left:
            attempt.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1.0)

    def _run(self) -> None:
        idle_since = time.monotonic()
        while True:
            with self._changed:
                now = time.monotonic()
                due: list[Attempt] = []
                while self._heap and self._heap[0][0] <= now:
                    due.append(heapq.heappop(self._heap)[2])
                if not due:
                    if self._heap:
                        idle_since = now
                    elif self._closing or now - idle_since >= IDLE:
                        self._thread = None
                        return
                    self._changed.wait(self._heap[0][0] - now if self._heap else IDLE)
            for attempt in due:
                attempt.expire()
