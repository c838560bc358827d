"""A clock that goes only when it is told to."""

from __future__ import annotations

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Lock
from typing import Any

from ocrgate.clock import Wake

_PATIENCE = 30.0


class ManualClock:
    """A clock moved by hand; a sleep moves it at once instead of taking time. Thread-safe.

    Attributes:
        slept: seconds of every sleep, in order.
    """

    def __init__(self, monotonic: float = 1000.0, time: float = 1_767_225_600.0) -> None:
        self._lock = Lock()
        self._monotonic = monotonic
        self._time = time
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self._monotonic

    def time(self) -> float:
        return self._time

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._monotonic += seconds
            self._time += seconds

    def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
        self.slept.append(seconds)
        if wake is not None and wake.is_set():
            return True
        self.advance(max(0.0, seconds))
        return False

    def wait(self, future: Future[Any], seconds: float) -> bool:
        """Wait until the future is done or somebody has moved the clock by `seconds`.

        Raises:
            AssertionError: when neither happens within half a minute of real time: the test would hang.
        """
        until = self._monotonic + seconds
        begun = time.monotonic()
        while not future.done():
            if self._monotonic >= until:
                return False
            try:
                future.exception(timeout=0.002)
            except FutureTimeout:
                assert time.monotonic() - begun < _PATIENCE, "nobody answered and nobody moved the clock"
        return True
