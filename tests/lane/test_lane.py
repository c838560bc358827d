"""Lanes of threads."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from threading import Barrier, Event, Lock, Semaphore
from time import monotonic
from typing import Any

import pytest

from ocrgate.clock import Deadline
from ocrgate.errors import OCRError, ProviderError, ProviderRefused
from ocrgate.lane import Lane, Phase, Ticket, open_lane
from ocrgate.page import Line, Page
from ocrgate.provider import RAW, ProviderSpec, Request
from ocrgate.settings import ProviderSettings
from ocrgate.testing import ScriptedProvider

PATIENCE = 5.0
ROOT = Path(__file__).parents[2]


def request_of(text: str = "") -> Request:
    return Request(text.encode(), RAW, 1, 1)


def page_of(text: str) -> Page:
    return Page(lines=(Line(text),))


def gave_up(phase: Phase) -> OCRError:
    return ProviderRefused("engine", "deadline", phase)


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true within a few seconds."""
    never, until = Event(), monotonic() + PATIENCE
    while not true():
        if monotonic() > until:
            return False
        never.wait(0.005)
    return True


class Gate:
    """Work that says when it has begun and ends when it is let go."""

    def __init__(self) -> None:
        self.begun = Semaphore(0)
        self.go = Semaphore(0)
        self.guard = Lock()
        self.asked: list[str] = []
        self.at_once = 0
        self.most = 0

    def __call__(self, ticket: Ticket) -> Page:
        assert ticket.request is not None
        text = ticket.request.data.decode()
        ticket.move("running")
        with self.guard:
            self.asked.append(text)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.begun.release()
        assert self.go.acquire(timeout=4 * PATIENCE)
        with self.guard:
            self.at_once -= 1
        return page_of(text)

    def wait(self, calls: int = 1) -> None:
        for _ in range(calls):
            assert self.begun.acquire(timeout=PATIENCE)

    def free(self, calls: int = 1) -> None:
        for _ in range(calls):
            self.go.release()


@pytest.fixture
def gate() -> Iterator[Gate]:
    work = Gate()
    yield work
    work.free(1000)


@pytest.fixture
def lanes() -> Iterator[Callable[..., Lane]]:
    opened: list[Lane] = []

    def make(work: Callable[[Ticket], Page], *, size: int = 1, **options: Any) -> Lane:
        opened.append(Lane("engine", work, size=size, **options))
        return opened[-1]

    yield make
    for lane in opened:
        lane.close()


def send(lane: Lane, text: str = "") -> Ticket:
    return lane.submit(request_of(text), Deadline.after(PATIENCE))


def refused(lane: Lane) -> ProviderRefused:
    with pytest.raises(ProviderRefused) as caught:
        send(lane)
    return caught.value


def test_an_answer_comes_back_through_the_ticket(lanes: Callable[..., Lane]) -> None:
    ticket = send(lanes(lambda _ticket: page_of("read")))
    assert ticket.future.result(PATIENCE).text == "read"
    assert ticket.phase == "done"


def test_as_many_calls_are_in_flight_as_the_lane_is_wide_and_no_more(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate, size=3)
    tickets = [send(lane, str(number)) for number in range(10)]
    gate.wait(3)
    assert lane.in_use == 3
    assert not gate.begun.acquire(timeout=0.05)
    gate.free(10)
    assert [ticket.future.result(PATIENCE).text for ticket in tickets] == [str(number) for number in range(10)]
    assert gate.most == 3
    assert eventually(lambda: lane.in_use == 0)


def test_calls_are_served_in_the_order_of_asking(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate)
    tickets = [send(lane, str(number)) for number in range(20)]
    gate.free(20)
    for ticket in tickets:
        ticket.future.result(PATIENCE)
    assert gate.asked == [str(number) for number in range(20)]


@pytest.mark.parametrize(("size", "queue"), [(1, 0), (1, 2), (3, 0), (2, 5)])
def test_what_neither_runs_nor_fits_the_queue_is_refused_at_once(
    size: int, queue: int, gate: Gate, lanes: Callable[..., Lane]
) -> None:
    lane = lanes(gate, size=size, queue=queue)
    tickets = [send(lane) for _ in range(size + queue)]
    error = refused(lane)
    assert (error.provider, error.reason) == ("engine", "lane_full")
    gate.free(size + queue)
    for ticket in tickets:
        ticket.future.result(PATIENCE)
    assert eventually(lambda: lane.in_use == 0)
    gate.free()
    assert send(lane).future.result(PATIENCE)


