"""Who looks whether a store is back, and when."""

from __future__ import annotations

import threading
import time

import pytest
from tests.state.waiting import until

from ocrgate.state.lookout import FIRST_PAUSE, LONGEST_PAUSE, Lookout
from ocrgate.testing import ManualClock


class Watched:
    """A store that is back after some looks."""

    def __init__(self, after: float, *, beside: bool = True, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.after = after
        self.looks: list[tuple[str, float]] = []
        self.lookout = Lookout(self._look, self.clock, beside=beside)

    def _look(self) -> None:
        self.looks.append((threading.current_thread().name, self.clock.monotonic()))
        if len(self.looks) >= self.after:
            self.lookout.end()

    def pass_by(self) -> int:
        """Be a call during the outage; how many looks there have been."""
        self.lookout.passing()
        return len(self.looks)


def threads() -> int:
    return sum(thread.name == "ocrgate-state" for thread in threading.enumerate())


def test_calls_look_themselves_when_nobody_is_beside_them() -> None:
    watched = Watched(99, beside=False)
    begun = watched.clock.monotonic()
    watched.lookout.begin()
    for _ in range(60):
        watched.pass_by()
        watched.pass_by()
        watched.clock.advance(0.5)
    assert [at - begun for _, at in watched.looks] == [0.5, 1.5, 3.5, 7.5, 12.5, 17.5, 22.5, 27.5]
    assert (FIRST_PAUSE, LONGEST_PAUSE, threads()) == (0.5, 5.0, 0)


def test_a_thread_looks_by_itself_and_ends_with_the_outage() -> None:
    watched = Watched(1)
    watched.lookout.begin()
    assert threads() == 1
    assert until(lambda: watched.looks) == pytest.approx(FIRST_PAUSE, abs=0.4)
    until(lambda: threads() == 0)
    assert watched.looks[0][0] == "ocrgate-state"


def test_a_call_wakes_the_thread_when_its_clock_says_so() -> None:
    watched = Watched(3)
    watched.lookout.begin()
    waited = 0.0
    for number in range(1, 4):
        assert watched.pass_by() == number - 1
        watched.clock.advance(LONGEST_PAUSE)
        watched.pass_by()
        waited += until(lambda number=number: len(watched.looks) == number)  # type: ignore[misc]
    assert waited < FIRST_PAUSE * (1 + 2 + 4) / 2
    until(lambda: threads() == 0)


def test_of_calls_that_pass_at_the_same_time_one_looks() -> None:
    class Passed(ManualClock):
        """While a call asks for the time, another one passes by."""

        armed = False

        def monotonic(self) -> float:
            now = super().monotonic()
            if self.armed:
                self.armed = False
                watched.pass_by()
            return now

    clock = Passed()
    watched = Watched(99, beside=False, clock=clock)
    watched.lookout.begin()
    clock.advance(1)
    clock.armed = True
    assert watched.pass_by() == 1


def test_one_outage_after_another_has_one_thread_each() -> None:
    watched = Watched(0)
    for number in range(1, 6):
        watched.lookout.begin()
        watched.lookout.begin()
        assert threads() == 1
        watched.clock.advance(1)
        watched.pass_by()
        until(lambda number=number: len(watched.looks) >= number and threads() == 0)  # type: ignore[misc]


def test_closing_ends_the_thread_at_once_and_whoever_passes_by_later_begins_another() -> None:
    watched = Watched(1)
    watched.lookout.begin()
    begun = time.perf_counter()
    watched.lookout.close()
    assert time.perf_counter() - begun < 0.3
    assert (threads(), watched.looks) == (0, [])
    watched.clock.advance(1)
    watched.pass_by()
    until(lambda: watched.looks and threads() == 0)


def test_a_look_that_ends_in_an_error_does_not_end_the_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(99)
    failed = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _args: failed.set())
    watched._look = lambda: 1 / 0  # type: ignore[method-assign,assignment]
    lookout = Lookout(lambda: watched._look(), watched.clock)
    lookout.begin()
    watched.clock.advance(1)
    lookout.passing()
    assert failed.wait(10)
    seen = threading.Event()
    watched._look = seen.set  # type: ignore[method-assign]
    until(lambda: threads() == 0)
    watched.clock.advance(10)
    lookout.passing()
    assert seen.wait(10)
    lookout.close()
    assert threads() == 0


def test_when_no_thread_can_be_had_calls_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(1)

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        watched.lookout.begin()
        watched.clock.advance(1)
        watched.pass_by()
    assert watched.looks == []
    watched.pass_by()
    until(lambda: watched.looks and threads() == 0)
