"""One page down a route: the first engine whose answer is accepted, else the best answer, else one clear error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocrgate import hedge
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
        degraded: whether it was had from an engine whose breaker is open, for want of any other.
    """

    page: Page
    verdict: Verdict
    provider: str
    degraded: bool = False

    @property
    def acceptable(self) -> bool:
        return self.verdict.valid


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
    return _Descent(route, picture, call, deadline, rules).reading()


class _Descent:
    """One page on its way down."""

    def __init__(self, route: Route, picture: Picture, call: Call, deadline: Deadline, rules: bool) -> None:
        self._route = route
        self._picture = picture
        self._call = call
        self._deadline = deadline
        self._rules = rules
        self._best: Reading | None = None
        self._told = len(call.attempts)

    def reading(self) -> Reading:
        for engine in self._route.kept_out:
            self._refuse(engine, "residency")
        plan = list(self._route.plan())
        steps = list(plan)
        while steps:
            step = steps.pop(0)
            if self._over:
                self._refuse(step.engine, "cancelled" if self._call.cancel() else "deadline")
                continue
            for reading in self._readings(step, steps):
                if reading.acceptable:
                    return reading
                self._keep(reading)
        last = self._last_resort(plan)
        if last is not None:
            return last
        if self._best is not None:
            return self._best
        if self._deadline.expired:
            raise DeadlineExceeded(self._call.attempts)
        raise AllProvidersFailed(self._call.attempts)

    @property
    def _over(self) -> bool:
        return self._deadline.expired or self._call.cancel()

    def _keep(self, reading: Reading) -> None:
        if self._best is None or reading.verdict.score > self._best.verdict.score:
            self._best = reading

    def _readings(self, step: Step, later: list[Step]) -> list[Reading]:
        """What a step comes to; a second engine that was asked beside it is taken out of `later`."""
        after = hedge.delay(self._route, step)
        if after is None or after >= self._deadline.remaining:
            reading = self._read(step, self._call)
            return [] if reading is None else [reading]
        readings, second = hedge.race(self._route, step, later, self._call, self._deadline, self._read, after)
        if second is not None:
            later.remove(second)
        return readings

    def _last_resort(self, plan: Sequence[Step]) -> Reading | None:
        """An answer of the last engine on this host, if all that kept it from being asked is its own breaker."""
        if not self._route.settings.panic or self._over:
            return None
        told = self._call.attempts[self._told :]
        shut = {each.provider for each in told if each.diagnosis is not None and each.diagnosis.code == "breaker_open"}
        shut.difference_update(each.provider for each in told if each.outcome != "refused")
        for step in reversed(plan):
            engine = step.engine
            if not engine.cloud and engine.name in shut and engine.breaker.mode != "forced_open":
                reading = self._read(step, self._call, panic=True)
                if reading is None or reading.acceptable:
                    return reading
                self._keep(reading)
                return None
        return None

    def _read(
        self, step: Step, call: Call, *, avoid: Sequence[str] = (), extra: bool = False, panic: bool = False
    ) -> Reading | None:
        """The engine's answer with the verdict on it, or None when it has none; the story says why."""
        engine, route, clock = step.engine, self._route, self._deadline.clock
        started, begun = clock.time(), clock.monotonic()
        deadline = step.deadline(self._deadline)
        try:
            answer = engine.read(
                self._picture, call, deadline, route.budget, route.spend, avoid=avoid, extra=extra, panic=panic
            )
        except ProviderRefused as error:
            call.record(_refusal(engine, error.reason, error.detail, started, clock.monotonic() - begun, call.page))
            return None
        except ProviderError:
            return None  # recorded where it happened
        verdict = route.acceptance.judge(answer.page, rules=self._rules)
        _record(call, engine, answer, verdict)
        return Reading(answer.page, verdict, engine.name, degraded=panic)

    def _refuse(self, engine: Engine, reason: str) -> None:
        self._call.record(_refusal(engine, reason, "", self._deadline.clock.time(), 0.0, self._call.page))


def _refusal(engine: Engine, reason: str, detail: str, started: float, elapsed: float, page: int) -> Attempt:
    diagnosis = lookup("gateway", reason, detail)
    return Attempt(engine.name, "refused", started=started, elapsed=elapsed, diagnosis=diagnosis, page=page)


def _record(call: Call, engine: Engine, answer: Answer, verdict: Verdict) -> None:
    call.record(
        Attempt(
            engine.name,
            "accepted" if verdict.valid else "rejected",
            key=answer.key,
            started=answer.started,
            elapsed=answer.elapsed,
            reasons=verdict.reasons,
            cost=answer.cost,
            page=call.page,
        )
    )
