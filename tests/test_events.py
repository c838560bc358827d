"""Events, and listeners that are slow, broken or gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic
from typing import Any

import pytest

from ocrgate import events as module
from ocrgate.events import BreakerChanged, Events

PATIENCE = 5.0


def event(number: int) -> BreakerChanged:
    return BreakerChanged(str(number), "closed", "open")


def eventually(true: Callable[[], bool]) -> bool:
    never, until = Event(), monotonic() + PATIENCE
    while not true():
        if monotonic() > until:
            return False
        never.wait(0.005)
    return True


def running(known: Iterable[threading.Thread] = ()) -> set[threading.Thread]:
    """The threads of listeners, without those known before."""
    return {thread for thread in threading.enumerate() if thread.name == "ocrgate-events"} - set(known)


@pytest.fixture
def events() -> Iterator[Events]:
    made = Events()
    yield made
    made.close()


def numbers(heard: list[Any]) -> list[int]:
    return [int(each.provider) for each in heard]


def test_every_listener_hears_every_event_in_order(events: Events) -> None:
    first: list[Any] = []
    second: list[Any] = []
    events.on(first.append)
    events.on(second.append)
    for number in range(500):
        events.emit(event(number))
    assert events.flush()
    assert numbers(first) == numbers(second) == list(range(500))
    assert events.dropped == 0


def test_each_thread_is_heard_in_its_own_order_and_nothing_is_lost(events: Events) -> None:
    heard: list[Any] = []
    events.on(heard.append)

    def emit(thread: int) -> None:
        for step in range(200):
            events.emit(event(1000 * thread + step))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(emit, range(8)))
    assert events.flush()
    for thread in range(8):
        assert [n - 1000 * thread for n in numbers(heard) if n // 1000 == thread] == list(range(200))


def test_an_event_without_listeners_costs_no_thread(events: Events) -> None:
    before = running()
    events.emit(event(1))
    assert not running(before)
    assert events.flush()


def test_a_listener_hears_what_comes_after_it_and_not_what_came_before(events: Events) -> None:
    held, entered = Event(), Event()
    early: list[Any] = []
    late: list[Any] = []

    def slow(each: Any) -> None:
        entered.set()
        held.wait(PATIENCE)
        early.append(each)

    events.on(slow)
    events.emit(event(1))
    events.emit(event(2))
    assert entered.wait(PATIENCE)
    events.on(late.append)
    events.emit(event(3))
    held.set()
    assert events.flush()
    assert numbers(early) == [1, 2, 3]
    assert numbers(late) == [3]


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit("broken"), KeyboardInterrupt("broken")])
def test_a_listener_that_raises_keeps_nobody_from_hearing(
    error: BaseException, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_event: Any) -> None:
        raise error

    heard: list[Any] = []
    events.on(broken)
    events.on(heard.append)
    for number in range(3):
        events.emit(event(number))
    assert events.flush()
    assert numbers(heard) == [0, 1, 2]
    assert caplog.text.count("a listener failed on BreakerChanged") == 3


def test_a_slow_listener_does_not_delay_the_caller(events: Events) -> None:
    held = Event()
    events.on(lambda _event: held.wait(PATIENCE))
    begun = monotonic()
    for number in range(1000):
        events.emit(event(number))
    assert monotonic() - begun < 0.5
    assert not events.flush(0.05), "nobody has heard it all yet"
    held.set()
    assert events.flush()


def test_flushing_waits_no_longer_than_it_was_told(events: Events) -> None:
    held = Event()
    events.on(lambda _event: held.wait(PATIENCE))
    events.emit(event(1))
    begun = monotonic()
    assert not events.flush(0.1)
    assert 0.1 <= monotonic() - begun < 0.5
    held.set()


def test_events_that_find_too_many_before_them_are_counted(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LIMIT", 10)
    held, entered = Event(), Event()
    heard: list[Any] = []

    def slow(each: Any) -> None:
        entered.set()
        held.wait(PATIENCE)
        heard.append(each)

    events.on(slow)
    events.emit(event(0))
    assert entered.wait(PATIENCE)
    for number in range(1, 31):
        events.emit(event(number))
    assert events.dropped == 20
    held.set()
    assert events.flush()
    assert numbers(heard) == list(range(11))
    events.emit(event(99))
    assert events.flush()
    assert numbers(heard)[-1] == 99


def test_a_listener_that_has_left_hears_nothing_more(events: Events) -> None:
    gone: list[Any] = []
    stays: list[Any] = []
    leave = events.on(gone.append)
    events.on(stays.append)
    events.emit(event(1))
    assert events.flush()
    leave()
    leave()
    events.emit(event(2))
    assert events.flush()
    assert numbers(gone) == [1]
    assert numbers(stays) == [1, 2]


def test_a_listener_registered_twice_hears_twice_and_leaves_one_by_one(events: Events) -> None:
    heard: list[Any] = []
    leave = events.on(heard.append)
    events.on(heard.append)
    events.emit(event(1))
    assert events.flush()
    assert numbers(heard) == [1, 1]

    def listener(each: Any) -> None:
        heard.append(each)

    first = events.on(listener)
    events.on(listener)
    first()
    leave()
    events.emit(event(2))
    assert events.flush()
    assert numbers(heard) == [1, 1, 2, 2]


def test_a_listener_may_leave_while_it_listens(events: Events) -> None:
    heard: list[Any] = []

    def once(each: Any) -> None:
        heard.append(each)
        leave()

    leave = events.on(once)
    for number in range(5):
        events.emit(event(number))
    events.flush()
    assert eventually(lambda: numbers(heard) == [0])


def test_the_thread_ends_with_the_last_listener_and_comes_back_with_the_next() -> None:
    events = Events()
    before = running()
    for _ in range(3):
        heard: list[Any] = []
        leave = events.on(heard.append)
        events.emit(event(1))
        assert events.flush()
        assert len(running(before)) == 1
        leave()
        assert eventually(lambda: not running(before))
        assert numbers(heard) == [1]


def test_closing_lets_the_listeners_hear_the_rest_and_ends_the_thread() -> None:
    events = Events()
    before = running()
    heard: list[Any] = []
    events.on(heard.append)
    for number in range(100):
        events.emit(event(number))
    events.close()
    assert numbers(heard) == list(range(100))
    assert eventually(lambda: not running(before))
    events.emit(event(100))
    assert events.flush()
    assert len(heard) == 100


def test_a_listener_that_flushes_does_not_wait_for_itself(events: Events) -> None:
    answers: list[bool] = []
    events.on(lambda _event: answers.append(events.flush(PATIENCE)))
    events.emit(event(1))
    begun = monotonic()
    assert eventually(lambda: bool(answers))
    assert answers == [False]
    assert monotonic() - begun < 1.0


def test_a_machine_without_threads_breaks_no_call(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    heard: list[Any] = []
    events.on(heard.append)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        events.emit(event(1))
    assert events.dropped == 1
    events.emit(event(2))
    assert events.flush()
    assert numbers(heard) == [2]


FORKED = """
import os, sys
from threading import Event
from ocrgate.events import BreakerChanged, Events

events, held, entered, heard = Events(), Event(), Event(), []

def listener(event):
    entered.set()
    held.wait(10.0)
    heard.append(event.provider)

events.on(listener)
events.emit(BreakerChanged("before", "closed", "open"))
events.emit(BreakerChanged("waiting", "closed", "open"))
assert entered.wait(5.0)
locked = events._lock
locked.acquire()
child = os.fork()
if not child:
    held.set()
    events.emit(BreakerChanged("child", "closed", "open"))
    assert events.flush(5.0)
    assert heard == ["child"], heard
    os._exit(42)
locked.release()
held.set()
assert events.flush(5.0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
assert heard == ["before", "waiting"], heard
print("whole")
"""


def test_listeners_hear_in_a_forked_child_what_happens_there_and_only_that() -> None:
    ended = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (0, "whole\n"), ended.stderr
