"""Durations, sizes and percentiles as people write them."""

from __future__ import annotations

import re
from math import isfinite

MAX_SECONDS = 366 * 86400.0
"""No setting means longer than a year."""

MAX_SIZE = 1 << 50
"""No setting means more than a pebibyte."""

_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,9})?"
DURATION = rf"({_NUMBER}) ?(ms|s|m|h|d)?"
SIZE = rf"({_NUMBER}) ?([KMGT]i?B|B)?"
PERCENTILE = r"p([1-9][0-9]?(?:\.[0-9]{1,3})?)"

_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PREFIXES = {"K": 1, "M": 2, "G": 3, "T": 4}


def seconds(value: float | str) -> float:
    """A duration in seconds, 0 to `MAX_SECONDS`: `200ms`, `5s`, `2m`, `24h`, `7d`, or a number of seconds.

    Raises:
        ValueError: when it is not one.
    """
    if isinstance(value, str):
        match = re.fullmatch(DURATION, value.strip())
        if match is None:
            raise ValueError("expected a duration such as 200ms, 5s, 2m, 24h or 7d, or a number of seconds")
        # Milliseconds are divided, so that 200ms is the same number as 0.2.
        value = float(match[1]) / 1000 if match[2] == "ms" else float(match[1]) * _SECONDS[match[2]]
    if value < 0 or value > MAX_SECONDS or not isfinite(value):
        raise ValueError("a duration is from 0 to 366 days")
    return float(value)


def size(value: int | str) -> int:
    """A number of bytes, 0 to `MAX_SIZE`: `512MB` (10⁶ bytes each), `4GiB` (2³⁰ bytes each), or a whole number.

    Raises:
        ValueError: when it is not one.
    """
    if isinstance(value, str):
        match = re.fullmatch(SIZE, value.strip(), re.IGNORECASE)
        if match is None:
            raise ValueError("expected a size such as 512MB, 1GB or 4GiB, or a number of bytes")
        unit = (match[2] or "B").upper()
        base = 1024 if "I" in unit else 1000
        value = round(float(match[1]) * base ** _PREFIXES.get(unit[0], 0))
    number = int(value)
    if not 0 <= number <= MAX_SIZE:
        raise ValueError("a size is from 0 to 1024TiB")
    return number


def percentile(value: str) -> float:
    """`p95` as 95.0.

    Raises:
        ValueError: when it is not one.
    """
    match = re.fullmatch(PERCENTILE, value.strip())
    if match is None:
        raise ValueError("expected a percentile such as p95, or a duration such as 800ms")
    return float(match[1])
