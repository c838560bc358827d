"""Looks whether a store is back, so that no call has to."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ocrgate.clock import Clock

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
"""Seconds from one look to the next; doubled by each."""
_GOODBYE = 0.5


class Lookout:
    """A daemon thread that exists only during an outage. Thread-safe; made anew by `after_fork`.

    Args:
        look: looks once, and calls `end` when the store is back; never called by two threads at a time.
        clock: says when a look is due.
        beside: whether looks are taken by that thread; else by the first of those who pass by when one is due.
    """

    def __init__(self, look: Callable[[], object], clock: Clock, *, beside: bool = True) -> None:
        self._look = look
        self._clock = clock
        self._beside = beside
        self._outage = False
        self._pause = FIRST_PAUSE
        self._due = 0.0
        self.after_fork()

    def after_fork(self) -> None:
        """Begin with new locks, and without the thread, which did not come along."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """The store has failed."""
        with self._lock:
            self._outage = True
            self._pause = FIRST_PAUSE
            self._due = self._clock.monotonic() + FIRST_PAUSE
            self._ensure_thread()

    def end(self) -> None:
        """The store is back."""
        with self._lock:
            self._outage = False
            self._wake.set()

    def passing(self) -> None:
        """Called by whoever goes without the store; sees to it that looks are taken, and waits for none beside it."""
        if self._clock.monotonic() < self._due:
            return
        with self._lock:
            if self._clock.monotonic() < self._due:
                return
            self._outage = True
            if self._beside:
                self._wake.set()
                self._ensure_thread()
                return
            self._postpone()
        self._look()

    def close(self) -> None:
        """End the thread, and wait a moment for that."""
        self.end()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_GOODBYE)

    def _ensure_thread(self) -> None:
        if not self._beside or (self._thread is not None and self._thread.is_alive()):
            return
        thread = threading.Thread(target=self._run, name="ocrgate-state", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had; whoever passes by tries again
            return
        self._thread = thread

    def _run(self) -> None:
        while True:
            # In the seconds of the machine; those of another clock come from who passes by.
            self._wake.wait(max(0.0, self._due - self._clock.monotonic()))
            with self._lock:
                self._wake.clear()
                if not self._outage:
                    self._thread = None
                    return
                self._postpone()
            try:
                self._look()
            except BaseException:
                # Not left to `is_alive`, which says so for a moment longer.
                self._thread = None
                raise

    def _postpone(self) -> None:
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._due = self._clock.monotonic() + self._pause
