"""Clocks and deadlines."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Event, Timer
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.clock import SYSTEM_CLOCK, Deadline
from ocrgate.testing import ManualClock

# Sixty-fourths, because sums of them are exact.
seconds = st.integers(-640, 6400).map(lambda parts: parts / 64)


def test_a_deadline_is_asked_what_is_left() -> None:
    clock = ManualClock()
    deadline = Deadline.after(2.0, clock)
    assert (deadline.remaining, deadline.expired) == (2.0, False)
    clock.advance(1.5)
    assert (deadline.remaining, deadline.expired) == (0.5, False)
    clock.advance(0.5)
    assert (deadline.remaining, deadline.expired) == (0.0, True)
    clock.advance(1.0)
    assert (deadline.remaining, deadline.expired) == (0.0, True)


@given(seconds, seconds)
def test_an_earlier_deadline_never_ends_after_the_one_it_came_from(whole: float, part: float) -> None:
    clock = ManualClock()
    deadline = Deadline.after(whole, clock)
    within = deadline.within(part)
    assert within.at == min(deadline.at, clock.monotonic() + part)
    assert within.clock is clock
    assert deadline.within(None) is deadline


def test_a_wait_for_a_future_ends_with_it_or_with_the_time() -> None:
    future: Future[int] = Future()
    begun = monotonic()
    assert not SYSTEM_CLOCK.wait(future, 0.05)
    assert monotonic() - begun >= 0.05
    assert not SYSTEM_CLOCK.wait(future, 0.0)
    assert not SYSTEM_CLOCK.wait(future, -1.0)
    Timer(0.02, future.set_result, [1]).start()
    assert SYSTEM_CLOCK.wait(future, 5.0)
    assert monotonic() - begun < 2.0


@pytest.mark.parametrize("error", [TimeoutError("its own"), ValueError("x"), KeyboardInterrupt()])
def test_a_future_that_holds_an_error_is_done(error: BaseException) -> None:
    future: Future[int] = Future()
    future.set_exception(error)
    assert SYSTEM_CLOCK.wait(future, 5.0)


def test_a_future_that_was_cancelled_is_done() -> None:
    future: Future[int] = Future()
    future.cancel()
    assert SYSTEM_CLOCK.wait(future, 5.0)


@pytest.mark.parametrize("forever", [1e15, float("inf")])
def test_no_time_is_too_long_to_wait(forever: float) -> None:
    future: Future[int] = Future()
    Timer(0.01, future.set_result, [1]).start()
    assert SYSTEM_CLOCK.wait(future, forever)
    wake = Event()
    Timer(0.01, wake.set).start()
    assert SYSTEM_CLOCK.sleep(forever, wake)


class Noting(Event):
    """Notes how long each wait of the system would have taken, and takes none."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.left = waits
        self.asked: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        self.left -= 1
        return self.left == 0


class Pending(Future[int]):
    def __init__(self, waits: int) -> None:
        super().__init__()
        self.left = waits
        self.asked: list[float | None] = []

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.asked.append(timeout)
        self.left -= 1
        if self.left:
            raise FutureTimeout
        return None


@pytest.mark.parametrize("seconds", [12.0, 1e15, float("inf")])
def test_a_long_wait_is_made_of_short_ones_so_that_a_signal_just_before_one_is_heard_soon(seconds: float) -> None:
    wake, future = Noting(waits=5), Pending(waits=5)
    assert SYSTEM_CLOCK.sleep(seconds, wake)
    assert SYSTEM_CLOCK.wait(future, seconds)
    for asked in (wake.asked, future.asked):
        assert len(asked) == 5
        assert all(one is not None and 0 < one <= 0.5 for one in asked)


@pytest.mark.parametrize("seconds", [0.7, 0.2])
def test_pieces_of_a_wait_are_no_longer_than_the_wait(seconds: float) -> None:
    begun = monotonic()
    assert not SYSTEM_CLOCK.sleep(seconds, Event())
    assert not SYSTEM_CLOCK.wait(Future(), seconds)
    SYSTEM_CLOCK.sleep(seconds)
    assert 3 * seconds <= monotonic() - begun < 3 * seconds + 0.4


def test_a_sleep_tells_whether_it_was_ended() -> None:
    wake = Event()
    assert not SYSTEM_CLOCK.sleep(0.01, wake)
    assert not SYSTEM_CLOCK.sleep(-1.0, wake)
    assert not SYSTEM_CLOCK.sleep(-1.0)
    wake.set()
    begun = monotonic()
    assert SYSTEM_CLOCK.sleep(60.0, wake)
    assert monotonic() - begun < 1.0


def test_a_sleep_takes_its_time() -> None:
    begun = SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.03)
    assert SYSTEM_CLOCK.monotonic() - begun >= 0.03
    assert SYSTEM_CLOCK.time() > 1.7e9


def test_a_manual_clock_moves_by_sleeping_and_by_hand_only() -> None:
    clock = ManualClock(monotonic=5.0, time=100.0)
    clock.advance(1.0)
    assert not clock.sleep(2.0)
    assert not clock.sleep(-3.0)
    wake = Event()
    wake.set()
    assert clock.sleep(9.0, wake)
    assert (clock.monotonic(), clock.time()) == (8.0, 103.0)
    assert clock.slept == [2.0, -3.0, 9.0]
