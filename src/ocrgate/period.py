"""Days and months in which platforms count: those of Asia/Shanghai."""

from __future__ import annotations

import datetime as dt
from typing import Literal

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
"""China has had one time zone and no summer time since 1991."""

Period = Literal["day", "month"]


def label(period: Period, now: float) -> str:
    """The day `2026-11-22` or month `2026-11` of a Unix time in seconds."""
    return dt.datetime.fromtimestamp(now, SHANGHAI).strftime("%Y-%m-%d" if period == "day" else "%Y-%m")


def end(period: Period, now: float) -> float:
    """Unix time in seconds at which the day or month of `now` is over."""
    today = dt.datetime.fromtimestamp(now, SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return (today + dt.timedelta(days=1)).timestamp()
    return (today.replace(day=1) + dt.timedelta(days=32)).replace(day=1).timestamp()
