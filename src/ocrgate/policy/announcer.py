"""How the observers of a breaker hear of its transitions, whichever process made them."""

from __future__ import annotations

import datetime as dt
import logging
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

import pybreaker

from ocrgate import fork
from ocrgate.clock import Clock
from ocrgate.policy.circuit import Sight
from ocrgate.policy.status import State

Observer = Callable[[str, State, State], None]
"""Called as `observer(provider, old, new)` after a transition, outside any lock, in order, once."""

_log = logging.getLogger("ocrgate.breaker")


class Announcer:
    """Leads a pybreaker circuit along the transitions of the record and tells its listeners' news. Thread-safe.

    Args:
        name: of the provider.
        look: what the record shows now.
        clock: for the time at which it opened.
        observer: told of each transition; what it raises is logged. None for nobody.

    Attributes:
        heard: epoch of the record up to which everything is known here; None before it was seen.
    """

    def __init__(self, name: str, look: Callable[[], Sight], clock: Clock, observer: Observer | None) -> None:
        self.heard: int | None = None
        self._name = name
        self._look = look
        self._observer = observer
        self._news: deque[tuple[State, State]] = deque()
        self._storage = _Storage(name, look, clock)
        self.after_fork()
        fork.renew(self)

    def after_fork(self) -> None:
        """What is not told yet is told in the parent."""
        self._following, self._telling = Lock(), Lock()
        self._news.clear()
        self._join()

    def _join(self) -> None:
        """Begin in the state that the storage shows, of which nobody is told, and with a new lock of pybreaker's."""
        listeners = [_Listener(self._news)] if self._observer is not None else []
        self._circuit = pybreaker.CircuitBreaker(name=self._name, listeners=listeners, state_storage=self._storage)
        self._lead = {
            "open": self._circuit.open,
            "half-open": self._circuit.half_open,
            "closed": self._circuit.close,
        }

    def follow(self) -> None:
        """Go after the record, which has moved on, and tell of it."""
        with self._following:
            # Looked at within the lock, so what is followed is never older than what was followed before.
            sight = self._look()
            if self.heard is None:
                self._storage.state = sight.state
                self._join()
            elif self.heard != sight.epoch:
                missed = sight.epoch - self.heard
                # Of a record that began anew, all is news.
                for state in sight.trail[-missed:] if missed > 0 else sight.trail:
                    if state != self._storage.state:
                        self._lead[state]()
                self._storage.state = sight.state
                # Reading it makes pybreaker notice, and tell, where the record is not what the trail led to.
                _ = self._circuit.state
            self.heard = sight.epoch
        self._tell()

    def _tell(self) -> None:
        # One thread at a time tells the news, so that they come in order; whoever finds another at it leaves it to
        # that one, which looks again after it has let go.
        telling = self._telling
        while self._news and telling.acquire(blocking=False):
            try:
                while self._news:
                    old, new = self._news.popleft()
                    if self._observer is not None:
                        self._observer(self._name, old, new)
            except Exception:  # noqa: BLE001 - an observer's fault is not the call's
                _log.exception("an observer failed on a transition of %s", self._name)
            finally:
                telling.release()


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, news: deque[tuple[State, State]]) -> None:
        self._news = news

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        self._news.append((old_state.name, new_state.name))


class _Storage(pybreaker.CircuitBreakerStorage):
    """The record for pybreaker, which counts nothing in it: that is done before pybreaker hears of it.

    The state is the one that pybreaker was led to; the rest is as the record is now.
    """

    def __init__(self, name: str, look: Callable[[], Sight], clock: Clock) -> None:
        super().__init__(name)
        self._look = look
        self._clock = clock
        self._state = "closed"

    @property
    def state(self) -> str:
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state

    @property
    def counter(self) -> int:
        return self._look().failures

    @property
    def success_counter(self) -> int:
        return self._look().successes

    @property
    def opened_at(self) -> dt.datetime | None:
        sight = self._look()
        if sight.state != "open":
            return None
        return dt.datetime.fromtimestamp(self._clock.time() - sight.age, dt.timezone.utc)

    @opened_at.setter
    def opened_at(self, datetime: dt.datetime) -> None:
        """The record has it."""
