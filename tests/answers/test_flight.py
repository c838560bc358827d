"""Calls that ask the same at the same time are read once, and nobody suffers for another's haste."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace

import pytest

from ocrgate import (
    AllProvidersFailed,
    Attempt,
    Cost,
    Deadline,
    DeadlineExceeded,
    InvalidImage,
    Line,
    NoValidResult,
    OCRError,
    Page,
    Result,
)
from ocrgate.answers import Flights
from ocrgate.cancel import Cancellation
from ocrgate.diagnosis import lookup
from ocrgate.testing import ManualClock
from tests.state.waiting import until

GOOD = Result(
    (Page((Line("TOTAL"),)),),
    "cloud",
    {"total": "5.50"},
    attempts=(Attempt("cloud", "accepted", cost=Cost(0.04)),),
    cost=Cost(0.04),
    request_id="leader",
)


class Reading:
    """A reading that ends when it is told to, and how."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun = threading.Event()
        self._end: Future[Result] = Future()

    def __call__(self) -> Result:
        self.calls += 1
        self.begun.set()
        return self._end.result(20)

    def returns(self, result: Result = GOOD) -> None:
        self._end.set_result(result)

    def raises(self, error: BaseException) -> None:
        self._end.set_exception(error)


class Calls:
    """Calls of one question, each in a thread."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.flights = Flights(self.clock)
        self.threads: list[threading.Thread] = []

    def call(
        self,
        read: Callable[[], Result],
        seconds: float = float("inf"),
        cancel: Cancellation | None = None,
        question: str = "q",
    ) -> Future[tuple[Result, bool]]:
        """What becomes of a call."""
        future: Future[tuple[Result, bool]] = Future()
        deadline, giving_up = Deadline(self.clock.monotonic() + seconds, self.clock), cancel or Cancellation()

        def run() -> None:
            try:
                future.set_result(self.flights.fly(question, read, deadline=deadline, cancel=giving_up))
            except BaseException as error:
                future.set_exception(error)

        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()
        return future

    def lead(
        self, reading: Reading, seconds: float = float("inf"), cancel: Cancellation | None = None
    ) -> Future[tuple[Result, bool]]:
        """A call that has begun to read."""
        future = self.call(reading, seconds, cancel)
        assert reading.begun.wait(20)
        return future

    def follow(
        self, reading: Reading, seconds: float = float("inf"), cancel: Cancellation | None = None
    ) -> Future[tuple[Result, bool]]:
        """A call that has begun to wait."""
        before = self.flights.status()["waiting"]
        future = self.call(reading, seconds, cancel)
        until(lambda: self.flights.status()["waiting"] == before + 1, "a follower")
        return future


@pytest.fixture
def calls() -> Iterator[Calls]:
    calls = Calls()
    yield calls
    for thread in calls.threads:
        thread.join(20)
        assert not thread.is_alive()
    status = calls.flights.status()
    assert (status["in_flight"], status["waiting"]) == (0, 0), "nothing is left when nobody flies"


def error_of(future: Future[tuple[Result, bool]]) -> BaseException:
    error = future.exception(20)
    assert error is not None
    return error


def test_a_lone_call_reads_for_itself(calls: Calls) -> None:
    reading = Reading()
    reading.returns()
    assert calls.call(reading).result(20) == (GOOD, False)
    assert calls.flights.status() == {"in_flight": 0, "waiting": 0, "shared": 0}


def test_32_calls_are_read_once(calls: Calls) -> None:
    reading, other = Reading(), Reading()
    leader = calls.lead(reading)
    followers = [calls.follow(other) for _ in range(31)]
    assert calls.flights.status() == {"in_flight": 1, "waiting": 31, "shared": 0}
    reading.returns()
    assert leader.result(20) == (GOOD, False)
    expected = (replace(GOOD, origin="flight", cost=Cost(0.0)), True)
    assert [follower.result(20) for follower in followers] == [expected] * 31
    assert (reading.calls, other.calls) == (1, 0)
    assert calls.flights.status()["shared"] == 31


def test_32_calls_that_begin_at_once_are_read_once(calls: Calls) -> None:
    gate, reading = threading.Barrier(32), Reading()

    def read() -> Result:
        until(lambda: calls.flights.status()["waiting"] == 31, "31 followers")
        return reading()

    reading.returns()
    deadline = Deadline(float("inf"), calls.clock)
    outcomes: list[bool] = []

    def run() -> None:
        gate.wait(20)
        outcomes.append(calls.flights.fly("q", read, deadline=deadline, cancel=Cancellation())[1])

    calls.threads += [threading.Thread(target=run, daemon=True) for _ in range(32)]
    for thread in calls.threads:
        thread.start()
    for thread in calls.threads:
        thread.join(20)
    assert sorted(outcomes) == [False] + [True] * 31
    assert reading.calls == 1


def test_the_sum_of_costs_is_what_was_paid(calls: Calls) -> None:
    reading = Reading()
    leader, follower = calls.lead(reading), calls.follow(reading)
    reading.returns()
    assert leader.result(20)[0].cost.amount + follower.result(20)[0].cost.amount == 0.04
    assert follower.result()[0].attempts == GOOD.attempts


def test_a_follower_may_change_its_fields_without_anybody_noticing(calls: Calls) -> None:
    reading = Reading()
    leader, follower = calls.lead(reading), calls.follow(reading)
    reading.returns()
    assert follower.result(20)[0].fields is not leader.result(20)[0].fields


def test_other_questions_are_read_at_the_same_time(calls: Calls) -> None:
    one, other = Reading(), Reading()
    first, second = calls.lead(one), calls.call(other, question="other")
    other.returns()
    assert second.result(20) == (GOOD, False)
    assert not first.done()
    one.returns()


def test_a_call_after_the_flight_reads_anew(calls: Calls) -> None:
    for _ in range(2):
        reading = Reading()
        reading.returns()
        assert calls.call(reading).result(20) == (GOOD, False)
        assert reading.calls == 1


FAILURES = [
    AllProvidersFailed([Attempt("cloud", "failed", diagnosis=lookup("gateway", "adapter_error"))]),
    DeadlineExceeded([Attempt("cloud", "failed", diagnosis=lookup("gateway", "worker_timeout"))]),
    InvalidImage("no image"),
    OCRError("something"),
    RuntimeError("a defect"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_failure_is_had_once_and_raised_for_all(calls: Calls, failure: Exception) -> None:
    reading, other = Reading(), Reading()
    leader = calls.lead(reading)
    followers = [calls.follow(other) for _ in range(5)]
    reading.raises(failure)
    assert error_of(leader) is failure
    errors = [error_of(follower) for follower in followers]
    assert [(type(error), str(error)) for error in errors] == [(type(failure), str(failure))] * 5
    assert [getattr(error, "attempts", None) for error in errors] == [getattr(failure, "attempts", None)] * 5
    assert len({id(error) for error in [failure, *errors]}) == 6
    assert other.calls == 0


def test_an_error_that_cannot_be_made_twice_is_raised_as_it_is(calls: Calls) -> None:
    class Peculiar(Exception):
        def __reduce__(self) -> str:
            raise TypeError("not twice")

    reading, failure = Reading(), Peculiar("peculiar")
    calls.lead(reading)
    follower = calls.follow(reading)
    reading.raises(failure)
    assert error_of(follower) is failure


def test_a_rejected_answer_is_shared_with_its_best_and_without_its_cost(calls: Calls) -> None:
    reading = Reading()
    calls.lead(reading)
    follower = calls.follow(reading)
    best = replace(GOOD, valid=False)
    reading.raises(NoValidResult(best, best.attempts))
    error = error_of(follower)
    assert isinstance(error, NoValidResult)
    assert error.best == replace(best, origin="flight", cost=Cost(0.0))
    assert error.attempts == best.attempts


def test_a_degraded_answer_is_shared_as_what_it_is(calls: Calls) -> None:
    reading = Reading()
    calls.lead(reading)
    follower = calls.follow(reading)
    reading.returns(replace(GOOD, degraded=True))
    result, shared = follower.result(20)
    assert (result.degraded, shared) == (True, True)


UNLUCKY = [
    AllProvidersFailed([Attempt("cloud", "cancelled")]),
    replace(GOOD, degraded=True),
    replace(GOOD, valid=False),
]


@pytest.mark.parametrize("outcome", UNLUCKY, ids=["failed", "degraded", "invalid"])
def test_when_the_leader_gives_up_a_follower_takes_over_and_the_others_follow_it(
    calls: Calls, outcome: Result | Exception
) -> None:
    reading, second = Reading(), Reading()
    cancel = Cancellation()
    leader = calls.lead(reading, cancel=cancel)
    followers = [calls.follow(second) for _ in range(5)]
    cancel.cancel()
    if isinstance(outcome, Result):
        reading.returns(outcome)
    else:
        reading.raises(outcome)
    assert leader.exception(20) is (None if isinstance(outcome, Result) else outcome)
    assert second.begun.wait(20)
    until(lambda: calls.flights.status()["waiting"] == 4, "the others")
    second.returns()
    assert sorted(follower.result(20)[1] for follower in followers) == [False, True, True, True, True]
    assert second.calls == 1


def test_a_good_answer_is_shared_even_when_the_leader_has_given_up(calls: Calls) -> None:
    reading, cancel = Reading(), Cancellation()
    calls.lead(reading, cancel=cancel)
    follower = calls.follow(reading)
    cancel.cancel()
    reading.returns()
    assert follower.result(20)[1]


def test_that_an_image_is_none_is_shared_even_when_the_leader_has_given_up(calls: Calls) -> None:
    reading, cancel = Reading(), Cancellation()
    calls.lead(reading, 1.0, cancel=cancel)
    follower = calls.follow(Reading(), 5.0)
    cancel.cancel()
    calls.clock.advance(2.0)
    reading.raises(InvalidImage("no image"))
    assert isinstance(error_of(follower), InvalidImage)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr)
def test_when_the_leader_is_interrupted_a_follower_takes_over(calls: Calls, interruption: BaseException) -> None:
    reading, second = Reading(), Reading()
    leader = calls.lead(reading)
    follower = calls.follow(second)
    second.returns()
    reading.raises(interruption)
    assert error_of(leader) is interruption
    assert follower.result(20) == (GOOD, False)


def test_a_leader_whose_time_was_over_leaves_the_question_to_those_who_have_more(calls: Calls) -> None:
    reading, second = Reading(), Reading()
    leader, follower = calls.lead(reading, 1.0), calls.follow(second, 5.0)
    calls.clock.advance(1.0)
    reading.raises(DeadlineExceeded())
    assert isinstance(error_of(leader), DeadlineExceeded)
    assert second.begun.wait(20)
    second.returns()
    assert follower.result(20) == (GOOD, False)


CODES = ["deadline", "lane_full", "rate_limit", "worker_starting", "worker_timeout", "timeout", "connect_timeout"]


@pytest.mark.parametrize("code", CODES)
def test_a_failure_for_want_of_time_is_not_that_of_those_who_have_more(calls: Calls, code: str) -> None:
    reading, second = Reading(), Reading()
    failure = AllProvidersFailed([Attempt("cloud", "refused", diagnosis=lookup("gateway", code))])
    calls.lead(reading, 1.0)
    same, more = calls.follow(Reading(), 1.0), calls.follow(second, 5.0)
    reading.raises(failure)
    assert isinstance(error_of(same), AllProvidersFailed)
    second.returns()
    assert more.result(20) == (GOOD, False)


def test_a_failure_that_time_would_not_mend_is_shared_whatever_the_deadlines(calls: Calls) -> None:
    reading = Reading()
    calls.lead(reading, 1.0)
    follower = calls.follow(Reading(), 5.0)
    reading.raises(FAILURES[0])
    assert isinstance(error_of(follower), AllProvidersFailed)


def test_without_deadlines_of_their_own_all_share_that_the_route_had_no_more_time(calls: Calls) -> None:
    reading = Reading()
    calls.lead(reading)
    followers = [calls.follow(Reading()) for _ in range(3)]
    reading.raises(FAILURES[1])
    assert all(isinstance(error_of(follower), DeadlineExceeded) for follower in followers)


def test_a_follower_waits_no_longer_than_its_deadline(calls: Calls) -> None:
    reading = Reading()
    leader = calls.lead(reading)
    follower, patient = calls.follow(reading, 2.0), calls.follow(reading, 3.0)
    calls.clock.advance(2.0)
    error = error_of(follower)
    assert isinstance(error, DeadlineExceeded)
    assert error.attempts == ()
    assert not patient.done()
    until(lambda: calls.flights.status()["waiting"] == 1, "the one who waits")
    reading.returns()
    assert (leader.result(20)[1], patient.result(20)[1]) == (False, True)


def test_a_follower_that_gives_up_waits_no_longer(calls: Calls) -> None:
    reading, cancel = Reading(), Cancellation()
    leader = calls.lead(reading)
    follower, other = calls.follow(reading, cancel=cancel), calls.follow(reading)
    cancel.cancel()
    assert isinstance(error_of(follower), AllProvidersFailed)
    assert not other.done()
    assert not leader.done()
    reading.returns()
    assert other.result(20)[1]


def test_giving_up_later_than_the_answer_changes_nothing(calls: Calls) -> None:
    reading, cancel = Reading(), Cancellation()
    calls.lead(reading)
    follower = calls.follow(reading, cancel=cancel)
    reading.returns()
    assert follower.result(20)[1]
    cancel.cancel()


def test_when_the_gateway_closes_nobody_follows_any_more(calls: Calls) -> None:
    reading, second, third = Reading(), Reading(), Reading()
    calls.lead(reading)
    followers = [calls.follow(second), calls.follow(second)]
    calls.flights.close()
    closed = OCRError("the gateway is closed")
    second.raises(closed)
    reading.raises(AllProvidersFailed())
    assert [error_of(follower) for follower in followers] == [closed, closed]
    assert second.calls == 2
    slow = calls.lead(third)
    fourth = Reading()
    fourth.returns()
    assert calls.call(fourth).result(20) == (GOOD, False)
    assert not slow.done()
    third.returns()


def test_an_answer_is_shared_though_the_gateway_closes(calls: Calls) -> None:
    reading = Reading()
    calls.lead(reading)
    follower = calls.follow(reading)
    calls.flights.close()
    reading.returns()
    assert follower.result(20)[1]


def test_results_are_not_kept(calls: Calls) -> None:
    class Marked(Page):
        __slots__ = ("__weakref__",)

    page = Marked()
    seen = weakref.ref(page)
    reading = Reading()
    reading.returns(Result((page,), "cloud"))
    calls.call(reading).result(20)
    del page, reading
    until(lambda: gc.collect() >= 0 and seen() is None, "the page")


def test_no_lock_is_held_while_a_call_reads(calls: Calls) -> None:
    inner = Reading()
    inner.returns()

    def read() -> Result:
        deadline = Deadline(float("inf"), calls.clock)
        return calls.flights.fly("another", inner, deadline=deadline, cancel=Cancellation())[0]

    assert calls.call(read).result(20) == (GOOD, False)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_reads_what_is_in_flight_in_its_parent(calls: Calls) -> None:
    reading = Reading()
    calls.lead(reading)
    with calls.flights._lock:  # held by another thread as far as the child can tell
        pid = os.fork()
        if pid == 0:
            own = Reading()
            own.returns()
            future = calls.call(own)
            os._exit(0 if future.result(20) == (GOOD, False) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    reading.returns()
