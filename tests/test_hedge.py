"""A second call beside a slow one: when it is made, to whom, who wins, and what is told of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from ocrgate import Gateway, hedge
from ocrgate.call import Call
from ocrgate.cancel import Cancellation
from ocrgate.clock import Deadline
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded
from ocrgate.events import Hedged
from ocrgate.key import Key
from ocrgate.page import Line, Page
from ocrgate.provider import Request
from ocrgate.recognition import Wish
from ocrgate.result import Attempt, Cost, Result
from ocrgate.route import Step
from ocrgate.settings import AcceptSettings, BreakerSettings, BudgetSettings, HedgeSettings
from ocrgate.testing import ManualClock, ScriptedProvider, fails
from tests.houses import house, picture

SOON = HedgeSettings(after=1.0, quantile=False, budget=1.0)
PLENTY = BudgetSettings(retry_ratio=1.0, minimum=100)
PAGE = Page(lines=(Line("text", None, 0.9),))


class Slow:
    """A step of a script that lasts until it is let go or given up, and moves the clock when it begins."""

    def __init__(self, clock: ManualClock, seconds: float = 2.0, text: str = "slow") -> None:
        self.asked, self.go, self.stopped = threading.Event(), threading.Event(), threading.Event()
        self._clock = clock
        self._seconds = seconds
        self._text = text

    def __call__(self, request: Request, _deadline: Deadline) -> Page:
        def give_up() -> None:
            self.stopped.set()
            self.go.set()

        request.on_cancel(give_up)
        self.asked.set()
        self._clock.advance(self._seconds)
        assert self.go.wait(20)
        return Page(lines=(Line(self._text, None, 0.9),))


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once it has been decided who, if anybody, is asked beside the first."""
    event, choose = threading.Event(), hedge._second

    def chosen(*arguments: Any) -> Any:
        try:
            return choose(*arguments)
        finally:
            event.set()

    monkeypatch.setattr(hedge, "_second", chosen)
    return event


def story(result: Result) -> list[tuple[str, str]]:
    return [(attempt.provider, attempt.outcome) for attempt in result.attempts]


def test_a_local_engine_is_asked_beside_a_slow_cloud_and_the_slow_call_is_stopped() -> None:
    clock = ManualClock()
    slow = Slow(clock)
    cloud, local = ScriptedProvider("cloud", slow, cloud=True), ScriptedProvider("local", "quick")
    with house(cloud, local, clock=clock, hedge=SOON, budget=PLENTY) as gateway:
        result = gateway.recognize(picture())
    assert (result.text, result.provider, result.valid, result.degraded) == ("quick", "local", True, False)
    assert slow.stopped.is_set()
    assert story(result) == [("cloud", "cancelled"), ("local", "accepted")]


def test_a_cloud_that_answers_in_time_is_not_hedged() -> None:
    cloud, local = ScriptedProvider("cloud", "soon", cloud=True), ScriptedProvider("local")
    with house(cloud, local, hedge=SOON, budget=PLENTY) as gateway:
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "accepted")]
    assert local.requests == []


def test_a_cloud_that_answers_after_all_wins_over_a_slower_second() -> None:
    clock = ManualClock()
    slow, slower = Slow(clock, text="cloud"), Slow(clock, 0.1, text="local")
    cloud, local = ScriptedProvider("cloud", slow, cloud=True), ScriptedProvider("local", slower)
    events: list[Any] = []
    with house(cloud, local, clock=clock, hedge=SOON, budget=PLENTY) as gateway, ThreadPoolExecutor(1) as threads:
        gateway.on(events.append)
        reading = threads.submit(gateway.recognize, picture())
        assert slower.asked.wait(10)
        slow.go.set()
        result = reading.result(10)
        assert gateway.flush()
    assert result.text == "cloud"
    assert slower.stopped.is_set()
    assert story(result) == [("cloud", "accepted"), ("local", "cancelled")]
    assert [(e.first, e.second, e.won) for e in events if isinstance(e, Hedged)] == [("cloud", "local", False)]


