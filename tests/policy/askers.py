"""What tests have other processes do with a breaker: `python -m tests.policy.askers JOB ARGUMENT…`."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import Breaker, Permit, State
from ocrgate.settings import BreakerSettings
from ocrgate.state import RedisStore, SQLiteStore, StoreError
from tests.state.work import wait_for_go

T = TypeVar("T")

SOON = BreakerSettings(window=4, minimum=2, failure_rate=0.5, open_for=0.05, probes=1, successes=1)
ALL = BreakerSettings(window=1000, minimum=200, failure_rate=1.0)


class PatientFile(SQLiteStore):
    """One that waits for other processes as long as it takes: on a busy host that may be longer than a call would."""

    def get(self, name: str) -> str | None:
        return self._patiently(lambda: super(PatientFile, self).get(name))

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        return self._patiently(lambda: super(PatientFile, self).swap(name, old, new, ttl))

    def _patiently(self, operation: Callable[[], T]) -> T:
        for _ in range(100):
            with contextlib.suppress(StoreError):
                return operation()
        return operation()


@contextlib.contextmanager
def breaker_at(url: str, settings: BreakerSettings = SOON, **how: Any) -> Iterator[Breaker]:
    """One whose record is in the state of that name, which is closed afterwards."""
    kind, _, path = url.partition(":")
    store = PatientFile(path) if kind == "sqlite" else RedisStore(url)
    with contextlib.closing(store):
        yield Breaker("baidu", settings, store=store, **how)


def ask(url: str, threads: str) -> None:
    """Say how many of many threads were let through, how many refused, and how long the longest refusal took."""
    together = threading.Barrier(int(threads))

    def one(breaker: Breaker) -> float | None:
        together.wait(10.0)
        begun = time.monotonic()
        try:
            breaker.admit()
        except ProviderRefused:
            return time.monotonic() - begun
        return None

    with breaker_at(url) as breaker, ThreadPoolExecutor(int(threads)) as pool:
        wait_for_go()
        took = list(pool.map(one, [breaker] * int(threads)))
    refused = [seconds for seconds in took if seconds is not None]
    print(json.dumps([took.count(None), len(refused), max(refused, default=0.0)]))


def fail(url: str, threads: str, calls: str) -> None:
    """Have calls fail in several threads."""

    def work(breaker: Breaker) -> None:
        for _ in range(int(calls)):
            breaker.admit().failure()

    with breaker_at(url, ALL) as breaker, ThreadPoolExecutor(int(threads)) as pool:
        wait_for_go()
        list(pool.map(work, [breaker] * int(threads)))


def hold(url: str, lease: str) -> None:
    """Take the probe, say so, and never say how it went."""
    with breaker_at(url, lease=float(lease)) as breaker:
        wait_for_go()
        assert breaker.admit().probe
        print("holding", flush=True)
        signal.pause()


def hammer(url: str, calls: str) -> None:
    """Say whether the observer heard one chain of transitions while calls of all kinds were made."""
    heard: list[tuple[State, State]] = []

    def work(breaker: Breaker, number: int) -> None:
        for call in range(int(calls)):
            try:
                permit = breaker.admit()
            except ProviderRefused:
                continue
            (Permit.failure, Permit.success, Permit.ignore)[(number + call) % 3](permit)

    def observer(_name: str, old: State, new: State) -> None:
        heard.append((old, new))

    with breaker_at(url, lease=0.05, observer=observer) as breaker, ThreadPoolExecutor(4) as pool:
        wait_for_go()
        list(pool.map(work, [breaker] * 4, range(4)))
    whole = all(before[1] == after[0] for before, after in itertools.pairwise(heard))
    print(json.dumps([whole, len(heard), not heard or heard[0][0] == "closed"]))


def fork_with_locks_held() -> None:
    """Fork while another thread holds every lock that a breaker has; say what the child could do."""
    heard: list[State] = []
    breaker = Breaker("baidu", SOON, observer=lambda _name, _old, new: heard.append(new))
    breaker.admit().failure()
    announcer, cell = breaker._announcer, breaker._cell
    held, done = threading.Event(), threading.Event()

    def hold_all() -> None:
        with announcer._following, announcer._telling, announcer._circuit._lock, cell._lock:  # type: ignore[attr-defined]
            held.set()
            done.wait(20.0)

    holder = threading.Thread(target=hold_all)
    holder.start()
    wait_for_go()
    held.wait(20.0)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        breaker.admit().failure()
        os._exit(0 if (breaker.state, heard) == ("open", ["open"]) else 1)
    _, status = os.waitpid(child, 0)
    done.set()
    holder.join()
    print(json.dumps([status, breaker.state, heard]))


def main() -> None:
    job, *arguments = sys.argv[1:]
    globals()[job](*arguments)


if __name__ == "__main__":
    main()