def test_a_place_in_the_queue_that_was_given_up_is_free_again(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate, queue=3)
    send(lane)
    gate.wait()
    waiting = [send(lane) for _ in range(3)]
    refused(lane)
    waiting[1].give_up(gave_up)
    send(lane)
    refused(lane)


def test_a_call_that_is_given_up_in_the_queue_is_never_run(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate)
    first = send(lane, "first")
    gate.wait()
    second, third = send(lane, "second"), send(lane, "third")
    second.give_up(gave_up)
    gate.free(2)
    first.future.result(PATIENCE)
    third.future.result(PATIENCE)
    assert gate.asked == ["first", "third"]
    error = second.future.exception(0)
    assert isinstance(error, ProviderRefused)
    assert error.detail == "queued"


def test_a_hung_call_is_left_behind_and_the_next_runs_in_its_place(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate)
    hung = send(lane, "hung")
    gate.wait()
    waiting = send(lane, "waiting")
    assert not gate.begun.acquire(timeout=0.05)
    hung.give_up(gave_up)
    gate.wait()
    assert gate.asked == ["hung", "waiting"]
    assert lane.in_use == 1
    gate.free(2)
    assert waiting.future.result(PATIENCE).text == "waiting"


def test_calls_are_left_behind_four_times_over_and_not_without_end(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate, size=2, queue=2)
    for _ in range(4):
        pair = [send(lane), send(lane)]
        gate.wait(2)
        for ticket in pair:
            ticket.give_up(gave_up)
    assert lane.in_use == 0
    late = [send(lane, "late"), send(lane, "late")]
    assert not gate.begun.acquire(timeout=0.05)
    assert refused(lane).reason == "lane_full"
    gate.free(10)
    for ticket in late:
        assert ticket.future.result(PATIENCE).text == "late"


def test_a_lane_is_as_wide_as_before_when_what_was_left_behind_returns(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate, size=2)
    before = threading.active_count()
    for _ in range(3):
        pair = [send(lane), send(lane)]
        gate.wait(2)
        for ticket in pair:
            ticket.give_up(gave_up)
    gate.free(6)
    assert eventually(lambda: gate.at_once == 0)
    gate.most = 0
    tickets = [send(lane) for _ in range(8)]
    gate.wait(2)
    assert not gate.begun.acquire(timeout=0.05)
    gate.free(8)
    for ticket in tickets:
        ticket.future.result(PATIENCE)
    assert gate.most == 2
    assert eventually(lambda: threading.active_count() <= before + 2), "threads that are one too many end"


def test_an_answer_after_giving_up_goes_nowhere(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate)
    ticket = send(lane)
    gate.wait()
    ticket.give_up(gave_up)
    gate.free()
    assert eventually(lambda: gate.at_once == 0)
    gate.free()
    send(lane).future.result(PATIENCE)
    assert isinstance(ticket.future.exception(0), ProviderRefused)
    assert not ticket.resolve(page_of("late"))
    assert not ticket.move("running")


def test_giving_up_after_the_answer_changes_nothing(lanes: Callable[..., Lane]) -> None:
    ticket = send(lanes(lambda _ticket: page_of("read")))
    ticket.future.result(PATIENCE)
    ticket.give_up(gave_up)
    assert ticket.future.result(0).text == "read"


