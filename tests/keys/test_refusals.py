"""Refused tokens: how many there were, not how many calls they were sent with."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ocrgate.diagnosis import lookup
from ocrgate.keys.ring import REFUSALS, Key, Ring
from ocrgate.testing import ManualClock

REFUSED = lookup("baidu", 110)


def in_turn(threads: int, *steps: Callable[[int], object]) -> None:
    """Each step in every one of so many threads, before the next step in any."""
    pools = [ThreadPoolExecutor(1) for _ in range(threads)]
    for step in steps:
        for number, pool in enumerate(pools):
            pool.submit(step, number).result()
    for pool in pools:
        pool.shutdown()


def usable(ring: Ring) -> bool:
    return ring.status()[0].usable


def test_calls_under_way_with_one_token_that_is_revoked_do_not_bench_the_key() -> None:
    ring = Ring([Key("first")], ManualClock())
    in_turn(2 * REFUSALS, lambda _: ring.begin("first"), lambda _: ring.report("first", REFUSED))
    assert usable(ring)


def test_fresh_tokens_that_are_refused_one_after_the_other_do() -> None:
    ring = Ring([Key("first")], ManualClock())
    for number in range(REFUSALS):
        assert usable(ring), number
        in_turn(4, lambda _: ring.begin("first"), lambda _: ring.report("first", REFUSED))
    assert not usable(ring)
