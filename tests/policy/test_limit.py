"""The rate limit: evenly spaced turns, reserved ahead."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.clock import Deadline, Wake
from ocrgate.errors import ProviderRefused
from ocrgate.policy.limit import Limit
from ocrgate.testing import ManualClock

FAR = 1e9


def far(clock: ManualClock) -> Deadline:
    return Deadline.after(FAR, clock)


def refused(limit: Limit, deadline: Deadline) -> ProviderRefused:
    with pytest.raises(ProviderRefused) as caught:
        limit.reserve(deadline)
    return caught.value


@pytest.mark.parametrize(("qps", "margin"), [(0.0, 0.0), (-1.0, 0.0), (math.inf, 0.0), (math.nan, 0.0), (1.0, -0.1)])
def test_a_rate_of_nothing_is_refused(qps: float, margin: float) -> None:
    with pytest.raises(ValueError, match="qps"):
        Limit("baidu", qps, margin=margin)


def test_a_margin_sets_the_turns_further_apart() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 4.0, clock, margin=0.2)
    assert [limit.reserve(far(clock)) for _ in range(4)][1:] == pytest.approx([0.3, 0.6, 0.9])


def test_an_interruption_of_the_wait_gives_the_turn_back() -> None:
    class Interrupted(ManualClock):
        def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
            raise KeyboardInterrupt

    clock = Interrupted()
    limit = Limit("baidu", 1.0, clock)
    limit.acquire(far(clock))
    with pytest.raises(KeyboardInterrupt):
        limit.acquire(far(clock))
    assert limit.wait == pytest.approx(1.0)


def test_the_first_turn_is_at_once_and_the_others_are_evenly_spaced() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 4.0, clock)
    assert [limit.reserve(far(clock)) for _ in range(5)] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])


def test_time_without_calls_saves_up_no_burst() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 4.0, clock)
    limit.reserve(far(clock))
    clock.advance(60.0)
    assert [limit.reserve(far(clock)) for _ in range(3)] == pytest.approx([0.0, 0.25, 0.5])


def test_a_turn_after_the_deadline_is_refused_at_once_and_nothing_is_taken() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 1.0, clock)
    limit.reserve(far(clock))
    limit.reserve(far(clock))
    for _ in range(10):
        error = refused(limit, Deadline.after(2.0, clock))
        assert error.reason == "rate_limit"
        assert error.retry_in == pytest.approx(2.0)
    assert clock.slept == []
    assert limit.reserve(Deadline.after(2.5, clock)) == pytest.approx(2.0)


def test_a_deadline_that_is_over_gets_no_turn_even_when_one_is_free() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 1.0, clock)
    refused(limit, Deadline.after(0.0, clock))
    assert limit.reserve(far(clock)) == 0.0


def test_acquiring_waits_for_the_turn() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    for _ in range(3):
        limit.acquire(far(clock))
    assert clock.slept == pytest.approx([0.5, 0.5])


def test_acquiring_refuses_as_reserving_does() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 1.0, clock)
    limit.reserve(far(clock))
    with pytest.raises(ProviderRefused):
        limit.acquire(Deadline.after(0.5, clock))
    assert clock.slept == []


def test_a_caller_who_gives_up_stops_waiting() -> None:
    limit = Limit("baidu", 0.01)
    limit.acquire(Deadline.after(1000.0))
    wake = Event()
    wake.set()
    begun = monotonic()
    limit.acquire(Deadline.after(1000.0), wake)
    assert monotonic() - begun < 1.0
    assert limit.wait <= 100.0, "its turn is free again"


def test_draining_leaves_no_turn_for_that_long() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    limit.drain(3.0)
    assert refused(limit, Deadline.after(3.0, clock)).retry_in == pytest.approx(3.0)
    assert limit.reserve(far(clock)) == pytest.approx(3.0)
    assert limit.reserve(far(clock)) == pytest.approx(3.5)


def test_draining_moves_every_turn_that_is_still_to_come() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    limit.reserve(far(clock))
    limit.drain(3.0)
    assert limit.reserve(far(clock)) == pytest.approx(3.5)


def test_a_shorter_drain_takes_nothing_back_and_several_do_not_add_up() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    for seconds in (3.0, 1.0, 3.0, 0.5):
        limit.drain(seconds)
    assert limit.reserve(far(clock)) == pytest.approx(3.0)


@pytest.mark.parametrize("seconds", [-5.0, 0.0, math.nan])
def test_a_drain_of_nothing_moves_nothing(seconds: float) -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    limit.reserve(far(clock))
    limit.drain(seconds)
    assert limit.reserve(far(clock)) == pytest.approx(0.5)


def test_a_drain_lasts_a_day_at_most() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    limit.drain(math.inf)
    assert limit.wait == pytest.approx(86400.0)


def test_a_complaint_that_follows_another_adds_only_what_is_new() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    limit.reserve(far(clock))
    limit.drain(3.0)
    clock.advance(1.0)
    limit.drain(3.0)
    assert limit.reserve(far(clock)) == pytest.approx(3.5)


def test_a_drain_that_is_over_is_forgotten() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 2.0, clock)
    limit.drain(3.0)
    clock.advance(10.0)
    assert [limit.reserve(far(clock)) for _ in range(2)] == pytest.approx([0.0, 0.5])
    limit.drain(1.0)
    assert limit.reserve(far(clock)) == pytest.approx(2.0), "the turn at 0.5 was taken, so the next was at 1.0"


class Complained(ManualClock):
    """A clock on which the server complains in the middle of the first sleep."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.limit: Limit | None = None

    def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
        self.advance(seconds / 2)
        if self.limit is not None:
            self.limit.drain(self.seconds)
            self.limit = None
        self.slept.append(seconds)
        self.advance(seconds / 2)
        return False


