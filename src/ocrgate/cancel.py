"""Giving up: one object that a call hands down, so that whoever works for it can be stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from threading import Event, Lock

_log = logging.getLogger("ocrgate.cancel")


def run_all(actions: Iterable[Callable[[], None]]) -> None:
    """Run every action; one that fails is logged, because giving up must reach all who work for the call."""
    for action in actions:
        try:
            action()
        except Exception:  # noqa: BLE001 - actions belong to adapters
            _log.exception("an action on giving up failed")


class Cancellation:
    """Whether the caller of one call has given up, and what is to be done then.

    Attributes:
        event: set from the moment on that the caller has given up; sleeps wait on it.
    """

    def __init__(self) -> None:
        self.event = Event()
        self._lock = Lock()
        self._hooks: list[Callable[[], None]] = []

    def __call__(self) -> bool:
        """Whether the caller has given up."""
        return self.event.is_set()

    def hook(self, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` when the caller gives up, at once if it has; returns what takes the hook away again.

        What `action` raises is logged and goes nowhere else.
        """
        with self._lock:
            if not self.event.is_set():
                self._hooks.append(action)
                return lambda: self._unhook(action)
        run_all([action])
        return lambda: None

    def _unhook(self, action: Callable[[], None]) -> None:
        with self._lock:
            if action in self._hooks:
                self._hooks.remove(action)

    def cancel(self) -> None:
        """Give up; a second time changes nothing."""
        with self._lock:
            if self.event.is_set():
                return
            self.event.set()
            hooks, self._hooks = self._hooks, []
        run_all(hooks)