def test_an_answer_that_is_rejected_does_not_win() -> None:
    clock = ManualClock()
    slow = Slow(clock, text="a whole line")
    cloud, local = ScriptedProvider("cloud", slow, cloud=True), ScriptedProvider("local", "x")
    accept = AcceptSettings(min_characters=5)
    with house(cloud, local, clock=clock, accept=accept, hedge=SOON, budget=PLENTY) as gateway:
        local_done = threading.Event()
        gateway.on(lambda _event: local_done.set())
        with ThreadPoolExecutor(1) as threads:
            reading = threads.submit(gateway.recognize, picture())
            while not local.requests:
                local_done.wait(0.001)
            slow.go.set()
            result = reading.result(10)
    assert result.text == "a whole line"
    assert story(result) == [("cloud", "accepted"), ("local", "rejected")]


def test_when_both_fail_the_rest_of_the_route_is_asked_and_nobody_twice() -> None:
    clock = ManualClock()
    gate = threading.Event()

    def late_failure(request: Request, deadline: Deadline) -> Page:
        clock.advance(2.0)
        assert gate.wait(10)
        return fails("282000")(request, deadline)

    def early_failure(request: Request, deadline: Deadline) -> Page:
        gate.set()
        return fails("282000")(request, deadline)

    cloud = ScriptedProvider("cloud", late_failure, cloud=True)
    second, third = ScriptedProvider("second", early_failure), ScriptedProvider("third", "at last")
    with house(cloud, second, third, clock=clock, hedge=SOON, budget=PLENTY) as gateway:
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "failed"), ("second", "failed"), ("third", "accepted")]


def test_the_second_passes_over_engines_that_are_not_well() -> None:
    clock = ManualClock()
    tripping = BreakerSettings(window=1, minimum=1, open_for=1000.0)
    cloud = ScriptedProvider("cloud", Slow(clock), cloud=True)
    broken, local = ScriptedProvider("broken", fails("282000")), ScriptedProvider("local", "quick")
    settings = {"broken": {"breaker": tripping}}
    with house(cloud, broken, local, clock=clock, hedge=SOON, budget=PLENTY, settings=settings) as gateway:
        engine = gateway._fleet.engines["broken"]
        engine.breaker.admit().failure()
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "cancelled"), ("local", "accepted")]
    assert broken.requests == []


def test_a_second_that_has_no_lane_free_is_not_burdened_further(decided: threading.Event) -> None:
    clock = ManualClock()
    busy = Slow(clock, 0.0, text="busy")
    slow = Slow(clock, text="cloud")
    cloud, local = ScriptedProvider("cloud", slow, cloud=True), ScriptedProvider("local", busy)
    with (
        house(cloud, local, clock=clock, hedge=SOON, budget=PLENTY, settings={"local": {"lanes": 1}}) as gateway,
        ThreadPoolExecutor(2) as threads,
    ):
        engine = gateway._fleet.engines["local"]
        ticket = engine._lane.submit(Request(b"", "RAW", 0, 0), Deadline.after(600.0, clock))
        assert busy.asked.wait(10)
        reading = threads.submit(gateway.recognize, picture())
        assert decided.wait(10)
        slow.go.set()
        result = reading.result(10)
        busy.go.set()
        ticket.future.result(10)
    assert story(result) == [("cloud", "accepted")]
    assert len(local.requests) == 1


def test_a_route_that_must_stay_local_never_hedges_to_or_from_the_cloud() -> None:
    clock = ManualClock()
    cloud, local = ScriptedProvider("cloud", cloud=True), ScriptedProvider("local", "here")
    settings_of = HedgeSettings(after=0.0, quantile=False, budget=1.0, to=("key", "local"))
    with house(local, cloud, clock=clock, hedge=settings_of, budget=PLENTY, residency="local") as gateway:
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "refused"), ("local", "accepted")]
    assert cloud.requests == []


@pytest.mark.parametrize(
    ("share", "budget"),
    [(0.0, PLENTY), (1.0, BudgetSettings(retry_ratio=0.0, minimum=0))],
    ids=["its own", "that of all extra calls"],
)
def test_beyond_its_budget_nothing_is_hedged(share: float, budget: BudgetSettings, decided: threading.Event) -> None:
    clock = ManualClock()
    slow = Slow(clock)
    cloud, local = ScriptedProvider("cloud", slow, cloud=True), ScriptedProvider("local")
    settings_of = HedgeSettings(after=1.0, quantile=False, budget=share)
    with (
        house(cloud, local, clock=clock, hedge=settings_of, budget=budget) as gateway,
        ThreadPoolExecutor(1) as threads,
    ):
        reading = threads.submit(gateway.recognize, picture())
        assert decided.wait(10)
        slow.go.set()
        assert story(reading.result(10)) == [("cloud", "accepted")]
    assert local.requests == []


