"""No call outlives its deadline, whatever its engines do; and every call tells its whole story."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate import (
    AllProvidersFailed,
    DeadlineExceeded,
    Gateway,
    NoValidResult,
    Page,
    Result,
)
from ocrgate.clock import Clock, Deadline
from ocrgate.diagnosis import lookup
from ocrgate.provider import Request
from ocrgate.result import Attempt
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    BudgetSettings,
    RetrySettings,
    RuleSettings,
)
from ocrgate.testing import ManualClock, ScriptedProvider, fails, says
from ocrgate.testing.scripted import Step
from tests.houses import house, picture

MARGIN = 0.25
PATIENCE = 20.0
IMAGE = picture()
WANTED = AcceptSettings(rules=(RuleSettings("total", "TOTAL", required=True),))
ENDS = (Result, DeadlineExceeded, AllProvidersFailed, NoValidResult)


def ask(gateway: Gateway, deadline: float, image: bytes = IMAGE, **more: Any) -> Result | BaseException:
    """What a call ends in."""
    try:
        return gateway.recognize(image, deadline=deadline, **more)
    except (DeadlineExceeded, AllProvidersFailed, NoValidResult) as error:
        return error


def story(end: Result | BaseException) -> tuple[Attempt, ...]:
    assert isinstance(end, ENDS)
    return end.attempts


# Simulated time: what each engine does, and how long it takes.


def works(clock: Clock, seconds: float, then: Step) -> Step:
    """Take so much time before doing the rest; one that takes more than it has is still at it when it is given up."""

    def act(request: Request, deadline: Deadline) -> Page:
        if seconds >= deadline.remaining:
            freed = Event()
            request.on_cancel(freed.set)
            clock.sleep(deadline.remaining)
            freed.wait(PATIENCE)
            return Page()
        clock.sleep(seconds)
        return then(request, deadline)

    return act


def throttled(after: float | None) -> Step:
    return fails(replace(lookup("baidu", "18"), retry_after=after))


@dataclass(frozen=True)
class Deed:
    """One answer of an engine's script."""

    seconds: float
    kind: str
    wait: float | None = None

    def step(self, clock: Clock) -> Step:
        then = {
            "answer": says("TOTAL 1.00"),
            "wrong answer": says("nothing of interest"),
            "throttle": throttled(self.wait),
        }
        return works(clock, self.seconds, then.get(self.kind) or fails(self.kind))


KINDS = ["answer", "wrong answer", "throttle", "282000", "216201", "17", "http_5xx", "connect", "timeout"]
# Sixteenths, because sums of them are exact.
seconds = st.integers(0, 160).map(lambda parts: parts / 16)
deeds = st.builds(Deed, st.sampled_from([0.0, 0.25, 1.0, 4.0, 1000.0]), st.sampled_from(KINDS), st.none() | seconds)


@dataclass(frozen=True)
class Plan:
    """One engine and how it is configured."""

    deeds: tuple[Deed, ...]
    cloud: bool
    keys: int
    settings: dict[str, Any]


plans = st.builds(
    Plan,
    st.lists(deeds, min_size=1, max_size=6).map(tuple),
    st.booleans(),
    st.integers(0, 2),
    st.fixed_dictionaries(
        {
            "timeout": st.sampled_from([0.5, 2.0, 30.0]),
            "retry": st.builds(RetrySettings, attempts=st.integers(1, 4), base=st.sampled_from([0.0, 0.5, 2.0])),
            "breaker": st.builds(
                BreakerSettings,
                window=st.just(4),
                minimum=st.integers(1, 4),
                open_for=st.sampled_from([0.5, 30.0]),
                mode=st.sampled_from(["enforce", "enforce", "enforce", "shadow", "disabled", "forced_open"]),
            ),
            "qps": st.sampled_from([None, None, 0.25, 2.0]),
            "lanes": st.integers(1, 2),
            "queue": st.integers(0, 2),
        }
    ),
)
routes = st.fixed_dictionaries(
    {
        "residency": st.sampled_from(["any", "any", "local"]),
        "budget": st.builds(BudgetSettings, retry_ratio=st.sampled_from([0.0, 0.2, 1.0]), minimum=st.integers(0, 4)),
        "panic": st.booleans(),
        "deadline": st.sampled_from([0.25, 3.0, 15.0]),
    }
)


