"""How long an engine took lately, and what is long for it."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, insort
from collections import deque

from ocrgate import fork

_KEPT = 1000
_FEWEST = 20


class Latency:
    """The durations of the last thousand calls; thread-safe.

    Attributes:
        typical: seconds that a call took lately, smoothed; None before the first.
    """

    def __init__(self) -> None:
        self.typical: float | None = None
        self._order: deque[float] = deque()
        self._sorted: list[float] = []
        self._lock = threading.Lock()
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def add(self, seconds: float, *, stopped: bool = False) -> None:
        """One more; of a call that was `stopped`, how long it had taken by then, which is less than it would have."""
        with self._lock:
            if not stopped:
                self.typical = seconds if self.typical is None else 0.8 * self.typical + 0.2 * seconds
            if len(self._order) == _KEPT:
                del self._sorted[bisect_left(self._sorted, self._order.popleft())]
            self._order.append(seconds)
            insort(self._sorted, seconds)

    def quantile(self, share: float) -> float | None:
        """The seconds within which that share (0–1) of the calls ended; None with too few of them to tell.

        At least one call has to lie beyond the quantile, and there are twenty or more.
        """
        with self._lock:
            count = len(self._sorted)
            if count < _FEWEST or math.ceil(share * count) >= count:
                return None
            return self._sorted[math.ceil(share * count) - 1 if share > 0 else 0]
