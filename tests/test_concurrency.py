"""Many calls at once: none waits for an engine that is not its own, and none is waited for twice."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from threading import Barrier, Event
from typing import Any, TypeVar

import pytest

from ocrgate import AllProvidersFailed, DeadlineExceeded, Gateway, Line, OCRError, Page, Result
from ocrgate.clock import SYSTEM_CLOCK, Deadline
from ocrgate.crew import Crew
from ocrgate.events import BreakerChanged
from ocrgate.provider import Capabilities, Provider, Request
from ocrgate.settings import (
    BreakerSettings,
    BudgetSettings,
    HedgeSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    Settings,
)
from ocrgate.testing import ManualClock, ScriptedProvider, fails
from ocrgate.testing.scripted import Step
from tests.faults.engines import FaultyEngine
from tests.houses import ONCE, house, picture
from tests.lane.processes import eventually

pytestmark = pytest.mark.thorough

PATIENCE = 30.0
DELAY = 0.05
T = TypeVar("T")
caller = Crew("caller", idle=0.1)


def together(number: int, work: Callable[[int], T]) -> list[Future[T]]:
    """Run `work(0)` to `work(number - 1)`, each in a thread of its own, all from the same moment on."""
    start = Barrier(number)

    def one(place: int) -> T:
        start.wait(PATIENCE)
        return work(place)

    return [caller.start(partial(one, place)) for place in range(number)]


def results(futures: list[Future[T]]) -> list[T]:
    return [future.result(PATIENCE) for future in futures]


class Gate:
    """An engine's step that ends when the test says so, or when the call is given up.

    Attributes:
        inside: calls that have come to it.
    """

    def __init__(self, answer: str = "late", *, deaf: bool = False) -> None:
        self.inside = threading.Semaphore(0)
        self._open = Event()
        self._answer = answer
        self._deaf = deaf

    def __call__(self, request: Request, _deadline: Deadline) -> Page:
        freed = Event()
        if not self._deaf:
            request.on_cancel(freed.set)
        self.inside.release()
        until = time.monotonic() + 2 * PATIENCE
        while not (self._open.is_set() or freed.is_set()) and time.monotonic() < until:
            (self._open if self._deaf else freed).wait(0.01)
        return Page(lines=(Line(self._answer),))

    def entered(self, number: int = 1) -> None:
        """Wait until so many calls have come."""
        for _ in range(number):
            assert self.inside.acquire(timeout=PATIENCE)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate(deaf=True)
    yield gate
    gate.open()


def quickest_median(work: Callable[[], object]) -> float:
    """Seconds: the best of several medians, since this machine has other things to do as well."""

    def once() -> float:
        begun = time.monotonic()
        work()
        return time.monotonic() - begun

    return min(median(once() for _ in range(9)) for _ in range(5))


def test_an_engine_that_hangs_delays_calls_to_another_by_less_than_50_ms(gate: Gate) -> None:
    hanging = ScriptedProvider("hanging", gate, capabilities=Capabilities(lanes=4))
    settings = Settings(
        {
            "hanging": ProviderSettings("hanging", "scripted", timeout=60.0, queue=200),
            "well": ProviderSettings("well", "scripted", retry=ONCE),
        },
        {
            "hanging": RouteSettings("hanging", ("hanging",), deadline=60.0),
            "well": RouteSettings("well", ("well",)),
        },
    )
    numbers = itertools.count(60)
    providers: dict[str, Provider] = {"hanging": hanging, "well": ScriptedProvider("well", "text")}
    with Gateway(settings, providers=providers) as gateway:
        alone = quickest_median(lambda: gateway.recognize(picture(next(numbers)), route="well"))
        stuck = together(60, lambda place: _error(lambda: gateway.recognize(picture(60 + place), route="hanging")))
        gate.entered(4)
        crowded = quickest_median(lambda: gateway.recognize(picture(next(numbers)), route="well"))
        assert crowded - alone < DELAY
        assert quickest_median(gateway.status) < DELAY
        assert not any(future.done() for future in stuck)
        gate.open()
        assert results(stuck) == [None] * 60


def test_a_worker_process_that_hangs_delays_calls_to_another_by_less_than_50_ms() -> None:
    settings = Settings(
        {
            "faulty": ProviderSettings("faulty", "faulty", timeout=60.0, queue=200, lanes=1, retry=ONCE),
            "well": ProviderSettings("well", "scripted", retry=ONCE),
        },
        {
            "faulty": RouteSettings("faulty", ("faulty",), deadline=60.0),
            "well": RouteSettings("well", ("well",)),
        },
    )
    numbers = itertools.count(60)
    providers: dict[str, Provider] = {"faulty": FaultyEngine(), "well": ScriptedProvider("well", "text")}
    gateway = Gateway(settings, providers=providers)
    with gateway:
        hang = {"do": "hang_holding_the_interpreter"}
        stuck = together(
            8, lambda place: _error(lambda: gateway.recognize(picture(60 + place), route="faulty", options=hang))
        )
        assert eventually(lambda: gateway.status()["faulty"]["lanes"]["in_use"] == 1)
        assert quickest_median(lambda: gateway.recognize(picture(next(numbers)), route="well")) < DELAY
        assert not any(future.done() for future in stuck)
    assert [type(error) for error in results(stuck)] == [AllProvidersFailed] * 8, "closing ends them"


def _error(work: Callable[[], object]) -> OCRError | None:
    try:
        work()
    except OCRError as error:
        return error
    return None


def test_eight_calls_are_at_an_engine_of_eight_lanes_at_the_same_time() -> None:
    inside = Barrier(8)

    def engine(request: Request, _deadline: Deadline) -> Page:
        inside.wait(PATIENCE)
        return Page(lines=(Line("text"),))

    policies = {"*": {"qps": 1e6, "retry": RetrySettings(), "quota": {"per_day": 1000}, "timeout": 60.0}}
    one = ScriptedProvider("engine", engine, capabilities=Capabilities(lanes=8), keys=["key"])
    with house(one, clock=SYSTEM_CLOCK, deadline=60.0, settings=policies) as gateway:
        for _ in range(3):
            found = results(together(8, lambda place: gateway.recognize(picture(60 + place)).text))
            assert found == ["text"] * 8


def test_eight_calls_of_200_ms_take_200_ms() -> None:
    def engine(request: Request, _deadline: Deadline) -> Page:
        Event().wait(0.2)
        return Page(lines=(Line("text"),))

    one = ScriptedProvider("engine", engine, capabilities=Capabilities(lanes=8))

    def once(gateway: Gateway) -> float:
        begun = time.monotonic()
        results(together(8, lambda place: gateway.recognize(picture(60 + place))))
        return time.monotonic() - begun

    with house(one, clock=SYSTEM_CLOCK) as gateway:
        assert 0.2 <= min(once(gateway) for _ in range(4)) < 0.3


@pytest.mark.parametrize("state", ["memory", "sqlite"])
def test_64_threads_that_find_the_breaker_half_open_send_one_probe(state: str, tmp_path: Path) -> None:
    clock, gate = ManualClock(), Gate("back again", deaf=True)
    cloud = ScriptedProvider("cloud", fails("http_5xx"), gate, "text", cloud=True)
    settings = {"cloud": {"breaker": BreakerSettings(window=1, minimum=1, open_for=10.0, successes=1), "timeout": 60.0}}
    local = ScriptedProvider("local", "local text", capabilities=Capabilities(lanes=64))
    made = house(cloud, local, clock=clock, deadline=60.0, settings=settings)
    where = state if state == "memory" else f"sqlite:{tmp_path / 'state.db'}"
    changes: list[tuple[str, str]] = []
    providers: dict[str, Provider] = {"cloud": cloud, "local": local}
    with Gateway(replace(made.settings, state=where), providers=providers, clock=clock) as gateway:
        gateway.on(lambda event: changes.append((event.old, event.new)) if isinstance(event, BreakerChanged) else None)
        assert gateway.recognize(picture()).provider == "local"
        clock.advance(12.0)
        calls = together(64, lambda place: gateway.recognize(picture(60 + place)))
        gate.entered()
        assert eventually(lambda: sum(future.done() for future in calls) == 63)
        assert len(cloud.requests) == 2, "the one that opened the breaker, and the probe"
        gate.open()
        found = results(calls)
        assert gateway.recognize(picture(50)).provider == "cloud"
        gateway.flush()
    assert Counter(result.provider for result in found) == {"cloud": 1, "local": 63}
    refusals = Counter(
        result.attempts[0].diagnosis.code for result in found if result.attempts[0].diagnosis is not None
    )
    assert refusals == {"breaker_open": 63}
    assert changes == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]
    assert len(cloud.requests) == 3


@pytest.mark.parametrize("lanes", [1, 2])
def test_24_hedged_calls_on_small_lanes_all_end_in_an_answer(lanes: int) -> None:
    answered = itertools.count()

    def slow(request: Request, deadline: Deadline) -> Page:
        freed = Event()
        request.on_cancel(freed.set)
        # Every third call is a straggler that only giving up ends.
        freed.wait(PATIENCE if next(answered) % 3 == 2 else 0.005)
        return Page(lines=(Line("cloud"),))

    def brisk(request: Request, deadline: Deadline) -> Page:
        Event().wait(0.005)
        return Page(lines=(Line("local"),))

    small = Capabilities(lanes=lanes)
    cloud = ScriptedProvider("cloud", slow, capabilities=replace(small, cloud=True), keys=["one", "two"])
    local = ScriptedProvider("local", brisk, capabilities=small)
    fair = {"*": {"queue": 100, "timeout": 0.3, "breaker": BreakerSettings(mode="disabled")}}
    hedged: dict[str, Any] = {
        "hedge": HedgeSettings(after=0.01, quantile=False, budget=1.0, to=("local", "key")),
        "budget": BudgetSettings(retry_ratio=1.0, minimum=1000),
    }
    with house(cloud, local, clock=SYSTEM_CLOCK, deadline=60.0, settings=fair, **hedged) as gateway:
        for _ in range(3):
            found = results(together(24, lambda place: gateway.recognize(picture(60 + place))))
            assert all(result.valid for result in found)
        outcomes = Counter(each.outcome for result in found for each in result.attempts)
        assert outcomes["accepted"] == 24
        assert eventually(lambda: all(each["lanes"]["in_use"] == 0 for each in gateway.status().values()))


def test_a_hedge_that_wins_frees_the_lane_of_the_one_that_lost() -> None:
    gate = Gate()
    cloud = ScriptedProvider("cloud", gate, capabilities=Capabilities(lanes=1, cloud=True))
    local = ScriptedProvider("local", "local", capabilities=Capabilities(lanes=1))
    hedged: dict[str, Any] = {
        "hedge": HedgeSettings(after=0.02, quantile=False, budget=1.0),
        "budget": BudgetSettings(minimum=1000),
    }
    with house(cloud, local, clock=SYSTEM_CLOCK, deadline=60.0, settings={"*": {"timeout": 60.0}}, **hedged) as gateway:
        for number in range(5):
            result = gateway.recognize(picture(60 + number))
            assert (result.provider, result.valid) == ("local", True)
            assert Counter(each.outcome for each in result.attempts) == {"cancelled": 1, "accepted": 1}
            assert eventually(lambda: gateway.status()["cloud"]["lanes"]["in_use"] == 0)
    assert len(cloud.requests) == 5


def test_32_threads_over_engines_of_every_temper_lose_no_call_and_no_lane() -> None:
    def temper(*steps: Step | str) -> Step:
        number = itertools.count()

        def act(request: Request, deadline: Deadline) -> Page:
            step = steps[next(number) % len(steps)]
            return Page(lines=(Line(step),)) if isinstance(step, str) else step(request, deadline)

        return act

    def hangs(request: Request, deadline: Deadline) -> Page:
        freed = Event()
        request.on_cancel(freed.set)
        freed.wait(PATIENCE)
        return Page()

    def raises(request: Request, deadline: Deadline) -> Page:
        raise ValueError("an adapter must not raise this")

    shaky = ScriptedProvider("shaky", temper("text", fails("282000"), hangs, fails("18"), "text", raises), cloud=True)
    steady = ScriptedProvider("steady", temper("text", "text", fails("216201")))
    settings = {
        "*": {
            "timeout": 0.05,
            "lanes": 4,
            "retry": RetrySettings(attempts=2, base=0.001, throttle_base=0.001, cap=0.01),
            "breaker": BreakerSettings(window=10, minimum=5, open_for=0.05),
        }
    }
    ends: Counter[str] = Counter()
    attempts: Counter[tuple[str, bool]] = Counter()
    lock = threading.Lock()

    def work(gateway: Gateway, place: int) -> None:
        for number in range(15):
            try:
                end: Result | DeadlineExceeded | AllProvidersFailed = gateway.recognize(
                    picture(60 + place, 40 + number), deadline=5.0
                )
            except (DeadlineExceeded, AllProvidersFailed) as error:
                end = error
            with lock:
                ends[type(end).__name__] += 1
                attempts.update((each.provider, each.outcome == "refused") for each in end.attempts)

    with house(shaky, steady, clock=SYSTEM_CLOCK, settings=settings) as gateway:
        results(together(32, lambda place: work(gateway, place)))
        assert eventually(lambda: all(each["lanes"]["in_use"] == 0 for each in gateway.status().values()))
    assert sum(ends.values()) == 32 * 15
    assert ends["Result"] > 32 * 5
    assert attempts["shaky", False] == len(shaky.requests)
    assert attempts["steady", False] == len(steady.requests)


def test_closing_ends_every_call_that_is_under_way_at_once(gate: Gate) -> None:
    one = ScriptedProvider("engine", gate, capabilities=Capabilities(lanes=4))
    gateway = house(one, clock=SYSTEM_CLOCK, deadline=60.0, settings={"*": {"timeout": 60.0}})
    calls = together(16, lambda place: _error(lambda: gateway.recognize(picture(60 + place))))
    gate.entered(4)
    assert eventually(lambda: len(gateway._fleet.engines["engine"]._lane._waiting) == 12)
    gateway.close()
    assert [type(error) for error in results(calls)] == [AllProvidersFailed] * 16