def test_a_slow_engine_on_this_host_is_not_hedged() -> None:
    clock = ManualClock()
    slow = Slow(clock)
    first, second = ScriptedProvider("first", slow), ScriptedProvider("second")
    with house(first, second, clock=clock, hedge=SOON, budget=PLENTY) as gateway:
        route = gateway._fleet.route(None)
        assert [hedge.delay(route, step) for step in route.plan()] == [None, None]


def test_without_enough_calls_to_know_a_quantile_nothing_is_hedged() -> None:
    clock = ManualClock()
    slow = Slow(clock, 100.0)
    slow.go.set()
    cloud, local = ScriptedProvider("cloud", slow, cloud=True), ScriptedProvider("local")
    with house(cloud, local, clock=clock, deadline=500.0, hedge=HedgeSettings(after=0.5, budget=1.0)) as gateway:
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "accepted")]


def test_the_quantile_is_that_of_the_engines_own_calls_and_never_below_the_floor() -> None:
    clock = ManualClock()
    paces = [0.1] * 19 + [3.0]

    def paced(_request: Request, _deadline: Deadline) -> Page:
        clock.advance(paces[(len(cloud.requests) - 1) % 20])
        return PAGE

    cloud, local = ScriptedProvider("cloud", paced, cloud=True), ScriptedProvider("local", "quick")
    settings_of = HedgeSettings(after=0.9, floor=0.5, budget=1.0)
    with house(cloud, local, clock=clock, deadline=60.0, hedge=settings_of, budget=PLENTY) as gateway:
        for number in range(40):
            gateway.recognize(picture(60 + number))
        route = gateway._fleet.route(None)
        assert gateway._fleet.engines["cloud"].latency.quantile(0.9) == pytest.approx(0.1)
        assert hedge.delay(route, route.plan()[0]) == 0.5


def keys_of(*names: str) -> list[Key]:
    return [Key(name, account=account) for name, account in (each.split("@") for each in names)]


@pytest.mark.parametrize(
    ("keys", "second"),
    [(("a@one", "b@one", "c@two"), "c"), (("a@one", "b@one"), "b")],
    ids=["another account", "another key"],
)
def test_the_same_cloud_is_asked_again_with_another_key(keys: tuple[str, ...], second: str) -> None:
    clock = ManualClock()
    cloud = ScriptedProvider("cloud", Slow(clock), "by the other key", cloud=True, keys=keys_of(*keys))
    settings_of = HedgeSettings(after=1.0, quantile=False, budget=1.0, to=("key",))
    settings = {"cloud": {"price": Cost(0.5)}}
    with house(cloud, clock=clock, hedge=settings_of, budget=PLENTY, settings=settings) as gateway:
        result = gateway.recognize(picture())
    assert [request.key for request in cloud.requests] == ["a", second]
    assert [(a.key, a.outcome) for a in result.attempts] == [("a", "cancelled"), (second, "accepted")]
    assert result.cost == Cost(1.0), "the call that was stopped has been sent and may be paid for"


def test_a_key_whose_turn_is_yet_to_come_is_no_second(decided: threading.Event) -> None:
    clock = ManualClock()
    slow = Slow(clock)
    cloud = ScriptedProvider("cloud", slow, cloud=True, keys=keys_of("a@one", "b@two"))
    hedging = HedgeSettings(after=1.0, quantile=False, budget=1.0, to=("key",))
    gateway = house(cloud, clock=clock, hedge=hedging, budget=PLENTY, settings={"cloud": {"qps": 0.01}})
    with gateway, ThreadPoolExecutor(1) as threads:
        gateway._fleet.engines["cloud"]._exchange._limits["b"].reserve(Deadline.after(1.0, clock))
        reading = threads.submit(gateway.recognize, picture())
        assert decided.wait(10)
        slow.go.set()
        assert reading.result(10).text == "slow"
    assert [request.key for request in cloud.requests] == ["a"]


