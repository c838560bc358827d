"""The panic guard: all circuits open is no reason to refuse."""

from __future__ import annotations

import pytest

from ocrgate.clock import Deadline
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded
from ocrgate.page import Page
from ocrgate.provider import Request
from ocrgate.settings import AcceptSettings, BreakerSettings
from ocrgate.testing import ManualClock, ScriptedProvider, fails
from tests.houses import house, picture

TOUCHY = {"*": {"breaker": BreakerSettings(window=1, minimum=1, open_for=1000.0)}}


def test_the_last_local_engine_is_tried_when_every_circuit_is_open_and_the_result_says_so() -> None:
    cloud = ScriptedProvider("cloud", fails("282000"), cloud=True)
    first = ScriptedProvider("first", fails("282000"))
    last = ScriptedProvider("last", fails("282000"), "read all the same")
    with house(cloud, first, last, settings=TOUCHY) as gateway:
        with pytest.raises(AllProvidersFailed):
            gateway.recognize(picture())
        result = gateway.recognize(picture())
        status = gateway.status()
    assert (result.text, result.provider, result.valid, result.degraded) == ("read all the same", "last", True, True)
    assert [(a.provider, a.outcome) for a in result.attempts] == [
        ("cloud", "refused"),
        ("first", "refused"),
        ("last", "refused"),
        ("last", "accepted"),
    ]
    assert len(first.requests) == 1
    assert status["last"]["breaker"] == "open", "an answer in need says nothing of the provider's health"


def test_an_engine_that_failed_in_this_very_call_is_not_tried_again() -> None:
    only = ScriptedProvider("only", fails("282000"))
    with house(only, settings=TOUCHY) as gateway:
        with pytest.raises(AllProvidersFailed):
            gateway.recognize(picture())
    assert len(only.requests) == 1


def test_an_engine_in_the_cloud_is_not_asked_in_panic() -> None:
    cloud = ScriptedProvider("cloud", fails("282000"), "never", cloud=True)
    with house(cloud, settings=TOUCHY) as gateway:
        for _ in range(3):
            with pytest.raises(AllProvidersFailed):
                gateway.recognize(picture())
    assert len(cloud.requests) == 1


def test_an_engine_that_somebody_has_shut_off_stays_so() -> None:
    local = ScriptedProvider("local")
    with house(local) as gateway:
        gateway.set_breaker("local", "forced_open")
        with pytest.raises(AllProvidersFailed):
            gateway.recognize(picture())
        gateway.set_breaker("local", None)
        assert gateway.recognize(picture()).text == "local"
    assert len(local.requests) == 1


def test_it_can_be_switched_off() -> None:
    local = ScriptedProvider("local", fails("282000"), "never")
    with house(local, settings=TOUCHY, panic=False) as gateway:
        for _ in range(2):
            with pytest.raises(AllProvidersFailed):
                gateway.recognize(picture())
    assert len(local.requests) == 1


def test_a_rejected_answer_of_another_engine_does_not_keep_it_from_being_tried() -> None:
    poor = ScriptedProvider("poor", "x")
    good = ScriptedProvider("good", fails("282000"), "a whole line")
    accept = AcceptSettings(min_characters=5, on_invalid="best")
    with house(good, poor, settings=TOUCHY, accept=accept) as gateway:
        first = gateway.recognize(picture())
        second = gateway.recognize(picture())
    assert (first.text, first.valid) == ("x", False)
    assert (second.text, second.valid, second.degraded) == ("a whole line", True, True)


def test_nothing_is_tried_once_the_time_is_over() -> None:
    clock = ManualClock()

    def late(request: Request, deadline: Deadline) -> Page:
        clock.advance(100.0)
        return fails("282000")(request, deadline)

    local = ScriptedProvider("local", fails("282000"), "never")
    slow = ScriptedProvider("slow", late, cloud=True)
    with house(local, slow, clock=clock, deadline=10.0, settings={"local": TOUCHY["*"]}) as gateway:
        for _ in range(2):
            with pytest.raises(DeadlineExceeded):
                gateway.recognize(picture())
    assert len(local.requests) == 1
