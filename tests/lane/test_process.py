"""Lanes of worker processes, and engines that do their worst in them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import ModuleType
from typing import Any

import psutil
import pytest

from ocrgate.clock import Deadline
from ocrgate.diagnosis import Diagnosis
from ocrgate.errors import ProviderError, ProviderRefused
from ocrgate.lane import Lane, open_lane
from ocrgate.lane.frame import pack, receive, unpack
from ocrgate.lane.frame import send as transmit
from ocrgate.lane.process import ProcessLane
from ocrgate.lane.worker import Ask, Hello, Reply
from ocrgate.page import Page
from ocrgate.provider import RAW, ProviderSpec, Request
from ocrgate.settings import ProviderSettings
from tests.faults.engines import FaultyEngine
from tests.lane.processes import (
    ENGINE,
    PATIENCE,
    alive,
    ask,
    environment,
    eventually,
    gave_up,
    gone,
    logged,
    release,
    send,
)

Open = Callable[..., ProcessLane]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "pids"


@pytest.fixture
def lanes(log: Path) -> Iterator[Open]:
    opened: list[ProcessLane] = []

    def make(
        *,
        size: int = 1,
        queue: int = 8,
        memory: int = 1 << 30,
        recycle: int = 100,
        factory: str = ENGINE,
        **options: Any,
    ) -> ProcessLane:
        spec = ProviderSpec("faulty", factory, {"log": str(log), **options})
        opened.append(ProcessLane(spec, size=size, queue=queue, memory=memory, recycle=recycle))
        return opened[-1]

    yield make
    for lane in opened:
        lane.close()
    assert gone(logged(log)), "close() leaves no process behind"


def failure(lane: Lane, do: str = "", **options: Any) -> Diagnosis:
    error = send(lane, do, options=options).future.exception(PATIENCE)
    assert isinstance(error, ProviderError), error
    assert error.provider == "faulty"
    return error.diagnosis


def test_an_engine_reads_in_a_process_of_its_own(lanes: Open, log: Path) -> None:
    lane = lanes()
    assert logged(log) == [], "building a lane starts nothing"
    assert ask(lane, text="{pid}") == ask(lane, text="{pid}")
    (pid,) = logged(log)
    assert pid != os.getpid()


@pytest.mark.parametrize(
    ("do", "code", "said"),
    [
        ("raise", "adapter_error", "must not raise this"),
        ("fail", "engine_missing", "pip install something"),
        ("exit_quietly", "worker_crash", "SystemExit"),
        ("exit", "worker_crash", "status 3"),
        ("sigkill", "worker_crash", "SIGKILL"),
        ("sigsegv", "worker_crash", "Segmentation fault"),
        ("abort", "worker_crash", "Aborted"),
        ("eat_memory", "worker_memory", "MemoryError"),
        ("answer_unpicklable", "adapter_error", "lambda"),
    ],
)
def test_an_engine_that_fails_costs_one_call_and_the_next_one_works(do: str, code: str, said: str, lanes: Open) -> None:
    lane = lanes(memory=384 << 20)
    assert ask(lane) == "!"
    begun = monotonic()
    diagnosis = failure(lane, do)
    assert diagnosis.code == code
    assert said in diagnosis.message
    assert monotonic() - begun < 5.0
    assert ask(lane) == "!"
    assert eventually(lambda: lane.in_use == 0)


def test_an_engine_that_has_eaten_its_memory_is_replaced(lanes: Open, log: Path) -> None:
    lane = lanes(memory=384 << 20)
    failure(lane, "eat_memory")
    assert ask(lane) == "!"
    hungry, fresh = logged(log)
    assert not alive(hungry)
    assert alive(fresh)


@pytest.mark.parametrize("do", ["raise", "fail", "exit_quietly", "print", "answer_unpicklable"])
def test_a_failure_that_leaves_the_process_whole_costs_no_process(do: str, lanes: Open, log: Path) -> None:
    lane = lanes()
    send(lane, do).future.exception(PATIENCE)
    assert ask(lane) == "!"
    assert len(logged(log)) == 1


@pytest.mark.parametrize("do", ["hang", "hang_holding_the_interpreter", "hang_with_child"])
def test_an_engine_that_hangs_is_killed_with_all_it_has_started(do: str, lanes: Open, log: Path) -> None:
    lane = lanes()
    assert ask(lane) == "!"
    begun = monotonic()
    ticket = send(lane, do, seconds=0.4)
    with pytest.raises(FutureTimeout):
        ticket.future.result(ticket.deadline.remaining)
    ticket.give_up(gave_up)
    assert isinstance(ticket.future.exception(0), ProviderRefused)
    assert monotonic() - begun < 0.4 + 0.25
    hung = logged(log)
    assert len(hung) == (2 if do == "hang_with_child" else 1)
    assert gone(hung, 3.0), "killed, and not only ended by its own timer"
    assert ask(lane) == "!"


def test_every_lane_can_hang_and_each_has_its_place_back(lanes: Open) -> None:
    lane = lanes(size=2)
    for _ in range(2):
        tickets = [send(lane, "hang") for _ in range(2)]
        assert eventually(lambda tickets=tickets: all(ticket.phase == "running" for ticket in tickets))  # type: ignore[misc]
        for ticket in tickets:
            ticket.give_up(gave_up)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _n: ask(lane), range(4))) == ["!"] * 4


def test_what_an_engine_prints_reaches_neither_the_protocol_nor_the_output_of_the_host(
    lanes: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    lane = lanes()
    assert ask(lane, "print") == "print!"
    assert capfd.readouterr() == ("", "")


def test_a_crash_is_not_explained_by_what_an_earlier_call_has_printed(lanes: Open) -> None:
    lane = lanes()
    ask(lane, "print")
    assert "noise" not in failure(lane, "sigkill").message


def test_an_engine_that_prints_without_end_fills_no_disk(lanes: Open, log: Path) -> None:
    lane = lanes()
    for _ in range(6):
        ask(lane, "print_much")
    ask(lane)
    (pid,) = logged(log)
    assert Path(f"/proc/{pid}/fd/2").stat().st_size < 3 << 20
    assert "Segmentation fault" in failure(lane, "sigsegv").message


def test_an_engine_that_is_still_loading_at_the_deadline_is_not_killed_and_serves_the_next_call(
    lanes: Open, log: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    lane = lanes(gate=str(gate))
    early = send(lane, seconds=0.3)
    with pytest.raises(FutureTimeout):
        early.future.result(0.3)
    assert early.phase == "starting"
    early.give_up(gave_up)
    next_call = send(lane)
    release(gate)
    assert next_call.future.result(PATIENCE).text == "!"
    assert len(logged(log)) == 1


def test_warming_up_loads_the_engine_and_reads_nothing(lanes: Open, log: Path) -> None:
    lane = lanes(size=2)
    tickets = [lane.submit(None, Deadline.after(PATIENCE)) for _ in range(2)]
    assert [ticket.future.result(PATIENCE) for ticket in tickets] == [Page(), Page()]
    warm = logged(log)
    assert int(ask(lane, text="{pid}")) in warm
    assert len(logged(log)) == len(warm)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"start": "fail"}, "engine_missing", "pip install something"),
        ({"start": "raise"}, "adapter_error", "must not raise this"),
        ({"start": "exit_quietly"}, "worker_crash", "SystemExit"),
        ({"start": "sigkill"}, "worker_start", "SIGKILL"),
        ({"start": "exit"}, "worker_start", "status 3"),
        ({"factory": "no.such.module:Engine"}, "engine_missing", "No module named"),
        ({"factory": "tests.faults.engines:Nothing"}, "adapter_error", "Nothing"),
        ({"spelling": "wrong"}, "adapter_error", "spelling"),
    ],
)
def test_an_engine_that_cannot_start_says_why_each_time(
    options: dict[str, Any], code: str, said: str, lanes: Open
) -> None:
    lane = lanes(**options)
    for _ in range(2):
        diagnosis = failure(lane)
        assert diagnosis.code == code
        assert said in diagnosis.message


def test_a_program_that_cannot_be_started_is_a_failure_to_start(
    lanes: Open, monkeypatch: pytest.MonkeyPatch, log: Path
) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    lane = lanes()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", full)
        assert failure(lane).code == "worker_start"
        assert "No space left" in failure(lane).message
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", full)
        assert failure(lane).code == "worker_start"
    assert logged(log) == []
    assert ask(lane) == "!"


def test_a_worker_that_cannot_be_replaced_at_once_is_replaced_by_the_next_call(
    lanes: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = Event()

    def full(*_args: object, **_options: object) -> None:
        tried.set()
        raise OSError(24, "Too many open files")

    lane = lanes()
    assert ask(lane) == "!"
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", full)
        failure(lane, "sigkill")
        assert tried.wait(PATIENCE)
    assert ask(lane) == "!"


def test_options_that_cannot_leave_the_program_are_the_callers_fault_and_cost_no_process(
    lanes: Open, log: Path
) -> None:
    lane = lanes()
    assert ask(lane) == "!"
    diagnosis = failure(lane, thing=lambda: None)
    assert (diagnosis.fault, diagnosis.action) == ("caller", "fix_request")
    assert not diagnosis.counts_in_breaker
    assert ask(lane) == "!"
    assert len(logged(log)) == 1


def test_options_of_the_provider_that_cannot_leave_the_program_start_nothing(lanes: Open) -> None:
    before = {child.pid for child in psutil.Process().children()}
    diagnosis = failure(lanes(unused=lambda: None))
    assert diagnosis.fault == "caller"
    assert {child.pid for child in psutil.Process().children()} <= before


def test_options_that_the_process_does_not_understand_are_told_and_cost_no_process(
    lanes: Open, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ghost = ModuleType("ghost")
    ghost.Thing = type("Thing", (), {"__module__": "ghost"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ghost", ghost)
    lane = lanes()
    assert "ghost" in failure(lane, thing=ghost.Thing()).message
    assert ask(lane) == "!"
    assert len(logged(log)) == 1
    assert "ghost" in failure(lanes(unused=ghost.Thing())).message


def test_a_process_is_replaced_after_so_many_calls(lanes: Open, log: Path) -> None:
    lane = lanes(recycle=3)
    pids = [int(ask(lane, text="{pid}")) for _ in range(7)]
    assert pids[0] == pids[1] == pids[2]
    assert pids[3] == pids[4] == pids[5]
    assert len({pids[0], pids[3], pids[6]}) == 3
    assert eventually(lambda: [alive(pid) for pid in logged(log)] == [False, False, True])


def test_giving_up_a_call_as_it_ends_does_not_cost_the_next_one(lanes: Open, tmp_path: Path) -> None:
    gates = [tmp_path / str(number) for number in range(3)]
    for gate in gates:
        os.mkfifo(gate)
    lane = lanes()
    late = Event()
    first = send(lane, options={"gate": str(gates[0])})
    second = send(lane, options={"gate": str(gates[1])})

    def linger() -> None:
        late.wait(PATIENCE)

    second.on_give_up(linger)
    release(gates[0])
    first.future.result(PATIENCE)
    assert eventually(lambda: second.phase == "running")
    giving_up = Thread(target=second.give_up, args=(gave_up,))
    giving_up.start()
    assert eventually(second.future.done)
    release(gates[1])
    third = send(lane, options={"gate": str(gates[2])})
    assert eventually(lambda: third.phase == "running")
    late.set()
    giving_up.join(PATIENCE)
    release(gates[2])
    assert third.future.result(PATIENCE).text == "!"


def test_a_call_without_an_end_in_sight_is_no_trouble(lanes: Open) -> None:
    lane = lanes()
    assert send(lane, seconds=1e15).future.result(PATIENCE).text == "!"
    assert send(lane, seconds=float("inf")).future.result(PATIENCE).text == "!"


@pytest.mark.parametrize("do", ["", "hang", "hang_holding_the_interpreter", "hang_with_child"])
def test_closing_leaves_no_process_whatever_the_engine_does(do: str, lanes: Open, log: Path) -> None:
    lane = lanes(size=2)
    ask(lane)
    tickets = [send(lane, do), send(lane, do)]
    assert eventually(lambda: all(ticket.phase in {"running", "done"} for ticket in tickets))
    if do == "hang_with_child":
        assert eventually(lambda: len(logged(log)) == 4)
    begun = monotonic()
    lane.close()
    assert monotonic() - begun < 2.0
    assert not any(alive(pid) for pid in logged(log)[:2])
    assert gone(logged(log))
    for ticket in tickets:
        error = ticket.future.exception(PATIENCE)
        assert error is None or (isinstance(error, ProviderError) and error.diagnosis.code == "cancelled")
    with pytest.raises(ProviderRefused):
        send(lane)


def test_closing_ends_engines_that_are_still_loading(lanes: Open, log: Path) -> None:
    lane = lanes(start="hang")
    ticket = send(lane)
    assert eventually(lambda: len(logged(log)) == 1)
    lane.close()
    assert not alive(logged(log)[0])
    assert isinstance(ticket.future.exception(PATIENCE), ProviderRefused)


def test_a_closed_lane_starts_no_process(lanes: Open, log: Path) -> None:
    lane = lanes()
    lane.close()
    with pytest.raises(ProviderError) as caught:
        lane._ready()
    assert caught.value.diagnosis.code == "cancelled"
    assert logged(log) == []


def test_closing_at_any_moment_of_the_start_leaves_no_process(log: Path) -> None:
    never = Event()
    for wait in (0.0, 0.001, 0.003, 0.01, 0.03, 0.06):
        before = {child.pid for child in psutil.Process().children()}
        spec = ProviderSpec("faulty", ENGINE, {"log": str(log)})
        lane = ProcessLane(spec, size=2, queue=8, memory=1 << 30, recycle=100)
        tickets = [send(lane), send(lane)]
        never.wait(wait)
        lane.close()
        assert {child.pid for child in psutil.Process().children()} <= before
        for ticket in tickets:
            ticket.future.exception(PATIENCE)


@pytest.mark.thorough
def test_closing_gives_files_and_threads_back(log: Path) -> None:
    def open_and_close() -> None:
        spec = ProviderSpec("faulty", ENGINE, {"log": str(log)})
        lane = ProcessLane(spec, size=2, queue=8, memory=1 << 30, recycle=1)
        for do in ("", "sigkill", "", "raise"):
            send(lane, do).future.exception(PATIENCE)
        lane.close()

    def settled() -> bool:
        gc.collect()
        return not any(thread.name == "ocrgate-faulty" for thread in threading.enumerate())

    open_and_close()
    assert eventually(settled)
    files = psutil.Process().num_fds()
    for _ in range(2):
        open_and_close()
    assert eventually(settled)
    assert psutil.Process().num_fds() <= files


def test_the_lane_that_an_engine_asks_for_is_made_of_processes() -> None:
    lane = open_lane(FaultyEngine(), ProviderSpec("faulty", ENGINE, {}), ProviderSettings("faulty", "faulty"))
    assert isinstance(lane, ProcessLane)
    assert lane.size == 1
    assert ask(lane) == "!"
    lane.close()


def test_a_worker_that_holds_the_interpreter_ends_itself_when_its_host_does_not() -> None:
    boot = "import ocrgate.lane.worker as worker; worker.GRACE = 0.2; worker.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", boot],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
        env=environment(),
    )
    try:
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            transmit(process.stdin, pack(Hello("faulty", pack(ProviderSpec("faulty", ENGINE, {})), 1 << 30)))
            assert unpack(receive(process.stdout)) == Reply(None)
            request = Request(b"", RAW, 1, 1, options={"do": "hang_holding_the_interpreter"})
            transmit(process.stdin, pack(Ask(request, 0.2)))
            assert process.wait(5.0) == 1
    finally:
        process.kill()
