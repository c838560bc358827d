"""What a route may spend: never above its limit, to the millionth."""

from __future__ import annotations

import pytest

from ocrgate.billing import Spend
from ocrgate.key import Key
from ocrgate.result import Cost, Tariff, Tier
from ocrgate.settings import SpendSettings
from tests.billing.parts import FLAT, Broken, House, granted, noon, refused, unix


def test_twenty_five_calls_at_four_hundredths_fit_in_one_and_no_more() -> None:
    house = House()
    meter, spend = house.meter(), house.spend(per_day=1.0)
    assert len(granted(meter, spend=spend)) == 25
    assert spend.left() == {"per_day": Cost(0.0)}


def test_a_tenth_and_two_tenths_fit_in_three() -> None:
    house = House()
    spend = house.spend(per_day=0.3)
    for provider, amount in (("a", 0.1), ("b", 0.2)):
        house.meter(tariff=Tariff((Tier(None, amount),)), provider=provider).reserve("primary", spend).billed()
    assert spend.left() == {"per_day": Cost(0.0)}


def test_a_refusal_says_what_may_be_spent_and_when_there_is_more() -> None:
    house = House()
    meter, spend = house.meter(), house.spend(per_day=0.05)
    meter.reserve("primary", spend)
    error = refused(meter, spend=spend)
    assert error.reason == "spend"
    assert error.detail == "route default may spend 0.05 CNY a day, and the call would go above that"
    assert error.retry_in == 12 * 3600
    house.clock.advance(12 * 3600)
    meter.reserve("primary", spend)


def test_a_limit_below_the_price_of_one_call_promises_nothing() -> None:
    house = House()
    assert refused(house.meter(), spend=house.spend(per_month=0.01)).retry_in is None


def test_a_month_is_limited_over_its_days() -> None:
    house = House()
    meter, spend = house.meter(), house.spend(per_day=0.08, per_month=0.12)
    assert len(granted(meter, spend=spend)) == 2
    house.clock.advance(86_400)
    assert len(granted(meter, spend=spend)) == 1
    assert spend.left() == {"per_day": Cost(0.04), "per_month": Cost(0.0)}
    assert refused(meter, spend=spend).retry_in == unix(2026, 12, 1) - house.clock.time()


def test_what_was_not_billed_may_be_spent_again_and_what_may_have_been_may_not() -> None:
    house = House()
    meter, spend = house.meter(), house.spend(per_day=0.04)
    meter.reserve("primary", spend).unbilled()
    meter.reserve("primary", spend).unknown()
    refused(meter, spend=spend)
    assert meter.usage()["primary"].today.uncertain_amount == 0.04


def test_what_is_given_back_after_midnight_goes_to_the_day_it_was_taken_from() -> None:
    house = House()
    meter, spend = house.meter(), house.spend(per_day=0.04)
    begun = meter.reserve("primary", spend)
    house.clock.advance(13 * 3600)
    meter.reserve("primary", spend)
    begun.unbilled()
    refused(meter, spend=spend)


def test_providers_of_a_route_share_its_money_and_routes_do_not() -> None:
    house = House()
    one, other = house.meter(), house.meter((Key("primary"),), provider="other")
    spend = house.spend(per_day=0.08)
    one.reserve("primary", spend)
    other.reserve("primary", spend)
    refused(one, spend=spend)
    assert len(granted(one, spend=house.spend(per_day=0.08, route="second"))) == 2
    assert refused(other, spend=house.spend(per_day=0.08)).reason == "spend"


def test_what_costs_nothing_passes_a_limit_that_is_used_up() -> None:
    house = House()
    spend = house.spend(per_day=0.04)
    free = Tariff((Tier(None, 0.0),))
    assert house.meter(tariff=free, provider="free").reserve("primary", spend).cost == Cost(0.0)
    assert house.store.scan("spend/") == {}
    house.meter().reserve("primary", spend)
    assert house.meter(tariff=free, provider="free").reserve("primary", spend).cost == Cost(0.0)
    assert house.meter((), tariff=None, provider="local").reserve(None, spend).cost is None


def test_a_cheaper_call_still_fits_where_a_dearer_one_does_not() -> None:
    house = House()
    spend = house.spend(per_day=0.05)
    dear, cheap = house.meter(), house.meter(tariff=Tariff((Tier(None, 0.01),)), provider="cheap")
    dear.reserve("primary", spend)
    refused(dear, spend=spend)
    assert len(granted(cheap, spend=spend)) == 1


def test_a_price_in_another_currency_is_refused_and_can_be_found_out_before() -> None:
    house = House()
    meter, spend = house.meter(), house.spend(per_day=1.0, currency="EUR")
    assert not spend.accepts(FLAT)
    assert meter.objection(spend) != ""
    error = refused(meter, spend=spend)
    assert error.reason == "spend"
    assert "EUR" in error.detail
    assert "CNY" in error.detail
    assert error.retry_in is None


def test_a_price_that_is_not_known_cannot_be_held_against_a_limit() -> None:
    house = House()
    meter, spend = house.meter(tariff=None), house.spend(per_day=1.0)
    error = refused(meter, spend=spend)
    assert error.reason == "spend"
    assert "set its `price`" in error.detail
    assert meter.objection(house.spend()) == ""
    assert meter.objection(None) == ""
    meter.reserve("primary", house.spend())


def test_a_route_without_a_limit_accepts_every_price() -> None:
    spend = House().spend(currency="EUR")
    assert spend.accepts(FLAT)
    assert spend.accepts(None)
    assert not spend.limited
    assert House().meter().objection(spend) == ""


def test_a_route_accepts_its_own_currency_and_what_has_no_price() -> None:
    spend = House().spend(per_day=1.0)
    assert spend.limited
    assert spend.accepts(FLAT)
    assert spend.accepts(None)


def test_a_route_without_a_limit_asks_the_store_nothing() -> None:
    clock = noon()
    store = Broken(clock)
    house = House(clock, store)
    spend = house.spend()
    assert spend.left() == {}
    meter = house.meter()
    meter.reserve("primary", spend)
    assert store.asked == []


def test_a_limit_in_another_currency_begins_at_nothing() -> None:
    house = House()
    granted(house.meter(), spend=house.spend(per_day=0.04))
    assert house.spend(per_day=0.04, currency="EUR").left() == {"per_day": Cost(0.04, "EUR")}


def test_a_limit_that_was_lowered_leaves_nothing_rather_than_less() -> None:
    house = House()
    granted(house.meter(), spend=house.spend(per_day=1.0))
    assert house.spend(per_day=0.5).left() == {"per_day": Cost(0.0)}


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
def test_a_limit_that_is_no_amount_is_refused(amount: float) -> None:
    clock = noon()
    with pytest.raises(ValueError, match="finite number from 0"):
        Spend("default", SpendSettings(per_day=amount), Broken(clock), clock)
