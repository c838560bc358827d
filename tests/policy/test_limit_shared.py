"""The rate limit where several processes share it: one schedule, whatever happens to callers and clocks."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocrgate.clock import Deadline
from ocrgate.errors import ProviderRefused
from ocrgate.policy.limit import Limit
from ocrgate.policy.schedule import Schedule, ScheduleCodec
from ocrgate.state import SQLiteStore, Store
from tests.policy.pacers import PLACE
from tests.policy.stage import Shared, Stage
from tests.state.work import finish, go, start

pytestmark = pytest.mark.thorough

FAR = 1e6
NEAR = 1e-5


class House:
    """Some processes that share a key, and when their calls were sent."""

    def __init__(
        self, stage: Stage, qps: float, *, processes: int = 2, margin: float = 0.0, shared: bool = True
    ) -> None:
        self.stage = stage
        self.store = Shared(stage)
        store, limits = (self.store, processes) if shared else (None, 1)
        self.limits = [Limit("baidu", qps, stage, margin=margin, store=store, place=PLACE) for _ in range(limits)]
        self.interval = (1 + margin) / qps
        self.sent: list[float] = []
        self.refused: list[float] = []

    def call(self, at: float, process: int = 0, *, patience: float = FAR, wake: Event | None = None) -> None:
        def ask() -> None:
            try:
                self.limits[process % len(self.limits)].acquire(Deadline.after(patience, self.stage), wake)
            except ProviderRefused:
                self.refused.append(self.stage.monotonic())
            else:
                if wake is None or not wake.is_set():
                    self.sent.append(self.stage.monotonic())

        self.stage.call(at, ask)

    def drain(self, at: float, seconds: float, process: int = 0) -> None:
        self.stage.cue(at, lambda: self.limits[process % len(self.limits)].drain(seconds))

    def set_clock(self, at: float, seconds: float) -> None:
        def jump() -> None:
            self.stage.offset += seconds

        self.stage.cue(at, jump)

    def times(self) -> list[float]:
        self.stage.play()
        return [moment - 1000.0 for moment in self.sent]


def most_in(times: list[float], span: float) -> int:
    return max((sum(first <= other < first + span for other in times) for first in times), default=0)


def test_processes_share_one_line_of_turns() -> None:
    house = House(Stage(), 4.0)
    for number in range(6):
        house.call(0.01 * number, number)
    assert house.times() == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0, 1.25])


def test_a_drain_by_one_process_moves_those_who_wait_in_another() -> None:
    house = House(Stage(), 1.0)
    for _ in range(3):
        house.call(0.0, 0)
    house.drain(0.5, 4.0, process=1)
    assert house.times() == pytest.approx([0.0, 5.0, 6.0])


def test_who_gives_up_gives_the_last_turn_back() -> None:
    house, wake = House(Stage(), 1.0), Event()
    house.call(0.0)
    house.call(0.1, wake=wake)
    house.stage.cue(0.2, lambda: house.stage.give_up(wake))
    house.call(0.3, 1)
    assert house.times() == pytest.approx([0.0, 1.0])


def test_a_turn_given_up_in_the_middle_moves_nobody() -> None:
    house, wake = House(Stage(), 1.0), Event()
    house.call(0.0)
    house.call(0.1, wake=wake)
    house.call(0.2, 1)
    house.stage.cue(0.3, lambda: house.stage.give_up(wake))
    house.call(0.4)
    assert house.times() == pytest.approx([0.0, 2.0, 3.0])


def test_a_turn_that_a_drain_moved_beyond_the_deadline_is_given_back() -> None:
    house = House(Stage(), 1.0)
    house.call(0.0)
    house.call(0.1, patience=2.0)
    house.drain(0.2, 4.0)
    house.call(1.5, 1)
    assert house.times() == pytest.approx([0.0, 5.0])
    assert [moment - 1000.0 for moment in house.refused] == pytest.approx([1.0])


def test_a_caller_who_wakes_a_little_late_moves_nobody() -> None:
    house = House(Stage(late=[0.0049]), 5.0, margin=0.04)
    for _ in range(4):
        house.call(0.0)
    assert house.times() == pytest.approx([0.0, 0.208 + 0.0049, 0.416, 0.624])


def test_a_caller_who_wakes_later_moves_the_turns_behind_it_by_the_rest() -> None:
    house = House(Stage(late=[0.12]), 5.0, margin=0.04)
    for number in range(4):
        house.call(0.0, number)
    assert house.times() == pytest.approx([0.0, 0.208 + 0.12, 0.416 + 0.115, 0.624 + 0.115])


def test_without_a_margin_no_two_calls_come_closer_than_the_rate() -> None:
    house = House(Stage(late=[0.003, 0.0, 0.1, 0.05]), 5.0)
    for number in range(6):
        house.call(0.0, number)
    assert min(after - before for before, after in itertools.pairwise(house.times())) >= 0.2 - NEAR


def test_a_caller_whose_host_was_stopped_queues_up_again_and_the_others_go_on() -> None:
    house = House(Stage(late=[5.3]), 1.0)
    house.call(0.0, 0)
    house.call(0.1, 0)
    for number in range(2, 9):
        house.call(0.1 * number, 1)
    # Its turn was at 1, it woke at 6.3, and the last of the others had the turn at 8.
    assert house.times() == pytest.approx([0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])


@pytest.mark.parametrize("shared", [True, False])
@given(
    qps=st.sampled_from([0.5, 1.0, 3.0, 5.0, 40.0]),
    margin=st.sampled_from([0.0, 0.04, 0.5]),
    script=st.lists(
        st.tuples(
            st.sampled_from(["call", "call", "call", "drain", "leave", "short"]),
            st.floats(0.0, 4.0),
            st.integers(0, 2),
            st.floats(0.0, 3.0),
        ),
        max_size=25,
    ),
    late=st.lists(st.one_of(st.just(0.0), st.floats(0.0, 0.05), st.floats(0.0, 3.0)), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_whatever_callers_do_no_span_holds_more_calls_than_its_turns(
    shared: bool, qps: float, margin: float, script: list[tuple[str, float, int, float]], late: list[float]
) -> None:
    stage = Stage(late)
    house = House(stage, qps, processes=3, margin=margin, shared=shared)
    drained: list[tuple[float, float]] = []
    expected = 0
    for what, at, process, seconds in script:
        if what == "drain":
            house.drain(at, seconds, process)
            drained.append((at, at + seconds))
        elif what == "leave":
            wake = Event()
            house.call(at, process, wake=wake)
            stage.cue(at + seconds, lambda wake=wake: stage.give_up(wake))  # type: ignore[misc]
        elif what == "short":
            house.call(at, process, patience=seconds)
        else:
            house.call(at, process)
            expected += 1
    times = house.times()
    assert times == sorted(times)
    assert len(times) >= expected, "who has time gets a turn"
    tolerance = margin / 8 * max(1.0, 1 / qps)
    for turns in range(1, len(times)):
        assert most_in(times, turns * house.interval - tolerance - NEAR) <= turns
    if not late:
        assert not any(begun + NEAR < moment < end - NEAR for moment in times for begun, end in drained)


@pytest.mark.parametrize("processes", [1, 3])
def test_as_many_calls_are_sent_as_the_rate_allows(processes: int) -> None:
    house = House(Stage(), 5.0, processes=processes, margin=0.04)
    for number in range(100):
        house.call(0.001 * number, number)
    assert house.times()[-1] == pytest.approx(99 * 0.208)


@pytest.mark.parametrize("back", [30.0, 3600.0, 86400.0 * 400])
def test_a_clock_that_is_set_back_refuses_nobody_for_long(back: float) -> None:
    house = House(Stage(), 2.0)
    for number in range(8):
        house.call(0.1 * number, number)
    house.set_clock(1.2, -back)
    for number in range(8):
        house.call(1.3 + 0.1 * number, number, patience=20.0)
    times = house.times()
    assert len(times) == 16
    assert house.refused == []
    assert min(after - before for before, after in itertools.pairwise(times)) >= 0.5 - NEAR
    assert times[-1] < 12.0


@pytest.mark.parametrize("forth", [0.6, 30.0, 3600.0])
def test_a_clock_that_is_set_forward_allows_no_burst(forth: float) -> None:
    house = House(Stage(), 5.0)
    for number in range(20):
        house.call(0.01 * number, number)
    house.set_clock(1.1, forth)
    for number in range(20):
        house.call(1.15 + 0.01 * number, number)
    times = house.times()
    assert len(times) == 40
    assert most_in(times, 1.0 - NEAR) <= 5
    assert min(after - before for before, after in itertools.pairwise(times)) >= 0.2 - NEAR
    assert times[-1] < 39 * 0.2 + 4.0, "no more is lost than the turns that were reserved"


def test_a_clock_that_is_a_little_behind_that_of_another_host_brings_no_turns_forward() -> None:
    stage = Stage()

    class Behind(Shared):
        def time(self) -> float:
            return super().time() - 0.3

    ahead, behind = Shared(stage), Behind(stage)
    behind._entries = ahead._entries
    first, second = (Limit("baidu", 5.0, stage, store=store, place=PLACE) for store in (ahead, behind))
    far = Deadline.after(FAR, stage)
    turns = [
        stage.time() - offset + limit.reserve(far) for _ in range(20) for limit, offset in ((first, 0.0), (second, 0.3))
    ]
    assert min(after - before for before, after in itertools.pairwise(turns)) >= 0.2 - NEAR


def test_a_record_that_is_lost_while_callers_wait_brings_no_two_of_them_together() -> None:
    house = House(Stage(), 2.0)
    for number in range(6):
        house.call(0.0, number)
    house.drain(0.1, 1.0)
    house.stage.cue(0.7, lambda: house.store.put(f"limit/{PLACE.replace('/', '%2F')}", "nonsense"))
    for number in range(4):
        house.call(1.6, number)
    times = house.times()
    assert len(times) == 10
    assert min(after - before for before, after in itertools.pairwise(times)) >= 0.5 - NEAR


def test_looking_at_the_wait_takes_nothing() -> None:
    stage = Stage()
    limit = House(stage, 2.0).limits[0]
    assert limit.wait == 0.0
    assert limit.reserve(Deadline.after(FAR, stage)) == 0.0
    assert [limit.wait for _ in range(5)] == pytest.approx([0.5] * 5)
    limit.drain(2.0)
    assert limit.wait == pytest.approx(2.5)


def test_keys_of_different_places_do_not_share_turns() -> None:
    stage = Stage()
    store, far = Shared(stage), Deadline.after(FAR, stage)
    limits = [Limit("baidu", 1.0, stage, store=store, place=place) for place in ("one", "two", "")]
    assert [limit.reserve(far) for limit in limits] == [0.0, 0.0, 0.0]


numbers = st.floats(allow_nan=True, allow_infinity=True).map(repr)


@given(st.one_of(st.text(max_size=40), st.lists(numbers, min_size=3, max_size=7).map(" ".join)))
@example("1 1 -1e300 1 1")
@example("1767225600.0 1767225600.0 1e10 1767225600.0 1767225600.0")
@example("1767225600.0 1e300 0 1767225600.0 1767225600.0")
@example("1767225600.0 1e9 0 1767225600.0 1e300")
@example("1767225600.0 1767225600.0 nan 1767225600.0 1767225600.0")
@example("1767225600.0 1.9e9 0 1767225600.0 1767225600.0")
@example("1767225600.0 1767225600.0 0 1.9e9 1767225600.0")
def test_whatever_stands_in_the_store_the_limit_works(text: str) -> None:
    stage = Stage()
    store = Shared(stage)
    store.put("limit/key", text)
    limit = Limit("baidu", 5.0, stage, store=store, place="key")
    month = Deadline.after(31 * 86400.0, stage)
    first, second = limit.reserve(month), limit.reserve(month)
    assert second - first >= 0.2 - 1e-4
    limit.drain(1.0)


@given(
    st.builds(
        Schedule,
        born=st.floats(1e9, 2e9),
        next=st.floats(1e9, 2e9),
        delay=st.floats(0.0, 1e5),
        drained=st.floats(1e9, 2e9),
        seen=st.just(2e9),
    )
)
def test_a_record_is_read_as_it_was_written(schedule: Schedule) -> None:
    codec = ScheduleCodec()
    assert codec.decode(codec.encode(schedule)) == schedule
    assert codec.decode(codec.encode(codec.fresh())) == codec.fresh()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store that processes share, a real one."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'state.db'}"
        return
    from tests.state.server import Server

    with Server() as server:
        yield server.url


def test_four_processes_together_keep_to_the_rate_and_use_it(state: str) -> None:
    processes = [start("take", state, 10.0, 0.04, 3.0, 2, module="tests.policy.pacers") for _ in range(4)]
    go(*processes)
    came = sorted(moment for process in processes for moment in json.loads(finish(process)))
    assert most_in(came, 1.0) <= 10
    assert most_in(came[:-8], 3.0) >= 0.85 * 30, "the rate is used"


def test_a_process_that_is_killed_while_it_waits_loses_only_its_own_turns(state: str) -> None:
    doomed = start("wait_for_ever", state, 4.0, 3, module="tests.policy.pacers")
    go(doomed)
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == "waiting\n"
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.communicate(timeout=20)
    heir = start("take", state, 4.0, 0.0, 1.2, 1, module="tests.policy.pacers")
    go(heir)
    came = json.loads(finish(heir))
    # Three turns were the dead one's, all of them within three quarters of a second.
    assert len(came) >= 4
    assert min(after - before for before, after in itertools.pairwise(came)) >= 0.24


def test_the_clock_of_a_file_serves_limits_of_one_process_too(tmp_path: Path) -> None:
    stage = Stage()
    store: Store = SQLiteStore(tmp_path / "state.db", stage)
    first, second = (Limit("baidu", 4.0, stage, store=store, place=PLACE) for _ in range(2))
    far = Deadline.after(FAR, stage)
    waits = [limit.reserve(far) for _ in range(3) for limit in (first, second)]
    assert waits == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0, 1.25])
    store.close()