def test_a_drain_delays_those_who_wait_already() -> None:
    clock = Complained(4.0)
    limit = Limit("baidu", 1.0, clock)
    limit.acquire(far(clock))
    clock.limit = limit
    begun = clock.monotonic()
    limit.acquire(far(clock))
    assert clock.monotonic() - begun == pytest.approx(5.0), "its turn in a second, moved by four"
    assert limit.reserve(far(clock)) == pytest.approx(1.0), "the next one follows it"


def test_a_drain_that_moves_a_turn_beyond_the_deadline_ends_the_waiting() -> None:
    clock = Complained(4.0)
    limit = Limit("baidu", 1.0, clock)
    limit.acquire(far(clock))
    clock.limit = limit
    with pytest.raises(ProviderRefused) as caught:
        limit.acquire(Deadline.after(2.0, clock))
    assert caught.value.reason == "rate_limit"
    assert len(clock.slept) == 1


@given(
    st.floats(0.1, 50.0),
    st.lists(
        st.one_of(st.just("ask"), st.floats(0.0, 3.0), st.floats(0.0, 3.0).map(lambda seconds: ("drain", seconds))),
        max_size=120,
    ),
)
def test_any_sliding_second_holds_at_most_the_rate(qps: float, script: list[str | float | tuple[str, float]]) -> None:
    clock = ManualClock()
    limit = Limit("baidu", qps, clock)
    turns: list[float] = []
    for step in script:
        if isinstance(step, float):
            clock.advance(step)
        elif isinstance(step, tuple):
            limit.drain(step[1])
            quiet_until = clock.monotonic() + step[1]
            # What waits already moves along: only turns that are over by now are settled.
            turns = [turn for turn in turns if turn <= clock.monotonic()]
            assert clock.monotonic() + limit.reserve(far(clock)) >= quiet_until - 1e-6
            break
        else:
            turns.append(clock.monotonic() + limit.reserve(far(clock)))
    assert all(after - before >= 1 / qps - 1e-6 for before, after in itertools.pairwise(turns))
    for place, turn in enumerate(turns):
        held = sum(turn <= other < turn + 1 - 1e-6 for other in turns[place:])
        assert held <= math.ceil(qps)


def test_turns_of_many_threads_are_unique_evenly_spaced_and_in_the_order_of_asking() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 10.0, clock)
    guard = Lock()
    order: list[float] = []

    def work(_: int) -> None:
        for _ in range(50):
            with guard:
                order.append(limit.reserve(far(clock)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert order == pytest.approx([0.1 * turn for turn in range(400)])


def test_turns_taken_without_any_order_are_unique_too() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 10.0, clock)
    with ThreadPoolExecutor(8) as pool:
        turns = sorted(pool.map(lambda _n: limit.reserve(far(clock)), range(400)))
    assert turns == pytest.approx([0.1 * turn for turn in range(400)])


def test_waiting_threads_go_in_the_order_of_their_turns() -> None:
    limit = Limit("baidu", 20.0)
    gone: list[tuple[float, int]] = []
    begun = monotonic()
    with ThreadPoolExecutor(6) as pool:
        queued = Event()

        def wait(number: int) -> None:
            queued.set()
            limit.acquire(Deadline.after(10.0))
            gone.append((monotonic() - begun, number))

        for number in range(6):
            queued.clear()
            pool.submit(wait, number)
            assert queued.wait(5.0)
    moments = [moment for moment, _ in gone]
    assert all(after - before > 0.02 for before, after in itertools.pairwise(moments))
    assert moments[-1] >= 0.25


def test_a_call_that_goes_out_late_moves_the_turns_to_come_by_as_much() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 5.0, clock, margin=0.04)
    turn = limit.acquire(far(clock))
    assert turn is not None
    clock.advance(0.1)
    limit.sent(turn)
    assert limit.wait == pytest.approx(0.208 + 0.1 - 0.005 - 0.1)


def test_a_call_that_goes_out_in_time_moves_nothing() -> None:
    clock = ManualClock()
    limit = Limit("baidu", 5.0, clock, margin=0.04)
    turn = limit.acquire(far(clock))
    assert turn is not None
    clock.advance(0.004)
    limit.sent(turn)
    assert limit.wait == pytest.approx(0.204)
