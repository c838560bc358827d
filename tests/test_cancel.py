"""Giving up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

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
    assert (cancel(), cancel.event.is_set(), ran) == (True, True, [1, 2])


def test_a_hook_after_giving_up_runs_at_once() -> None:
    cancel = Cancellation()
    cancel.cancel()
    ran: list[int] = []
    cancel.hook(lambda: ran.append(1))()
    assert ran == [1]


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
