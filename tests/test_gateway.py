"""What a caller of the gateway gets, whatever the engines do."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from ocrgate import (
    AllProvidersFailed,
    ConfigError,
    DeadlineExceeded,
    Failure,
    InvalidImage,
    Line,
    NoValidResult,
    OCRError,
    Page,
    Polygon,
    Result,
)
from ocrgate.key import Key
from ocrgate.provider import Capabilities, Limits, Readiness, Request
from ocrgate.result import Cost
from ocrgate.settings import AcceptSettings, BreakerSettings, RetrySettings, RuleSettings
from ocrgate.testing import ManualClock, ScriptedProvider, fails, hangs, says, takes
from tests.houses import house, picture

TWO_TRIES = {"*": {"retry": RetrySettings(attempts=2)}}


def story(result: Result | OCRError) -> list[tuple[str, str]]:
    attempts: Any = getattr(result, "attempts")  # noqa: B009 - errors with a story are several classes
    return [(attempt.provider, attempt.outcome) for attempt in attempts]


def test_the_first_engine_answers_and_the_second_is_not_asked() -> None:
    first, second = ScriptedProvider("first", "one"), ScriptedProvider("second", "two")
    with house(first, second) as gateway:
        result = gateway.recognize(picture())
    assert (result.text, result.provider, result.valid) == ("one", "first", True)
    assert story(result) == [("first", "accepted")]
    assert second.requests == []


def test_a_failed_engine_is_followed_by_the_next() -> None:
    with house(ScriptedProvider("first", fails("282000")), ScriptedProvider("second", "two")) as gateway:
        result = gateway.recognize(picture())
    assert result.text == "two"
    assert story(result) == [("first", "failed"), ("second", "accepted")]
    assert result.attempts[0].diagnosis is not None
    assert result.attempts[0].diagnosis.code == "282000"


def test_a_rejected_answer_is_followed_by_the_next_engine() -> None:
    accept = AcceptSettings(rules=(RuleSettings("total", r"TOTAL\D*(?P<total>\d+\.\d\d)", required=True),))
    with house(
        ScriptedProvider("first", "TOTAL ?"), ScriptedProvider("second", "TOTAL: 12.30"), accept=accept
    ) as gateway:
        result = gateway.recognize(picture())
    assert result.fields["total"] == "12.30"
    assert story(result) == [("first", "rejected"), ("second", "accepted")]
    assert result.attempts[0].reasons == ("total: not found",)


def test_low_confidence_is_a_rejection_and_unknown_confidence_does_not_pass() -> None:
    unknown = ScriptedProvider("unknown", says("text", confidence=None))
    low, good = ScriptedProvider("low", says("text", confidence=0.3)), ScriptedProvider("good", says("text", 0.95))
    with house(unknown, low, good, accept=AcceptSettings(min_confidence=0.6)) as gateway:
        result = gateway.recognize(picture())
    assert result.provider == "good"
    assert [attempt.reasons for attempt in result.attempts] == [
        ("min_confidence: unknown, 0.6 wanted",),
        ("min_confidence: 0.30 of 0.6",),
        (),
    ]


def test_when_no_answer_passes_the_best_one_comes_with_the_error() -> None:
    accept = AcceptSettings(min_confidence=0.9)
    with house(
        ScriptedProvider("worse", says("a", 0.2)), ScriptedProvider("better", says("b", 0.7)), accept=accept
    ) as gateway:
        with pytest.raises(NoValidResult) as caught:
            gateway.recognize(picture())
    best = caught.value.best
    assert (best.text, best.provider, best.valid) == ("b", "better", False)
    assert best.reasons == ("min_confidence: 0.70 of 0.9",)
    assert story(caught.value) == [("worse", "rejected"), ("better", "rejected")]


def test_a_route_may_want_the_best_answer_rather_than_an_error() -> None:
    accept = AcceptSettings(min_confidence=0.9, on_invalid="best")
    with house(ScriptedProvider("only", says("b", 0.7)), accept=accept) as gateway:
        result = gateway.recognize(picture())
    assert (result.text, result.valid) == ("b", False)


def test_when_every_engine_fails_the_error_tells_the_whole_story() -> None:
    with house(ScriptedProvider("a", fails("282000")), ScriptedProvider("b", fails("http_5xx"))) as gateway:
        with pytest.raises(AllProvidersFailed) as caught:
            gateway.recognize(picture())
    assert story(caught.value) == [("a", "failed"), ("b", "failed")]
    assert "a failed" in str(caught.value)
    assert "b failed" in str(caught.value)


def test_a_passing_fault_is_retried_on_the_same_engine() -> None:
    engine = ScriptedProvider("cloud", fails("connection_reset"), "text")
    with house(engine, settings=TWO_TRIES) as gateway:
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "failed"), ("cloud", "accepted")]


def test_a_callers_fault_is_never_sent_again() -> None:
    engine = ScriptedProvider("cloud", fails("216201"), "never")
    with house(engine, ScriptedProvider("local", "text"), settings=TWO_TRIES) as gateway:
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "failed"), ("local", "accepted")]
    assert len(engine.requests) == 1


def test_a_hanging_engine_costs_its_timeout_and_the_next_one_answers() -> None:
    clock = ManualClock()
    gateway = house(
        ScriptedProvider("stuck", hangs(clock)),
        ScriptedProvider("well", "text"),
        clock=clock,
        settings={"stuck": {"timeout": 3.0}},
    )
    with gateway:
        result = gateway.recognize(picture(), deadline=20.0)
    assert story(result) == [("stuck", "failed"), ("well", "accepted")]
    assert result.attempts[0].diagnosis is not None
    assert result.attempts[0].diagnosis.code == "timeout"


def test_a_slow_first_engine_leaves_time_for_the_second() -> None:
    clock = ManualClock()
    gateway = house(ScriptedProvider("slow", hangs(clock)), ScriptedProvider("well", "text"), clock=clock)
    with gateway:
        result = gateway.recognize(picture(), deadline=10.0)
    assert result.provider == "well"


def test_waiting_for_a_turn_is_not_the_providers_slowness() -> None:
    breaker = BreakerSettings(window=4, minimum=2, slow_call=1.0, slow_rate=0.5)
    cloud = ScriptedProvider("cloud", "text")
    gateway = house(cloud, settings={"cloud": {"qps": 0.2, "breaker": breaker}}, deadline=60.0)
    with gateway:
        for _ in range(4):
            assert gateway.recognize(picture()).valid
        assert gateway.status()["cloud"]["breaker"] == "closed"


def test_slow_answers_open_the_breaker() -> None:
    clock = ManualClock()
    breaker = BreakerSettings(window=4, minimum=2, slow_call=1.0, slow_rate=0.5)
    cloud = ScriptedProvider("cloud", takes(2.0, clock, "text"))
    with house(cloud, clock=clock, settings={"cloud": {"breaker": breaker}}) as gateway:
        for _ in range(2):
            assert gateway.recognize(picture()).valid
        assert gateway.status()["cloud"]["breaker"] == "open"


def test_a_deadline_that_passes_before_any_answer_says_so() -> None:
    clock = ManualClock()
    with house(ScriptedProvider("stuck", hangs(clock)), clock=clock) as gateway:
        with pytest.raises(DeadlineExceeded) as caught:
            gateway.recognize(picture(), deadline=2.0)
    assert story(caught.value) == [("stuck", "failed")]
    assert isinstance(caught.value, TimeoutError)


def test_engines_for_which_no_time_was_left_are_in_the_story() -> None:
    clock = ManualClock()
    late = ScriptedProvider("late", takes(9.0, clock, fails("http_5xx")))
    with house(late, ScriptedProvider("unasked"), clock=clock) as gateway:
        with pytest.raises(DeadlineExceeded) as caught:
            gateway.recognize(picture(), deadline=5.0)
    assert story(caught.value) == [("late", "failed"), ("unasked", "refused")]
    assert caught.value.attempts[1].diagnosis is not None
    assert caught.value.attempts[1].diagnosis.code == "deadline"


def test_an_answer_that_was_rejected_before_the_deadline_is_not_thrown_away() -> None:
    clock = ManualClock()
    engines = (ScriptedProvider("quick", says("a", 0.1)), ScriptedProvider("stuck", hangs(clock)))
    with house(*engines, clock=clock, accept=AcceptSettings(min_confidence=0.9)) as gateway:
        with pytest.raises(NoValidResult) as caught:
            gateway.recognize(picture(), deadline=5.0)
    assert caught.value.best.text == "a"


def test_a_broken_provider_is_no_longer_asked_and_is_asked_again_after_its_time() -> None:
    clock = ManualClock()
    steps = [fails("http_5xx")] * 4
    cloud = ScriptedProvider("cloud", *steps, "back")
    breaker = BreakerSettings(window=4, minimum=4, failure_rate=0.5, open_for=30.0, successes=1)
    gateway = house(cloud, ScriptedProvider("local", "text"), clock=clock, settings={"cloud": {"breaker": breaker}})
    with gateway:
        for _ in range(4):
            gateway.recognize(picture())
        assert gateway.status()["cloud"]["breaker"] == "open"
        refused = gateway.recognize(picture())
        assert story(refused) == [("cloud", "refused"), ("local", "accepted")]
        assert len(cloud.requests) == 4
        clock.advance(34.0)
        assert gateway.recognize(picture()).text == "back"
        assert gateway.status()["cloud"]["breaker"] == "closed"


@pytest.mark.parametrize("code", ["216201", "17", "18", "110", "invalid_client"])
def test_the_callers_and_the_keys_faults_never_open_the_breaker(code: str) -> None:
    cloud = ScriptedProvider("cloud", fails(code))
    breaker = BreakerSettings(window=2, minimum=1, failure_rate=0.1)
    gateway = house(cloud, ScriptedProvider("local", "text"), settings={"cloud": {"breaker": breaker}})
    with gateway:
        for _ in range(5):
            gateway.recognize(picture())
        assert gateway.status()["cloud"]["breaker"] == "closed"


def test_five_blank_pages_are_five_valid_blank_results() -> None:
    cloud = ScriptedProvider("cloud", Page())
    breaker = BreakerSettings(window=2, minimum=1, failure_rate=0.1)
    with house(cloud, settings={"cloud": {"breaker": breaker}}) as gateway:
        results = [gateway.recognize(picture(text=False)) for _ in range(5)]
        assert gateway.status()["cloud"]["breaker"] == "closed"
    assert all(result.valid and result.blank and result.text == "" for result in results)


def test_an_engine_that_is_silent_on_a_page_with_something_on_it_is_rejected() -> None:
    with house(ScriptedProvider("silent", Page()), ScriptedProvider("other", "text")) as gateway:
        result = gateway.recognize(picture())
    assert story(result) == [("silent", "rejected"), ("other", "accepted")]
    assert not result.blank


def test_a_used_up_key_is_followed_by_the_next_key_of_another_account() -> None:
    keys = (Key("a", "one"), Key("b", "one"), Key("c", "two"))
    cloud = ScriptedProvider("cloud", fails("17"), "text", keys=keys)
    with house(cloud) as gateway:
        result = gateway.recognize(picture())
        status = gateway.status()["cloud"]["keys"]
        assert gateway.status()["cloud"]["breaker"] == "closed"
    assert [(attempt.key, attempt.outcome) for attempt in result.attempts] == [("a", "failed"), ("c", "accepted")]
    assert [status[name].usable for name in "abc"] == [False, False, True]


def test_with_every_key_benched_the_provider_is_refused_without_being_asked() -> None:
    cloud = ScriptedProvider("cloud", fails("17"), keys=("only",))
    with house(cloud, ScriptedProvider("local", "text")) as gateway:
        gateway.recognize(picture())
        result = gateway.recognize(picture())
    assert story(result) == [("cloud", "refused"), ("local", "accepted")]
    assert result.attempts[0].diagnosis is not None
    assert result.attempts[0].diagnosis.code == "no_key"
    assert len(cloud.requests) == 1


def test_a_local_route_never_even_plans_an_engine_in_the_cloud() -> None:
    cloud = ScriptedProvider("cloud", "from afar", cloud=True)
    with house(cloud, ScriptedProvider("local", fails("worker_crash")), residency="local") as gateway:
        with pytest.raises(AllProvidersFailed) as caught:
            gateway.recognize(picture())
    assert cloud.requests == []
    assert story(caught.value) == [("cloud", "refused"), ("local", "failed")]
    assert caught.value.attempts[0].diagnosis is not None
    assert caught.value.attempts[0].diagnosis.code == "residency"


def test_a_local_route_of_engines_in_the_cloud_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="residency"):
        house(ScriptedProvider("cloud", cloud=True), residency="local")


def test_an_engine_that_does_not_read_the_language_is_not_asked() -> None:
    english = ScriptedProvider("english", capabilities=Capabilities(languages=frozenset({"en"})))
    with house(english, ScriptedProvider("any", "文字")) as gateway:
        result = gateway.recognize(picture(), languages="chi_sim")
    assert story(result) == [("english", "refused"), ("any", "accepted")]
    assert english.requests == []


def test_an_engine_that_is_not_installed_is_refused_with_the_command_that_mends_it() -> None:
    class Missing(ScriptedProvider):
        def check(self) -> Readiness:
            return Readiness(False, "not installed", "pip install it")

    with house(Missing("missing"), ScriptedProvider("there", "text")) as gateway:
        result = gateway.recognize(picture())
    diagnosis = result.attempts[0].diagnosis
    assert diagnosis is not None
    assert (diagnosis.code, diagnosis.message) == ("not_ready", "not installed — pip install it")


def test_an_adapter_that_raises_anything_else_is_a_failure_like_any_other() -> None:
    with house(ScriptedProvider("bad", KeyError("oops")), ScriptedProvider("good", "text")) as gateway:
        result = gateway.recognize(picture())
    assert result.attempts[0].diagnosis is not None
    assert result.attempts[0].diagnosis.code == "adapter_error"
    assert "KeyError" in result.attempts[0].diagnosis.message


def test_polygons_come_back_in_the_callers_pixels_when_the_engine_saw_a_smaller_image() -> None:
    small = Capabilities(limits=Limits(max_side=100))
    with house(ScriptedProvider("small", says("text"), capabilities=small)) as gateway:
        result = gateway.recognize(picture(400, 200))
    (line,) = result.lines
    assert line.polygon is not None
    assert [round(value) for value in line.polygon.box] == [0, 0, 400, 200]
    assert (result.pages[0].width, result.pages[0].height) == (400, 200)


def test_an_image_that_cannot_be_read_reaches_no_engine() -> None:
    engine = ScriptedProvider("engine")
    with house(engine) as gateway, pytest.raises(InvalidImage) as caught:
        gateway.recognize(b"not an image")
    assert caught.value.reason
    assert engine.requests == []


def test_options_and_languages_reach_the_engine() -> None:
    engine = ScriptedProvider("engine")
    with house(engine) as gateway:
        gateway.recognize(picture(), languages=["chi_sim", "eng"], options={"detect_direction": True})
    (request,) = engine.requests
    assert request.languages == ("zh-Hans", "en")
    assert request.options == {"detect_direction": True}


def test_cost_adds_up_over_the_calls_that_were_billed() -> None:
    cloud = ScriptedProvider("cloud", says("bad", 0.1))
    price = Cost(0.04, "CNY")
    with house(
        cloud,
        ScriptedProvider("local", "text"),
        accept=AcceptSettings(min_confidence=0.5),
        settings={"cloud": {"price": price}},
    ) as gateway:
        result = gateway.recognize(picture())
    assert result.cost == price
    assert result.attempts[0].cost == price
    assert result.attempts[1].cost is None


def test_an_unknown_route_is_named_with_the_nearest_one() -> None:
    with house(ScriptedProvider("engine")) as gateway, pytest.raises(ConfigError, match="did you mean 'default'"):
        gateway.recognize(picture(), route="defualt")


def test_many_images_come_in_order_and_a_bad_one_does_not_end_them() -> None:
    with house(ScriptedProvider("engine", "text")) as gateway:
        answers = list(gateway.recognize_many([picture(), b"junk", picture()], workers=2))
    assert [type(answer) for answer in answers] == [Result, Failure, Result]
    failure = answers[1]
    assert isinstance(failure, Failure)
    assert failure.source == b"junk"
    assert isinstance(failure.error, InvalidImage)


def test_many_images_are_taken_a_few_at_a_time() -> None:
    taken = 0

    def images() -> Any:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield picture()

    with house(ScriptedProvider("engine", "text")) as gateway:
        answers = gateway.recognize_many(images(), workers=2)
        next(answers)
        assert taken <= 5
        answers.close()  # type: ignore[attr-defined]


def test_fewer_than_one_worker_is_refused_at_once() -> None:
    with house(ScriptedProvider("engine")) as gateway, pytest.raises(ValueError, match="workers"):
        gateway.recognize_many([], workers=0)


def test_unordered_answers_come_as_they_are_ready() -> None:
    gate = threading.Event()

    def waits(request: Request, _deadline: Any) -> Page:
        gate.wait(10)
        return Page(lines=(Line("late"),))

    def engine(request: Request, deadline: Any) -> Page:
        return waits(request, deadline) if request.width == 61 else Page(lines=(Line("soon"),))

    with house(ScriptedProvider("engine", engine)) as gateway:
        answers = gateway.recognize_many([picture(61), picture()], workers=2, ordered=False)
        first = next(answers)
        gate.set()
        second = next(answers)
    assert isinstance(first, Result)
    assert isinstance(second, Result)
    assert (first.text, second.text) == ("soon", "late")


def test_the_status_tells_of_every_provider_whether_it_is_ready() -> None:
    with house(ScriptedProvider("cloud", cloud=True), ScriptedProvider("local")) as gateway:
        status = gateway.status()
    assert list(status) == ["cloud", "local"]
    assert status["cloud"]["cloud"] is True
    assert status["local"]["ready"] is True
    assert status["local"]["lanes"] == {"in_use": 0, "size": 8, "limit": 8}


def test_the_async_call_gives_the_same_result() -> None:
    with house(ScriptedProvider("engine", "text")) as gateway:
        result = asyncio.run(gateway.arecognize(picture()))
    assert result.text == "text"


def test_the_async_call_raises_the_same_errors() -> None:
    with house(ScriptedProvider("engine", fails("282000"))) as gateway, pytest.raises(AllProvidersFailed):
        asyncio.run(gateway.arecognize(picture()))


def test_cancelling_the_async_call_stops_the_engine() -> None:
    asked, stopped = threading.Event(), threading.Event()

    def engine(request: Request, _deadline: Any) -> Page:
        request.on_cancel(stopped.set)
        asked.set()
        stopped.wait(10)
        return Page()

    async def main(gateway: Any) -> None:
        task = asyncio.create_task(gateway.arecognize(picture()))
        await asyncio.to_thread(asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with house(ScriptedProvider("engine", engine)) as gateway:
        asyncio.run(main(gateway))
        assert stopped.wait(10)


def test_a_closed_gateway_says_so_and_has_closed_its_engines() -> None:
    engine = ScriptedProvider("engine")
    gateway = house(engine)
    gateway.close()
    gateway.close()
    assert engine.closed
    with pytest.raises(OCRError, match="closed"):
        gateway.recognize(picture())


def test_listeners_hear_the_story_and_a_broken_one_breaks_nothing() -> None:
    heard: list[str] = []

    def broken(_event: object) -> None:
        raise RuntimeError("listener")

    clock = ManualClock()
    breaker = BreakerSettings(window=1, minimum=1)
    gateway = house(
        ScriptedProvider("cloud", fails("http_5xx"), "text"),
        ScriptedProvider("local", takes(0.5, clock, "text")),
        clock=clock,
        settings={"cloud": {"breaker": breaker}},
    )
    with gateway:
        gateway.on(broken)
        gateway.on(lambda event: heard.append(type(event).__name__))
        gateway.recognize(picture())
        assert gateway.flush()
    assert heard == ["BreakerChanged", "AttemptFinished", "AttemptFinished", "RequestFinished"]


def test_a_result_is_plain_data_on_request() -> None:
    page = Page(lines=(Line("字", Polygon.from_box(1, 2, 3, 4), 0.5),))
    with house(ScriptedProvider("engine", page)) as gateway:
        result = gateway.recognize(picture())
    data = json.loads(result.to_json())
    assert data == json.loads(json.dumps(result.to_dict()))
    assert data["schema"] == 1
    assert data["text"] == "字"
    assert data["pages"][0]["lines"][0]["polygon"] == [[1, 2], [4, 2], [4, 6], [1, 6]]
    assert data["attempts"][0]["outcome"] == "accepted"


def test_a_document_keeps_the_pages_that_were_read_and_names_the_one_that_was_not(tmp_path: Path) -> None:
    from PIL import Image

    frames = [Image.open(__import__("io").BytesIO(picture(60 + number))) for number in range(3)]
    path = tmp_path / "three.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    engine = ScriptedProvider("engine", "one", fails("282000"), "three")
    with house(engine, accept=AcceptSettings(on_invalid="best")) as gateway:
        result = gateway.recognize(path)
    assert [page.text for page in result.pages] == ["one", "", "three"]
    assert result.text == "one\f\fthree"
    assert (result.valid, result.degraded) == (False, True)
    assert result.reasons == ("page 2: no engine could read it",)
    assert [page.width for page in result.pages][::2] == [60, 62]


def test_what_a_rule_asks_for_may_stand_on_any_page_of_a_document(tmp_path: Path) -> None:
    from PIL import Image

    frames = [Image.open(__import__("io").BytesIO(picture(60 + number))) for number in range(2)]
    path = tmp_path / "two.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    accept = AcceptSettings(rules=(RuleSettings("total", r"TOTAL (?P<total>\d+)", required=True),))
    with house(ScriptedProvider("engine", "first page", "TOTAL 12"), accept=accept) as gateway:
        result = gateway.recognize(path)
    assert result.valid
    assert result.fields == {"total": "12"}