def test_with_one_key_only_there_is_no_second_call(decided: threading.Event) -> None:
    clock = ManualClock()
    slow = Slow(clock)
    cloud = ScriptedProvider("cloud", slow, cloud=True, keys=["only"])
    settings_of = HedgeSettings(after=1.0, quantile=False, budget=1.0, to=("key",))
    with house(cloud, clock=clock, hedge=settings_of, budget=PLENTY) as gateway, ThreadPoolExecutor(1) as threads:
        reading = threads.submit(gateway.recognize, picture())
        assert decided.wait(10)
        slow.go.set()
        assert reading.result(10).text == "slow"
    assert len(cloud.requests) == 1


def test_who_gives_up_stops_both() -> None:
    clock, cancel = ManualClock(), Cancellation()
    first, second = Slow(clock), Slow(clock, 0.0)
    cloud, local = ScriptedProvider("cloud", first, cloud=True), ScriptedProvider("local", second)
    with house(cloud, local, clock=clock, hedge=SOON, budget=PLENTY) as gateway, ThreadPoolExecutor(1) as threads:
        reading = threads.submit(gateway._recognize, Wish(picture(), cancel=cancel))
        assert second.asked.wait(10)
        cancel.cancel()
        with pytest.raises(AllProvidersFailed):
            reading.result(10)
        assert first.stopped.is_set()
        assert second.stopped.is_set()


def test_both_slow_calls_end_with_the_deadline() -> None:
    clock = ManualClock()
    first, second = Slow(clock), Slow(clock, 100.0)
    cloud, local = ScriptedProvider("cloud", first, cloud=True), ScriptedProvider("local", second)
    with house(cloud, local, clock=clock, hedge=SOON, budget=PLENTY) as gateway:
        with pytest.raises((AllProvidersFailed, DeadlineExceeded)):
            gateway.recognize(picture())
    assert first.stopped.wait(10)
    assert second.stopped.wait(10)


def test_without_a_thread_to_be_had_the_first_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_work: Callable[[], object]) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("ocrgate.hedge._crew.start", none_left)
    cloud, local = ScriptedProvider("cloud", "alone", cloud=True), ScriptedProvider("local")
    with house(cloud, local, hedge=SOON, budget=PLENTY) as gateway:
        assert gateway.recognize(picture()).text == "alone"


def test_twenty_four_hedged_calls_on_lanes_of_one_all_end() -> None:
    settings_of = HedgeSettings(after=0.0, quantile=False, budget=1.0)
    cloud, local = ScriptedProvider("cloud", "far", cloud=True), ScriptedProvider("local", "near")
    settings = {"cloud": {"lanes": 1}, "local": {"lanes": 1}}

    def read(gateway: Gateway, number: int) -> str:
        return gateway.recognize(picture(60 + number)).text

    with (
        house(cloud, local, hedge=settings_of, budget=PLENTY, settings=settings) as gateway,
        ThreadPoolExecutor(24) as threads,
    ):
        texts = list(threads.map(lambda number: read(gateway, number), range(24)))
    assert set(texts) <= {"far", "near"}
    assert len(texts) == 24


class Read(NamedTuple):
    acceptable: bool = True


def test_of_two_answers_at_once_one_is_told_as_given_up() -> None:
    clock = ManualClock()
    second_asked, first_told = threading.Event(), threading.Event()

    def read(step: Step, call: Call, *, avoid: Sequence[str], extra: bool) -> Read:
        assert list(avoid) == []
        if extra:
            second_asked.set()
            assert first_told.wait(10)
        else:
            clock.advance(2.0)
            assert second_asked.wait(10)
        call.record(Attempt(step.engine.name, "accepted"))
        first_told.set()
        return Read()

    cloud, local = ScriptedProvider("cloud", cloud=True), ScriptedProvider("local")
    with house(cloud, local, clock=clock, hedge=SOON, budget=PLENTY) as gateway:
        route = gateway._fleet.route(None)
        route.budget.call(10)
        first, *later = route.plan()
        call = Call("id", Deadline.after(60.0, clock))
        readings, taken = hedge.race(route, first, later, call, call.deadline, read, 1.0)
    assert readings[0].acceptable
    assert taken is later[0]
    assert sorted(attempt.outcome for attempt in call.attempts) == ["accepted", "cancelled"]
