"""The circuit breaker: when a provider is no longer asked, and when it is tried again.

pybreaker keeps the state, makes the transitions and tells its listeners. It never wraps the call, because its `call()`
holds a lock while the call runs: the breaker here is asked before a call and told after it. What pybreaker lacks is
here: a sliding window with failure rate and slow-call rate, leased probes, several successes to close, growing and
jittered open time, late answers that count nowhere, and verdicts that count neither way.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any, Literal

import pybreaker

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.errors import ProviderRefused
from ocrgate.settings import BreakerSettings

State = Literal["closed", "open", "half-open"]
Observer = Callable[[str, State, State], None]
"""Called as `observer(provider, old, new)` after a transition, outside the breaker's lock, in order."""

_log = logging.getLogger("ocrgate.breaker")

_GROWTH_LIMIT = 8.0
_JITTER = 0.1


class Permit:
    """The breaker's leave for one call; tell it how the call ended, once."""

    __slots__ = ("_breaker", "_done", "epoch", "probe", "started")

    def __init__(self, breaker: Breaker, epoch: int, probe: bool, started: float) -> None:
        self._breaker = breaker
        self._done = False
        self.epoch = epoch
        self.probe = probe
        self.started = started

    def begin(self, at: float) -> None:
        """The provider was asked only then (monotonic time): waiting for a turn or a lane is not its slowness."""
        self.started = at

    def success(self) -> None:
        """The provider answered; what the answer is worth is not the breaker's business."""
        self._tell("success")

    def failure(self) -> None:
        """The provider or the way to it failed."""
        self._tell("failure")

    def ignore(self) -> None:
        """The call said nothing about the provider's health."""
        self._tell("ignored")

    def _tell(self, outcome: Literal["success", "failure", "ignored"]) -> None:
        if not self._done:
            self._done = True
            self._breaker._told(self, outcome)


class Breaker:
    """One provider's circuit breaker; thread-safe, and no lock is held during a call.

    Args:
        name: of the provider.
        settings: see `BreakerSettings`.
        lease: seconds after which a probe that was never told about is given to another call.
        clock, jitter: time, and a number from 0 to 1.
        observer: told of each transition; what it raises is logged.
    """

    def __init__(
        self,
        name: str,
        settings: BreakerSettings,
        *,
        lease: float = 60.0,
        clock: Clock = SYSTEM_CLOCK,
        jitter: Callable[[], float] = random.random,
        observer: Observer | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self._lease = lease
        self._clock = clock
        self._jitter = jitter
        self._lock = Lock()
        self._window: deque[tuple[bool, bool]] = deque(maxlen=settings.window)
        self._epoch = 0
        self._probes: list[Permit] = []
        self._reopen_at = 0.0
        self._failed_probes = 0
        self._successes = 0
        self._observer = observer
        self._news: deque[tuple[State, State]] = deque()
        self._telling = Lock()
        self._circuit = pybreaker.CircuitBreaker(name=name, listeners=[_Listener(self._news)] if observer else [])

    @property
    def state(self) -> State:
        state: State = self._circuit.current_state  # type: ignore[assignment]
        return state

    @property
    def retry_in(self) -> float:
        """Seconds until a probe is let through; 0 unless open."""
        return max(0.0, self._reopen_at - self._clock.monotonic()) if self.state == "open" else 0.0

    def admit(self) -> Permit:
        """Leave for one call.

        Raises:
            ProviderRefused: `breaker_open`, with `retry_in`.
        """
        with self._lock:
            permit = self._admit(self._clock.monotonic())
        self._announce()
        return permit

    def _admit(self, now: float) -> Permit:
        if self.state == "open":
            if now < self._reopen_at:
                raise self._refusal(self._reopen_at - now)
            self._successes = 0
            self._move(self._circuit.half_open)
        if self.state == "half-open":
            self._probes = [probe for probe in self._probes if now - probe.started < self._lease]
            if len(self._probes) >= self.settings.probes:
                raise self._refusal(None)
            permit = Permit(self, self._epoch, True, now)
            self._probes.append(permit)
            return permit
        return Permit(self, self._epoch, False, now)

    def would_refuse(self) -> bool:
        """Whether a call now would be refused, without asking for leave."""
        with self._lock:
            now = self._clock.monotonic()
            if self.state == "open":
                return now < self._reopen_at
            live = sum(now - probe.started < self._lease for probe in self._probes)
            return self.state == "half-open" and live >= self.settings.probes

    def _refusal(self, retry_in: float | None) -> ProviderRefused:
        detail = "a probe is under way" if retry_in is None else f"next probe in {retry_in:.1f} s"
        return ProviderRefused(self.name, "breaker_open", detail, retry_in)

    def _told(self, permit: Permit, outcome: Literal["success", "failure", "ignored"]) -> None:
        with self._lock:
            self._count(permit, outcome, self._clock.monotonic())
        self._announce()

    def _count(self, permit: Permit, outcome: Literal["success", "failure", "ignored"], now: float) -> None:
        if permit.epoch != self._epoch:
            return  # a late answer to a question asked in another state
        if permit.probe:
            if permit not in self._probes:
                return  # its lease was over, another call has it
            self._probes.remove(permit)
            self._probed(outcome, now)
        elif outcome != "ignored":
            slow = now - permit.started >= self.settings.slow_call
            self._window.append((outcome == "failure", slow))
            if self._is_bad():
                self._open(now)

    def _probed(self, outcome: Literal["success", "failure", "ignored"], now: float) -> None:
        if outcome == "failure":
            self._failed_probes += 1
            self._open(now)
        elif outcome == "success":
            self._successes += 1
            if self._successes >= self.settings.successes:
                self._failed_probes = 0
                self._move(self._circuit.close)

    def _is_bad(self) -> bool:
        calls = len(self._window)
        if calls < self.settings.minimum:
            return False
        failures = sum(failed for failed, _ in self._window)
        slow = sum(late for _, late in self._window)
        return failures / calls >= self.settings.failure_rate or slow / calls >= self.settings.slow_rate

    def _open(self, now: float) -> None:
        growth = min(_GROWTH_LIMIT, 2.0**self._failed_probes)
        self._reopen_at = now + self.settings.open_for * growth * (1 + _JITTER * self._jitter())
        self._move(self._circuit.open)

    def _move(self, transition: Callable[[], Any]) -> None:
        self._epoch += 1
        self._window.clear()
        self._probes.clear()
        transition()

    def _announce(self) -> None:
        # One thread at a time tells the news, so that they come in order; whoever finds another at it leaves it to
        # that one, which looks again after it has let go.
        while self._news and self._telling.acquire(blocking=False):
            try:
                while self._news:
                    old, new = self._news.popleft()
                    if self._observer is not None:
                        self._observer(self.name, old, new)
            except Exception:  # noqa: BLE001 - an observer's fault is not the call's
                _log.exception("an observer failed on a transition of %s", self.name)
            finally:
                self._telling.release()


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, news: deque[tuple[State, State]]) -> None:
        self._news = news

    def state_change(self, cb: pybreaker.CircuitBreaker, old_state: Any, new_state: Any) -> None:
        if old_state is not None:
            self._news.append((old_state.name, new_state.name))
