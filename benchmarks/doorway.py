"""Many callers who find a breaker half-open at the same moment: who gets through, who is told no, who waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks import numbered
from benchmarks.crowd import start, until
from benchmarks.sleeper import Sleeper, house
from ocrgate.errors import OCRError
from ocrgate.settings import BreakerSettings


class Doorway:
    """Counts who has got through to an engine, and keeps them there until everybody has been told yes or no.

    Args:
        no: what somebody is told who is turned away; anything else is an error of this benchmark.
    """

    def __init__(self, *no: type[Exception]) -> None:
        self._no = no
        self.inside = 0
        self.turned_away = 0
        self._lock = threading.Lock()
        self._opened = threading.Event()

    def enter(self, *_details: Any) -> None:
        with self._lock:
            self.inside += 1
        self._opened.wait(5.0)

    def attempt(self, ask: Callable[[], object]) -> None:
        try:
            ask()
        except self._no:
            with self._lock:
                self.turned_away += 1

    def watch(self, asks: Sequence[Callable[[], object]], patience: float) -> dict[str, int]:
        begin, finish = start([partial(self.attempt, ask) for ask in asks])
        begin()
        until(lambda: self.inside + self.turned_away == len(asks), patience)
        found = {"callers": len(asks), "probes": self.inside, "refused": self.turned_away}
        self._opened.set()
        finish().require_success()
        if not found["probes"]:
            raise RuntimeError("nobody got through, so the breaker was not half-open")
        return found | {"waited": found["callers"] - found["probes"] - found["refused"]}


def probes(callers: int, patience: float = 0.5) -> dict[str, dict[str, int]]:
    """What becomes of so many callers who find a breaker half-open at the same moment.

    Returns:
        By way: `callers`, `probes` that got through before any had ended, those `refused` meanwhile, and those who
        `waited` for `patience` seconds without being told.
    """
    return {
        "ocrgate": _probes_of_gateway(callers, patience),
        "pybreaker.call": _probes_of_pybreaker(callers, patience, holding=True),
        "pybreaker.calling": _probes_of_pybreaker(callers, patience, holding=False),
    }


def _probes_of_gateway(callers: int, patience: float) -> dict[str, int]:
    door, broken = Doorway(OCRError), [True]

    def wait(*_details: Any) -> None:
        if broken[0]:
            raise RuntimeError("out of order")
        door.enter()

    pictures = [numbered.picture(number) for number in range(callers)]
    settings = BreakerSettings(window=5, minimum=5, open_for=0.1)
    with house({"engine": Sleeper("engine", wait)}, callers, breaker=settings) as opened:

        def ask(number: int) -> object:
            return opened.recognize(pictures[number])

        for number in range(settings.minimum):
            door.attempt(partial(ask, number))
        door.turned_away = 0
        broken[0] = False
        until(lambda: opened.status()["engine"]["retry_in"] == 0.0)
        return door.watch([partial(ask, number) for number in range(callers)], patience)


def _probes_of_pybreaker(callers: int, patience: float, *, holding: bool) -> dict[str, int]:
    import pybreaker

    door = Doorway(pybreaker.CircuitBreakerError)
    circuit = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=0.1)
    door.attempt(lambda: circuit.call(_fail))
    door.turned_away = 0
    time.sleep(0.15)

    def ask() -> None:
        if holding:
            circuit.call(door.enter)
        else:
            with circuit.calling():
                door.enter()

    return door.watch([ask] * callers, patience)


def _fail() -> None:
    raise RuntimeError("out of order")
