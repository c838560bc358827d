"""What the tests of billing build with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pytest

from ocrgate.billing import Meter, Reservation, Spend
from ocrgate.errors import ProviderRefused
from ocrgate.key import Key
from ocrgate.result import Tariff, Tier
from ocrgate.settings import SpendSettings
from ocrgate.state import MemoryStore, Store, StoreError
from ocrgate.testing import ManualClock

FLAT = Tariff((Tier(None, 0.04),))
ONE = (Key("primary"),)


def unix(*moment: int) -> float:
    """Unix time of a moment in Shanghai: year, month, day, hour, minute, second."""
    utc = dt.datetime(*moment, tzinfo=dt.timezone.utc)  # type: ignore[arg-type,misc]
    return utc.timestamp() - 8 * 3600


def noon() -> ManualClock:
    """A clock that shows noon of 22 November 2026 in Shanghai."""
    return ManualClock(time=unix(2026, 11, 22, 12))


class House:
    """One store with meters and spending limits on it."""

    def __init__(self, clock: ManualClock | None = None, store: Store | None = None) -> None:
        self.clock = clock or noon()
        self.store = store or MemoryStore(self.clock)

    def meter(
        self,
        keys: Sequence[Key] = ONE,
        *,
        quota: Mapping[str, int] | None = None,
        tariff: Tariff | None = FLAT,
        provider: str = "baidu",
    ) -> Meter:
        return Meter(provider, keys, quota=quota or {}, tariff=tariff, store=self.store, clock=self.clock)

    def spend(
        self,
        per_day: float | None = None,
        per_month: float | None = None,
        currency: str = "CNY",
        route: str = "default",
    ) -> Spend:
        return Spend(route, SpendSettings(per_day, per_month, currency), self.store, self.clock)


def refused(meter: Meter, key: str | None = "primary", spend: Spend | None = None) -> ProviderRefused:
    """The refusal of a call that must not be let through."""
    with pytest.raises(ProviderRefused) as caught:
        meter.reserve(key, spend)
    assert caught.value.provider == meter.provider
    return caught.value


def ask(meter: Meter, key: str | None = "primary", spend: Spend | None = None) -> Reservation | ProviderRefused:
    """What comes of asking: a reservation, or why there is none."""
    try:
        return meter.reserve(key, spend)
    except ProviderRefused as error:
        return error


def granted(meter: Meter, key: str | None = "primary", spend: Spend | None = None) -> list[Reservation]:
    """All reservations that are had until the first refusal."""
    found: list[Reservation] = []
    while isinstance(got := ask(meter, key, spend), Reservation):
        found.append(got)
        assert len(found) < 1000, "there is no limit"
    return found


class Broken(MemoryStore):
    """A store of which some operations fail.

    Attributes:
        failing: names of the operations that fail now.
        patience: additions until one fails, once; None for as many as are wanted.
        asked: names of the operations that were asked for.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.failing: set[str] = set()
        self.patience: int | None = None
        self.asked: list[str] = []

    def get(self, name: str) -> str | None:
        self._ask("get")
        return super().get(name)

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        self._ask("add")
        if self.patience is not None:
            self.patience -= 1
            if self.patience < 0:
                self.patience = None
                raise StoreError("the file is locked")
        return super().add(name, amount, limit=limit, ttl=ttl)

    def scan(self, prefix: str) -> Mapping[str, str]:
        self._ask("scan")
        return super().scan(prefix)

    def _ask(self, operation: str) -> None:
        self.asked.append(operation)
        if operation in self.failing:
            raise StoreError("the disk is full")
