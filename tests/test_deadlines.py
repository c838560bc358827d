"""No call outlives its deadline, whatever its engines do; and every call tells its whole story."""

from __future__ import annotations

import io
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocrgate import AllProvidersFailed, DeadlineExceeded, Gateway, Line, NoValidResult, Page, Result
from ocrgate.cancel import Cancellation
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.crew import Crew
from ocrgate.diagnosis import lookup
from ocrgate.picture import Document
from ocrgate.provider import Capabilities, Provider, Request
from ocrgate.recognition import Wish
from ocrgate.result import Attempt
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    BudgetSettings,
    HedgeSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    RuleSettings,
    Settings,
)
from ocrgate.testing import ManualClock, ScriptedProvider, fails, says
from ocrgate.testing.scripted import Step
from tests.faults.engines import FaultyEngine
from tests.houses import ONCE, house, picture
from tests.lane.processes import eventually, gone, logged

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


@settings(max_examples=150, deadline=None)
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
                assert asked <= (plan.settings["retry"].attempts + route["panic"]) * max(1, plan.keys)
                assert local is False or not plan.cloud or asked == 0
                if not isinstance(end, Result):
                    assert told, "an engine that was passed over says why"

            for each in attempts:
                assert (each.diagnosis is None) == (each.outcome in ("accepted", "rejected"))
                assert 0 <= each.elapsed <= elapsed + 1e-6
                assert began <= each.started + 1e-6
                assert each.started <= clock.time() + 1e-6
                assert each.outcome == "refused" or each.started < began + limit, "nobody is asked too late"
            order = [names.index(each.provider) for each in attempts if _code(each) != "residency"]
            while route["panic"] and order and order[-1] < max(order):
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
            keys = sum((1 + route["panic"]) * max(0, plan.keys - 1) for plan in some)
            allowance = max(route["budget"].minimum, route["budget"].retry_ratio * len(some) * len(calls))
            assert extra <= allowance + keys + route["panic"]


def _code(attempt: Attempt) -> str:
    return attempt.diagnosis.code if attempt.diagnosis is not None else ""


@given(st.integers(1, 4), st.sampled_from([0.25, 1.0, 3.0, 15.0, 60.0]), st.sampled_from([0.5, 30.0, 100.0]))
@settings(max_examples=30, deadline=None)
def test_engines_that_hang_leave_every_later_one_a_share_of_the_time(
    hanging: int, deadline: float, timeout: float
) -> None:
    clock = ManualClock()
    shares: list[float] = []

    def last(request: Request, own: Deadline) -> Page:
        shares.append(own.remaining)
        return Page(lines=(Line("TOTAL 1.00"),))

    hangs = [ScriptedProvider(f"hangs{number}", works(clock, 1e6, last)) for number in range(hanging)]
    many = {"*": {"timeout": timeout}}
    with house(*hangs, ScriptedProvider("last", last), clock=clock, deadline=60.0, settings=many) as gateway:
        result = gateway.recognize(IMAGE, deadline=deadline)
    assert [each.outcome for each in result.attempts] == [*["failed"] * hanging, "accepted"]
    left = deadline
    for _ in range(hanging):
        left = min(5.0, 0.4 * left)
    assert shares[0] >= min(timeout, left) - 1e-6


def test_a_fallback_that_is_known_to_be_slow_is_left_as_much_as_it_took() -> None:
    clock = ManualClock()
    slow = ScriptedProvider("slow", works(clock, 8.0, says("text")))
    first = ScriptedProvider("first", fails("282000"), works(clock, 1e6, says("")))
    with house(first, slow, clock=clock, deadline=100.0, settings={"*": {"timeout": 100.0}}) as gateway:
        gateway.recognize(IMAGE)
        result = gateway.recognize(IMAGE, deadline=50.0)
    assert [each.provider for each in result.attempts] == ["first", "slow"]
    assert result.attempts[0].elapsed == pytest.approx(34.0)
    assert result.elapsed == pytest.approx(42.0)


@pytest.mark.parametrize("hanging", [0, 1])
def test_retries_end_where_the_share_of_the_next_engine_begins(hanging: int) -> None:
    clock = ManualClock()
    first = ScriptedProvider("first", works(clock, 1.0, fails("282000")))
    settings = {"first": {"retry": RetrySettings(attempts=50, base=0.0), "breaker": BreakerSettings(mode="disabled")}}
    budget = BudgetSettings(minimum=100)
    with house(first, ScriptedProvider("second", "text"), clock=clock, settings=settings, budget=budget) as gateway:
        result = gateway.recognize(IMAGE, deadline=15.0)
    assert result.provider == "second"
    assert len(first.requests) == 10
    assert result.elapsed == pytest.approx(10.0)


def test_pages_after_the_deadline_are_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    whole = Document.page

    def page(document: Document, number: int) -> Any:
        decoded.append(number)
        return whole(document, number)

    monkeypatch.setattr(Document, "page", page)
    clock = ManualClock()
    engine = ScriptedProvider("engine", works(clock, 3.0, says("text")))
    with house(engine, clock=clock) as gateway, pytest.raises(NoValidResult) as failed:
        gateway.recognize(pages(6), deadline=4.0)
    assert decoded == [1, 2]
    assert len(failed.value.best.pages) == 6
    assert [line.text for line in failed.value.best.lines] == ["text"]


