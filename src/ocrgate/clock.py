"""Time, as something handed in: the machine's clock in production, a hand-driven one in tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, NamedTuple, Protocol

_PIECE = 0.5
"""Seconds that one wait of the system takes at most. A signal ends a wait that has begun, not one that is about to
begin, and on Windows neither; with pieces, Ctrl-C is heard at the end of one at the latest."""


class Wake(Protocol):
    """What ends a pause early once it is set; a `threading.Event` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most `timeout` seconds; whether it is."""
        ...


class Clock(Protocol):
    """Where the library takes its time from."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward; for deadlines and durations."""
        ...

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC; for what people read and for calendar resets."""
        ...

    def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
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

    def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
        for piece in _pieces(seconds):
            if wake is None:
                time.sleep(piece)
            elif wake.wait(piece):
                return True
        return False

    def wait(self, future: Future[Any], seconds: float) -> bool:
        for piece in _pieces(seconds):
            try:
                future.exception(timeout=piece)
            except FutureTimeout:
                continue
            except CancelledError:
                return True
            return True
        return future.done()


def _pieces(seconds: float) -> Iterator[float]:
    """Waits that together take so long: one at least, none below zero, and each only as long as it still has to be."""
    end = time.monotonic() + seconds
    left = seconds
    while True:
        yield min(max(0.0, left), _PIECE)
        left = end - time.monotonic()
        if left <= 0:
            return


SYSTEM_CLOCK = SystemClock()


class Deadline(NamedTuple):
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
