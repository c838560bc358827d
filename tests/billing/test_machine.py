"""Any order of calls, endings and nights, against a model that keeps the books in whole numbers."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from ocrgate.billing import Meter, Reservation, Spend, Total, Usage
from ocrgate.errors import ProviderRefused
from ocrgate.key import Key
from ocrgate.result import Cost, Tariff, Tier
from ocrgate.settings import SpendSettings
from ocrgate.state import MemoryStore
from ocrgate.testing import ManualClock
from tests.billing.parts import ask, unix

pytestmark = pytest.mark.thorough

KEYS = {"a": "shared", "b": "shared", "c": "c", None: "flat"}
STEPS = ((2, 40_000), (4, 100_001), (None, 3_000))
FLAT_PRICE = 150_000
QUOTA = {"per_day": 4, "per_month": 7}
LIMITS = {"per_day": 400_000, "per_month": 900_000}
PERIODS = {"per_day": 10, "per_month": 7}
"""Length of the date that names one."""


def date(clock: ManualClock, name: str) -> str:
    """The day or month that it is in Shanghai."""
    moment = dt.datetime.fromtimestamp(clock.time(), dt.timezone.utc) + dt.timedelta(hours=8)
    return moment.isoformat()[: PERIODS[name]]


@dataclass(eq=False)
class Held:
    """A reservation, and what the model says that it took."""

    reservation: Reservation
    key: str | None
    micros: int
    dates: dict[str, str]
    paid: bool
    endings: list[str] = field(default_factory=list)


class Books(RuleBasedStateMachine):
    """Two providers, the first with three keys of two accounts, on one route with a spending limit."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(time=unix(2026, 12, 30, 22))
        store = MemoryStore(self.clock)
        steps = Tariff(tuple(Tier(end, micros / 1e6) for end, micros in STEPS))
        keys = [Key("a", account="shared"), Key("b", account="shared"), Key("c")]
        self.meters = [Meter("stepped", keys, quota=QUOTA, tariff=steps, store=store, clock=self.clock) for _ in "12"]
        flat = Tariff((Tier(None, FLAT_PRICE / 1e6),))
        self.flat = Meter("flat", (), quota={}, tariff=flat, store=store, clock=self.clock)
        limits = SpendSettings(per_day=LIMITS["per_day"] / 1e6, per_month=LIMITS["per_month"] / 1e6)
        self.spend = Spend("default", limits, store, self.clock)
        self.calls: Counter[tuple[str, str]] = Counter()
        self.money: Counter[str] = Counter()
        self.totals: Counter[tuple[str | None, str, str]] = Counter()

    def price(self, key: str | None) -> int:
        if key is None:
            return FLAT_PRICE
        month = date(self.clock, "per_month")
        names = [name for name, account in KEYS.items() if account == KEYS[key]]
        made = sum(self.totals[name, month, ending] for name in names for ending in ("billed", "unknown"))
        return next(micros for end, micros in STEPS if end is None or made + 1 <= end)

    def room(self, key: str | None, micros: int, *, paid: bool) -> bool:
        dates = {name: date(self.clock, name) for name in PERIODS}
        calls = key is None or all(self.calls[KEYS[key], dates[name]] < limit for name, limit in QUOTA.items())
        return calls and (not paid or all(self.money[dates[name]] + micros <= LIMITS[name] for name in LIMITS))

    @rule(target=held, key=st.sampled_from(list(KEYS)), which=st.integers(0, 1), paid=st.booleans())
    def reserve(self, key: str | None, which: int, paid: bool) -> Held | None:
        meter = self.flat if key is None else self.meters[which]
        micros = self.price(key)
        room = self.room(key, micros, paid=paid)
        reservation = ask(meter, key, self.spend if paid else None)
        assert isinstance(reservation, Reservation) == room
        if isinstance(reservation, ProviderRefused):
            assert reservation.retry_in is not None
            later = ManualClock(time=self.clock.time() + reservation.retry_in)
            assert date(later, "per_day") != date(self.clock, "per_day")
            return None
        assert reservation.cost == Cost(micros / 1e6)
        held = Held(reservation, key, micros, {name: date(self.clock, name) for name in PERIODS}, paid)
        self.book(held, 1)
        return held

    def book(self, held: Held, sign: int) -> None:
        for day_or_month in held.dates.values():
            self.calls[KEYS[held.key], day_or_month] += sign
            self.money[day_or_month] += sign * held.micros * held.paid

    @rule(held=held, ending=st.sampled_from(["billed", "unbilled", "unknown"]))
    def settle(self, held: Held | None, ending: str) -> None:
        if held is None:
            return
        getattr(held.reservation, ending)()
        held.endings.append(ending)
        if held.endings != [ending]:
            return
        if ending == "unbilled":
            self.book(held, -1)
            return
        for day_or_month in held.dates.values():
            self.totals[held.key, day_or_month, ending] += 1
            self.totals[held.key, day_or_month, f"{ending} money"] += held.micros

    @rule(held=consumes(held))
    def kill(self, held: Held | None) -> None:
        """A process ends with a call in flight: nobody settles it any more."""

    @rule(hours=st.sampled_from([0.01, 1, 3, 24, 24 * 31]))
    def wait(self, hours: float) -> None:
        self.clock.advance(hours * 3600)

    @invariant()
    def nothing_is_above_its_limit(self) -> None:
        assert all(self.calls["shared", date(self.clock, name)] <= QUOTA[name] for name in QUOTA)
        assert all(self.money[date(self.clock, name)] <= LIMITS[name] for name in LIMITS)

    @invariant()
    def the_money_is_what_the_model_has(self) -> None:
        left = {name: Cost((LIMITS[name] - self.money[date(self.clock, name)]) / 1e6) for name in LIMITS}
        assert self.spend.left() == left

    @invariant()
    def the_totals_are_what_the_model_has(self) -> None:
        usages: dict[str | None, Usage] = {None: self.flat.usage()["flat"]}
        usages.update(self.meters[0].usage())
        assert self.meters[0].usage() == self.meters[1].usage()
        for key, account in KEYS.items():
            usage = usages[key]
            assert usage.account == account
            for total, name in ((usage.today, "per_day"), (usage.month, "per_month")):
                endings = ("billed", "unknown", "billed money", "unknown money")
                billed, unknown, paid, doubtful = (self.totals[key, date(self.clock, name), what] for what in endings)
                assert total == Total(billed, unknown, paid / 1e6, doubtful / 1e6)
            if key is not None:
                assert usage.left_today == QUOTA["per_day"] - self.calls[account, date(self.clock, "per_day")]
                assert usage.left_month == QUOTA["per_month"] - self.calls[account, date(self.clock, "per_month")]


Books.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestBooks = Books.TestCase
