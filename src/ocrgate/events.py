"""What happened, as frozen data, and how listeners hear of it.

Listeners run in a thread of their own, behind a bounded queue: a slow or broken listener never delays or breaks a call.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ocrgate import fork
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
class Hedged:
    """A second call was made because the first was slow, and one of them has ended.

    Attributes:
        request_id, route: of the call.
        first, second: configured names of the engines; the same one when another key was used.
        won: whether the second call's answer was taken.
    """

    request_id: str
    route: str
    first: str
    second: str
    won: bool


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


@dataclass(frozen=True, slots=True)
class KeyTrialChanged:
    """The trial of a new key went on: `trial`, `promoted` or `sent back`.

    Attributes:
        provider, key: configured names.
        old, new: states.
        reason: why, in a sentence.
    """

    provider: str
    key: str
    old: str
    new: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """The configuration was taken anew, or could not be.

    Attributes:
        problem: why the old one stays in force, or empty.
    """

    problem: str = ""


Event = (
    AttemptFinished | RequestFinished | BreakerChanged | Hedged | KeyBenched | KeyTrialChanged | ConfigurationChanged
)
Listener = Callable[[Any], object]


class Events:
    """Hands events to listeners, in order, in a thread that exists only while there are listeners.

    Attributes:
        dropped: events that no listener will hear, because too many were waiting or no thread could be had.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._listeners: tuple[_Subscription, ...] = ()
        self.after_fork()
        fork.renew(self)

    def after_fork(self) -> None:
        """A forked child has no thread and locks in whatever state they were; what waited is told in the parent."""
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Event, tuple[_Subscription, ...]] | threading.Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def on(self, listener: Listener) -> Callable[[], None]:
        """Hear every event from now on; returns what ends it."""
        subscription = _Subscription(listener)
        with self._lock:
            self._listeners = (*self._listeners, subscription)
        return lambda: self._off(subscription)

    def _off(self, subscription: _Subscription) -> None:
        with self._lock:
            self._listeners = tuple(known for known in self._listeners if known is not subscription)
            if not self._listeners:
                self._queue.put(threading.Event())  # wakes the thread, which finds nobody to tell

    def emit(self, event: Event) -> None:
        """Tell the listeners, later; an event that finds too many before it is counted in `dropped`."""
        listeners = self._listeners
        if not listeners:
            return
        if self._queue.qsize() < _LIMIT and self._ensure_thread():
            self._queue.put((event, listeners))
        else:
            with self._lock:
                self.dropped += 1

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until the listeners have heard all that was emitted so far, at most `seconds`."""
        heard = threading.Event()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                return True
            if self._thread is threading.current_thread():
                return False  # a listener that waits for itself
            self._queue.put(heard)
        return heard.wait(seconds)

    def close(self, seconds: float = 5.0) -> None:
        """Let the listeners hear what was emitted, at most `seconds`, then let go of them and of the thread."""
        self.flush(seconds)
        for subscription in self._listeners:
            self._off(subscription)

    def _ensure_thread(self) -> bool:
        if self._thread is not None and self._thread.is_alive():
            return True
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="ocrgate-events", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no thread to be had: the call goes on all the same
                    return False
                self._thread = thread
            return True

    def _run(self) -> None:
        while self._tell(self._queue.get()):
            pass

    def _tell(self, item: tuple[Event, tuple[_Subscription, ...]] | threading.Event) -> bool:
        """Tell one event; False when nobody listens any more and the thread has ended."""
        if isinstance(item, threading.Event):
            item.set()
        else:
            event, listeners = item
            for subscription in listeners:
                if subscription in self._listeners:
                    subscription.tell(event)
        with self._lock:
            if self._listeners or not self._queue.empty():
                return True
            self._thread = None
            return False


class _Subscription:
    """One listener, as often as it was registered."""

    __slots__ = ("_listener",)

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def tell(self, event: Event) -> None:
        try:
            self._listener(event)
        except BaseException:  # noqa: BLE001 - whatever a listener raises is its own business
            _log.exception("a listener failed on %s", type(event).__name__)
