"""The rate limit: evenly spaced turns (GCRA), reserved ahead, so that a call knows at once whether its turn comes."""

from __future__ import annotations

import math

from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline, Wake
from ocrgate.errors import ProviderRefused
from ocrgate.policy.schedule import Schedule, ScheduleCodec, Turn
from ocrgate.state.cell import open_cell
from ocrgate.state.name import join
from ocrgate.state.store import Store

_LIFE = 2 * 86400.0
_LONGEST_DRAIN = 86400.0
_ROUNDING = 1e-6
_WAKING = 0.125
_JUMP = 0.25
_SLEW = 0.001
"""Seconds, and seconds a second, by which two clocks may drift apart without one of them having been set."""


class Limit:
    """Turns for one key of one provider, for all threads, processes and hosts that share the store.

    First come first served, evenly spaced, because a server that counts "2 a second" in whole seconds refuses a burst
    that straddles two. Thread-safe, usable after a fork.

    A caller that wakes late sends late, and an eighth of the margin is for that; the rest is for the way to the server.
    Who is later moves all turns to come by as much; who is so late that others may have had their turns meanwhile (its
    host was stopped, the clock was set) queues up again. So the sends themselves keep the rate, not only the plan, and
    without a margin no two of them come closer than 1/`qps`.

    Args:
        name: of the provider.
        qps: turns a second.
        clock: time.
        margin: share, 0 or more, by which turns are set further apart than 1/`qps`.
        store: what is shared, one that raises no StoreError; None for this process alone.
        place: of the key in the store; limits of the same place share their turns.

    Raises:
        ValueError: when `qps` is not above 0 or `margin` is below 0.
    """

    def __init__(
        self,
        name: str,
        qps: float,
        clock: Clock = SYSTEM_CLOCK,
        *,
        margin: float = 0.0,
        store: Store | None = None,
        place: str = "",
    ) -> None:
        if not 0 < qps < math.inf or not 0 <= margin < math.inf:
            raise ValueError("qps is above 0, and margin is at least 0")
        self.name = name
        self.interval = (1.0 + margin) / qps
        # What is counted in a second may move by the margin of a second; a slower rate is counted in longer spans.
        self._tolerance = margin * _WAKING * max(1.0, 1.0 / qps)
        self._clock = clock
        life = _LIFE + 2 * self.interval
        self._cell = open_cell(store, join("limit", place or name), ScheduleCodec(), life, clock)
        self._seen: tuple[float, float] | None = None

    @property
    def wait(self) -> float:
        """Seconds until the next turn would come, were it asked for now; nothing is taken."""
        return self._cell.look(lambda schedule, now: schedule.ahead(now))

    def reserve(self, deadline: Deadline) -> float:
        """Take the next turn; seconds until it comes.

        Raises:
            ProviderRefused: `rate_limit`, when the turn would come after the deadline; nothing is reserved then.
        """
        return self._reserve(deadline).wait

    def acquire(self, deadline: Deadline, wake: Wake | None = None) -> Turn | None:
        """Reserve a turn and wait for it, or until `wake` is set; who stops waiting gives the turn back and has None.

        Raises:
            ProviderRefused: as `reserve`, or when a drain has moved the turn beyond the deadline.
        """
        turn = self._reserve(deadline)
        wait = turn.wait
        try:
            while wait > 0:
                if self._clock.sleep(wait, wake):
                    self._give_back(turn)
                    return None
                found = self._confirm(turn, deadline)
                turn, wait = found, found.wait
        except BaseException:
            self._give_back(turn)
            raise
        return turn

    def sent(self, turn: Turn) -> None:
        """The call of that turn goes out now; when that is later than its turn, all turns to come are moved."""
        tolerance = self._tolerance

        def step(schedule: Schedule, now: float) -> None:
            lag = schedule.lag(turn, now)
            if lag is not None:
                schedule.late(now, lag, tolerance)

        self._cell.change(step)

    def drain(self, seconds: float) -> None:
        """The server said that it is asked too often: no turn for the next `seconds`.

        The turns to come are moved by as much, those of callers who already wait included, in every process. Nothing
        happens for 0 or less; more than a day is a day.
        """
        if seconds > 0:
            self._cell.change(lambda schedule, now: schedule.drain(now, min(seconds, _LONGEST_DRAIN)))

    def _reserve(self, deadline: Deadline) -> Turn:
        seen = self._seen

        def step(schedule: Schedule, now: float) -> Turn | float:
            here = self._clock.monotonic()
            self._seen = now, here
            # The last turn may have been just now, however long ago a clock that was set forward says it was.
            pause = seen is not None and now - seen[0] > (1 + _SLEW) * (here - seen[1]) + _JUMP
            return schedule.reserve(now, self.interval, deadline.remaining, pause=pause)

        return self._in_time(self._cell.change(step))

    def _confirm(self, turn: Turn, deadline: Deadline) -> Turn:
        """The turn again, whose wait is over now or goes on; another one where it was missed."""
        interval, tolerance = self.interval, self._tolerance

        def step(schedule: Schedule, now: float) -> Turn | float | None:
            lag = schedule.lag(turn, now)
            if lag is None or lag > max(tolerance, interval):
                return None
            if lag < -_ROUNDING:
                return -lag if -lag >= deadline.remaining else turn._replace(wait=-lag)
            schedule.late(now, lag, tolerance)
            return turn._replace(wait=0.0)

        found = self._cell.change(step)
        return self._reserve(deadline) if found is None else self._in_time(found)

    def _give_back(self, turn: Turn) -> None:
        self._cell.change(lambda schedule, _now: schedule.give_back(turn, self.interval))

    def _in_time(self, found: Turn | float) -> Turn:
        if isinstance(found, Turn):
            return found
        raise ProviderRefused(self.name, "rate_limit", f"next turn in {found:.1f} s", found)
