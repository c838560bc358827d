"""How well calls go side by side: through the gateway, and through what one would write instead."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from statistics import median
from typing import Any

from benchmarks import numbered
from benchmarks.crowd import at_once, start
from benchmarks.sleeper import Sleeper, hangs, house, sleeps
from ocrgate import Gateway
from ocrgate.errors import OCRError
from ocrgate.settings import BreakerSettings

Call = Callable[[int], object]
"""Reads the picture of a number."""
Way = Callable[[int, float], AbstractContextManager[Call]]
"""Called with the number of threads and the seconds that the engine takes."""

_picture = cache(numbered.picture)  # drawing one is not part of reading it


@contextmanager
def executor(threads: int, seconds: float) -> Iterator[Call]:
    """A `ThreadPoolExecutor` as large as there are callers, and nothing else."""
    with ThreadPoolExecutor(threads) as pool:
        yield lambda _number: pool.submit(time.sleep, seconds).result(60.0)


@contextmanager
def breaker(_threads: int, seconds: float) -> Iterator[Call]:
    """`pybreaker.CircuitBreaker.call` around the engine."""
    import pybreaker

    circuit = pybreaker.CircuitBreaker()
    yield lambda _number: circuit.call(time.sleep, seconds)


@contextmanager
def by_hand(threads: int, seconds: float) -> Iterator[Call]:
    """tenacity around pybreaker around the executor, which bounds the time of a call."""
    import pybreaker
    import tenacity

    circuit = pybreaker.CircuitBreaker()
    retrying = tenacity.Retrying(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_exponential_jitter())
    with executor(threads, seconds) as ask:
        yield lambda number: retrying(lambda: circuit.call(ask, number))


@contextmanager
def gateway(threads: int, seconds: float) -> Iterator[Call]:
    """`Gateway.recognize` with as many lanes."""
    with house({"engine": Sleeper("engine", sleeps(seconds))}, threads) as opened:
        yield lambda number: opened.recognize(_picture(number))


WAYS: Mapping[str, Way] = {
    "ThreadPoolExecutor": executor,
    "pybreaker.call": breaker,
    "by hand": by_hand,
    "ocrgate": gateway,
}
SERIAL = ("pybreaker.call", "by hand")
"""Ways that let one call through at a time, which are measured with fewer calls."""


def side_by_side(way: Way, threads: int, seconds: float, each: int) -> dict[str, float]:
    """So many threads that make `each` calls, one after the other; wall time beside the ideal one."""
    for number in range(threads * each):
        _picture(number)
    with way(threads, seconds) as call:
        at_once([partial(call, number) for number in range(threads if each > 1 else 1)]).require_success()

        def work(first: int) -> None:
            for number in range(first, first + each):
                call(number)

        crowd = at_once([partial(work, place * each) for place in range(threads)])
    crowd.require_success()
    ideal = each * seconds
    return {
        "calls": threads * each,
        "ideal_s": round(ideal, 3),
        "seconds": round(crowd.seconds, 4),
        "ratio": round(crowd.seconds / ideal, 3),
    }


def beside_a_hung_one(calls: int, seconds: float, callers: int, lanes: int = 8) -> dict[str, dict[str, float]]:
    """Milliseconds by which calls to a good engine take longer while another one hangs with all its lanes.

    Args:
        calls: that are timed, before and while the other hangs.
        seconds: that the good engine takes.
        callers: threads that wait for the hung one.
        lanes: of each engine; threads of the pool, for the way by hand.
    """
    good, bad = Sleeper("good", sleeps(seconds)), Sleeper("bad", hangs)
    with house({"good": good, "bad": bad}, lanes) as opened:

        def ask(number: int) -> object:
            return opened.recognize(_picture(number), route="good")

        def wait(number: int) -> None:
            try:
                opened.recognize(_picture(number), route="bad")
            except OCRError:
                return

        quiet = _times(ask, calls)
        begin, finish = start([partial(wait, number) for number in range(callers)])
        begin()
        until(lambda: opened.status()["bad"]["lanes"]["in_use"] == lanes)
        beside = _times(ask, calls)
    finish()
    return {"ocrgate": _delays(quiet, beside), "one pool for both": _pooled(seconds, callers, lanes)}


def _pooled(seconds: float, callers: int, lanes: int, patience: float = 1.0) -> dict[str, float]:
    """The same with a pool that both engines share, and callers who give up after `patience`."""
    freed = threading.Event()
    with ThreadPoolExecutor(lanes) as pool:

        def ask(_number: int) -> None:
            pool.submit(time.sleep, seconds).result()

        quiet = _times(ask, 5)
        for _ in range(callers):
            pool.submit(freed.wait)
        release = threading.Timer(patience, freed.set)
        release.start()
        beside = _times(ask, 1)
        release.join()
    return _delays(quiet, beside)


def _times(ask: Call, calls: int) -> list[float]:
    times = []
    for number in range(calls):
        begun = time.perf_counter()
        ask(number)
        times.append(time.perf_counter() - begun)
    return times


def _delays(quiet: Sequence[float], beside: Sequence[float]) -> dict[str, float]:
    usual = median(quiet)
    return {
        "median_ms": round(1000 * (median(beside) - usual), 2),
        "longest_ms": round(1000 * (max(beside) - usual), 2),
    }


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < until:
        time.sleep(0.005)
    return found


def on_one_loop(calls: int, seconds: float) -> dict[str, float]:
    """Calls of `arecognize` at once on one event loop, with as many lanes; and how late the loop was for others."""
    with house({"engine": Sleeper("engine", sleeps(seconds))}, calls) as opened:
        return asyncio.run(_gathered(opened, calls, seconds))


async def _gathered(opened: Gateway, calls: int, seconds: float) -> dict[str, float]:
    await asyncio.gather(*(opened.arecognize(_picture(number)) for number in range(calls)))
    latest, tick = 0.0, 0.005

    async def watch() -> None:
        nonlocal latest
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(tick)
            latest = max(latest, time.perf_counter() - begun - tick)

    pictures = [_picture(number) for number in range(calls)]
    watching = asyncio.ensure_future(watch())
    begun = time.perf_counter()
    results = await asyncio.gather(*(opened.arecognize(picture) for picture in pictures))
    took = time.perf_counter() - begun
    watching.cancel()
    return {
        "calls": calls,
        "answered": sum(result.valid for result in results),
        "ideal_s": seconds,
        "seconds": round(took, 4),
        "ratio": round(took / seconds, 2),
        "loop_late_ms": round(1000 * latest, 1),
    }


class _Doorway:
    """Counts who has got through to an engine, and keeps them there until everybody has been told yes or no."""

    def __init__(self) -> None:
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
        except Exception:
            with self._lock:
                self.turned_away += 1

    def watch(self, asks: Sequence[Callable[[], object]], patience: float) -> dict[str, int]:
        begin, finish = start([partial(self.attempt, ask) for ask in asks])
        begin()
        until(lambda: self.inside + self.turned_away == len(asks), patience)
        found = {"callers": len(asks), "probes": self.inside, "refused": self.turned_away}
        self._opened.set()
        finish()
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
    doorway, broken = _Doorway(), [True]

    def wait(*_details: Any) -> None:
        if broken[0]:
            raise RuntimeError("out of order")
        doorway.enter()

    settings = BreakerSettings(window=5, minimum=5, open_for=0.1)
    with house({"engine": Sleeper("engine", wait)}, callers, breaker=settings) as opened:

        def ask(number: int) -> object:
            return opened.recognize(_picture(number))

        spoil = _Doorway()
        for number in range(settings.minimum):
            spoil.attempt(partial(ask, number))
        broken[0] = False
        until(lambda: opened.status()["engine"]["retry_in"] == 0.0)
        return doorway.watch([partial(ask, number) for number in range(callers)], patience)


def _probes_of_pybreaker(callers: int, patience: float, *, holding: bool) -> dict[str, int]:
    import pybreaker

    doorway = _Doorway()
    circuit = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=0.1)
    _Doorway().attempt(lambda: circuit.call(_fail))
    time.sleep(0.15)

    def ask() -> None:
        if holding:
            circuit.call(doorway.enter)
        else:
            with circuit.calling():
                doorway.enter()

    return doorway.watch([ask] * callers, patience)


def _fail() -> None:
    raise RuntimeError("out of order")
