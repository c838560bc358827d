"""A way of asking an engine, and how it is timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class Block(NamedTuple):
    """Some calls one after the other.

    Attributes:
        seconds: of each, as its caller saw it.
        cpu: processor seconds of all threads of the process for all of them.
    """

    seconds: list[float]
    cpu: float


class Way(Protocol):
    """A way of asking, in this process or in another.

    Attributes:
        name: in the result file.
        what: one line for people.
    """

    @property
    def name(self) -> str: ...

    @property
    def what(self) -> str: ...

    def block(self, calls: int) -> Block:
        """Make so many calls. Raises what a call raises."""
        ...

    def rate(self, seconds: float, threads: int) -> float:
        """Calls a second from several threads at once. Raises what a call raises."""
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """A way in this process.

    Attributes:
        name, what: see `Way`.
        call: asks once.
    """

    name: str
    what: str
    call: Callable[[], object] = field(repr=False)

    def block(self, calls: int) -> Block:
        """See `Way`."""
        call, taken, used = self.call, [], time.process_time()
        for _ in range(calls):
            begun = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begun)
        return Block(taken, time.process_time() - used)

    def rate(self, seconds: float, threads: int) -> float:
        """See `Way`."""
        start, counts = threading.Barrier(threads + 1), [0] * threads
        stop = threading.Event()
        failures: list[BaseException] = []

        def work(place: int) -> None:
            start.wait()
            try:
                while not stop.is_set():
                    self.call()
                    counts[place] += 1
            except BaseException as error:
                failures.append(error)

        workers = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(threads)]
        for worker in workers:
            worker.start()
        start.wait()
        begun = time.perf_counter()
        stop.wait(seconds)
        stop.set()
        for worker in workers:
            worker.join()
        elapsed = time.perf_counter() - begun
        if failures:
            raise failures[0]
        return sum(counts) / elapsed
