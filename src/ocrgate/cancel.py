"""Giving up: one object that a call hands down, so that whoever works for it can be stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock

_log = logging.getLogger("ocrgate.cancel")


class Hooks:
    """What is to be done when somebody gives up; each action runs once, an action that comes late at once.

    What an action raises is logged and goes nowhere else: giving up must reach all who work for the call.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._actions: list[Callable[[], None]] | None = []

    def add(self, action: Callable[[], None]) -> Callable[[], None]:
        """Have `action` run; returns what takes that back."""
        with self._lock:
            if self._actions is not None:
                self._actions.append(action)
                return lambda: self._take_back(action)
        _run(action)
        return lambda: None

    def _take_back(self, action: Callable[[], None]) -> None:
        with self._lock:
            if self._actions and action in self._actions:
                self._actions.remove(action)

    def run(self) -> None:
        """Run all of them; a second time changes nothing."""
        with self._lock:
            actions, self._actions = self._actions or [], None
        for action in actions:
            _run(action)

    def drop(self) -> None:
        """Nobody will give up any more: forget them all."""
        with self._lock:
            if self._actions:
                self._actions.clear()


def _run(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:  # noqa: BLE001 - actions belong to adapters
        _log.exception("an action on giving up failed")


class Cancellation:
    """Whether the caller of one call has given up, and what is to be done then; wakes whoever sleeps for the call."""

    def __init__(self) -> None:
        self._given_up = False
        self._hooks = Hooks()

    def __call__(self) -> bool:
        """Whether the caller has given up."""
        return self._given_up

    is_set = __call__

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the caller gives up, at most `timeout` seconds; whether it has."""
        # Made only here, because few calls ever sleep.
        woken = Event()
        unhook = self.hook(woken.set)
        try:
            return woken.wait(timeout)
        finally:
            unhook()

    def hook(self, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` when the caller gives up, at once if it has; returns what takes the hook away again."""
        return self._hooks.add(action)

    def cancel(self) -> None:
        """Give up; a second time changes nothing."""
        self._given_up = True
        self._hooks.run()
