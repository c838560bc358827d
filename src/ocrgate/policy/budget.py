"""A budget for calls beyond the first: retries and hedges must not multiply the load of a service that is down."""

from __future__ import annotations

from threading import Lock

from ocrgate import fork
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.settings import BudgetSettings

_SPAN = 10.0
_BUCKETS = 40
_A_SECOND = _BUCKETS / _SPAN
_EARNING = 1000.0
"""Ordinary calls that earn hedges; what more of them would have earned is forfeited."""
_ROUNDING = 1e-9


class Budget:
    """Extra calls as a share of the ordinary calls of the last ten seconds; thread-safe, usable after a fork.

    Calls are counted in quarters of a second, so that the budget takes the same room and time whatever the traffic.
    """

    def __init__(self, settings: BudgetSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings
        self._clock = clock
        self._lock = Lock()
        self._calls = [0] * _BUCKETS
        self._extra = [0] * _BUCKETS
        self._called = self._spent = 0
        self._bucket = self._now()
        self._earned = 0.0
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = Lock()

    def call(self, number: int = 1) -> None:
        """Count an ordinary call, or with -1 take one back that was not made after all."""
        with self._lock:
            place = self._turn()
            self._calls[place] += number
            self._called += number
            self._earned += number

    def spend(self, hedges: float | None = None) -> bool:
        """Take one extra call from the budget; False, and nothing is taken, when it is used up.

        Args:
            hedges: for a hedge, how many of them one ordinary call earns, 0–1. They are earned first and spent then, a
                twentieth of one by each call at 0.05, so that their share of all calls so far is never above that;
                those earned and not spent are kept, the ones of a thousand calls at most.
        """
        with self._lock:
            place = self._turn()
            if self._spent + 1 > max(float(self.settings.minimum), self.settings.retry_ratio * self._called):
                return False
            if hedges is not None and not self._hedge(hedges):
                return False
            self._extra[place] += 1
            self._spent += 1
            return True

    def _hedge(self, hedges: float) -> bool:
        if hedges <= 0:
            return False
        price = 1.0 / hedges
        earned = min(self._earned, max(_EARNING, price))
        if earned < price - _ROUNDING:
            return False
        self._earned = earned - price
        return True

    def _turn(self) -> int:
        """The bucket of now; those of ten seconds ago and more are emptied."""
        now = self._now()
        if now > self._bucket:
            for number in range(max(self._bucket, now - _BUCKETS) + 1, now + 1):
                place = number % _BUCKETS
                self._called -= self._calls[place]
                self._spent -= self._extra[place]
                self._calls[place] = self._extra[place] = 0
            self._bucket = now
        return self._bucket % _BUCKETS

    def _now(self) -> int:
        return int(self._clock.monotonic() * _A_SECOND)
