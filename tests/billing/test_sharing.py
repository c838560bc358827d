"""Limits hold among threads."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from ocrgate.billing import Meter, Reservation, Spend
from ocrgate.errors import ProviderRefused
from tests.billing.parts import House, ask

THREADS = 8


def storm(meters: list[Meter], spend: Spend | None, calls: int) -> list[Reservation]:
    """What eight threads get when they all ask at once."""
    start = Barrier(THREADS)

    def many(number: int) -> list[Reservation]:
        start.wait()
        got = [ask(meters[number % len(meters)], "primary", spend) for _ in range(calls)]
        assert {one.reason for one in got if isinstance(one, ProviderRefused)} <= {"quota", "spend"}
        return [one for one in got if isinstance(one, Reservation)]

    with ThreadPoolExecutor(THREADS) as pool:
        return [one for got in pool.map(many, range(THREADS)) for one in got]


@pytest.mark.parametrize("meters", [1, 2])
def test_eight_threads_get_exactly_what_the_quota_has(meters: int) -> None:
    house = House()
    shared = [house.meter(quota={"per_day": 100, "per_month": 1000}) for _ in range(meters)]
    assert len(storm(shared, None, 50)) == 100
    assert shared[0].usage()["primary"].left_month == 900


@pytest.mark.parametrize("meters", [1, 2])
def test_eight_threads_spend_exactly_what_the_route_may(meters: int) -> None:
    house = House()
    spend = house.spend(per_day=1.0, per_month=100.0)
    got = storm([house.meter() for _ in range(meters)], spend, 50)
    assert len(got) == 25
    assert spend.left()["per_day"].amount == 0.0
    assert spend.left()["per_month"].amount == 99.0


def test_of_eight_threads_that_settle_one_call_one_does() -> None:
    house = House()
    meter, spend = house.meter(quota={"per_day": 1000}), house.spend(per_day=1000.0)
    endings = ("billed", "unbilled", "unknown", "unbilled", "billed", "unbilled", "unknown", "unbilled")
    start = Barrier(THREADS)
    reservations = [meter.reserve("primary", spend) for _ in range(200)]

    def settle(ending: str) -> None:
        start.wait()
        for reservation in reservations:
            getattr(reservation, ending)()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(settle, endings))
    usage = meter.usage()["primary"]
    kept = Counter(billed=usage.today.billed, unknown=usage.today.uncertain)
    assert usage.left_today == 1000 - kept.total()
    assert spend.left()["per_day"].amount == pytest.approx(1000.0 - 0.04 * kept.total())
