"""What a forked child has to make anew: its locks may be held by threads that did not come along."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Something that lives on in a forked child."""

    def after_fork(self) -> None:
        """Called in the child before anything else runs there; makes locks anew and lets go of threads."""
        ...


_all: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew(thing: Renewable) -> None:
    """Have `thing.after_fork()` called in every child that this process forks, as long as the thing lives."""
    _all.add(thing)


class Lock:
    """A lock that a forked child begins with anew; for `with`."""

    def __init__(self) -> None:
        self.after_fork()
        renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _after_fork() -> None:
    for thing in list(_all):
        thing.after_fork()


def _finish_imports() -> None:
    """Let other threads come to the end of what they import: in a child nobody would, and whoever imports it there
    waits for ever, because Python makes its own import lock anew but not those of modules."""
    for name, module in list(sys.modules.items()):
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            with contextlib.suppress(Exception):  # what an import raises is for those who asked for it
                importlib.import_module(name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish_imports, after_in_child=_after_fork)
