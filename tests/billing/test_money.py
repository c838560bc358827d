"""Money: whole millionths, exact sums, and rounding that never favours the caller."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.billing.money import limit_micros, price_micros, text, units


def test_tenths_add_up() -> None:
    assert price_micros(0.1) + price_micros(0.2) == limit_micros(0.3)
    assert 25 * price_micros(0.04) == limit_micros(1.0)


@given(st.integers(min_value=0, max_value=10**15))
def test_what_has_six_decimals_is_kept_as_it_is(micros: int) -> None:
    assert price_micros(units(micros)) == limit_micros(units(micros)) == micros
    assert Fraction(text(micros)) == Fraction(micros, 10**6)


@given(st.floats(min_value=0, max_value=1e9))
def test_a_price_is_never_rounded_down_and_a_limit_never_up(amount: float) -> None:
    exact = Fraction(repr(amount)) * 10**6
    assert exact <= price_micros(amount) < exact + 1
    assert exact - 1 < limit_micros(amount) <= exact


def test_a_price_above_nothing_is_never_nothing() -> None:
    assert price_micros(1e-9) == 1
    assert limit_micros(1e-9) == 0


@pytest.mark.parametrize("amount", [-0.01, math.inf, math.nan])
def test_what_is_no_amount_is_refused(amount: float) -> None:
    for read in (price_micros, limit_micros):
        with pytest.raises(ValueError, match="finite number from 0"):
            read(amount)


@pytest.mark.parametrize(
    ("micros", "written"),
    [(0, "0"), (40_000, "0.04"), (1_000_000, "1"), (123_456_780_000, "123456.78"), (1, "0.000001")],
)
def test_amounts_are_written_as_people_write_them(micros: int, written: str) -> None:
    assert text(micros) == written
