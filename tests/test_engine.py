"""The policies around one provider, seen from the gateway's door."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ocrgate.clock import Deadline
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded
from ocrgate.events import KeyBenched
from ocrgate.key import Key
from ocrgate.page import Line, Page
from ocrgate.provider import Readiness, Request
from ocrgate.result import Cost
from ocrgate.settings import AcceptSettings, BreakerSettings, BudgetSettings, RetrySettings
from ocrgate.testing import ManualClock, ScriptedProvider, fails, hangs, says
from tests.houses import house, picture


def test_waiting_for_a_lane_is_not_the_providers_slowness() -> None:
    clock, asked, pause = ManualClock(), threading.Event(), threading.Event()

    def engine(request: Request, _deadline: Deadline) -> Page:
        cloud = gateway._fleet.engines["cloud"]
        asked.set()
        # The first call goes on when the second waits for its lane, the second when the first has been counted.
        while not (cloud._lane._waiting if request.width == 61 else cloud.breaker.status().calls):
            pause.wait(0.001)
        clock.advance(2.0)
        return Page(lines=(Line("text"),))

    breaker = BreakerSettings(window=2, minimum=2, slow_call=3.0, slow_rate=0.5)
    gateway = house(
        ScriptedProvider("cloud", engine), clock=clock, settings={"cloud": {"lanes": 1, "breaker": breaker}}
    )
    with gateway:
        first = threading.Thread(target=gateway.recognize, args=(picture(61),))
        first.start()
        assert asked.wait(10)
        gateway.recognize(picture())  # waits 2 s for its lane and takes 2 s
        first.join(10)
        assert gateway.status()["cloud"]["breaker"] == "closed"


def test_a_probe_that_waited_long_for_its_turn_still_has_its_whole_lease() -> None:
    clock, refused = ManualClock(), []

    def probe(_request: Request, _deadline: Deadline) -> Page:
        refused.append(gateway._fleet.engines["cloud"]._exchange.breaker.would_refuse())
        return Page(lines=(Line("text"),))

    cloud = ScriptedProvider("cloud", fails("http_5xx"), probe)
    breaker = BreakerSettings(window=1, minimum=1, open_for=1.0)
    settings = {"cloud": {"qps": 0.05, "timeout": 3.0, "breaker": breaker}}
    gateway = house(cloud, ScriptedProvider("local"), clock=clock, settings=settings, deadline=60.0)
    with gateway:
        gateway.recognize(picture())
        clock.advance(2.0)
        assert gateway.recognize(picture()).provider == "cloud"
    assert clock.slept[0] > 3.0 + 5.0
    assert refused == [True]


def test_a_key_that_is_asked_too_often_has_its_turns_held_back() -> None:
    clock = ManualClock()
    cloud = ScriptedProvider("cloud", fails("18"), "text", keys=("only",))
    retry = RetrySettings(attempts=1, throttle_base=2.0)
    settings = {"cloud": {"qps": 100.0, "margin": 0.0, "retry": retry}}
    with house(cloud, ScriptedProvider("local", "local"), clock=clock, settings=settings) as gateway:
        assert gateway.recognize(picture()).provider == "local"
        result = gateway.recognize(picture())
    assert result.provider == "cloud"
    assert clock.slept == [pytest.approx(2.0, abs=0.03)]


def test_retries_are_a_share_of_the_ordinary_calls() -> None:
    flaky: list[Any] = ["text"] * 10 + [fails("http_5xx"), "second try"]
    retry = {"cloud": {"retry": RetrySettings(attempts=2, base=0.0)}}
    with house(ScriptedProvider("cloud", *flaky), settings=retry, budget=BudgetSettings(0.1, 0)) as gateway:
        for _ in range(10):
            gateway.recognize(picture())
        assert gateway.recognize(picture()).text == "second try"
    with house(ScriptedProvider("cloud", *flaky[9:]), settings=retry, budget=BudgetSettings(0.1, 0)) as gateway:
        gateway.recognize(picture())
        with pytest.raises(AllProvidersFailed) as caught:  # a tenth of two calls is no retry
            gateway.recognize(picture())
        assert len(caught.value.attempts) == 1


def test_a_benched_key_is_news() -> None:
    heard: list[KeyBenched] = []
    with house(ScriptedProvider("cloud", fails("17"), "text", keys=(Key("a"), Key("b")))) as gateway:
        gateway.on(lambda event: heard.append(event) if isinstance(event, KeyBenched) else None)
        gateway.recognize(picture())
        gateway.flush()
    assert [(event.provider, event.key, event.code) for event in heard] == [("cloud", "a", "17")]
    assert heard[0].until is not None


def test_the_best_of_several_rejected_answers_stands_whichever_came_first() -> None:
    accept = AcceptSettings(min_confidence=0.9, on_invalid="best")
    good, bad = says("good", 0.8), says("bad", 0.2)
    for steps in ((good, bad), (bad, good)):
        engines = [ScriptedProvider(f"engine{place}", step) for place, step in enumerate(steps)]
        with house(*engines, accept=accept) as gateway:
            assert gateway.recognize(picture()).text == "good"


def test_the_routes_deadline_holds_when_the_call_names_none() -> None:
    clock = ManualClock()
    stuck = ScriptedProvider("stuck", hangs(clock))
    before = clock.monotonic()
    with house(stuck, clock=clock, deadline=4.0, settings={"stuck": {"timeout": 60.0}}) as gateway:
        with pytest.raises(DeadlineExceeded):
            gateway.recognize(picture())
    (request,) = stuck.requests
    assert request is not None
    assert clock.monotonic() - before < 6.0


def test_costs_in_two_currencies_are_not_added_up() -> None:
    accept = AcceptSettings(min_confidence=0.5)
    prices = {"yuan": {"price": Cost(0.04, "CNY")}, "euro": {"price": Cost(0.01, "EUR")}}
    engines = (ScriptedProvider("yuan", says("bad", 0.1)), ScriptedProvider("euro", "text"))
    with house(*engines, accept=accept, settings=prices) as gateway:
        result = gateway.recognize(picture())
    assert result.cost == Cost(0.04, "CNY")
    assert [attempt.cost for attempt in result.attempts] == [Cost(0.04, "CNY"), Cost(0.01, "EUR")]


class Checked(ScriptedProvider):
    """Counts how often it is asked whether it is ready."""

    def __init__(self, answers: Sequence[bool]) -> None:
        super().__init__("checked", "text")
        self.answers = list(answers)
        self.checks = 0

    def check(self) -> Readiness:
        self.checks += 1
        return Readiness(self.answers[min(self.checks, len(self.answers)) - 1], "why", "what to do")


def test_an_engine_that_is_ready_is_asked_so_once() -> None:
    clock, engine = ManualClock(), Checked([True])
    with house(engine, clock=clock) as gateway:
        for _ in range(5):
            gateway.recognize(picture())
            clock.advance(60.0)
    assert engine.checks == 1


def test_an_engine_that_was_not_ready_is_looked_at_again_after_a_while() -> None:
    clock, engine = ManualClock(), Checked([False, True])
    with house(engine, ScriptedProvider("other"), clock=clock) as gateway:
        assert [gateway.recognize(picture()).provider for _ in range(3)] == ["other"] * 3
        assert engine.checks == 1
        clock.advance(31.0)
        assert gateway.recognize(picture()).provider == "checked"
        assert engine.checks == 2


def test_calls_that_wait_for_a_lane_are_not_sent_any_more_once_the_breaker_has_opened() -> None:
    entered, go, pause = threading.Event(), threading.Event(), threading.Event()

    def engine(request: Request, deadline: Deadline) -> Page:
        entered.set()
        assert go.wait(20)
        # One that takes the lane before the first failure has been told of may be sent, too.
        while len(cloud.requests) > 1 and gateway.status()["cloud"]["breaker"] != "open":
            pause.wait(0.001)
        return fails("282000")(request, deadline)

    cloud = ScriptedProvider("cloud", engine, cloud=True)
    settings = {"cloud": {"lanes": 1, "breaker": BreakerSettings(window=1, minimum=1, open_for=1000.0)}}
    gateway = house(cloud, ScriptedProvider("local", "local"), settings=settings)
    with gateway, ThreadPoolExecutor(4) as threads:
        readings = [threads.submit(gateway.recognize, picture(60 + number)) for number in range(4)]
        assert entered.wait(10)
        lane = gateway._fleet.engines["cloud"]._lane
        while len(lane._waiting) < 3:
            pause.wait(0.001)
        go.set()
        codes = [[a.diagnosis.code for a in each.result(20).attempts if a.diagnosis] for each in readings]
    assert codes.count(["breaker_open"]) >= 2
    assert len(cloud.requests) <= 2
