"""The cache and the flights together: what a call is given, and what it says of where that came from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ocrgate import Attempt, Cost, Deadline, Line, NoValidResult, Page, Result
from ocrgate.answers import Answers, CacheHealth
from ocrgate.cancel import Cancellation
from ocrgate.settings import CacheSettings
from ocrgate.testing import ManualClock
from tests.state.waiting import until

GOOD = Result(
    (Page((Line("TOTAL"),)),),
    "cloud",
    attempts=(Attempt("cloud", "accepted", cost=Cost(0.04)),),
    cost=Cost(0.04),
    elapsed=1.0,
    request_id="reader",
)
KEPT = replace(GOOD, origin="cache", attempts=(), cost=Cost(), elapsed=0.0, request_id="")


class Reader:
    """Counts how often it reads."""

    def __init__(self, *outcomes: Result | Exception) -> None:
        self.calls = 0
        self._outcomes = outcomes or (GOOD,)

    def __call__(self) -> Result:
        outcome = self._outcomes[min(self.calls, len(self._outcomes) - 1)]
        self.calls += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def ask(answers: Answers, read: Reader, question: str | None = "q") -> Result:
    return answers.get(question, read, deadline=Deadline(float("inf")), cancel=Cancellation())


@pytest.fixture
def where(tmp_path: Path) -> CacheSettings:
    return CacheSettings(str(tmp_path / "cache.db"))


@pytest.fixture(params=[True, False], ids=["flights", "no flights"])
def answers(request: pytest.FixtureRequest, where: CacheSettings) -> Iterator[Answers]:
    answers = Answers(where, request.param)
    yield answers
    answers.close()


def test_what_was_read_once_is_kept(answers: Answers) -> None:
    read = Reader()
    assert ask(answers, read) is GOOD
    assert ask(answers, read) == KEPT
    assert ask(answers, read, "other") is GOOD
    assert read.calls == 2


def test_what_is_no_question_is_read_each_time(answers: Answers) -> None:
    read = Reader()
    assert [ask(answers, read, None) for _ in range(2)] == [GOOD, GOOD]
    assert read.calls == 2
    assert ask(answers, read) is GOOD


@pytest.mark.parametrize(
    "bad",
    [replace(GOOD, degraded=True), replace(GOOD, valid=False), NoValidResult(GOOD)],
    ids=["degraded", "invalid", "error"],
)
def test_a_degraded_or_rejected_answer_is_never_given_for_a_good_one(answers: Answers, bad: Result | Exception) -> None:
    read = Reader(bad, GOOD)
    if isinstance(bad, Exception):
        with pytest.raises(NoValidResult):
            ask(answers, read)
    else:
        assert ask(answers, read) is bad
    assert ask(answers, read) is GOOD
    assert ask(answers, read) == KEPT


def test_without_cache_and_flights_every_call_reads() -> None:
    answers, read = Answers(None, False), Reader()
    assert [ask(answers, read) for _ in range(2)] == [GOOD, GOOD]
    assert not answers.wanted
    assert answers.status() == {"cache": None, "flights": None}
    answers.close()


def test_flights_alone_keep_nothing() -> None:
    answers, read = Answers(None, True), Reader()
    assert [ask(answers, read) for _ in range(2)] == [GOOD, GOOD]
    assert answers.wanted
    answers.close()


def test_32_calls_at_once_are_read_once_and_kept_once(where: CacheSettings) -> None:
    answers, clock = Answers(where, True), ManualClock()
    gate = threading.Barrier(32)

    class Slow(Reader):
        def __call__(self) -> Result:
            until(lambda: answers.status()["flights"]["waiting"] == 31, "31 followers")
            return super().__call__()

    read = Slow()

    def call(_: int) -> Result:
        gate.wait(20)
        return answers.get("q", read, deadline=Deadline(float("inf"), clock), cancel=Cancellation())

    with ThreadPoolExecutor(32) as pool:
        results = list(pool.map(call, range(32)))
    assert sorted(result.origin for result in results) == ["engine"] + ["flight"] * 31
    assert read.calls == 1
    assert sum(result.cost.amount for result in results) == 0.04
    assert ask(answers, read).origin == "cache"
    answers.close()


def test_a_call_that_looks_before_another_ends_and_boards_after_it_is_given_what_was_kept(where: CacheSettings) -> None:
    answers = Answers(where, True)
    cache = answers.cache
    assert cache is not None
    read, late = Reader(), Reader()
    looks = cache.get

    def look_then_wait(question: str) -> Result | None:
        found = looks(question)
        if not read.calls:
            cache.get = looks  # type: ignore[method-assign]
            ask(answers, read)
        return found

    cache.get = look_then_wait  # type: ignore[method-assign]
    assert ask(answers, late) == KEPT
    assert (read.calls, late.calls) == (1, 0)
    answers.close()


def test_a_broken_cache_costs_nothing_but_the_reading(tmp_path: Path) -> None:
    answers, read = Answers(CacheSettings(str(tmp_path)), True), Reader()
    assert [ask(answers, read) for _ in range(2)] == [GOOD, GOOD]
    health = answers.status()["cache"]
    assert isinstance(health, CacheHealth)
    assert not health.ok
    answers.close()


def test_after_it_is_closed_it_still_answers(answers: Answers) -> None:
    read = Reader()
    answers.close()
    assert ask(answers, read) is GOOD
    assert ask(answers, read) == KEPT


def test_another_process_finds_what_this_one_kept(where: CacheSettings) -> None:
    first, second, read = Answers(where, True), Answers(where, True), Reader()
    ask(first, read)
    assert ask(second, read) == KEPT
    first.close()
    second.close()
