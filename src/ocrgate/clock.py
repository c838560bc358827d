"""Time, as something handed in: the machine's clock in production, a hand-driven one in tests."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from threading import TIMEOUT_MAX, Event
from typing import Any, Protocol


class Clock(Protocol):
    """Where the library takes its time from."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward; for deadlines and durations."""
        ...

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC; for what people read and for calendar resets."""
        ...

    def sleep(self, seconds: float, wake: Event | None = None) -> bool:
        """Pause for `seconds`, or until `wake` is set; whether it was `wake` that ended the pause."""
        ...

    def wait(self, future: Future[Any], seconds: float) -> bool:
        """Wait until `future` is done, at most `seconds`; whether it is done."""
        ...


class SystemClock:
    """The machine's own clock."""

    # Asked a dozen times a call, so without a frame of our own around it.
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    def sleep(self, seconds: float, wake: Event | None = None) -> bool:
        if wake is None:
            time.sleep(_bounded(seconds))
            return False
        return wake.wait(_bounded(seconds))

    def wait(self, future: Future[Any], seconds: float) -> bool:
        try:
            future.exception(timeout=_bounded(seconds))
        except FutureTimeout:
            return future.done()
        except CancelledError:
            return True
        return True


def _bounded(seconds: float) -> float:
    # The system's waits refuse what is below zero or beyond some three hundred years.
    return min(max(0.0, seconds), TIMEOUT_MAX)


SYSTEM_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Deadline:
    """An absolute point in monotonic time, passed down and asked, never recomputed.

    Attributes:
        at: in the seconds of `clock.monotonic()`.
    """

    at: float
    clock: Clock = SYSTEM_CLOCK

    @classmethod
    def after(cls, seconds: float, clock: Clock = SYSTEM_CLOCK) -> Deadline:
        """The deadline `seconds` from now."""
        return cls(clock.monotonic() + seconds, clock)

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def expired(self) -> bool:
        return self.at <= self.clock.monotonic()

    def within(self, seconds: float | None) -> Deadline:
        """This deadline, or the one `seconds` from now when that comes first."""
        if seconds is None:
            return self
        return Deadline(min(self.at, self.clock.monotonic() + seconds), self.clock)
