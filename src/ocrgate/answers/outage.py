"""Something that does not work for a while, and is left alone for as long as it makes sense."""

from __future__ import annotations

from ocrgate import fork
from ocrgate.clock import Clock

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds for which what failed is left alone; doubled by each attempt that fails again."""


class Outage:
    """Whether it is worth trying; thread-safe.

    Attributes:
        problem: what is wrong; empty while all is well.
        since: Unix time in seconds at which it began, None while all is well.
    """

    def __init__(self, clock: Clock) -> None:
        self.problem = ""
        self.since: float | None = None
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._again = 0.0
        self._lock = fork.Lock()

    def may_try(self) -> bool:
        """Whether to try now: always while all is well, else one thread after each pause."""
        if not self.problem:
            return True
        with self._lock:
            now = self._clock.monotonic()
            if now < self._again:
                return False
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._again = now + self._pause
            return True

    def failed(self, problem: str) -> bool:
        """It did not work; whether that is news."""
        with self._lock:
            news = not self.problem
            self.problem = problem
            if news:
                self.since, self._pause = self._clock.time(), FIRST_PAUSE
            self._again = self._clock.monotonic() + self._pause
            return news

    def worked(self) -> bool:
        """It did work; whether that is news."""
        if not self.problem:
            return False
        with self._lock:
            news, self.problem, self.since = bool(self.problem), "", None
            return news
