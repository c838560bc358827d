"""Adaptive concurrency, against a server whose answers get slower when more is asked of it at once than it can do."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import mean
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.policy.concurrency import Concurrency, Told
from ocrgate.settings import ConcurrencySettings
from ocrgate.testing import ManualClock

Mode = Literal["fixed", "aimd", "gradient"]
ADAPTIVE: tuple[Mode, ...] = ("aimd", "gradient")


class Server:
    """Works on so many calls at once; what is more makes all of them slower. Callers always have another call.

    Attributes:
        room: calls at once that it answers in `seconds`.
        answered: calls so far.
    """

    def __init__(self, concurrency: Concurrency, clock: ManualClock, *, room: int, noise: float = 0.0) -> None:
        self.concurrency, self.clock = concurrency, clock
        self.room, self.seconds, self.noise = room, 0.1, noise
        self.callers = 1000
        self.answered = 0
        self._chance = random.Random(7)
        self._ends: list[tuple[float, float]] = []

    def run(self, seconds: float, told: Callable[[float], Told] = lambda _elapsed: "ok") -> list[int]:
        """Let time pass; the limit after each answer of the second half of it."""
        clock, until = self.clock, self.clock.monotonic() + seconds
        seen: list[int] = []
        while clock.monotonic() < until:
            now = clock.monotonic()
            while len(self._ends) < min(self.concurrency.limit, self.callers):
                crowd = max(1.0, (len(self._ends) + 1) / self.room)
                takes = self.seconds * crowd * self._chance.uniform(1 - self.noise, 1 + self.noise)
                heapq.heappush(self._ends, (now + takes, now))
            end, begun = heapq.heappop(self._ends)
            clock.advance(end - now)
            self.concurrency.told(end - begun, len(self._ends) + 1, told(end - begun))
            self.answered += 1
            if until - clock.monotonic() < seconds / 2:
                seen.append(self.concurrency.limit)
        return seen


def adaptive(
    mode: Mode, *, most: int = 64, minimum: int = 1, slow: float | None = 0.15
) -> tuple[Concurrency, ManualClock]:
    clock = ManualClock()
    return Concurrency(ConcurrencySettings(mode, minimum, slow), most, clock), clock


def test_a_fixed_limit_stays_whatever_happens() -> None:
    concurrency, _ = adaptive("fixed", most=8)
    for outcome in ("ok", "overload", "ignored") * 50:
        concurrency.told(100.0, 8, outcome)
    assert concurrency.limit == 8


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("mode", ADAPTIVE)
def test_the_limit_settles_near_what_the_server_can_do_and_follows_it(mode: Mode, noise: float) -> None:
    concurrency, clock = adaptive(mode)
    server = Server(concurrency, clock, room=10, noise=noise)
    for room in (10, 30, 5, 10):
        server.room = room
        server.run(30.0)
        before = server.answered
        seen = server.run(30.0)
        assert 0.9 * room <= mean(seen) <= 1.9 * room
        assert server.answered - before >= 0.9 * 30.0 * room / 0.1, "the server is busy"


@pytest.mark.parametrize("before", [1.0, 2.0, 20.0, 63.0])
@pytest.mark.parametrize(("seconds", "within"), [(0.16, 100.0), (0.4, 100.0), (3.0, 400.0)])
def test_a_server_that_becomes_slower_without_being_asked_too_much_gets_its_calls_back(
    seconds: float, within: float, before: float
) -> None:
    concurrency, clock = adaptive("gradient")
    server = Server(concurrency, clock, room=20)
    server.run(before)
    server.seconds = seconds
    server.run(within)
    assert mean(server.run(60.0)) >= 16


@pytest.mark.parametrize("mode", ADAPTIVE)
def test_a_server_with_room_for_all_gets_all(mode: Mode) -> None:
    concurrency, clock = adaptive(mode, most=16)
    server = Server(concurrency, clock, room=100, noise=0.3)
    server.run(30.0)
    seen = server.run(30.0)
    assert mean(seen) >= 15
    assert max(seen) == 16


@pytest.mark.parametrize("mode", ADAPTIVE)
def test_a_limit_that_is_not_used_does_not_grow_beyond_twice_what_is_used(mode: Mode) -> None:
    concurrency, clock = adaptive(mode)
    server = Server(concurrency, clock, room=100)
    server.callers = 3
    server.run(120.0)
    assert concurrency.limit <= 8


@pytest.mark.parametrize("mode", ADAPTIVE)
def test_a_server_that_says_it_is_asked_too_often_is_asked_less(mode: Mode) -> None:
    concurrency, clock = adaptive(mode, slow=None)
    server = Server(concurrency, clock, room=100)
    server.run(30.0)
    before = concurrency.limit
    server.run(5.0, lambda _elapsed: "overload")
    assert concurrency.limit < before / 2
    server.run(5.0, lambda _elapsed: "overload")
    assert concurrency.limit == 1
    server.run(60.0)
    assert concurrency.limit > 20


@pytest.mark.parametrize("mode", ADAPTIVE)
def test_calls_that_were_in_flight_together_bring_the_limit_down_once(mode: Mode) -> None:
    concurrency, clock = adaptive(mode)
    Server(concurrency, clock, room=100).run(60.0)
    before = concurrency.limit
    clock.advance(5.0)
    for _ in range(20):
        concurrency.told(1.0, 20, "overload")
    assert math.floor(before * 0.9) - 1 <= concurrency.limit < before
    after = concurrency.limit
    clock.advance(2.0)
    concurrency.told(1.0, 20, "overload")
    assert concurrency.limit < after


def test_slow_calls_that_were_in_flight_together_bring_the_limit_down_once() -> None:
    concurrency, clock = adaptive("aimd", slow=0.5)
    Server(concurrency, clock, room=100).run(30.0)
    before = concurrency.limit
    clock.advance(5.0)
    for _ in range(20):
        concurrency.told(1.0, 20, "ok")
    assert before * 0.9 - 1 <= concurrency.limit < before


@pytest.mark.parametrize("mode", ADAPTIVE)
def test_calls_that_tell_nothing_change_nothing(mode: Mode) -> None:
    concurrency, clock = adaptive(mode)
    before = concurrency.limit
    for elapsed in (0.001, 1000.0):
        for _ in range(200):
            clock.advance(1.0)
            concurrency.told(elapsed, 8, "ignored")
    concurrency.told(math.nan, 8, "overload")
    assert concurrency.limit == before


def test_now_and_then_few_calls_are_let_through_for_a_moment() -> None:
    concurrency, clock = adaptive("gradient")
    seen = Server(concurrency, clock, room=20).run(60.0)
    low = sum(limit <= 8 for limit in seen)
    assert 0 < low < 0.1 * len(seen)


reports = st.lists(
    st.tuples(st.floats(0.0, 1e6), st.integers(0, 100), st.sampled_from(["ok", "ok", "ok", "overload", "ignored"])),
    max_size=300,
)


@given(st.sampled_from(["aimd", "gradient"]), st.integers(1, 40), st.integers(1, 40), reports, st.floats(0.0, 10.0))
def test_the_limit_never_leaves_its_bounds(
    mode: Mode, minimum: int, most: int, told: list[tuple[float, int, Told]], pause: float
) -> None:
    concurrency, clock = adaptive(mode, most=most, minimum=minimum)
    for elapsed, in_flight, outcome in told:
        clock.advance(pause)
        concurrency.told(elapsed, in_flight, outcome)
        assert min(minimum, most) <= concurrency.limit <= most


def test_the_same_story_has_the_same_end() -> None:
    ends = []
    for _ in range(2):
        concurrency, clock = adaptive("gradient")
        ends.append(Server(concurrency, clock, room=10, noise=0.5).run(60.0))
    assert ends[0] == ends[1]


def test_threads_may_tell_at_once() -> None:
    concurrency, _ = adaptive("aimd", most=1000, slow=None)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _n: concurrency.told(0.0, 1000, "ok"), range(4000)))
    alone, _ = adaptive("aimd", most=1000, slow=None)
    for _ in range(4000):
        alone.told(0.0, 1000, "ok")
    assert concurrency.limit == alone.limit


@pytest.mark.parametrize("most", [0, -1])
def test_no_calls_at_all_are_no_concurrency(most: int) -> None:
    with pytest.raises(ValueError, match="most"):
        Concurrency(ConcurrencySettings(), most)