@contextmanager
def street(some: list[Plan], route: dict[str, Any]) -> Iterator[tuple[Gateway, ManualClock, list[ScriptedProvider]]]:
    """A gateway of scripted engines in simulated time."""
    clock = ManualClock()
    if all(plan.cloud for plan in some):
        route = {**route, "residency": "any"}
    engines = [
        ScriptedProvider(
            f"engine{number}",
            *[deed.step(clock) for deed in plan.deeds],
            cloud=plan.cloud,
            keys=[f"key{key}" for key in range(plan.keys)],
        )
        for number, plan in enumerate(some)
    ]
    configured = {engine.name: plan.settings for engine, plan in zip(engines, some, strict=True)}
    with house(*engines, clock=clock, accept=WANTED, settings=configured, **route) as gateway:
        yield gateway, clock, engines


@settings(max_examples=2500, deadline=None)
@given(st.lists(plans, min_size=1, max_size=4), routes, st.lists(st.tuples(seconds, seconds), min_size=1, max_size=4))
def test_every_call_ends_by_its_deadline_in_a_result_or_one_clear_error_and_tells_all(
    some: list[Plan], route: dict[str, Any], calls: list[tuple[float, float]]
) -> None:
    with street(some, route) as (gateway, clock, engines):
        local = gateway.settings.routes["default"].residency == "local"
        for pause, deadline in calls:
            clock.advance(pause)
            before = [len(engine.requests) for engine in engines]
            begun, began = clock.monotonic(), clock.time()
            end = ask(gateway, deadline)
            elapsed = clock.monotonic() - begun

            limit = min(deadline, route["deadline"])
            assert elapsed <= limit + 1e-6
            if isinstance(end, DeadlineExceeded):
                assert elapsed >= limit - 1e-6

            attempts = story(end)
            names = [engine.name for engine in engines]
            for engine, plan, already in zip(engines, some, before, strict=True):
                asked = len(engine.requests) - already
                told = [each for each in attempts if each.provider == engine.name]
                assert asked == sum(each.outcome != "refused" for each in told)
                assert asked <= plan.settings["retry"].attempts * max(1, plan.keys) + route["panic"]
                assert local is False or not plan.cloud or asked == 0
                if end is None or not isinstance(end, Result):
                    assert told, "an engine that was passed over says why"

            for each in attempts:
                assert (each.diagnosis is None) == (each.outcome in ("accepted", "rejected"))
                assert 0 <= each.elapsed <= elapsed + 1e-6
                assert began <= each.started + 1e-6
                assert each.started <= clock.time() + 1e-6
            order = [names.index(each.provider) for each in attempts if _code(each) != "residency"]
            if route["panic"] and order and order[-1] < max(order):
                order.pop()  # the last engine on this host, asked in spite of its breaker
            assert order == sorted(order)

            accepted = [each.provider for each in attempts if each.outcome == "accepted"]
            if isinstance(end, Result):
                assert accepted == [end.provider]
                assert (end.valid, end.text) == (True, "TOTAL 1.00")
            else:
                assert accepted == []
                assert isinstance(end, NoValidResult) == any(each.outcome == "rejected" for each in attempts)

            extra = sum(len(engine.requests) for engine in engines) - sum(before) - len(some)
            keys = sum(max(0, plan.keys - 1) for plan in some)
            allowance = max(route["budget"].minimum, route["budget"].retry_ratio * len(some) * len(calls))
            assert extra <= allowance + keys + route["panic"]


def _code(attempt: Attempt) -> str:
    return attempt.diagnosis.code if attempt.diagnosis is not None else ""
