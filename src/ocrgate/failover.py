"""One page down a route: the first engine whose answer is accepted, else the best answer, else one clear error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocrgate.acceptance import Verdict
from ocrgate.call import Call
from ocrgate.clock import Deadline
from ocrgate.diagnosis import lookup
from ocrgate.engine import Answer, Engine
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded, ProviderError, ProviderRefused
from ocrgate.page import Page
from ocrgate.result import Attempt
from ocrgate.route import Route, Step

if TYPE_CHECKING:
    from ocrgate.picture import Picture


@dataclass(frozen=True, slots=True)
class Reading:
    """What a route made of one page.

    Attributes:
        page: the answer that was accepted, or the best of those that were not.
        verdict: on it.
        provider: configured name of the engine whose answer it is.
    """

    page: Page
    verdict: Verdict
    provider: str


def read_page(route: Route, picture: Picture, call: Call, deadline: Deadline, *, rules: bool = True) -> Reading:
    """Ask the engines of a route in order until an answer is accepted.

    Args:
        route: which engines, and what is acceptable.
        picture: the page.
        call: where the attempts are recorded.
        deadline: of this page.
        rules: whether the route's patterns are looked for on this page; not on one page of several, since what they
            ask for may stand on another.

    Returns:
        The accepted answer; when none was accepted, the best one, with the reasons in its verdict.

    Raises:
        DeadlineExceeded: when no engine had answered in time.
        AllProvidersFailed: when every engine failed or was refused.
    """
    best: Reading | None = None
    for engine in route.kept_out:
        _refuse(call, engine, "residency", deadline)
    for step in route.plan():
        if deadline.expired or call.cancel():
            _refuse(call, step.engine, "cancelled" if call.cancel() else "deadline", deadline)
            continue
        answer = _ask(step, route, picture, call, deadline)
        if answer is None:
            continue
        verdict = route.acceptance.judge(answer.page, rules=rules)
        reading = Reading(answer.page, verdict, step.engine.name)
        _record(call, step, answer, verdict)
        if verdict.valid:
            return reading
        if best is None or verdict.score > best.verdict.score:
            best = reading
    if best is not None:
        return best
    if deadline.expired:
        raise DeadlineExceeded(call.attempts)
    raise AllProvidersFailed(call.attempts)


def _ask(step: Step, route: Route, picture: Picture, call: Call, deadline: Deadline) -> Answer | None:
    """The engine's answer, or None when it has none; why not is then in the story."""
    engine = step.engine
    started, begun = deadline.clock.time(), deadline.clock.monotonic()
    try:
        return engine.read(picture, call, step.deadline(deadline), route.budget, route.spend)
    except ProviderRefused as error:
        elapsed = deadline.clock.monotonic() - begun
        call.record(_refusal(engine, error.reason, error.detail, started, elapsed, call.page))
    except ProviderError:
        pass  # recorded where it happened
    return None


def _refuse(call: Call, engine: Engine, reason: str, deadline: Deadline) -> None:
    call.record(_refusal(engine, reason, "", deadline.clock.time(), 0.0, call.page))


def _refusal(engine: Engine, reason: str, detail: str, started: float, elapsed: float, page: int) -> Attempt:
    diagnosis = lookup("gateway", reason, detail)
    return Attempt(engine.name, "refused", started=started, elapsed=elapsed, diagnosis=diagnosis, page=page)


def _record(call: Call, step: Step, answer: Answer, verdict: Verdict) -> None:
    call.record(
        Attempt(
            step.engine.name,
            "accepted" if verdict.valid else "rejected",
            key=answer.key,
            started=answer.started,
            elapsed=answer.elapsed,
            reasons=verdict.reasons,
            cost=answer.cost,
            page=call.page,
        )
    )
