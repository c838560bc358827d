"""How the last calls of a provider went: so many of them, or those of so many seconds.

What a window holds is a value that is never changed in place and that JSON can carry; whoever keeps it asks the window
for the next one. So a record with it in it is as small after a million calls as after twenty.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from ocrgate.settings import BreakerSettings

SKEW = 1.0
"""Seconds by which the clocks of those who share a record may differ; what lies further ahead is a clock put back."""

_BUCKETS = 10


class Tally(NamedTuple):
    """Calls looked back on.

    Attributes:
        calls: all of them.
        failures, slow: how many of them failed, how many were slow; a call may be both.
    """

    calls: int
    failures: int
    slow: int


class Window(Protocol):
    """What is looked back on. Times are seconds of whatever clock the record goes by."""

    empty: Any
    """What a window holds before the first call."""

    def add(self, held: Any, failed: bool, slow: bool, now: float) -> Any:
        """What it holds after one more call."""
        ...

    def tally(self, held: Any, now: float) -> Tally:
        """The calls that count at `now`."""
        ...

    def read(self, value: Any) -> Any:
        """What was held, from JSON; `empty` for what is not from a window of this kind."""
        ...


def open_window(settings: BreakerSettings) -> Window:
    """The window that the settings ask for."""
    return CountWindow(settings.window) if settings.period is None else TimeWindow(settings.period)


class CountWindow:
    """The last `size` calls, a letter each: `s` succeeded, `f` failed, and the capital when it was slow."""

    empty = ""

    def __init__(self, size: int) -> None:
        self._size = size

    def add(self, held: str, failed: bool, slow: bool, now: float) -> str:
        letter = ("F" if slow else "f") if failed else ("S" if slow else "s")
        return (held + letter)[-self._size :]

    def tally(self, held: str, now: float) -> Tally:
        both = held.count("F")
        return Tally(len(held), held.count("f") + both, held.count("S") + both)

    def read(self, value: Any) -> str:
        return value[-self._size :] if isinstance(value, str) and set(value) <= set("sfSF") else ""


Buckets = tuple[tuple[float, int, int, int], ...]


class TimeWindow:
    """The calls of the last `period` seconds, in buckets of a tenth of it: beginning, calls, failures, slow ones.

    A bucket counts until its beginning is `period` ago, so a call counts for nine tenths of the period at least and
    for the whole of it at most.
    """

    empty: Buckets = ()

    def __init__(self, period: float) -> None:
        self._period = period
        self._width = period / _BUCKETS

    def add(self, held: Buckets, failed: bool, slow: bool, now: float) -> Buckets:
        held = self._live(held, now)
        if held and now < held[-1][0] + self._width:
            begun, calls, failures, late = held[-1]
            return (*held[:-1], (begun, calls + 1, failures + failed, late + slow))
        return (*held, (now, 1, int(failed), int(slow)))

    def tally(self, held: Buckets, now: float) -> Tally:
        calls = failures = slow = 0
        for _, number, failed, late in self._live(held, now):
            calls += number
            failures += failed
            slow += late
        return Tally(calls, failures, slow)

    def read(self, value: Any) -> Buckets:
        if not isinstance(value, list) or not all(_is_bucket(each) for each in value):
            return ()
        buckets: Buckets = tuple((float(begun), *counts) for begun, *counts in value)
        # Twice as many as ever there are: what somebody else's period has left is soon gone.
        return tuple(sorted(buckets))[-2 * _BUCKETS :]

    def _live(self, held: Buckets, now: float) -> Buckets:
        oldest, newest = now - self._period, now + SKEW
        if not held or (held[0][0] > oldest and held[-1][0] <= newest):
            return held
        return tuple(bucket for bucket in held if oldest < bucket[0] <= newest)


def _is_bucket(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 4 or not is_time(value[0]):
        return False
    return all(is_count(count) for count in value[1:]) and max(value[2:]) <= value[1]


def is_time(value: Any) -> bool:
    """Whether JSON gave a number of seconds: not below 0, no infinity, no NaN."""
    return type(value) in (int, float) and 0 <= value < 1e15


def is_count(value: Any) -> bool:
    """Whether JSON gave a whole number from 0 that is no nonsense."""
    return type(value) is int and 0 <= value < 1 << 53
