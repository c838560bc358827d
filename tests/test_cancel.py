"""Giving up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Barrier
from time import monotonic

import pytest

from ocrgate.cancel import Cancellation


def test_hooks_run_in_order_and_once_when_the_caller_gives_up() -> None:
    cancel = Cancellation()
    ran: list[int] = []
    cancel.hook(lambda: ran.append(1))
    cancel.hook(lambda: ran.append(2))
    assert (cancel(), ran) == (False, [])
    cancel.cancel()
    cancel.cancel()
    assert (cancel(), cancel.is_set(), ran) == (True, True, [1, 2])


def test_a_hook_after_giving_up_runs_at_once() -> None:
    cancel = Cancellation()
    cancel.cancel()
    ran: list[int] = []
    cancel.hook(lambda: ran.append(1))()
    assert ran == [1]


def test_who_waits_is_woken_when_the_caller_gives_up() -> None:
    cancel = Cancellation()
    with ThreadPoolExecutor(2) as threads:
        waits = [threads.submit(cancel.wait, 30.0) for _ in range(2)]
        with pytest.raises(FutureTimeout):
            waits[0].result(0.05)
        begun = monotonic()
        cancel.cancel()
        assert [wait.result(10.0) for wait in waits] == [True, True]
        assert monotonic() - begun < 5.0
    assert cancel.wait(30.0), "who comes later does not wait at all"


def test_a_wait_that_nobody_ended_leaves_nothing_behind() -> None:
    cancel = Cancellation()
    for _ in range(3):
        assert not cancel.wait(0.001)
    assert cancel._hooks._actions == []


def test_a_hook_that_was_taken_away_does_not_run() -> None:
    cancel = Cancellation()
    ran: list[int] = []
    unhook = cancel.hook(lambda: ran.append(1))
    cancel.hook(lambda: ran.append(2))
    unhook()
    unhook()
    cancel.cancel()
    unhook()
    assert ran == [2]


def test_the_event_is_set_before_the_hooks_run() -> None:
    cancel = Cancellation()
    seen: list[bool] = []
    cancel.hook(lambda: seen.append(cancel()))
    cancel.cancel()
    assert seen == [True]


def test_a_hook_that_fails_keeps_no_other_from_running(caplog: pytest.LogCaptureFixture) -> None:
    cancel = Cancellation()
    ran: list[int] = []

    def broken() -> None:
        raise RuntimeError("broken hook")

    cancel.hook(broken)
    cancel.hook(lambda: ran.append(1))
    cancel.cancel()
    cancel.hook(broken)
    assert ran == [1]
    assert caplog.text.count("RuntimeError: broken hook") == 2


def test_a_hook_may_ask_and_hook_again() -> None:
    cancel = Cancellation()
    ran: list[int] = []

    def again() -> None:
        cancel.hook(lambda: ran.append(1))

    cancel.hook(again)
    cancel.cancel()
    assert ran == [1]


def test_every_hook_runs_exactly_once_whoever_is_faster() -> None:
    for _ in range(50):
        cancel = Cancellation()
        ran: list[int] = []
        start = Barrier(5)

        def hook(number: int, cancel: Cancellation = cancel, ran: list[int] = ran, start: Barrier = start) -> None:
            start.wait(5.0)
            cancel.hook(lambda: ran.append(number))

        def give_up(cancel: Cancellation = cancel, start: Barrier = start) -> None:
            start.wait(5.0)
            cancel.cancel()

        with ThreadPoolExecutor(5) as pool:
            work = [*(pool.submit(hook, number) for number in range(4)), pool.submit(give_up)]
            for each in work:
                each.result(5.0)
        assert sorted(ran) == [0, 1, 2, 3]