def test_pages_after_the_caller_gave_up_are_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    whole = Document.page

    def page(document: Document, number: int) -> Any:
        decoded.append(number)
        return whole(document, number)

    monkeypatch.setattr(Document, "page", page)
    engine = Stuck()
    with house(engine.provider, clock=SYSTEM_CLOCK) as gateway:
        cancel = Cancellation()
        over = Crew("reader").start(lambda: gateway._recognize(Wish(pages(6), cancel=cancel)))
        assert engine.asked.wait(PATIENCE)
        cancel.cancel()
        assert isinstance(over.exception(PATIENCE), AllProvidersFailed)
    assert decoded == [1]


def pages(number: int) -> bytes:
    """A document of so many pages."""
    frames = [Image.open(io.BytesIO(IMAGE)) for _ in range(number)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


# Real time.


class Stuck:
    """An engine that hears nothing once it is asked, until the test is over.

    Attributes:
        asked: set when it has been.
        given_up: set when nobody waits for it any more.
    """

    release = Event()

    def __init__(self, name: str = "stuck", *before: str | Step, cloud: bool = False, lanes: int = 8) -> None:
        self.asked, self.given_up = Event(), Event()
        capabilities = Capabilities(cloud=cloud, lanes=lanes)
        self.provider = ScriptedProvider(name, *before, self._hang, capabilities=capabilities)

    def _hang(self, request: Request, _deadline: Deadline) -> Page:
        request.on_cancel(self.given_up.set)
        self.asked.set()
        self.release.wait(3 * PATIENCE)
        return Page(lines=(Line("too late"),))


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    """Whatever hangs ends with its test."""
    Stuck.release = Event()
    yield
    Stuck.release.set()


@contextmanager
def workshop(log: Path, *others: ScriptedProvider, **route: Any) -> Iterator[Gateway]:
    """A gateway whose first engine lives in one worker process, which is loaded."""
    spec = ProviderSettings("faulty", "faulty", {"log": str(log)}, timeout=30.0, retry=ONCE, lanes=1)
    more = {other.name: ProviderSettings(other.name, "scripted", retry=ONCE) for other in others}
    routes = {
        "default": RouteSettings("default", ("faulty", *more), **route),
        "alone": RouteSettings("alone", ("faulty",)),
    }
    providers: dict[str, Provider] = {"faulty": FaultyEngine("faulty"), **{other.name: other for other in others}}
    with Gateway(Settings({"faulty": spec, **more}, routes), providers=providers) as gateway:
        gateway.warm_up("alone")
        yield gateway


def took(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def test_a_first_engine_that_hangs_leaves_time_even_for_a_fallback_that_was_always_fast() -> None:
    stuck = Stuck("first", *[fails("282000")] * 30)
    off = {"first": {"breaker": BreakerSettings(mode="disabled")}}
    with house(stuck.provider, ScriptedProvider("second", "text"), clock=SYSTEM_CLOCK, settings=off) as gateway:
        for _ in range(30):
            gateway.recognize(IMAGE)
        assert gateway.recognize(picture(1200, 1600), deadline=0.4).provider == "second"


@pytest.mark.parametrize(
    "route",
    [
        pytest.param({}, id="plain"),
        pytest.param(
            {"hedge": HedgeSettings(after=0.05, quantile=False, to=("local", "key"), budget=1.0)}, id="hedged"
        ),
    ],
)
@pytest.mark.parametrize("deadline", [0.1, 0.5])
def test_no_call_outlives_its_deadline_by_a_quarter_of_a_second(
    tmp_path: Path, route: dict[str, Any], deadline: float
) -> None:
    cloud, other = Stuck("cloud", cloud=True), Stuck("other")
    with workshop(tmp_path / "log", cloud.provider, other.provider, **route) as gateway:
        for do in ("hang", "hang_holding_the_interpreter"):
            ends: list[Result | BaseException] = []
            over = took(lambda do=do, ends=ends: ends.append(ask(gateway, deadline, options={"do": do}))) - deadline  # type: ignore[misc]
            assert 0 <= over < MARGIN
            assert isinstance(ends[0], DeadlineExceeded)
            assert {each.provider for each in story(ends[0])} == {"faulty", "cloud", "other"}


def test_no_call_outlives_its_deadline_when_its_engine_has_yet_to_load(tmp_path: Path) -> None:
    spec = ProviderSettings("faulty", "faulty", {"start": "hang", "log": str(tmp_path / "log")}, retry=ONCE)
    routes = {"default": RouteSettings("default", ("faulty",))}
    with Gateway(Settings({"faulty": spec}, routes), providers={"faulty": FaultyEngine("faulty")}) as gateway:
        over = took(lambda: ask(gateway, 0.3)) - 0.3
        assert 0 <= over < MARGIN
        assert eventually(lambda: len(logged(tmp_path / "log")) == 1)
    assert gone(logged(tmp_path / "log"))


def test_no_call_outlives_its_deadline_behind_others_that_hang() -> None:
    stuck = Stuck(lanes=1)
    fair = {"*": {"timeout": 30.0, "queue": 10}}
    with house(stuck.provider, clock=SYSTEM_CLOCK, settings=fair, deadline=30.0) as gateway:
        crew = Crew("caller")
        first = crew.start(lambda: ask(gateway, 20.0))
        assert stuck.asked.wait(PATIENCE)
        times = [crew.start(lambda: took(lambda: ask(gateway, 0.3, picture(61)))) for _ in range(5)]
        assert all(0.3 <= time.result(PATIENCE) < 0.3 + MARGIN for time in times)
        assert not first.done()


@contextmanager
def interrupted(when: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C in the main thread as soon as `when()` returns, and in no case after the block."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None

    def press() -> None:
        when()
        signal.pthread_kill(main, signal.SIGINT)

    pressed = Crew("ctrl-c").start(press)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
        pressed.result(PATIENCE)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_while_an_engine_is_waited_for_gives_the_call_up_and_frees_the_lane() -> None:
    stuck = Stuck(lanes=1)
    says_later = ScriptedProvider("later", "text")
    with house(stuck.provider, says_later, clock=SYSTEM_CLOCK) as gateway:
        with interrupted(lambda: stuck.asked.wait(PATIENCE)):
            gateway.recognize(IMAGE)
        assert stuck.given_up.wait(PATIENCE)
        assert gateway.status()["stuck"]["lanes"]["in_use"] == 0
        assert gateway.status()["stuck"]["breaker"] == "closed"
        assert says_later.requests == [], "who gives up wants no other engine"
        stuck.asked.clear()
        assert gateway.recognize(IMAGE, deadline=0.5).provider == "later"
        assert stuck.asked.is_set(), "the engine had a lane again"


def test_ctrl_c_while_a_worker_process_is_waited_for_ends_that_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with workshop(log) as gateway:
        (first,) = logged(log)
        with interrupted(lambda: eventually(lambda: gateway.status()["faulty"]["lanes"]["in_use"] == 1)):
            gateway.recognize(IMAGE, options={"do": "hang"})
        assert gone([first], 5.0)
        assert gateway.recognize(IMAGE).text == "read"
        assert len(logged(log)) == 2


@pytest.mark.parametrize("do", ["hang", "hang_holding_the_interpreter", "hang_with_child"])
def test_a_call_that_was_given_up_frees_the_one_lane_for_the_next(tmp_path: Path, do: str) -> None:
    log = tmp_path / "log"
    with workshop(log) as gateway:
        for _ in range(2):
            end = ask(gateway, 0.2, options={"do": do})
            assert isinstance(end, DeadlineExceeded)
            assert gateway.recognize(IMAGE, deadline=PATIENCE).text == "read"
    assert gone(logged(log))


def test_ctrl_c_between_two_tries_ends_the_wait() -> None:
    asked = Event()

    def failing(request: Request, deadline: Deadline) -> Page:
        asked.set()
        return fails(replace(lookup("baidu", "282000"), retry_after=12.0))(request, deadline)

    patient = {"*": {"retry": RetrySettings(attempts=3)}}
    with house(ScriptedProvider("engine", failing), clock=SYSTEM_CLOCK, settings=patient) as gateway:
        over = took(lambda: _interrupt_reading(gateway, asked))
    assert over < 5.0


def _interrupt_reading(gateway: Gateway, asked: Event) -> None:
    with interrupted(lambda: asked.wait(PATIENCE)):
        gateway.recognize(IMAGE)


LEAKS = [
    pytest.param({}, id="plain"),
    pytest.param({"panic": True}, id="panic"),
    pytest.param({"hedge": HedgeSettings(after=0.0, quantile=False, budget=1.0, to=("key", "local"))}, id="hedged"),
]


@pytest.mark.parametrize("route", LEAKS)
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_a_route_for_this_host_alone_sends_nothing_to_the_cloud_whatever_happens(
    route: dict[str, Any], order: tuple[int, ...]
) -> None:
    cloud = ScriptedProvider("cloud", "TOTAL 1.00", cloud=True, keys=["one", "two"])
    failing = ScriptedProvider("failing", fails("282000"))
    wrong = ScriptedProvider("wrong", fails("282000"), "nothing")
    engines = [[cloud, failing, wrong][place] for place in order]
    shaky = {"*": {"breaker": BreakerSettings(window=2, minimum=1, open_for=60.0)}}
    with house(*engines, clock=SYSTEM_CLOCK, accept=WANTED, settings=shaky, residency="local", **route) as gateway:
        ends = [ask(gateway, 5.0) for _ in range(8)]
    assert cloud.requests == []
    assert all(isinstance(end, AllProvidersFailed | NoValidResult) for end in ends)
    for end in ends:
        told = [_code(each) for each in story(end) if each.provider == "cloud"]
        assert told == ["residency"]
