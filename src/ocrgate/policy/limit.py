"""The rate limit: evenly spaced turns (GCRA), reserved ahead, so that a call knows at once whether its turn comes."""

from __future__ import annotations

from threading import Event, Lock

from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.errors import ProviderRefused

_ROUNDING = 1e-9


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
        # Turns are kept without the drains and `_delay` is added when they are looked at, so that a drain moves
        # everybody who already waits, and their order and spacing stay.
        self._delay = 0.0
        self._drained = float("-inf")

    def reserve(self, deadline: Deadline) -> float:
        """Take the next turn; seconds until it comes.

        Raises:
            ProviderRefused: `rate_limit`, when the turn would come after the deadline; nothing is reserved then.
        """
        with self._lock:
            return self._wait(self._reserve(deadline))

    def acquire(self, deadline: Deadline, wake: Event | None = None) -> None:
        """Reserve a turn and wait for it, or until `wake` is set.

        Raises:
            ProviderRefused: as `reserve`, or when a drain has moved the turn beyond the deadline.
        """
        with self._lock:
            turn, delay = self._reserve(deadline), self._delay
            wait = self._wait(turn)
        while wait > 0 and not self._clock.sleep(wait, wake):
            with self._lock:
                if self._delay == delay:
                    return
                delay = self._delay
                self._check(turn, deadline)
                wait = self._wait(turn)

    def drain(self, seconds: float) -> None:
        """The server said that it is asked too often: no turn for the next `seconds`.

        The turns to come are moved by as much, those of callers who already wait included.
        """
        with self._lock:
            now = self._clock.monotonic()
            if now + seconds > self._drained:
                # Several calls in flight hear the same complaint: only what this one adds to the others counts.
                self._delay += now + seconds - max(now, self._drained)
                self._drained = now + seconds

    def _reserve(self, deadline: Deadline) -> float:
        now = self._clock.monotonic()
        turn = max(max(now, self._drained) - self._delay, self._next)
        self._check(turn, deadline)
        self._next = turn + self.interval
        return turn

    def _check(self, turn: float, deadline: Deadline) -> None:
        if turn + self._delay >= deadline.at:
            wait = self._wait(turn)
            raise ProviderRefused(self.name, "rate_limit", f"next turn in {wait:.1f} s", wait)

    def _wait(self, turn: float) -> float:
        wait = turn + self._delay - self._clock.monotonic()
        return wait if wait > _ROUNDING else 0.0