@pytest.mark.parametrize("error", [ValueError("a defect"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_whatever_the_work_raises_reaches_the_caller_and_the_lane_lives(
    error: BaseException, lanes: Callable[..., Lane]
) -> None:
    steps: list[BaseException | Page] = [error, page_of("next")]

    def work(_ticket: Ticket) -> Page:
        step = steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    lane = lanes(work)
    assert send(lane).future.exception(PATIENCE) is error
    assert send(lane).future.result(PATIENCE).text == "next"
    assert eventually(lambda: lane.in_use == 0)


def test_a_rest_that_fails_costs_the_lane_nothing(lanes: Callable[..., Lane], caplog: pytest.LogCaptureFixture) -> None:
    def rest() -> None:
        raise OSError("no file can be opened")

    lane = lanes(lambda _ticket: page_of("read"), rest=rest)
    for _ in range(3):
        assert send(lane).future.result(PATIENCE).text == "read"
    assert eventually(lambda: "no file can be opened" in caplog.text)


def test_hooks_run_when_the_call_is_given_up_and_one_that_fails_does_not_keep_the_others_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ticket = Ticket(request_of(), Deadline.after(PATIENCE))
    ran: list[str] = []

    def broken() -> None:
        raise RuntimeError("broken hook")

    ticket.on_give_up(lambda: ran.append("first"))
    ticket.on_give_up(broken)
    ticket.on_give_up(lambda: ran.append("taken back"))()
    ticket.on_give_up(lambda: ran.append("last"))
    ticket.give_up(gave_up)
    assert ran == ["first", "last"]
    ticket.on_give_up(lambda: ran.append("late"))
    ticket.on_give_up(broken)
    assert ran == ["first", "last", "late"]
    assert caplog.text.count("an action on giving up failed") == 2


def test_hooks_do_not_run_when_the_call_is_answered(lanes: Callable[..., Lane]) -> None:
    ran: list[str] = []

    def work(ticket: Ticket) -> Page:
        ticket.on_give_up(lambda: ran.append("given up"))
        return page_of("read")

    ticket = send(lanes(work))
    ticket.future.result(PATIENCE)
    ticket.give_up(gave_up)
    assert ran == []


def test_one_of_many_who_end_a_call_wins_and_the_others_are_told() -> None:
    for _ in range(50):
        ticket = Ticket(request_of(), Deadline.after(PATIENCE))
        start = Barrier(4)
        won: list[int] = []

        def end(number: int, ticket: Ticket = ticket, start: Barrier = start, won: list[int] = won) -> None:
            start.wait(PATIENCE)
            if ticket.resolve(page_of(str(number))):
                won.append(number)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(end, range(4)))
        assert len(won) == 1
        assert ticket.future.result(0).text == str(won[0])


def test_the_time_of_the_engine_counts_from_the_moment_it_is_asked() -> None:
    ticket = Ticket(request_of(), Deadline.after(100.0), timeout=2.0)
    assert ticket.patience == pytest.approx(2.0, abs=0.5)
    assert ticket.deadline.remaining > 90
    ticket.move("starting")
    assert ticket.deadline.remaining > 90
    ticket.move("running")
    assert ticket.deadline.remaining == pytest.approx(2.0, abs=0.5)
    assert not ticket.overdue


def test_closing_gives_up_those_who_wait_and_those_who_are_served(gate: Gate, lanes: Callable[..., Lane]) -> None:
    lane = lanes(gate)
    running = send(lane)
    gate.wait()
    waiting = [send(lane) for _ in range(3)]
    begun = monotonic()
    lane.close()
    assert monotonic() - begun < 1.0
    asked = running.future.exception(1.0)
    assert isinstance(asked, ProviderError), "the engine was asked"
    assert asked.diagnosis.code == "cancelled"
    for ticket in waiting:
        error = ticket.future.exception(1.0)
        assert isinstance(error, ProviderRefused), "the engine was not asked"
        assert error.reason == "cancelled"
    assert refused(lane).reason == "lane_full"
    assert lane.in_use == 0
    lane.close()


def test_closing_ends_the_threads() -> None:
    finished: list[int] = []
    lane = Lane("engine", lambda _ticket: Page(), size=3, finish=lambda: finished.append(1))
    for ticket in [send(lane) for _ in range(9)]:
        ticket.future.result(PATIENCE)
    started = sum(thread.name == "ocrgate-engine" for thread in threading.enumerate())
    assert 1 <= started <= 3
    lane.close()
    assert eventually(lambda: len(finished) == started)


def test_a_machine_without_threads_is_a_refusal_and_not_a_loss(
    lanes: Callable[..., Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    lane = lanes(lambda _ticket: page_of("read"))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        for _ in range(3):
            assert "thread" in refused(lane).detail
    assert send(lane).future.result(PATIENCE).text == "read"


def test_an_idle_lane_holds_no_image(lanes: Callable[..., Lane]) -> None:
    lane = lanes(lambda _ticket: Page())
    ticket = send(lane, "a large image")
    ticket.future.result(PATIENCE)
    seen = weakref.ref(ticket.future)
    del ticket

    def gone() -> bool:
        gc.collect()
        return seen() is None

    assert eventually(gone)


def test_lanes_do_not_delay_each_other(gate: Gate, lanes: Callable[..., Lane]) -> None:
    stuck, free = lanes(gate, size=2), lanes(lambda _ticket: page_of("read"), size=2)
    for _ in range(10):
        send(stuck)
    gate.wait(2)
    begun = monotonic()
    for _ in range(10):
        send(free).future.result(PATIENCE)
    assert monotonic() - begun < 0.5


def opened(provider: ScriptedProvider, **settings: Any) -> Lane:
    return open_lane(
        provider, ProviderSpec("scripted", "none:none"), ProviderSettings("scripted", "scripted", **settings)
    )


def test_an_engine_that_needs_no_process_is_asked_in_a_thread() -> None:
    provider = ScriptedProvider("scripted", "read")
    lane = opened(provider, lanes=3)
    assert lane.size == 3
    assert lane.submit(request_of(), Deadline.after(PATIENCE)).future.result(PATIENCE).text == "read"
    assert lane.submit(None, Deadline.after(PATIENCE)).future.result(PATIENCE) == Page()
    assert len(provider.requests) == 1, "warming up asks for no reading"
    lane.close()


def test_an_engine_hears_that_the_caller_has_given_up() -> None:
    heard = Event()
    begun = Event()
    seen: list[bool] = []

    def step(request: Request, _deadline: Deadline) -> Page:
        request.on_cancel(heard.set)
        begun.set()
        heard.wait(PATIENCE)
        seen.append(request.cancelled())
        return Page()

    lane = opened(ScriptedProvider("scripted", step))
    ticket = lane.submit(request_of(), Deadline.after(PATIENCE))
    assert begun.wait(PATIENCE)
    ticket.give_up(gave_up)
    assert eventually(lambda: seen == [True])
    lane.close()


def test_an_engine_is_told_the_time_that_it_has() -> None:
    left: list[float] = []

    def step(_request: Request, deadline: Deadline) -> Page:
        left.append(deadline.remaining)
        return Page()

    lane = opened(ScriptedProvider("scripted", step))
    lane.submit(request_of(), Deadline.after(60.0), 2.0).future.result(PATIENCE)
    assert 1.0 < left[0] <= 2.0
    lane.close()


def test_a_call_given_up_between_queue_and_engine_is_not_sent() -> None:
    """The caller may give up after a thread has taken the call and before the engine is asked."""
    provider = ScriptedProvider("scripted", "read")
    lane = opened(provider)
    ticket = Ticket(request_of(), Deadline.after(PATIENCE))
    ticket.give_up(gave_up)
    with pytest.raises(ProviderError) as caught:
        lane._work(ticket)
    assert caught.value.diagnosis.code == "cancelled"
    assert provider.requests == []
    lane.close()


def test_a_host_program_with_a_hung_engine_ends_when_its_own_work_is_done() -> None:
    code = """
from threading import Event
from ocrgate.clock import Deadline
from ocrgate.lane import Lane
from ocrgate.provider import Request
begun = Event()
lane = Lane("engine", lambda ticket: begun.set() or Event().wait(), size=1)
lane.submit(Request(b"", "RAW", 1, 1), Deadline.after(60.0))
assert begun.wait(5.0)
print("done", flush=True)
"""
    begun = monotonic()
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
    assert monotonic() - begun < 5.0


FORKED = """
import os, sys
from threading import Event, Semaphore
from ocrgate.clock import Deadline
from ocrgate.lane import Lane
from ocrgate.page import Line, Page
from ocrgate.provider import Request

go, begun = Event(), Event()

def work(ticket):
    if ticket.request.data == b"slow":
        begun.set()
        assert go.wait(10.0)
    return Page(lines=(Line(f"{os.getpid()}"),))

def send(data=b""):
    return lane.submit(Request(data, "RAW", 1, 1), Deadline.after(10.0))

lane = Lane("engine", work, size=2, queue=0)
send().future.result(5.0)
busy = send(b"slow")
assert begun.wait(5.0)
child = os.fork()
if not child:
    assert lane.in_use == 0, lane.in_use
    texts = [send().future.result(5.0).text for _ in range(5)]
    assert texts == [str(os.getpid())] * 5, texts
    lane.close()
    os._exit(42)
go.set()
assert busy.future.result(5.0).text == str(os.getpid())
assert send().future.result(5.0).text == str(os.getpid())
status = os.waitpid(child, 0)[1]
assert os.waitstatus_to_exitcode(status) == 42, status
assert send().future.result(5.0).text == str(os.getpid())
print("whole")
"""


def test_a_lane_that_was_used_before_a_fork_works_in_the_child_and_goes_on_in_the_parent() -> None:
    ended = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (0, "whole\n"), ended.stderr


def test_a_future_of_a_ticket_is_an_ordinary_one(lanes: Callable[..., Lane]) -> None:
    ticket = send(lanes(lambda _ticket: page_of("read")))
    assert isinstance(ticket.future, Future)
    with pytest.raises(FutureTimeout):
        Ticket(request_of(), Deadline.after(1.0)).future.result(0.01)
