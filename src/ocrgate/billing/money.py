"""Money as whole millionths of a currency unit, so that sums are exact: 25 × 0.04 is 1."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

MICRO = 1_000_000
"""Millionths in one unit of a currency."""


def price_micros(amount: float) -> int:
    """A price in millionths; what is finer than that is rounded up, so that no call counts as free.

    Raises:
        ValueError: when it is no finite number from 0.
    """
    return _micros(amount, ROUND_CEILING)


def limit_micros(amount: float) -> int:
    """A limit in millionths; what is finer than that is rounded down, so that it is never exceeded.

    Raises:
        ValueError: when it is no finite number from 0.
    """
    return _micros(amount, ROUND_FLOOR)


def units(micros: int) -> float:
    """Millionths in units of the currency: the number that is written with six decimals or fewer."""
    return micros / MICRO


def text(micros: int) -> str:
    """Millionths in units of the currency, as people write it: `0.04`."""
    whole, rest = divmod(micros, MICRO)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def _micros(amount: float, rounding: str) -> int:
    if not (math.isfinite(amount) and amount >= 0):
        raise ValueError(f"an amount of money is a finite number from 0, got {amount!r}")
    # repr is the shortest text that gives this float again: 0.1 stands for a tenth here, not for what is nearest to it.
    return int((Decimal(repr(amount)) * MICRO).to_integral_value(rounding))
