"""Threads that are kept for a while."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from concurrent.futures import Future
from threading import Barrier, Event

import pytest

from ocrgate.crew import Crew
from tests.lane.processes import environment, eventually

PATIENCE = 20.0


def threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


class Thing:
    """Something that can be watched while it is held."""


def test_work_runs_and_its_answer_or_error_is_in_the_future() -> None:
    crew = Crew("crew-answers", idle=0.01)
    assert crew.start(lambda: 6 * 7).result(PATIENCE) == 42

    def interrupted() -> None:
        raise KeyboardInterrupt

    assert isinstance(crew.start(interrupted).exception(PATIENCE), KeyboardInterrupt)
    assert crew.start(lambda: "still here").result(PATIENCE) == "still here"


def test_however_much_is_started_all_of_it_runs_at_once() -> None:
    crew = Crew("crew-many", idle=0.01)
    inside = Barrier(50)
    for future in [crew.start(lambda: inside.wait(PATIENCE)) for _ in range(50)]:
        future.result(PATIENCE)


def test_a_thread_is_used_again() -> None:
    crew = Crew("crew-again")
    for _ in range(300):
        crew.start(threading.get_ident).result(PATIENCE)
    assert 1 <= threads("crew-again") <= 3


def test_threads_without_work_end_and_those_that_are_needed_stay() -> None:
    crew = Crew("crew-idle", idle=0.05)
    inside = Barrier(8)
    for future in [crew.start(lambda: inside.wait(PATIENCE)) for _ in range(8)]:
        future.result(PATIENCE)
    assert eventually(lambda: threads("crew-idle") == 0)
    assert crew.start(lambda: 1).result(PATIENCE) == 1
    assert eventually(lambda: threads("crew-idle") == 0)


def test_whoever_waited_least_is_asked_next() -> None:
    crew = Crew("crew-last")
    inside = Barrier(4)
    for future in [crew.start(lambda: inside.wait(PATIENCE)) for _ in range(4)]:
        future.result(PATIENCE)
    assert eventually(lambda: len(crew._waiting) == 4)
    served = set()
    for _ in range(20):
        served.add(crew.start(threading.get_ident).result(PATIENCE))
        assert eventually(lambda: len(crew._waiting) == 4)
    assert len(served) == 1


def test_work_handed_to_a_thread_that_is_about_to_end_runs_all_the_same() -> None:
    crew = Crew("crew-edge", idle=0.02)
    crew.start(lambda: 1).result(PATIENCE)
    assert eventually(lambda: len(crew._waiting) == 1)
    with crew._lock:
        Event().wait(0.2)  # until the thread has given up waiting and wants to say so
        (desk,) = crew._waiting
        crew._waiting.clear()
    future: Future[int] = Future()
    desk.put((lambda: 2, future))
    assert future.result(PATIENCE) == 2
    assert eventually(lambda: threads("crew-edge") == 0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_thread_that_waits_holds_nothing_of_what_it_did(fails: bool) -> None:
    crew = Crew("crew-free")
    thing = Thing()
    watched = weakref.ref(thing)

    def work(thing: Thing = thing) -> Thing:
        if fails:
            raise ValueError(thing)
        return thing

    gc.collect()
    gc.disable()
    try:
        future = crew.start(work)
        future.exception(PATIENCE)
        del future, work, thing
        assert eventually(lambda: watched() is None), "only a cycle of references, or the thread, can hold it"
    finally:
        gc.enable()


def test_work_that_runs_is_not_cancelled_by_its_future() -> None:
    crew = Crew("crew-cancel", idle=0.01)
    go = Event()
    future = crew.start(lambda: go.wait(PATIENCE))
    assert not future.cancel()
    go.set()
    assert future.result(PATIENCE)


def test_a_machine_without_threads_is_told_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    crew = Crew("crew-none", idle=0.01)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ran: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            crew.start(lambda: ran.append(1))
    assert crew.start(lambda: 2).result(PATIENCE) == 2
    assert ran == []


def test_neither_hung_nor_waiting_threads_keep_the_program_from_ending() -> None:
    program = """
from threading import Event
from ocrgate.crew import Crew
crew = Crew("crew")
crew.start(lambda: 1).result()
crew.start(Event().wait)
crew.start(Event().wait)
print("over")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=True
    )
    assert (done.stdout, done.stderr) == ("over\n", "")


def test_a_forked_child_begins_with_threads_of_its_own() -> None:
    program = """
import os, sys, warnings
from threading import Event
from ocrgate.crew import Crew
warnings.simplefilter("ignore", DeprecationWarning)
crew = Crew("crew")
crew.start(lambda: 1).result()
while not crew._waiting:
    pass
crew.start(Event().wait)
crew._lock.acquire()
child = os.fork()
if not child:
    os._exit(crew.start(lambda: 7).result(10.0))
crew._lock.release()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), crew.start(lambda: 8).result(10.0))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=True
    )
    assert (done.stdout, done.stderr) == ("7 8\n", "")
