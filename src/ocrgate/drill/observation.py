"""What was seen in one scenario: every call with its outcome, what the server was asked, and what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ocrgate.drill.blueprint import Blueprint
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded, NoValidResult
from ocrgate.result import Attempt, Result
from ocrgate.settings import ProviderSettings, RouteSettings
from ocrgate.testing.simulator import LoggedRequest

PhaseName = Literal["before", "fault", "after"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the gateway; times are of one monotonic clock, in seconds.

    Attributes:
        image: its number.
        route: that it went down.
        phase: in which it began.
        begun, ended: when.
        result, error: what came of it; neither when it has not ended.
    """

    image: int
    route: str
    phase: str
    begun: float
    ended: float
    result: Result | None = None
    error: BaseException | None = None

    @property
    def elapsed(self) -> float:
        """Seconds."""
        return self.ended - self.begun

    @property
    def valid(self) -> bool:
        """Whether it ended in a valid result."""
        return self.result is not None and self.result.valid

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The story, whatever came of the call."""
        if self.result is not None:
            return self.result.attempts
        if isinstance(self.error, (AllProvidersFailed, DeadlineExceeded, NoValidResult)):
            return self.error.attempts
        return ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase as it was.

    Attributes:
        name: `before`, `fault` or `after`.
        begun, ended: in monotonic time; it ends when all of its calls have.
        walls: Unix time of its beginning and end, by the simulator's clock.
        status: of the gateway at its end.
    """

    name: str
    begun: float
    ended: float
    walls: tuple[float, float]
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lasted(self) -> float:
        """Seconds."""
        return self.ended - self.begun


@dataclass(frozen=True, slots=True)
class Observation:
    """One scenario as it was seen.

    Attributes:
        scenario: its name.
        blueprint: what was drilled.
        routes: those that were driven, in order.
        images: numbers that were handed to the gateway, one call each.
        calls: in the order in which they ended.
        stretches: the phases, in order.
        requests: that the simulator received.
        strays: that somebody received who stood in the simulator's place.
        events: each with the Unix time at which it was heard.
        threads: calls that were going on at once, at most.
        leaks: where a secret was found, one sentence each.
        left: threads and processes that outlived the gateway.
        ledger: the verdict on the ledger, one sentence, empty when it is whole; None without a ledger.
        wasted: requests of the phase of the fault that brought nothing.
    """

    scenario: str
    blueprint: Blueprint
    routes: tuple[str, ...]
    images: tuple[int, ...] = ()
    calls: tuple[Call, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    requests: tuple[LoggedRequest, ...] = ()
    strays: tuple[LoggedRequest, ...] = ()
    events: tuple[tuple[float, Any], ...] = ()
    threads: int = 1
    leaks: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    ledger: str | None = None

    def route(self, name: str) -> RouteSettings:
        return self.blueprint.settings.routes[name]

    def provider(self, name: str) -> ProviderSettings:
        return self.blueprint.settings.providers[name]

    def stretch(self, name: PhaseName) -> Stretch:
        """The phase of that name; the last one, when there are several."""
        return next(each for each in reversed(self.stretches) if each.name == name)

    def within(self, name: PhaseName, route: str | None = None) -> list[Call]:
        """The calls that began in a phase, in the order in which they began."""
        found = [call for call in self.calls if call.phase == name and route in (None, call.route)]
        return sorted(found, key=lambda call: call.begun)

    def asked(self, name: PhaseName) -> list[LoggedRequest]:
        """What the simulator received in a phase, tokens included."""
        spans = [each.walls for each in self.stretches if each.name == name]
        return [request for request in self.requests if any(a <= request.time <= b for a, b in spans)]

    @property
    def wasted(self) -> int:
        return sum(request.code != "ok" for request in self.asked("fault"))


def count(calls: Sequence[Call], fits: Callable[[Call], bool]) -> int:
    """How many of the calls are so."""
    return sum(1 for call in calls if fits(call))


ROW = 3
"""Calls in a row that a route's first engine has to answer before it counts as back."""


def back_at(calls: Sequence[Call], provider: str) -> float | None:
    """When (monotonic time) the provider began to answer again: `ROW` calls in a row, by when they began."""
    run: list[Call] = []
    for call in sorted(calls, key=lambda call: call.begun):
        good = call.valid and call.result is not None and call.result.provider == provider
        run = [*run, call] if good else []
        if len(run) == ROW:
            return run[0].ended
    return None
