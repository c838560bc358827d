"""What a breaker looks back on: so many calls, or those of so many seconds."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.policy.breaker import Breaker, Permit
from ocrgate.policy.window import CountWindow, Tally, TimeWindow, open_window
from ocrgate.settings import BreakerSettings
from ocrgate.testing import ManualClock
from tests.policy.breakers import state_of

CALLS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)
TIMED = st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.0, 30.0)), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@hypothesis.settings(deadline=None)
@given(CALLS, st.integers(1, 30))
def test_a_window_of_calls_counts_the_last_ones_exactly(calls: list[tuple[bool, bool]], size: int) -> None:
    window = CountWindow(size)
    held = window.empty
    for failed, slow in calls:
        held = window.add(held, failed, slow, 0.0)
    last = calls[-size:]
    assert window.tally(held, 0.0) == Tally(len(last), sum(f for f, _ in last), sum(s for _, s in last))
    assert window.read(json.loads(json.dumps(held))) == held


@hypothesis.settings(deadline=None)
@given(TIMED, st.floats(1.0, 100.0))
def test_a_window_of_time_counts_nine_tenths_of_its_period_for_sure_and_nothing_older_than_all_of_it(
    calls: list[tuple[bool, bool, float]], period: float
) -> None:
    window = TimeWindow(period)
    held = window.empty
    made: list[tuple[float, bool, bool]] = []
    now = 1000.0
    for failed, slow, pause in calls:
        now += pause
        held = window.add(held, failed, slow, now)
        made.append((now, failed, slow))
        tally = window.tally(held, now)
        young = [each for each in made if now - each[0] < 0.9 * period - 1e-6]
        within = [each for each in made if now - each[0] < period + 1e-6]
        assert len(young) <= tally.calls <= len(within)
        assert sum(each[1] for each in young) <= tally.failures <= sum(each[1] for each in within)
        assert sum(each[2] for each in young) <= tally.slow <= sum(each[2] for each in within)
        assert len(held) <= 11, "however many calls there are"
        assert window.read(json.loads(json.dumps(held))) == held
    assert window.tally(held, now + period + 1e-6) == Tally(0, 0, 0)


def test_a_window_of_time_stays_as_small_whatever_the_traffic() -> None:
    window = TimeWindow(60.0)
    held = window.empty
    for number in range(20_000):
        held = window.add(held, number % 2 == 0, False, 1_767_225_600.0 + number * 0.01)
    assert len(json.dumps(held)) < 600
    tally = window.tally(held, 1_767_225_600.0 + 200.0)
    assert 5_400 <= tally.calls <= 6_000
    assert tally.failures * 2 == tally.calls


def test_a_tenth_of_the_period_is_counted_together() -> None:
    window = TimeWindow(60.0)
    held = window.empty
    for now in (1000.0, 1005.5, 1006.0, 1013.0):
        held = window.add(held, False, False, now)
    assert held == ((1000.0, 2, 0, 0), (1006.0, 1, 0, 0), (1013.0, 1, 0, 0))


@hypothesis.settings(deadline=None)
@given(st.floats(2.0, 1e6))
def test_calls_that_the_clock_says_are_yet_to_come_are_forgotten(back: float) -> None:
    window = TimeWindow(60.0)
    held = window.add(window.empty, True, True, 5e6)
    assert window.tally(held, 5e6 - back) == Tally(0, 0, 0)
    held = window.add(held, False, False, 5e6 - back)
    assert window.tally(held, 5e6 - back) == Tally(1, 0, 0)


def test_a_clock_that_is_a_little_behind_another_one_loses_no_call() -> None:
    window = TimeWindow(60.0)
    held = window.add(window.empty, True, False, 1000.5)
    held = window.add(held, True, False, 1000.0)
    assert window.tally(held, 1000.0) == Tally(2, 2, 0)


@pytest.mark.thorough
@pytest.mark.parametrize("settings", [BreakerSettings(window=7), BreakerSettings(period=60.0)])
@hypothesis.settings(deadline=None)
@given(value=JSON)
def test_whatever_is_read_is_a_window(settings: BreakerSettings, value: Any) -> None:
    window = open_window(settings)
    held = window.read(value)
    calls, failures, slow = window.tally(window.add(held, True, True, 1000.0), 1000.0)
    assert 1 <= failures <= calls
    assert 1 <= slow <= calls


@pytest.mark.parametrize(
    "value",
    [
        [[1.0, 1, 0]],
        [[1.0, 1, 0, 0, 0]],
        [[1.0, 1, 2, 0]],
        [[1.0, 1, 0, 2]],
        [[-1.0, 1, 0, 0]],
        [[float("inf"), 1, 0, 0]],
        [[float("nan"), 1, 0, 0]],
        [[1.0, -1, -1, -1]],
        [[1.0, True, 0, 0]],
        [[1.0, 1.5, 0, 0]],
        [[1.0, 1 << 60, 0, 0]],
        [["1", 1, 0, 0]],
        [None],
        "s",
        {},
    ],
)
def test_what_is_no_bucket_of_calls_is_not_believed(value: Any) -> None:
    assert TimeWindow(60.0).read(value) == ()


@pytest.mark.parametrize("value", ["x", "ss1", 3, None, ["s"], {"s": 1}])
def test_what_is_no_list_of_calls_is_not_believed(value: Any) -> None:
    assert CountWindow(4).read(value) == ""


def test_a_shorter_window_takes_the_last_calls_of_a_longer_one() -> None:
    assert CountWindow(2).read("ffss") == "ss"


def test_buckets_of_somebody_elses_period_are_taken_in_order_and_not_without_end() -> None:
    buckets = [[float(begun), 1, 1, 0] for begun in range(100, 0, -1)]
    held = TimeWindow(60.0).read(buckets)
    assert held == tuple((float(begun), 1, 1, 0) for begun in range(81, 101))


def test_failures_older_than_the_period_no_longer_open_it_however_few_calls_there_were_since() -> None:
    clock = ManualClock()
    settings = BreakerSettings(period=60.0, minimum=4, failure_rate=0.5)
    breaker = Breaker("baidu", settings, clock=clock)
    for _ in range(3):
        breaker.admit().failure()
    clock.advance(60.0)
    breaker.admit().failure()
    assert state_of(breaker) == "closed"
    assert (breaker.status().calls, breaker.status().failures) == (1, 1)


def test_all_calls_of_the_period_count_however_many_there_are() -> None:
    clock = ManualClock()
    breaker = Breaker("baidu", BreakerSettings(period=60.0, window=5, minimum=400, failure_rate=0.5), clock=clock)
    for number in range(500):
        clock.advance(0.1)
        (Permit.failure if number % 5 < 2 else Permit.success)(breaker.admit())
    for _ in range(99):
        breaker.admit().failure()
    assert state_of(breaker) == "closed", "299 of 599 failed"
    breaker.admit().failure()
    assert state_of(breaker) == "open"
    assert breaker.status().cause == "300 of 600 calls failed"


def test_slow_calls_of_the_period_open_it() -> None:
    clock = ManualClock()
    breaker = Breaker(
        "baidu", BreakerSettings(period=60.0, minimum=4, slow_call=5.0, slow_rate=0.75), clock=clock, jitter=lambda: 0.0
    )
    for _ in range(3):
        permit = breaker.admit()
        clock.advance(5.0)
        permit.success()
    assert state_of(breaker) == "closed"
    breaker.admit().success()
    assert state_of(breaker) == "open"
    assert breaker.status().cause == "3 of 4 calls were slow"
