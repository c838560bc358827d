"""The day and the month of now, in which calls and money are counted."""

from __future__ import annotations

from dataclasses import dataclass

from ocrgate import period
from ocrgate.clock import Clock
from ocrgate.period import Period

PERIODS: tuple[Period, ...] = ("month", "day")
"""The longer one first: where both are used up, it is the month whose end has to be waited for."""

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Span:
    """One day or month of Asia/Shanghai.

    Attributes:
        period: which of the two.
        label: `2026-11-22` or `2026-11`.
        ends: Unix time in seconds at which it is over.
    """

    period: Period
    label: str
    ends: float


@dataclass(frozen=True, slots=True)
class Today:
    """The day of a moment, and its month."""

    month: Span
    day: Span

    def __getitem__(self, wanted: Period) -> Span:
        return self.month if wanted == "month" else self.day


class Calendar:
    """Days and months of a clock, worked out once a day. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._today = _today(clock.time())

    def now(self) -> tuple[float, Today]:
        """Unix time in seconds, and the day and month that it lies in."""
        now = self._clock.time()
        today = self._today
        if not today.day.ends - _DAY <= now < today.day.ends:
            self._today = today = _today(now)
        return now, today


def _today(now: float) -> Today:
    month, day = (Span(name, period.label(name, now), period.end(name, now)) for name in PERIODS)
    return Today(month, day)
