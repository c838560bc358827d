"""Records that threads and processes change in turn."""

from __future__ import annotations

import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.state.flaky import Flaky
from tests.state.server import Server
from tests.state.waiting import until
from tests.state.work import Tally, finish, go, increment, start

from ocrgate.state import Guarded, MemoryStore, SQLiteStore, open_store
from ocrgate.state.cell import Cell, LocalCell, SharedCell, open_cell
from ocrgate.testing import ManualClock

SHARED = ["sqlite", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a store that processes can share."""
    if request.param == "sqlite":
        return str(tmp_path / "state.db")
    server: Server = request.getfixturevalue("started")
    server.flush()
    return server.url


def total(place: str) -> int:
    store = open_store(place if "://" in place else f"sqlite:{place}")
    cell = SharedCell(store, "tally", Tally(), 60.0)
    found = cell.look(lambda record, _now: record[0])
    store.close()
    return found


def local(clock: ManualClock) -> Cell[list[int]]:
    return LocalCell(Tally(), clock)


def shared(clock: ManualClock) -> Cell[list[int]]:
    return SharedCell(MemoryStore(clock), "tally", Tally(), 60.0, clock)


@pytest.mark.parametrize("made", [local, shared])
def test_threads_lose_no_change(made: Callable[[ManualClock], Cell[list[int]]]) -> None:
    cell = made(ManualClock())
    barrier, never = threading.Barrier(8), threading.Event()

    def step(record: list[int], now: float) -> int:
        before = record[0]
        never.wait(1e-5)  # lets the other threads run
        record[0] = before
        return increment(record, now)

    def work(_number: int) -> list[int]:
        barrier.wait(10)
        return [cell.change(step) for _ in range(250)]

    with ThreadPoolExecutor(8) as pool:
        sums = [number for each in pool.map(work, range(8)) for number in each]
    assert sorted(sums) == list(range(1, 2001))
    assert cell.look(lambda record, _now: record[0]) == 2000


@pytest.mark.parametrize("place", SHARED, indirect=True)
def test_four_processes_lose_no_change_and_see_each_sum_once(place: str) -> None:
    processes = [start("change", place, 200) for _ in range(4)]
    go(*processes)
    sums = [number for process in processes for number in json.loads(finish(process))]
    assert sorted(sums) == list(range(1, 801))
    assert total(place) == 800


@pytest.mark.parametrize("place", SHARED, indirect=True)
def test_a_process_killed_in_the_middle_leaves_the_record_to_the_others(place: str, tmp_path: Path) -> None:
    journals = [tmp_path / f"journal{number}" for number in range(4)]
    processes = [start("change_until_killed", place, journal) for journal in journals]
    go(*processes)
    for number, process in enumerate(processes):
        enough = 60 * (number + 1)
        until(lambda journal=journals[number], enough=enough: journal.exists() and journal.stat().st_size >= enough)  # type: ignore[misc]
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    noted = sum(journal.stat().st_size for journal in journals)
    # Each may have died between its change and its note of it.
    assert noted <= total(place) <= noted + len(processes)


def test_a_cell_is_shared_where_its_store_could_be(tmp_path: Path) -> None:
    clock = ManualClock()
    file = SQLiteStore(tmp_path / "state.db", clock)
    assert isinstance(open_cell(None, "a", Tally(), 60.0, clock), LocalCell)
    assert isinstance(open_cell(MemoryStore(clock), "a", Tally(), 60.0, clock), LocalCell)
    for store in (file, Guarded(file, clock)):
        assert isinstance(open_cell(store, "a", Tally(), 60.0, clock), SharedCell)
    file.close()


def test_a_local_record_lives_in_monotonic_time_and_a_shared_one_in_the_store_s() -> None:
    clock = ManualClock(monotonic=7.0, time=5000.0)
    assert local(clock).change(lambda _record, now: now) == 7.0
    assert shared(clock).change(lambda _record, now: now) == 5000.0
    assert shared(clock).look(lambda _record, now: now) == 5000.0


def test_a_clock_set_back_disturbs_no_change() -> None:
    class Unsteady(MemoryStore):
        times = iter([5000.0, 4000.0, 1.0, 6000.0])

        def time(self) -> float:
            return next(self.times)

    seen: list[float] = []

    def step(record: list[int], now: float) -> int:
        seen.append(now)
        return increment(record, now)

    cell = SharedCell(Unsteady(ManualClock()), "tally", Tally(), 60.0)
    assert [cell.change(step) for _ in range(4)] == [1, 2, 3, 4]
    assert seen == [5000.0, 4000.0, 1.0, 6000.0]


def test_a_record_is_forgotten_after_its_life_and_begun_anew_when_it_cannot_be_read() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    cell = SharedCell(store, "tally", Tally(), 60.0, clock)
    cell.change(increment)
    clock.advance(59)
    assert cell.change(increment) == 2, "each change begins another life"
    clock.advance(60)
    assert cell.change(increment) == 1
    store.put("tally", "nonsense")
    assert cell.look(lambda record, _now: record[0]) == 0
    assert cell.change(increment) == 1
    assert store.get("tally") == "1"


def test_what_changes_nothing_writes_nothing() -> None:
    store = Flaky(ManualClock())
    cell = SharedCell(store, "tally", Tally(), 60.0)
    cell.change(increment)
    store.asked = 0
    assert cell.change(lambda record, _now: record[0]) == 1
    assert store.asked == 1


class Contested(MemoryStore):
    """Others change the entry just before each of the first swaps."""

    def __init__(self, clock: ManualClock, times: float) -> None:
        super().__init__(clock)
        self.left = times

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        if self.left > 0:
            self.left -= 1
            super().add(name, 10)
        return super().swap(name, old, new, ttl)


def test_who_comes_second_takes_another_look_after_a_growing_pause() -> None:
    clock = ManualClock()
    store = Contested(clock, 8)
    cell = SharedCell(store, "tally", Tally(), 60.0, clock, jitter=lambda _low, high: high)
    assert cell.change(increment) == 81
    assert store.get("tally") == "81"
    assert clock.slept == pytest.approx([0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.005, 0.005, 0.005])


def test_who_is_never_first_answers_in_time_and_takes_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    store = Contested(clock, float("inf"))
    cell = SharedCell(store, "tally", Tally(), 60.0, clock, jitter=lambda _low, high: high)
    answer = cell.change(increment)
    assert 1.0 <= sum(clock.slept) < 1.1
    assert int(store.get("tally") or 0) == answer - 1 + 10
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "one change of it is lost" in caplog.text


def test_a_store_that_is_down_leaves_the_record_to_this_process() -> None:
    clock = ManualClock()
    inner = Flaky(clock)
    store = Guarded(inner, clock, beside=False)
    cell = SharedCell(store, "tally", Tally(), 60.0, clock)
    inner.put("tally", "40")
    assert cell.change(increment) == 41
    inner.down = True
    assert [cell.change(increment) for _ in range(3)] == [42, 43, 44]
    assert cell.look(lambda record, _now: record[0]) == 44
    inner.down = False
    clock.advance(5)
    assert cell.look(lambda record, _now: record[0]) == 41, "the store's record is everybody's"
    assert cell.change(increment) == 42
