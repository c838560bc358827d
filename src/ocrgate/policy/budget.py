"""A budget for calls beyond the first: retries must not multiply the load of a service that is down."""

from __future__ import annotations

from collections import deque
from threading import Lock

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.settings import BudgetSettings

_SPAN = 10.0


class Budget:
    """Extra calls as a share of the ordinary calls of the last ten seconds; thread-safe."""

    def __init__(self, settings: BudgetSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings
        self._clock = clock
        self._lock = Lock()
        self._calls: deque[float] = deque()
        self._extra: deque[float] = deque()

    def call(self) -> None:
        """Count an ordinary call."""
        with self._lock:
            self._calls.append(self._clock.monotonic())
            self._forget(self._calls)

    def spend(self) -> bool:
        """Take one extra call from the budget; False when it is used up."""
        with self._lock:
            self._forget(self._calls)
            self._forget(self._extra)
            allowed = max(float(self.settings.minimum), self.settings.retry_ratio * len(self._calls))
            if len(self._extra) + 1 > allowed:
                return False
            self._extra.append(self._clock.monotonic())
            return True

    def _forget(self, times: deque[float]) -> None:
        horizon = self._clock.monotonic() - _SPAN
        while times and times[0] <= horizon:
            times.popleft()
