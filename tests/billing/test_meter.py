"""The meter: quota and price taken before a call, kept or given back after it, totals per key."""

from __future__ import annotations

import logging
import math
from time import perf_counter

import pytest

from ocrgate.billing import Meter, Total, Usage
from ocrgate.key import Key
from ocrgate.result import Cost, Tariff, Tier
from ocrgate.state import MemoryStore, StoreError
from tests.billing.parts import FLAT, ONE, Broken, House, granted, noon, refused, unix

STEPPED = Tariff((Tier(2, 0.04), Tier(4, 0.034), Tier(None, 0.02)))
DAY = 86_400.0


def test_a_billed_call_costs_its_price_and_is_in_the_totals_of_its_key() -> None:
    meter = House().meter()
    reservation = meter.reserve("primary")
    assert reservation.cost == Cost(0.04, "CNY")
    reservation.billed()
    total = Total(billed=1, amount=0.04, uncertain_amount=0.0)
    assert meter.usage() == {"primary": Usage("primary", today=total, month=total, currency="CNY")}


def test_a_call_that_is_not_billed_is_in_no_total_and_gives_its_quota_back() -> None:
    meter = House().meter(quota={"per_day": 1, "per_month": 1})
    meter.reserve("primary").unbilled()
    usage = meter.usage()["primary"]
    assert (usage.left_today, usage.left_month) == (1, 1)
    assert usage.month == Total(amount=0.0, uncertain_amount=0.0)
    meter.reserve("primary")


def test_a_call_that_may_have_been_billed_keeps_its_quota_and_counts_as_uncertain() -> None:
    meter = House().meter(quota={"per_day": 2})
    meter.reserve("primary").unknown()
    usage = meter.usage()["primary"]
    assert usage.left_today == 1
    assert usage.today == usage.month == Total(uncertain=1, amount=0.0, uncertain_amount=0.04)


def test_a_call_that_is_never_settled_stays_taken_until_its_day_is_over() -> None:
    house = House()
    meter = house.meter(quota={"per_day": 1})
    meter.reserve("primary")
    refused(meter)
    assert meter.usage()["primary"].today.billed == 0
    house.clock.advance(12 * 3600)
    meter.reserve("primary")


@pytest.mark.parametrize("first", ["billed", "unbilled", "unknown"])
@pytest.mark.parametrize("second", ["billed", "unbilled", "unknown"])
def test_only_the_first_ending_counts(first: str, second: str) -> None:
    house = House()
    meter, spend = house.meter(quota={"per_day": 5}), house.spend(per_day=1.0)
    reservation = meter.reserve("primary", spend)
    getattr(reservation, first)()
    told = (meter.usage(), spend.left())
    getattr(reservation, second)()
    assert (meter.usage(), spend.left()) == told


def test_a_quota_is_used_up_to_the_last_call_and_then_refused_until_midnight_in_shanghai() -> None:
    house = House()
    meter = house.meter(quota={"per_day": 3})
    assert len(granted(meter)) == 3
    error = refused(meter)
    assert error.reason == "quota"
    assert error.retry_in == 12 * 3600
    assert error.detail == "account primary has made the 3 calls a day of its quota"
    house.clock.advance(12 * 3600 - 1)
    assert refused(meter).retry_in == 1
    house.clock.advance(1)
    assert len(granted(meter)) == 3


def test_a_month_that_is_used_up_is_refused_until_the_month_is_over() -> None:
    house = House()
    meter = house.meter(quota={"per_day": 2, "per_month": 3})
    assert len(granted(meter)) == 2
    house.clock.advance(DAY)
    assert len(granted(meter)) == 1
    error = refused(meter)
    assert error.retry_in == unix(2026, 12, 1) - house.clock.time()
    assert "a month" in error.detail
    house.clock.advance(error.retry_in)
    assert len(granted(meter)) == 2


def test_where_day_and_month_are_used_up_it_is_the_month_that_has_to_end() -> None:
    house = House()
    meter = house.meter(quota={"per_day": 1, "per_month": 1})
    granted(meter)
    assert refused(meter).retry_in == unix(2026, 12, 1) - house.clock.time()


def test_a_refused_call_takes_nothing_from_any_limit() -> None:
    house = House()
    meter, spend = house.meter(quota={"per_day": 2, "per_month": 10}), house.spend(per_day=0.04, per_month=1.0)
    meter.reserve("primary", spend)
    for _ in range(5):
        assert refused(meter, spend=spend).reason == "spend"
    assert meter.usage()["primary"].left_today == 1
    meter.reserve("primary")
    for _ in range(5):
        assert refused(meter).reason == "quota"
    assert meter.usage()["primary"].left_month == 8
    assert spend.left()["per_month"] == Cost(0.96)


def test_a_quota_of_nothing_lets_nothing_through_and_promises_nothing() -> None:
    assert refused(House().meter(quota={"per_day": 0})).retry_in is None


