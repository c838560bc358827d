"""Lanes that may have fewer calls in flight than they have places."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Lock, Semaphore
from time import monotonic

import pytest

from ocrgate.clock import Deadline
from ocrgate.errors import ProviderRefused
from ocrgate.lane import Lane, Ticket
from ocrgate.lane.process import ProcessLane
from ocrgate.page import Page
from ocrgate.provider import RAW, ProviderSpec, Request
from tests.lane.processes import ENGINE, PATIENCE, ask, eventually, gave_up, logged, send

NOT_YET = 0.05


class Gate:
    """A lane whose calls end when they are let go."""

    def __init__(self, size: int, queue: int = 64) -> None:
        self.begun, self.go = Semaphore(0), Semaphore(0)
        self.guard = Lock()
        self.at_once = self.most = 0
        self.lane = Lane("engine", self._work, size=size, queue=queue)

    def _work(self, _ticket: Ticket) -> Page:
        with self.guard:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.begun.release()
        assert self.go.acquire(timeout=PATIENCE)
        with self.guard:
            self.at_once -= 1
        return Page()

    def send(self, calls: int) -> list[Ticket]:
        request = Request(b"", RAW, 1, 1)
        return [self.lane.submit(request, Deadline.after(PATIENCE)) for _ in range(calls)]

    def began(self, calls: int) -> bool:
        """Whether exactly so many more have begun."""
        return all(self.begun.acquire(timeout=PATIENCE) for _ in range(calls)) and not self.begun.acquire(
            timeout=NOT_YET
        )


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate(4)
    yield made
    made.go.release(1000)
    made.lane.close()


def ended(tickets: list[Ticket]) -> bool:
    return all(ticket.future.result(PATIENCE) == Page() for ticket in tickets)


def test_a_limit_is_at_first_the_size_and_stays_within_it(gate: Gate) -> None:
    assert gate.lane.limit == 4
    for wanted, given in ((3, 3), (100, 4), (0, 1), (-7, 1)):
        gate.lane.limit = wanted
        assert gate.lane.limit == given
    assert gate.lane.size == 4


def test_no_more_calls_are_in_flight_than_the_limit_allows(gate: Gate) -> None:
    gate.lane.limit = 2
    tickets = gate.send(9)
    assert gate.began(2)
    assert gate.lane.in_use == 2
    gate.go.release(9)
    assert ended(tickets)
    assert gate.most == 2
    assert eventually(lambda: gate.lane.in_use == 0)


def test_raising_the_limit_lets_those_who_wait_go_on_at_once(gate: Gate) -> None:
    gate.lane.limit = 1
    tickets = gate.send(6)
    assert gate.began(1)
    gate.lane.limit = 3
    assert gate.began(2)
    gate.lane.limit = 4
    assert gate.began(1)
    gate.go.release(6)
    assert ended(tickets)
    assert gate.most == 4


def test_raising_the_limit_wakes_threads_that_are_there_already(gate: Gate) -> None:
    gate.go.release(4)
    assert ended(gate.send(4))
    for _ in range(4):
        gate.begun.acquire(timeout=PATIENCE)
    gate.lane.limit = 1
    tickets = gate.send(4)
    assert gate.began(1)
    threads = threading.active_count()
    gate.lane.limit = 4
    assert gate.began(3)
    assert threading.active_count() <= max(threads, threads + 3)
    gate.go.release(4)
    assert ended(tickets)


def test_lowering_the_limit_leaves_alone_what_is_in_flight_and_holds_back_what_comes(gate: Gate) -> None:
    tickets = gate.send(8)
    assert gate.began(4)
    gate.lane.limit = 2
    assert gate.lane.in_use == 4
    gate.go.release(2)
    assert gate.began(0)
    gate.go.release(1)
    assert gate.began(1)
    gate.go.release(8)
    assert ended(tickets)


def test_a_full_queue_is_counted_from_the_limit() -> None:
    gate = Gate(4, queue=2)
    gate.lane.limit = 1
    gate.send(3)
    with pytest.raises(ProviderRefused) as caught:
        gate.send(1)
    assert caught.value.reason == "lane_full"
    assert "1 in use" in caught.value.detail
    gate.lane.limit = 3
    gate.send(2)
    gate.go.release(100)
    gate.lane.close()


@pytest.mark.parametrize("idle", [0, 4])
def test_a_call_that_is_left_behind_makes_room_within_the_limit(idle: int, gate: Gate) -> None:
    if idle:
        first = gate.send(idle)
        assert gate.began(idle)
        gate.go.release(idle)
        assert ended(first)
    gate.lane.limit = 2
    hung = gate.send(2)
    waiting = gate.send(3)
    assert gate.began(2)
    hung[0].give_up(gave_up)
    assert gate.began(1)
    assert gate.lane.in_use == 2
    hung[1].give_up(gave_up)
    assert gate.began(1)
    gate.go.release(100)
    assert ended(waiting)
    assert eventually(lambda: gate.lane.in_use == 0)


def test_a_limit_that_changes_all_the_time_loses_no_call() -> None:
    lane = Lane("engine", lambda _ticket: Page(), size=8, queue=2000)
    done = Event()

    def change() -> None:
        limit = 0
        while not done.is_set():
            limit = limit % 8 + 1
            lane.limit = limit

    changer = threading.Thread(target=change)
    changer.start()

    def submit(_number: int) -> list[Ticket]:
        return [lane.submit(Request(b"", RAW, 1, 1), Deadline.after(PATIENCE)) for _ in range(250)]

    with ThreadPoolExecutor(4) as pool:
        tickets = [ticket for some in pool.map(submit, range(4)) for ticket in some]
    try:
        assert ended(tickets)
    finally:
        done.set()
        changer.join()
        lane.close()


def test_calls_in_a_row_start_no_more_threads_than_calls() -> None:
    started: list[int] = []
    lane = Lane("burst", lambda _ticket: Page(), size=32, finish=lambda: started.append(1))
    request = Request(b"", RAW, 1, 1)
    tickets = [lane.submit(request, Deadline.after(PATIENCE)) for _ in range(4)]
    assert ended(tickets)
    lane.close()
    assert eventually(lambda: 1 <= len(started) <= 4)
    assert not [thread for thread in threading.enumerate() if thread.name == "ocrgate-burst" and len(started) > 4]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[ProcessLane]:
    spec = ProviderSpec("faulty", ENGINE, {"log": str(tmp_path / "pids")})
    lane = ProcessLane(spec, size=2, queue=8, memory=1 << 30, recycle=100)
    yield lane
    lane.close()


def test_a_killed_attempt_makes_room_for_those_who_wait(engines: ProcessLane, tmp_path: Path) -> None:
    engines.limit = 1
    assert ask(engines) == "!"
    hung = send(engines, "hang")
    waiting = [send(engines) for _ in range(4)]
    assert eventually(lambda: hung.phase == "running")
    begun = monotonic()
    hung.give_up(gave_up)
    assert [ticket.future.result(PATIENCE).text for ticket in waiting] == ["!"] * 4
    assert monotonic() - begun < 5.0
    assert eventually(lambda: engines.in_use == 0)
    assert len(logged(tmp_path / "pids")) >= 2


def test_a_thread_that_makes_ready_for_the_next_call_does_not_hold_up_calls_that_another_could_serve() -> None:
    both, begun, submitted, resting, rested = Barrier(2), Event(), Event(), Event(), Event()

    def work(ticket: Ticket) -> Page:
        assert ticket.request is not None
        if ticket.request.data == b"together":
            both.wait(PATIENCE)
        if ticket.request.data == b"first":
            begun.set()
            assert submitted.wait(PATIENCE)
        return Page()

    def rest() -> None:
        if resting.is_set():
            resting.clear()
            assert rested.wait(PATIENCE)
        made_ready.append(1)

    def submit(data: bytes) -> Ticket:
        return lane.submit(Request(data, RAW, 1, 1), Deadline.after(PATIENCE))

    made_ready: list[int] = []
    lane = Lane("engine", work, size=2, rest=rest)
    assert ended([submit(b"together"), submit(b"together")])
    assert eventually(lambda: len(made_ready) == 2)
    lane.limit = 1
    resting.set()
    try:
        submit(b"first")
        assert begun.wait(PATIENCE)
        second = submit(b"second")
        submitted.set()
        assert second.future.result(PATIENCE / 4) == Page()
    finally:
        rested.set()
        lane.close()
