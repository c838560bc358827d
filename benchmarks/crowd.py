"""Many threads that begin at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Crowd:
    """How it went.

    Attributes:
        seconds: from the common start until the last one had ended.
        errors: what was raised, by any of them.
    """

    seconds: float = 0.0
    errors: list[BaseException] = field(default_factory=list)

    def require_success(self) -> None:
        """Raise the first error, if there is one."""
        if self.errors:
            raise self.errors[0]


def at_once(works: Sequence[Callable[[], object]]) -> Crowd:
    """Run each in a thread of its own, all of them released together, and wait for the last."""
    begin, finish = start(works)
    begin()
    return finish()


def start(works: Sequence[Callable[[], object]]) -> tuple[Callable[[], None], Callable[[], Crowd]]:
    """Threads that are ready to go: a function that releases them, and one that waits until they have ended."""
    gate, crowd = threading.Barrier(len(works) + 1), Crowd()
    begun = 0.0

    def run(work: Callable[[], object]) -> None:
        gate.wait()
        try:
            work()
        except BaseException as error:
            crowd.errors.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()

    def begin() -> None:
        nonlocal begun
        gate.wait()
        begun = time.perf_counter()

    def finish() -> Crowd:
        for thread in threads:
            thread.join()
        crowd.seconds = time.perf_counter() - begun
        return crowd

    return begin, finish


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait until something is true, at most so many seconds; whether it is."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.005)
    return found