def test_keys_of_one_account_share_its_quota_and_others_do_not() -> None:
    keys = (Key("a", account="first"), Key("b", account="first"), Key("c", account="second"))
    meter = House().meter(keys, quota={"per_day": 2})
    meter.reserve("a").billed()
    meter.reserve("b").billed()
    assert "account first" in refused(meter, "a").detail
    refused(meter, "b")
    assert len(granted(meter, "c")) == 2
    usage = meter.usage()
    assert [usage[name].today.billed for name in "abc"] == [1, 1, 0]
    assert [usage[name].left_today for name in "abc"] == [0, 0, 0]
    assert [usage[name].account for name in "abc"] == ["first", "first", "second"]


def test_the_price_is_that_of_the_next_billed_call_of_the_accounts_month() -> None:
    house = House()
    meter = house.meter((Key("a", account="x"), Key("b", account="x"), Key("c")), tariff=STEPPED)
    seen = []
    for name, ending in zip("ababab", ["billed", "billed", "unknown", "billed", "billed", "billed"], strict=True):
        reservation = meter.reserve(name)
        assert reservation.cost is not None
        seen.append(reservation.cost.amount)
        getattr(reservation, ending)()
    assert seen == [0.04, 0.04, 0.034, 0.034, 0.02, 0.02]
    assert meter.reserve("c").cost == Cost(0.04)
    house.clock.advance(9 * DAY)
    assert meter.reserve("a").cost == Cost(0.04)


def test_a_call_that_was_not_billed_brings_no_step_nearer() -> None:
    meter = House().meter(tariff=STEPPED)
    for _ in range(5):
        meter.reserve("primary").unbilled()
    meter.reserve("primary").billed()
    assert meter.reserve("primary").cost == Cost(0.04)


def test_calls_in_flight_at_once_get_the_same_price() -> None:
    meter = House().meter(tariff=STEPPED)
    flying = [meter.reserve("primary") for _ in range(5)]
    assert {reservation.cost for reservation in flying} == {Cost(0.04)}
    for reservation in flying:
        reservation.billed()
    assert meter.usage()["primary"].month.amount == 0.2
    assert meter.reserve("primary").cost == Cost(0.02)


def test_a_call_belongs_to_the_day_and_month_it_was_begun_in() -> None:
    house = House()
    house.clock.advance(unix(2026, 11, 30, 23, 59, 50) - house.clock.time())
    meter = house.meter(quota={"per_day": 2, "per_month": 2})
    begun, _lost = granted(meter)
    house.clock.advance(20)
    today, _lost = granted(meter)
    begun.unbilled()
    assert meter.usage()["primary"].left_today == 0
    today.billed()
    usage = meter.usage()["primary"]
    assert usage.today.billed == usage.month.billed == 1
    house.clock.advance(-20)
    usage = meter.usage()["primary"]
    assert (usage.left_today, usage.left_month, usage.month.billed) == (1, 1, 0)


def test_a_call_that_is_settled_a_week_late_changes_nothing_of_today() -> None:
    clock = noon()
    store = Broken(clock)
    meter = House(clock, store).meter(quota={"per_day": 2}, tariff=None)
    late, later = meter.reserve("primary"), meter.reserve("primary")
    clock.advance(7 * DAY)
    store.asked.clear()
    late.unbilled()
    later.billed()
    assert store.asked == ["add"]  # the month's billed calls: their day is forgotten
    usage = meter.usage()["primary"]
    assert (usage.left_today, usage.today.billed, usage.month.billed) == (2, 0, 1)


def test_a_call_that_ends_after_midnight_joins_those_that_ended_before() -> None:
    house = House()
    house.clock.advance(unix(2026, 11, 30, 23, 59, 50) - house.clock.time())
    meter = house.meter()
    late = meter.reserve("primary")
    meter.reserve("primary").billed()
    house.clock.advance(20)
    late.billed()
    house.clock.advance(-20)
    usage = meter.usage()["primary"]
    assert usage.today == usage.month == Total(billed=2, amount=0.08, uncertain_amount=0.0)


def test_two_meters_on_one_store_are_one() -> None:
    house = House()
    one, other = house.meter(quota={"per_day": 3}), house.meter(quota={"per_day": 3})
    one.reserve("primary").billed()
    other.reserve("primary").billed()
    one.reserve("primary").billed()
    refused(other)
    assert one.usage() == other.usage()
    assert one.usage()["primary"].today.billed == 3


def test_providers_do_not_share_what_they_count_however_they_are_called() -> None:
    house = House()
    for provider, key in (("a", "b/key/c"), ("a/key/b", "c"), ("a%2Fkey%2Fb", "c")):
        meter = house.meter((Key(key),), quota={"per_day": 1}, provider=provider)
        meter.reserve(key).billed()
        assert meter.usage()[key].today.billed == 1


def test_what_cost_another_currency_before_is_not_added_up() -> None:
    house = House()
    house.meter().reserve("primary").billed()
    meter = house.meter(tariff=Tariff((Tier(None, 0.01),), "USD"))
    meter.reserve("primary").billed()
    usage = meter.usage()["primary"]
    assert usage.currency == "USD"
    assert (usage.today.billed, usage.today.amount) == (2, 0.01)


