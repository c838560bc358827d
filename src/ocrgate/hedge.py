"""Asking twice when the first one asked is slow: the first acceptable answer wins, the other call is given up."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from ocrgate.call import Call
from ocrgate.clock import Clock, Deadline
from ocrgate.crew import Crew
from ocrgate.diagnosis import lookup
from ocrgate.events import Hedged
from ocrgate.result import Attempt
from ocrgate.route import Route, Step

_GRACE = 0.1
"""Seconds for which a call that was given up is waited for, so that its end is part of the story."""

_crew = Crew("ocrgate-hedge", idle=2.0)


class Judged(Protocol):
    """What a step makes of a page."""

    @property
    def acceptable(self) -> bool: ...


Reading = TypeVar("Reading", bound=Judged)
Reading_co = TypeVar("Reading_co", bound=Judged, covariant=True)


class Read(Protocol[Reading_co]):
    """Asks one engine for a call; None when it has no answer."""

    def __call__(self, step: Step, call: Call, *, avoid: Sequence[str], extra: bool) -> Reading_co | None: ...


@dataclass(frozen=True, slots=True)
class Second:
    """Whom to ask beside the first.

    Attributes:
        step: the engine.
        avoid: keys that it does not use.
        planned: whether it is a later step of the plan, which is then done with.
    """

    step: Step
    avoid: Sequence[str]
    planned: bool


class _Leg(Generic[Reading]):
    """One of the two calls."""

    def __init__(
        self, step: Step, call: Call, read: Read[Reading], avoid: Sequence[str] = (), *, extra: bool = False
    ) -> None:
        self.step = step
        self.call = call.fork()
        self.unhook = call.cancel.hook(self.call.cancel.cancel)
        self.begun = call.deadline.clock.monotonic()
        self.future: Future[Reading | None] = _crew.start(lambda: read(step, self.call, avoid=avoid, extra=extra))

    @property
    def reading(self) -> Reading | None:
        """What came of it; None as long as there is nothing."""
        return self.future.result() if self.future.done() and self.future.exception() is None else None

    def check(self) -> None:
        """Raise what the call ended in, if it was not meant to end so."""
        if self.future.done():
            self.future.result()

    @property
    def won(self) -> bool:
        reading = self.reading
        return reading is not None and reading.acceptable

    def stop(self, clock: Clock) -> None:
        """Give the call up."""
        if not self.future.done():
            self.step.engine.latency.add(clock.monotonic() - self.begun, stopped=True)
        self.call.cancel.cancel()

    def tell(self, call: Call, *, won: bool) -> None:
        """Add its story to that of the call: an answer that nobody took is one that was given up."""
        self.unhook()
        story = list(self.call.attempts)
        if not self.future.done():
            story.append(self._unfinished(call.deadline.clock))
        for attempt in story:
            lost = not won and attempt.outcome == "accepted"
            call.record(replace(attempt, outcome="cancelled") if lost else attempt)

    def _unfinished(self, clock: Clock) -> Attempt:
        elapsed = clock.monotonic() - self.begun
        return Attempt(
            self.step.engine.name,
            "cancelled",
            self.call.key,
            started=clock.time() - elapsed,
            elapsed=elapsed,
            diagnosis=lookup("gateway", "cancelled"),
            page=self.call.page,
        )


def delay(route: Route, step: Step) -> float | None:
    """Seconds after which a second engine is asked beside this one, or None for never."""
    hedge = route.settings.hedge
    if hedge is None or not step.engine.cloud:
        return None
    after = step.engine.latency.quantile(hedge.after) if hedge.quantile else hedge.after
    return None if after is None else max(after, hedge.floor)


def race(
    route: Route,
    step: Step,
    later: Sequence[Step],
    call: Call,
    deadline: Deadline,
    read: Read[Reading],
    after: float,
) -> tuple[list[Reading], Step | None]:
    """Ask an engine, and beside it a second one when it has not answered after `after` seconds.

    Args:
        route: says who may be second, and keeps the budget.
        step: who is asked first.
        later: the rest of the plan.
        call: whose story gets both calls, in the order in which they began.
        deadline: of the page.
        read: asks one engine.
        after: seconds.

    Returns:
        What came of the calls that ended in an answer; and the later step that has been asked too.
    """
    clock = deadline.clock
    try:
        first = _Leg(step, call, read)
    except RuntimeError:  # no thread to be had
        reading = read(step, call, avoid=(), extra=False)
        return [] if reading is None else [reading], None
    legs = [first]
    second: Second | None = None
    try:
        patience = min(after - (clock.monotonic() - first.begun), deadline.remaining)
        if not clock.wait(first.future, patience) and not call.cancel():
            second = _second(route, first, later)
            if second is not None:
                with contextlib.suppress(RuntimeError):  # no thread to be had
                    legs.append(_Leg(second.step, call, read, second.avoid, extra=True))
        while not any(leg.won for leg in legs) and _wait(legs, deadline):
            pass
    finally:
        winner = next((leg for leg in legs if leg.won), None)
        for leg in legs:
            if leg is not winner:
                leg.stop(clock)
        _wait_for_all(legs, Deadline.after(_GRACE, clock))
        for leg in legs:
            leg.tell(call, won=leg is winner)
    if second is None or len(legs) == 1:
        second = None
    else:
        names = (first.step.engine.name, second.step.engine.name)
        call.emit(Hedged(call.request_id, route.name, *names, won=winner is legs[-1]))
    if winner is None:
        for leg in legs:
            leg.check()
    answers = [leg.reading for leg in legs if leg.reading is not None]
    return answers, second.step if second is not None and second.planned else None


def _wait(legs: Sequence[_Leg[Reading]], deadline: Deadline) -> bool:
    """Wait until one more call has ended; False when all have, or when their time is over."""
    open_legs = [leg for leg in legs if not leg.future.done()]
    if not open_legs or deadline.expired:
        return False
    turn: Future[None] = Future()

    def ended(_future: object) -> None:
        with contextlib.suppress(InvalidStateError):  # both at once
            turn.set_result(None)

    for leg in open_legs:
        leg.future.add_done_callback(ended)
    # Each call keeps the deadline itself; it is waited for so much longer that it can say so.
    deadline.clock.wait(turn, deadline.remaining + _GRACE)
    return True


def _wait_for_all(legs: Sequence[_Leg[Reading]], until: Deadline) -> None:
    for leg in legs:
        until.clock.wait(leg.future, until.remaining)


def _second(route: Route, first: _Leg[Reading], later: Sequence[Step]) -> Second | None:
    """Who is asked beside the first: somebody who is well and not busy, within the budget; or nobody."""
    hedge = route.settings.hedge
    assert hedge is not None
    for kind in hedge.to:
        found = _local(later, first.call) if kind == "local" else _other_key(first)
        if found is not None:
            return found if route.budget.spend(hedges=hedge.budget) else None
    return None


def _local(later: Sequence[Step], call: Call) -> Second | None:
    for step in later:
        if not step.engine.cloud and step.engine.invites(call.languages):
            return Second(step, (), planned=True)
    return None


def _other_key(first: _Leg[Reading]) -> Second | None:
    engine = first.step.engine
    avoid = engine.spare(first.call.key) if engine.invites(first.call.languages) else None
    return None if avoid is None else Second(first.step, avoid, planned=False)
