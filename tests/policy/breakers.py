"""Circuit breakers whose record is in this process, in a file or in a Redis, in a time that a test moves."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import Breaker, Observer, Permit, State
from ocrgate.settings import BreakerSettings
from ocrgate.state import Guarded, RedisStore, SQLiteStore, Store
from ocrgate.testing import ManualClock
from tests.state.server import Server

REDIS = pytest.param("redis", marks=pytest.mark.redis)
SHARED = ("sqlite", REDIS)
PLACES = ("here", *SHARED)
QUICK = BreakerSettings(
    window=4,
    minimum=2,
    failure_rate=0.5,
    slow_call=5.0,
    slow_rate=1.0,
    open_for=10.0,
    successes=2,
    probes=1,
    growth=8.0,
)


class InTime:
    """A store whose time is a clock's, whatever its server says, and that counts what it is asked.

    Attributes:
        asked: names of operations, in order.
    """

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self._store = store
        self._clock = clock
        self.asked: list[str] = []

    @property
    def kind(self) -> str:
        return self._store.kind

    @property
    def shared(self) -> bool:
        return self._store.shared

    @property
    def place(self) -> str:
        return self._store.place

    def time(self) -> float:
        return self._clock.time()

    def get(self, name: str) -> str | None:
        self.asked.append("get")
        return self._store.get(name)

    def put(self, name: str, text: str, ttl: float | None = None) -> None:
        self.asked.append("put")
        self._store.put(name, text, ttl)

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        self.asked.append("swap")
        return self._store.swap(name, old, new, ttl)

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        return self._store.add(name, amount, limit=limit, ttl=ttl)

    def scan(self, prefix: str) -> Mapping[str, str]:
        return self._store.scan(prefix)

    def close(self) -> None:
        self._store.close()


class Maker:
    """Makes breakers; those of one name share their record unless the place is `here`.

    Args:
        place: of `PLACES`.
        folder: for the file.
        server: for a Redis, which is emptied.
    """

    def __init__(self, place: str, folder: Path, server: Callable[[], Server]) -> None:
        self.place = place
        self._path = folder / "state.db"
        self._server = server() if place == "redis" else None
        if self._server is not None:
            self._server.flush()
        self._stores: list[Store] = []

    def store(self, clock: ManualClock) -> InTime | None:
        """As another process would open it."""
        if self.place == "here":
            return None
        kept: Store = SQLiteStore(self._path, clock) if self._server is None else RedisStore(self._server.url, clock)
        store = InTime(Guarded(kept, clock), clock)
        self._stores.append(store)
        return store

    def __call__(
        self,
        clock: ManualClock,
        settings: BreakerSettings = QUICK,
        *,
        name: str = "baidu",
        lease: float = 60.0,
        jitter: Callable[[], float] = lambda: 0.0,
        observer: Observer | None = None,
        store: Store | None = None,
    ) -> Breaker:
        kept = self.store(clock) if store is None else store
        return Breaker(name, settings, lease=lease, clock=clock, jitter=jitter, observer=observer, store=kept)

    def drawn(self, name: str) -> Breaker:
        """One that draws its own chance."""
        clock = ManualClock()
        return self(clock, name=name, jitter=random.random)

    def close(self) -> None:
        for store in self._stores:
            store.close()


def state_of(breaker: Breaker) -> State:
    return breaker.state


def wait_of(breaker: Breaker) -> float:
    """Its `retry_in`, which is known."""
    wait = breaker.retry_in
    assert wait is not None
    return wait


def open_it(breaker: Breaker) -> None:
    for _ in range(breaker.settings.minimum):
        breaker.admit().failure()
    assert state_of(breaker) == "open"


def refused(breaker: Breaker) -> ProviderRefused:
    with pytest.raises(ProviderRefused) as caught:
        breaker.admit()
    return caught.value


def half_open(breaker: Breaker, clock: ManualClock) -> Permit:
    """An open breaker's first probe."""
    clock.advance(wait_of(breaker))
    probe = breaker.admit()
    assert probe.probe
    assert state_of(breaker) == "half-open"
    return probe


def close_it(breaker: Breaker, clock: ManualClock) -> None:
    half_open(breaker, clock).success()
    for _ in range(breaker.settings.successes - 1):
        breaker.admit().success()
    assert state_of(breaker) == "closed"


def told(permit: Permit, outcome: Any) -> None:
    """`success`, `failure` or `ignore`."""
    getattr(permit, outcome)()
