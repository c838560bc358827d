"""What happened, as frozen data, and how listeners hear of it.

Listeners run in a thread of their own, behind a bounded queue: a slow or broken listener never delays or breaks a call.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ocrgate.result import Attempt

_log = logging.getLogger("ocrgate.events")
_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class AttemptFinished:
    """An engine was asked, or refused.

    Attributes:
        request_id: of the call.
        route: its name.
        attempt: how it went.
    """

    request_id: str
    route: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class RequestFinished:
    """A call ended.

    Attributes:
        request_id, route: of the call.
        outcome: `valid`, `invalid`, or the name of the error.
        provider: whose answer it was, or None.
        elapsed: seconds.
        degraded: whether the answer is less than the route asks for.
    """

    request_id: str
    route: str
    outcome: str
    provider: str | None
    elapsed: float
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A circuit breaker went from one state to another: `closed`, `open`, `half-open`."""

    provider: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class KeyBenched:
    """A credential is left alone.

    Attributes:
        provider, key: configured names.
        until: Unix time, or None until the configuration changes.
        code: of the diagnosis that benched it.
    """

    provider: str
    key: str
    until: float | None
    code: str


Event = AttemptFinished | RequestFinished | BreakerChanged | KeyBenched
Listener = Callable[[Any], object]


class Events:
    """Hands events to listeners, in order, in a thread that exists only while there are listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self._queue: queue.Queue[Event | threading.Event] = queue.Queue(_LIMIT)
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def on(self, listener: Listener) -> Callable[[], None]:
        """Hear every event from now on; returns what ends it."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
        return lambda: self._off(listener)

    def _off(self, listener: Listener) -> None:
        with self._lock:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

    def emit(self, event: Event) -> None:
        """Tell the listeners, later; an event that finds the queue full is counted in `dropped`."""
        if not self._listeners:
            return
        self._ensure_thread()
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.dropped += 1

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until the listeners have heard all that was emitted so far, at most `seconds`."""
        if self._thread is None or not self._thread.is_alive():
            return True
        heard = threading.Event()
        with contextlib.suppress(queue.Full):
            self._queue.put(heard, timeout=seconds)
        return heard.wait(seconds)

    def _ensure_thread(self) -> None:
        # Asked each time, because a forked child has no threads.
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="ocrgate-events", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            event = self._queue.get()
            if isinstance(event, threading.Event):
                event.set()
                continue
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:  # noqa: BLE001 - whatever a listener raises is its own business
                    _log.exception("a listener failed on %s", type(event).__name__)
