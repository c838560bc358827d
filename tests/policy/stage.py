"""Callers in simulated time: each runs in a thread of its own, one of them at a time, and a sleep takes no time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from threading import Event, Semaphore, Thread
from typing import Any

from ocrgate.clock import Wake
from ocrgate.state import MemoryStore

_PATIENCE = 20.0


class Stage:
    """A clock, and what happens on it at which time; the same every time.

    Attributes:
        late: seconds by which the next sleepers wake up late, one a sleep; 0 when there are no more.
        offset: what `time()` is ahead of `monotonic()`.
    """

    def __init__(self, late: list[float] | None = None) -> None:
        self.late = list(late or [])
        self.offset = 1_767_225_600.0
        self._now = 1000.0
        self._numbers = count()
        self._plan: list[tuple[float, int, Callable[[], None]]] = []
        self._sleeping: dict[Wake, Callable[[], None]] = {}
        self._back = Semaphore(0)
        self._failed: list[BaseException] = []

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._now + self.offset

    def wait(self, future: Future[Any], seconds: float) -> bool:
        raise NotImplementedError

    def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
        assert seconds > 0
        if wake is not None and wake.is_set():
            return True
        go, woken = Semaphore(0), False

        def resume() -> None:
            nonlocal woken
            if not woken:
                woken = True
                go.release()
                assert self._back.acquire(timeout=_PATIENCE)

        self._at(self._now + seconds + (self.late.pop(0) if self.late else 0.0), resume)
        if wake is not None:
            self._sleeping[wake] = resume
        self._back.release()
        assert go.acquire(timeout=_PATIENCE)
        return wake is not None and wake.is_set()

    def give_up(self, wake: Event) -> None:
        """Set an event; called by a cue, never by a caller."""
        wake.set()
        if (resume := self._sleeping.get(wake)) is not None:
            resume()

    def call(self, seconds: float, work: Callable[[], None]) -> None:
        """Have a caller begin with `work` so many seconds from now."""

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._failed.append(error)
            finally:
                self._back.release()

        def begin() -> None:
            Thread(target=run, daemon=True).start()
            assert self._back.acquire(timeout=_PATIENCE)

        self._at(self._now + seconds, begin)

    def cue(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something happen so many seconds from now that takes no time and does not sleep."""
        self._at(self._now + seconds, action)

    def play(self) -> None:
        """Until nobody sleeps any more and nothing is to come; raises what a caller raised."""
        while self._plan:
            moment, _, action = heapq.heappop(self._plan)
            self._now = max(self._now, moment)
            action()
        if self._failed:
            raise self._failed[0]

    def _at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._plan, (moment, next(self._numbers), action))


class Shared(MemoryStore):
    """A store that counts as shared, so that limits keep their records in it as texts."""

    kind = "shared"
    shared = True
