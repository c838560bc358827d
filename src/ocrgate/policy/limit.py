"""The rate limit: evenly spaced turns (GCRA), reserved ahead, so that a call knows at once whether its turn comes."""

from __future__ import annotations

from threading import Event, Lock

from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.errors import ProviderRefused


class Limit:
    """Turns for one key of one provider; thread-safe, first come first served.

    Even spacing, because a server that counts "2 a second" in whole seconds refuses a burst that straddles two.

    Args:
        name: of the provider.
        qps: turns a second.
        clock: time.
    """

    def __init__(self, name: str, qps: float, clock: Clock = SYSTEM_CLOCK) -> None:
        if qps <= 0:
            raise ValueError("qps is above 0")
        self.name = name
        self.interval = 1.0 / qps
        self._clock = clock
        self._lock = Lock()
        self._next = float("-inf")

    def reserve(self, deadline: Deadline) -> float:
        """Take the next turn; seconds until it comes.

        Raises:
            ProviderRefused: `rate_limit`, when the turn would come after the deadline; nothing is reserved then.
        """
        with self._lock:
            now = self._clock.monotonic()
            turn = max(now, self._next)
            if turn >= deadline.at:
                raise ProviderRefused(self.name, "rate_limit", f"next turn in {turn - now:.1f} s", turn - now)
            self._next = turn + self.interval
            return turn - now

    def acquire(self, deadline: Deadline, wake: Event | None = None) -> None:
        """Reserve a turn and wait for it, or until `wake` is set. Raises as `reserve`."""
        wait = self.reserve(deadline)
        if wait > 0:
            self._clock.sleep(wait, wake)

    def drain(self, seconds: float) -> None:
        """The server said that it is asked too often: no turn for the next `seconds`."""
        with self._lock:
            self._next = max(self._next, self._clock.monotonic() + seconds)