def test_without_a_price_there_is_no_cost_and_no_amount_but_the_calls_are_counted() -> None:
    meter = House().meter(tariff=None)
    reservation = meter.reserve("primary")
    assert reservation.cost is None
    reservation.billed()
    assert meter.usage()["primary"] == Usage("primary", today=Total(billed=1), month=Total(billed=1))


@pytest.mark.parametrize("tariff", [None, FLAT])
def test_an_engine_without_keys_counts_under_its_own_name(tariff: Tariff | None) -> None:
    meter = House().meter((), quota={"per_day": 2}, tariff=tariff)
    meter.reserve(None).billed()
    assert meter.usage()["baidu"].today.billed == 1
    assert meter.usage()["baidu"].left_today == 1


def test_an_engine_without_keys_price_and_quota_asks_the_store_nothing() -> None:
    clock = noon()
    store = Broken(clock)
    house = House(clock, store)
    meter = house.meter((), tariff=None)
    for ending in ("billed", "unbilled", "unknown"):
        reservation = meter.reserve(None, house.spend(per_day=0.01))
        assert reservation.cost is None
        getattr(reservation, ending)()
    assert meter.usage() == {}
    assert store.asked == []


@pytest.mark.parametrize("key", ["secondary", None])
def test_a_key_that_the_provider_does_not_have_is_refused_by_name(key: str | None) -> None:
    with pytest.raises(ValueError, match=r"baidu has no key .*; there is: primary"):
        House().meter().reserve(key)


@pytest.mark.parametrize("quota", [{"per_hour": 3}, {"per_day": -1}, {"per_day": True}, {"per_month": 1.5}])
def test_a_quota_that_makes_no_sense_is_refused(quota: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="quota"):
        House().meter(quota=quota)


@pytest.mark.parametrize("amount", [math.inf, math.nan])
def test_a_price_that_is_no_number_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        House().meter(tariff=Tariff((Tier(None, amount),)))


@pytest.mark.parametrize(("quota", "reason"), [({"per_day": 5}, "quota"), ({}, "spend")])
def test_limits_that_the_store_cannot_tell_are_not_passed(quota: dict[str, int], reason: str) -> None:
    clock = noon()
    store = Broken(clock)
    house = House(clock, store)
    meter, spend = house.meter(quota=quota), house.spend(per_day=1.0)
    store.failing = {"add"}
    error = refused(meter, spend=spend)
    assert error.reason == reason
    assert "the disk is full" in error.detail
    store.failing = set()
    meter.reserve("primary", spend).billed()


def test_what_was_taken_before_the_store_failed_is_given_back() -> None:
    clock = noon()
    store = Broken(clock)
    meter = House(clock, store).meter(quota={"per_day": 1, "per_month": 1})
    store.patience = 1
    assert refused(meter).retry_in is None
    meter.reserve("primary")


def test_a_text_where_a_number_should_be_is_a_fault_of_the_store() -> None:
    house = House()
    meter = house.meter(tariff=STEPPED)
    meter.reserve("primary").billed()
    for name in house.store.scan("billing/"):
        house.store.put(name, "many")
    with pytest.raises(StoreError, match="is no counter"):
        meter.usage()
    assert meter.reserve("primary").cost == Cost(0.04)


def test_a_store_that_fails_loses_no_answer_and_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    clock = noon()
    store = Broken(clock)
    meter = House(clock, store).meter(tariff=STEPPED)
    store.failing = {"add", "get"}
    with caplog.at_level(logging.WARNING, "ocrgate.billing"):
        reservation = meter.reserve("primary")
        assert reservation.cost == Cost(0.04)
        reservation.billed()
    assert "first price" in caplog.text
    assert "was not changed by +40000: the disk is full" in caplog.text


def test_a_store_that_lost_what_was_taken_lets_no_more_through_than_the_limit() -> None:
    house = House()
    meter = house.meter(quota={"per_day": 2})
    taken = granted(meter)
    for name in house.store.scan("billing/"):
        house.store.put(name, "0")
    for reservation in taken:
        reservation.unbilled()
        assert meter.usage()["primary"].left_today == 2
    assert len(granted(meter)) == 2


def test_the_counters_do_not_outlive_their_month_by_more_than_a_day() -> None:
    house = House()
    house.meter(quota={"per_day": 9, "per_month": 9}).reserve("primary", house.spend(1.0, 1.0)).billed()
    assert len(house.store.scan("")) == 2 + 2 + 4
    house.clock.advance(unix(2026, 12, 2) - house.clock.time())
    assert house.store.scan("") == {}


def test_counting_a_call_takes_far_less_than_a_call() -> None:
    clock = noon()
    meter = Meter("baidu", ONE, quota={}, tariff=FLAT, store=MemoryStore(clock), clock=clock)
    best = math.inf
    for _ in range(20):
        begun = perf_counter()
        for _ in range(100):
            meter.reserve("primary").billed()
        best = min(best, (perf_counter() - begun) / 100)
    assert best < 100e-6
