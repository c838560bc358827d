"""Adaptive concurrency: how many calls an engine has in flight at once, found out from how long they take."""

from __future__ import annotations

import math
from threading import Lock
from typing import Literal

from ocrgate import fork
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.settings import ConcurrencySettings

Told = Literal["ok", "overload", "ignored"]

_START = 4
_BACK_OFF = 0.9
_TOLERANCE = 1.3
"""How many times slower than without a queue calls may be before there is thought to be one."""
_SMOOTHING = 0.5
_LEAST_SAMPLES, _MOST_SAMPLES = 10, 50
_PROBE_EVERY = 30
_PROBE_SAMPLES = 5


class Concurrency:
    """The number of calls that may be in flight; thread-safe, usable after a fork.

    `aimd` goes up by one for each round of calls that succeed, and down by a tenth when one is throttled or slow.
    `gradient` compares the median time of a round with that of calls that did not have to queue: it goes down in
    proportion as calls get slower, and up by half the square root of the limit. Now and then it lets only few calls
    through for a moment to learn anew how long they take then. Both go up only while the limit is used, and down at
    most once for calls that were in flight together.

    Args:
        settings: see `ConcurrencySettings`.
        most: calls in flight at most.
        clock: time.
    """

    def __init__(self, settings: ConcurrencySettings, most: int, clock: Clock = SYSTEM_CLOCK) -> None:
        if most < 1:
            raise ValueError("most is at least 1")
        self.settings = settings
        self.most = most
        self._least = min(settings.minimum, most)
        self._clock = clock
        self._lock = Lock()
        self._width = float(most if settings.mode == "fixed" else min(most, max(self._least, _START)))
        # Calls that began before the last step down tell of what it has mended.
        self._eased = -math.inf
        self._samples: list[float] = []
        self._peak = 0
        self._baseline: float | None = None
        self._widest = self._width
        self._rounds = 0
        self._probing = False
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = Lock()

    @property
    def limit(self) -> int:
        """Calls that may be in flight now, from the least to the most."""
        if self._probing:
            return max(self._least, int(self._width) // 4)
        return int(self._width)

    def told(self, elapsed: float, in_flight: int, outcome: Told) -> None:
        """A call has ended.

        Args:
            elapsed: seconds that the engine took.
            in_flight: calls that were in flight, this one included.
            outcome: `overload` when the engine was asked too often or did not answer in time, `ignored` for calls that
                tell nothing of its load.
        """
        if self.settings.mode == "fixed" or outcome == "ignored" or not elapsed >= 0:
            return
        with self._lock:
            now = self._clock.monotonic()
            late = now - elapsed < self._eased
            if outcome == "overload":
                if not late:
                    self._ease(now)
            elif self.settings.mode == "aimd":
                self._aimd(elapsed, in_flight, now, late=late)
            elif not late:
                self._gradient(elapsed, in_flight, now)

    def _aimd(self, elapsed: float, in_flight: int, now: float, *, late: bool) -> None:
        if self.settings.slow is not None and elapsed >= self.settings.slow:
            if not late:
                self._ease(now)
        elif 2 * in_flight >= self._width:
            self._set(self._width + 1.0 / self._width)

    def _gradient(self, elapsed: float, in_flight: int, now: float) -> None:
        self._samples.append(elapsed)
        self._peak = max(self._peak, in_flight)
        wanted = min(max(_LEAST_SAMPLES, int(self._width)), _MOST_SAMPLES)
        if len(self._samples) < (_PROBE_SAMPLES if self._probing else wanted):
            return
        typical = sorted(self._samples)[len(self._samples) // 2]
        used = 2 * self._peak >= self.limit
        self._begin_round()
        if self._probing:
            self._probing, self._rounds, self._baseline = False, 0, typical
            self._widest = self._width
            return
        self._rounds += 1
        self._widest = max(self._widest, self._width)
        if self._baseline is None:
            self._baseline = typical
        gradient = max(0.5, min(1.0, _TOLERANCE * self._baseline / typical)) if typical > 0 else 1.0
        growth = math.sqrt(self._width) / 2 if used else 0.0
        self._set(self._width + _SMOOTHING * (self._width * gradient + growth - self._width))
        if gradient < 1.0:
            self._eased = now
        # When even a quarter of the calls are not fast enough, it may be that they never are any more.
        if self._rounds >= _PROBE_EVERY or int(self._width) <= max(self._widest / 4, self._least):
            self._probing, self._eased = True, now

    def _ease(self, now: float) -> None:
        self._set(self._width * _BACK_OFF)
        self._eased = now
        self._begin_round()

    def _begin_round(self) -> None:
        self._samples.clear()
        self._peak = 0

    def _set(self, width: float) -> None:
        self._width = min(max(width, float(self._least)), float(self.most))
