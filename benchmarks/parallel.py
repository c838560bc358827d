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

from benchmarks import numbered
from benchmarks.crowd import at_once, start, until
from benchmarks.sleeper import Sleeper, hangs, house, sleeps
from ocrgate import Gateway
from ocrgate.errors import OCRError

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


def side_by_side(way: Way, threads: int, seconds: float, each: int, rounds: int = 1) -> dict[str, float]:
    """So many threads that make `each` calls, one after the other; wall time, the median of `rounds`, and the ideal."""
    for number in range(threads * each):
        _picture(number)
    with way(threads, seconds) as call:

        def work(first: int, last: int) -> None:
            for number in range(first, last):
                call(number)

        once = [partial(work, place, place + 1) for place in range(threads)]
        at_once(once if rounds > 1 else once[:1]).require_success()
        crowds = [
            at_once([partial(work, place * each, (place + 1) * each) for place in range(threads)])
            for _ in range(rounds)
        ]
    for crowd in crowds:
        crowd.require_success()
    ideal, taken = each * seconds, median(crowd.seconds for crowd in crowds)
    return {
        "calls": threads * each,
        "ideal_s": round(ideal, 3),
        "seconds": round(taken, 4),
        "ratio": round(taken / ideal, 3),
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
