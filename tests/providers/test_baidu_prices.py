"""Baidu's published prices: as the sources have them, and as the documentation shows them."""

from __future__ import annotations

import datetime as dt

import pytest

from ocrgate.result import Cost, Tariff
from ocrgate_baidu import prices
from ocrgate_baidu.endpoints import ENDPOINTS
from tests import markdown

PAGE = markdown.ROOT / "docs" / "cost.md"
TEN_THOUSAND = 10_000
"""Baidu's pages count calls in units of ten thousand."""
TEXT, INVOICE = (5, 10, 20, 50, 100), (2, 5, 10, 20, 30)
PUBLISHED = {
    "accurate_basic": (TEXT, (0.030, 0.024, 0.019, 0.015, 0.012, 0.010)),
    "accurate": (TEXT, (0.040, 0.034, 0.029, 0.025, 0.022, 0.020)),
    "vat_invoice": (INVOICE, (0.050, 0.040, 0.032, 0.026, 0.022, 0.020)),
    "iocr": (INVOICE, (0.050, 0.040, 0.032, 0.026, 0.022, 0.020)),
    "iocr_finance": (INVOICE, (0.080, 0.068, 0.058, 0.050, 0.045, 0.040)),
    "multiple_invoice": (INVOICE, (0.100, 0.095, 0.080, 0.070, 0.060, 0.040)),
}


def known(endpoint: str) -> Tariff:
    tariff = prices.tariff(endpoint)
    assert tariff is not None
    return tariff


@pytest.mark.parametrize("endpoint", PUBLISHED)
def test_the_steps_are_those_that_are_published(endpoint: str) -> None:
    ends, amounts = PUBLISHED[endpoint]
    tariff = known(endpoint)
    first = 1
    for end, amount in zip((*ends, None), amounts, strict=True):
        last = first + 1_000_000 if end is None else end * TEN_THOUSAND
        assert tariff.price(first) == tariff.price(last) == Cost(amount, "CNY")
        first = last + 1


def test_where_the_steps_are_not_known_the_first_price_stands_for_all_calls() -> None:
    tariff = known("general_basic")
    assert {tariff.price(number).amount for number in (1, 10**4, 10**7)} == {0.005}
    assert "not known" in prices.prices()["general_basic"].note


def test_what_has_a_price_is_an_endpoint() -> None:
    assert set(prices.prices()) == {*PUBLISHED, "general_basic"}
    assert set(prices.prices()) <= set(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ["idcard", "bankcard", "general", "handwriting", "no_such_endpoint"])
def test_a_price_that_is_not_published_is_not_guessed(endpoint: str) -> None:
    assert prices.tariff(endpoint) is None
    assert prices.free(endpoint) is None


def test_every_price_says_when_and_where_it_was_read() -> None:
    for price in prices.prices().values():
        assert dt.date.fromisoformat(price.tariff.as_of) >= dt.date(2026, 11, 22)
        assert price.tariff.source
        assert price.tariff.source.startswith("https://") or price.dated


def test_only_the_mixed_invoices_are_billed_by_the_invoice() -> None:
    assert {name: price.unit for name, price in prices.prices().items() if price.unit != "call"} == {
        "multiple_invoice": "invoice"
    }


def test_the_free_calls_are_those_that_are_published() -> None:
    assert prices.free("accurate_basic") == prices.Free(1000, 2000, "month")
    assert prices.free("accurate") == prices.Free(500, 1000, "month")
    assert prices.free("vat_invoice") == prices.Free(1000, 2000, "month")
    assert prices.free("multiple_invoice") == prices.Free(200, 500, "once")
    assert prices.free("iocr") == prices.free("iocr_finance") == prices.Free(500, 1000, "once")
    assert prices.free("general_basic") is None


def test_the_rate_is_the_published_one() -> None:
    rate = prices.rate()
    assert (rate.free, rate.paid) == (2, 10)
    assert rate.source.startswith("https://")


def test_the_figures_are_read_once() -> None:
    assert prices.prices() is prices.prices()
    assert prices.tariff("accurate") is prices.tariff("accurate")


def row(price: prices.Price) -> str:
    """The line of the documentation that shows a price."""
    steps, last = [], 0
    for tier in price.tariff.tiers:
        end = f"to {tier.up_to:,}" if tier.up_to is not None else f"from {last + 1:,}"
        steps.append(f"{tier.amount:g} {end}" if len(price.tariff.tiers) > 1 else f"{tier.amount:g}")
        last = tier.up_to or last
    free = "not known"
    if price.free is not None:
        per = "a month" if price.free.per == "month" else "once"
        free = f"{price.free.personal:,} or {price.free.enterprise:,} {per}"
    source = f"{price.tariff.source}, {price.dated}" if price.dated else price.tariff.source
    return f"| `{price.endpoint}` | {price.unit} | {', '.join(steps)} | {free} | {source} |"


def test_the_page_shows_every_price_and_no_other() -> None:
    assert markdown.table(PAGE, "prices") == list(prices.prices())
    shown = markdown.text(PAGE)
    for price in prices.prices().values():
        assert row(price) in shown
        assert price.tariff.as_of in shown
