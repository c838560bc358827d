"""A morning at a platform that is in trouble again and again, in multiples of the time a breaker stays open."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Rules = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Every time of a run, in proportion to one of them.

    Attributes:
        open_for: seconds a breaker stays open.
        rate: pictures a second.
    """

    open_for: float
    rate: float

    @property
    def timeout(self) -> float:
        """Seconds that one attempt may take."""
        return 0.3 * self.open_for

    @property
    def deadline(self) -> float:
        """Seconds that a caller waits."""
        return 0.75 * self.open_for

    @property
    def slow_call(self) -> float:
        """Seconds from which an answer is slow."""
        return 0.15 * self.open_for

    @property
    def brown(self) -> float:
        """Seconds that an answer takes in a brown-out: slow, but in time."""
        return 0.225 * self.open_for

    @property
    def usual(self) -> float:
        """Seconds that an answer takes, of either engine, when nothing is wrong."""
        return 0.01 * self.open_for

    @property
    def threads(self) -> int:
        """Callers: so many that each has waited for its picture before its next one is due."""
        return max(2, round(self.rate * (self.deadline + 0.05 * self.open_for)))


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of the timeline.

    Attributes:
        name: of what is wrong; `healthy` when nothing is.
        length: in multiples of `open_for`.
        rules: of the simulator, beside the usual ones.
        dead: whether no call can succeed.
    """

    name: str
    length: float
    rules: Rules = ()
    dead: bool = False

    @property
    def healthy(self) -> bool:
        return self.name == "healthy"


def _healthy(length: float) -> Phase:
    return Phase("healthy", length)


def phases(pace: Pace, *, quick: bool = False) -> list[Phase]:
    """The timeline; a `quick` one has two of its troubles, and short ones."""
    hang = Phase("hang", 7.0, [{"fault": "hang"}], dead=True)
    html = Phase("502", 3.0, [{"fault": "html"}], dead=True)
    if quick:
        return [_healthy(1.0), Phase("hang", 2.5, hang.rules, True), _healthy(2.5), Phase("502", 1.5, html.rules, True)]
    slow = [{"match": {"path": "ocr"}, "fault": {"kind": "slow", "seconds": pace.brown}}]
    quota = [{"match": {"path": "ocr", "key": "first"}, "fault": {"kind": "code", "code": 17}}]
    return [
        _healthy(2.0),
        hang,
        _healthy(4.0),
        html,
        _healthy(2.5),
        Phase("brown-out", 3.0, slow),
        _healthy(2.5),
        Phase("quota of one key", 2.5, quota),
        _healthy(2.0),
    ]


@dataclass(slots=True)
class Course:
    """When each phase began, in monotonic time and in Unix time, and when the last one ended."""

    begun: list[tuple[float, float]] = field(default_factory=list)

    def follow(self, plan: Sequence[Phase], pace: Pace, start: float, change: Callable[[Rules], object]) -> None:
        """Go through the phases in real time, from `start` on in monotonic time.

        Args:
            plan: the phases.
            pace: how long `open_for` is.
            start: when the first begins.
            change: puts the rules of a phase into force.
        """
        usual = {"match": {"path": "ocr"}, "fault": {"kind": "slow", "seconds": pace.usual}}
        at = start
        for phase in plan:
            time.sleep(max(0.0, at - time.monotonic()))
            change([*phase.rules, usual])
            self.begun.append((time.monotonic(), time.time()))
            at += phase.length * pace.open_for
        time.sleep(max(0.0, at - time.monotonic()))
        self.begun.append((time.monotonic(), time.time()))
