"""Answers that need no engine, as the callers of a gateway get them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ocrgate import AllProvidersFailed, Gateway, NoValidResult
from ocrgate.clock import Deadline
from ocrgate.events import RequestFinished
from ocrgate.page import Line, Page
from ocrgate.provider import Request
from ocrgate.result import Cost, Result
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    CacheSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    Settings,
)
from ocrgate.testing import ScriptedProvider, fails
from tests.houses import picture


def opened(*providers: ScriptedProvider, cache: Path | None = None, **route: Any) -> Gateway:
    once, touchy = RetrySettings(attempts=1), BreakerSettings(window=1, minimum=1, open_for=1000.0)
    configured = {
        each.name: ProviderSettings(each.name, "scripted", retry=once, breaker=touchy, price=Cost(1.0))
        for each in providers
    }
    return Gateway(
        Settings(
            configured,
            {"default": RouteSettings("default", tuple(configured), **route)},
            cache=None if cache is None else CacheSettings(str(cache)),
        ),
        providers={each.name: each for each in providers},
    )


class Held:
    """An engine that has read when it is let go."""

    def __init__(self, confidence: float) -> None:
        self.entered, self.go = threading.Event(), threading.Event()
        self.provider = ScriptedProvider("engine", self._answer)
        self._page = Page(lines=(Line("text", None, confidence),))

    def _answer(self, _request: Request, _deadline: Deadline) -> Page:
        self.entered.set()
        assert self.go.wait(20)
        return self._page


def test_what_was_read_before_is_had_from_the_cache_as_this_callers_own(tmp_path: Path) -> None:
    engine = ScriptedProvider("engine", "text")
    events: list[Any] = []
    with opened(engine, cache=tmp_path / "cache.db") as gateway:
        gateway.on(events.append)
        first, second = gateway.recognize(picture()), gateway.recognize(picture())
        other = gateway.recognize(picture(), languages="en")
        health = gateway.status()["engine"]["cache"]
        assert gateway.flush()
    assert (first.origin, second.origin, other.origin) == ("engine", "cache", "engine")
    assert (second.text, second.cost, second.attempts) == ("text", Cost(), ())
    assert first.request_id != second.request_id
    assert [each.request_id for each in events if isinstance(each, RequestFinished)][1] == second.request_id
    assert (health.hits, health.misses, health.ok) == (1, 2, True)
    assert len(engine.requests) == 2


def test_a_degraded_answer_is_not_kept(tmp_path: Path) -> None:
    engine = ScriptedProvider("engine", fails("282000"), "in need", "in need again")
    with opened(engine, cache=tmp_path / "cache.db") as gateway:
        with pytest.raises(AllProvidersFailed):
            gateway.recognize(picture())
        results = [gateway.recognize(picture()) for _ in range(2)]
    assert [(result.origin, result.degraded) for result in results] == [("engine", True)] * 2


def read_at_once(callers: int, gateway: Gateway, engine: Held) -> list[Future[Result]]:
    """What each of several callers gets who all ask while the engine reads for the first of them."""
    with ThreadPoolExecutor(callers) as threads:
        readings = [threads.submit(gateway.recognize, picture()) for _ in range(callers)]
        assert engine.entered.wait(10)
        while gateway.status()["engine"]["flights"]["waiting"] < callers - 1:
            engine.entered.wait(0.001)
        engine.go.set()
    return readings


def test_one_picture_that_several_ask_for_at_once_is_read_and_paid_for_once() -> None:
    engine = Held(confidence=0.9)
    with opened(engine.provider) as gateway:
        results = [reading.result(20) for reading in read_at_once(8, gateway, engine)]
    assert len(engine.provider.requests) == 1
    assert sorted(result.origin for result in results) == ["engine", *["flight"] * 7]
    assert sum(result.cost.amount for result in results) == 1.0
    assert len({result.request_id for result in results}) == 8


def test_an_answer_that_passed_no_rule_is_told_to_each_caller_as_its_own() -> None:
    engine, ended = Held(confidence=0.1), []
    with opened(engine.provider, accept=AcceptSettings(min_confidence=0.9)) as gateway:
        gateway.on(lambda event: ended.append(event) if isinstance(event, RequestFinished) else None)
        errors = [reading.exception(20) for reading in read_at_once(4, gateway, engine)]
        assert gateway.flush()
    best = [error.best for error in errors if isinstance(error, NoValidResult)]
    assert sorted(result.origin for result in best) == ["engine", *["flight"] * 3]
    assert len(engine.provider.requests) == 1
    assert {result.request_id for result in best} == {event.request_id for event in ended}
    assert len({result.request_id for result in best}) == 4


def test_a_route_that_must_stay_local_is_not_given_what_the_cloud_read(tmp_path: Path) -> None:
    cloud, local = ScriptedProvider("cloud", "far", cloud=True), ScriptedProvider("local", "near")
    with opened(cloud, local, cache=tmp_path / "cache.db") as gateway:
        assert gateway.recognize(picture()).text == "far"
    with opened(cloud, local, cache=tmp_path / "cache.db", residency="local") as gateway:
        assert gateway.recognize(picture()).text == "near"
