"""Turns of one key, as all who share the key see them: a record that is changed in a cell."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import NamedTuple

_ROUNDING = 1e-6
"""Seconds; two sums of times since 1970 may differ by some ten-millionths."""
_SKEW = 1.0
"""Seconds by which the clocks of those who share a record may differ; more is a clock that was set back."""

_LATEST = 1e11
"""Seconds since 1970, or of a machine's own clock, that no time comes near to."""
_LONGEST = 30 * 86400.0
"""Seconds that no turn lies ahead of the last change."""


class Turn(NamedTuple):
    """A place in a schedule.

    Attributes:
        at: when it comes, without the delays.
        born: of the schedule it belongs to.
        wait: seconds until it comes.
    """

    at: float
    born: float
    wait: float


@dataclass(slots=True)
class Schedule:
    """When the next turn comes (GCRA).

    Turns are kept without the delays, and `delay` is added when they are looked at, so that a delay moves everybody who
    waits already, in every process, and their order and spacing stay.

    Attributes:
        born: time of the first turn; tells a schedule from the one that took its place after it was lost.
        next: the first turn that nobody has, without `delay`.
        delay: seconds by which all turns to come have been moved.
        drained: time before which there is no turn.
        seen: time of the last change.
    """

    born: float = -math.inf
    next: float = -math.inf
    delay: float = 0.0
    drained: float = -math.inf
    seen: float = -math.inf

    def reserve(self, now: float, interval: float, patience: float, *, pause: bool = False) -> Turn | float:
        """Take the next turn; or, and nothing is taken, the seconds until it when these are not below `patience`.

        With `pause` it comes an interval from now at the soonest.
        """
        self._follow(now)
        at = self._free(now + interval if pause else now)
        wait = self._wait(at, now)
        if wait >= patience:
            return wait
        if self.born == -math.inf:
            self.born = now
        self.next, self.seen = at + interval, now
        return Turn(at, self.born, wait)

    def lag(self, turn: Turn, now: float) -> float | None:
        """Seconds since the turn came, below 0 while it is to come; None when it belongs to a schedule that is lost."""
        self._follow(now)
        return now - turn.at - self.delay if turn.born == self.born else None

    def late(self, now: float, lag: float, tolerance: float) -> None:
        """A call goes out `lag` seconds after its turn: what that is more than tolerated moves all turns to come."""
        if lag > tolerance + _ROUNDING:
            self.push(now, lag - tolerance)

    def push(self, now: float, seconds: float) -> None:
        """Move all turns to come by so much."""
        self.delay += seconds
        self.seen = now

    def drain(self, now: float, seconds: float) -> None:
        """No turn for the next `seconds`: those to come are moved by what this adds to earlier drains."""
        self._follow(now)
        if self.born == -math.inf:
            self.born = now
        if now + seconds > self.drained:
            self.push(now, now + seconds - max(now, self.drained))
            self.drained = now + seconds

    def give_back(self, turn: Turn, interval: float) -> None:
        """The turn is not used; the next to ask gets it if nobody has a later one."""
        if turn.born == self.born and self.next == turn.at + interval:
            self.next = turn.at

    def ahead(self, now: float) -> float:
        """Seconds until the next turn would come."""
        self._follow(now)
        return self._wait(self._free(now), now)

    def _free(self, soonest: float) -> float:
        return max(max(soonest, self.drained) - self.delay, self.next)

    def _wait(self, at: float, now: float) -> float:
        wait = at + self.delay - now
        return wait if wait > _ROUNDING else 0.0

    def _follow(self, now: float) -> None:
        """Where the clock was set back, go back with it: no wait gets longer than it was at the last change."""
        back = self.seen - now
        if back > _SKEW:
            self.delay -= back
            self.drained -= back
            self.seen = now


class ScheduleCodec:
    """Five numbers, which come back to the last bit."""

    def fresh(self) -> Schedule:
        return Schedule()

    def encode(self, record: Schedule) -> str:
        return " ".join(map(repr, astuple(record)))

    def decode(self, text: str) -> Schedule:
        try:
            born, turn, delay, drained, seen = map(float, text.split())
        except ValueError:
            return Schedule()
        # Beyond these bounds the numbers are nobody's times: they would refuse calls for ever, or space nothing.
        plausible = abs(delay) < _LATEST and all(number < _LATEST for number in (born, turn, drained, seen))
        if plausible and max(turn + delay, drained) - seen < _LONGEST:
            return Schedule(born, turn, delay, drained, seen)
        return Schedule()
