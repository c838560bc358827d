"""The ring of keys: which one is used, and which sits on the bench until when."""

from __future__ import annotations

import datetime as dt
import math
import multiprocessing
import threading
import warnings
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.diagnosis import Diagnosis
from ocrgate.keys.ring import REFUSALS, Key, KeyStatus, Ring
from ocrgate.state import MemoryStore
from ocrgate.testing import ManualClock

QUOTA = Diagnosis("17", category="quota", fault="key", action="next_key")
REFUSED = Diagnosis("invalid_client", category="auth", fault="key", action="next_key")
STALE = Diagnosis("110", category="auth", fault="key", action="refresh_token")
PACED = Diagnosis("18", category="throttle", fault="key", action="retry")
DOWN = Diagnosis("282000", category="server", fault="provider", action="retry")


def _at(text: str) -> ManualClock:
    return ManualClock(time=dt.datetime.fromisoformat(text).timestamp())


def _utc(seconds: float | None) -> str:
    assert seconds is not None
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).isoformat()


def test_the_first_usable_key_is_picked() -> None:
    ring = Ring([Key("a"), Key("b")])
    assert [ring.pick(), ring.pick(), ring.pick(["a"]), ring.pick(["a", "b"])] == ["a", "a", "b", None]


def test_a_key_without_weight_is_the_last_resort() -> None:
    ring = Ring([Key("spare", weight=0), Key("b")])
    assert ring.pick() == "b"
    assert ring.pick(["b"]) == "spare"


def test_a_spread_ring_shares_calls_by_weight() -> None:
    ring = Ring([Key("a", weight=3), Key("b", weight=1), Key("spare", weight=0)], spread=True)
    picked = [ring.pick() for _ in range(40)]
    assert (picked.count("a"), picked.count("b"), picked.count("spare")) == (30, 10, 0)


def test_a_spent_quota_benches_until_midnight_in_shanghai() -> None:
    clock = _at("2026-03-31T15:00:00+00:00")
    ring = Ring([Key("a")], clock)
    status = ring.report("a", QUOTA)
    assert status is not None
    assert (status.usable, status.reason) == (False, QUOTA)
    assert _utc(status.until) == "2026-03-31T16:00:00+00:00"
    clock.advance(3599)
    assert ring.pick() is None
    clock.advance(2)
    assert ring.pick() == "a"


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-31T15:59:00+00:00", "2026-03-31T16:00:00+00:00"),
        ("2026-03-31T16:01:00+00:00", "2026-04-30T16:00:00+00:00"),
        ("2026-12-15T00:00:00+00:00", "2026-12-31T16:00:00+00:00"),
        ("2028-01-31T10:00:00+00:00", "2028-01-31T16:00:00+00:00"),
    ],
)
def test_a_monthly_quota_comes_back_with_the_month_in_shanghai(now: str, until: str) -> None:
    ring = Ring([Key("a")], _at(now), reset="month")
    status = ring.report("a", QUOTA)
    assert status is not None
    assert _utc(status.until) == until


def test_keys_of_one_account_share_a_spent_quota_but_not_a_refusal() -> None:
    ring = Ring([Key("a", "one"), Key("b", "one"), Key("c", "two"), Key("one")])
    ring.report("a", QUOTA)
    assert [status.usable for status in ring.status()] == [False, False, True, True]
    ring.release()
    ring.report("a", REFUSED)
    assert [status.usable for status in ring.status()] == [False, True, True, True]


def test_a_refused_credential_is_benched_until_the_configuration_changes() -> None:
    clock = ManualClock()
    ring = Ring([Key("a")], clock)
    status = ring.report("a", REFUSED)
    assert status is not None
    assert status.until == math.inf
    clock.advance(10_000_000)
    assert ring.pick() is None
    ring.release("a")
    assert ring.pick() == "a"


def test_stale_tokens_bench_a_key_only_when_fresh_ones_are_refused_too() -> None:
    clock = ManualClock()
    ring = Ring([Key("a")], clock)
    for _ in range(REFUSALS - 1):
        ring.report("a", STALE)
    ring.report("a", None)
    for _ in range(REFUSALS - 1):
        ring.report("a", STALE)
    assert ring.pick() == "a"
    ring.report("a", STALE)
    assert ring.pick() is None
    clock.advance(301)
    assert ring.pick() == "a"
    ring.report("a", STALE)
    assert ring.pick() == "a"


@pytest.mark.parametrize("diagnosis", [PACED, DOWN])
def test_what_says_nothing_about_the_key_leaves_it_in_use(diagnosis: Diagnosis) -> None:
    ring = Ring([Key("a")])
    ring.report("a", diagnosis)
    assert ring.pick() == "a"


def test_an_unknown_key_changes_nothing() -> None:
    ring = Ring([Key("a")])
    assert ring.report("b", QUOTA) is None
    assert ring.pick() == "a"
    ring.report("a", QUOTA)
    ring.release("b")
    assert ring.pick() is None


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Ring([Key("a"), Key("a")])


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_an_impossible_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        Key("a", weight=weight)


def test_a_spent_quota_benches_as_long_as_the_other_side_says() -> None:
    clock = ManualClock()
    ring = Ring([Key("a")], clock)
    status = ring.report("a", replace(QUOTA, retry_after=90.0))
    assert status is not None
    assert (status.since, status.until) == (clock.time(), clock.time() + 90.0)
    clock.advance(90.0)
    assert ring.pick() == "a"


@pytest.mark.parametrize("wait", [0.0, -5.0, math.inf, math.nan])
def test_an_impossible_wait_is_as_good_as_none(wait: float) -> None:
    clock = _at("2026-03-31T15:00:00+00:00")
    status = Ring([Key("a")], clock).report("a", replace(QUOTA, retry_after=wait))
    assert status is not None
    assert _utc(status.until) == "2026-03-31T16:00:00+00:00"


def test_the_status_of_a_key_tells_it_apart() -> None:
    (status,) = Ring([Key("a", fingerprint="0123456789ab")]).status()
    assert status == KeyStatus("a", "a", True, None, None, 0, fingerprint="0123456789ab")


def test_a_spread_ring_does_not_flood_a_key_that_was_on_the_bench() -> None:
    clock = ManualClock()
    ring = Ring([Key("a"), Key("b")], clock, spread=True)
    ring.report("b", QUOTA)
    assert {ring.pick() for _ in range(100)} == {"a"}
    ring.release("b")
    picked = [ring.pick() for _ in range(20)]
    assert picked.count("b") == pytest.approx(10, abs=1)


def test_a_quota_that_was_never_claimed_is_told_from_a_pace_by_baidus_own_table() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    ring, other = (Ring([Key("a", "one"), Key("b")], clock, type="baidu", store=store) for _ in range(2))
    codes = []
    for _ in range(3):
        clock.advance(5.0)
        ring.begin("a")
        diagnosis = ring.sharpen("a", replace(PACED, message="Open api qps request limit reached", log_id="7"))
        codes.append(diagnosis.code)
        ring.report("a", diagnosis)
    assert codes == ["18", "18", "18_persistent"]
    status = other.status()[0]
    assert status.reason is not None
    assert (status.reason.category, status.reason.action, status.reason.log_id) == ("quota", "next_key", "7")
    assert status.until == clock.time() + 600.0
    assert other.pick() == "b"


def test_a_spread_ring_leaves_the_spare_alone_while_another_key_is_left() -> None:
    keys = [Key(str(place)) for place in range(10)]
    ring = Ring([*keys, Key("spare", weight=0)], spread=True)
    assert ring.pick() == "0"
    assert ring.pick([key.name for key in keys[1:]]) == "0"


def test_a_ring_of_one_process_writes_nothing_for_a_success() -> None:
    store = MemoryStore()
    Ring([Key("a")], store=store).report("a", None)
    assert store.scan("") == {}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(1, 5))
def test_a_spread_ring_is_exact_over_every_round(weights: list[int], rounds: int) -> None:
    ring = Ring([Key(str(place), weight=weight) for place, weight in enumerate(weights)], spread=True)
    total = sum(weights)
    for _ in range(rounds):
        picked = [ring.pick() for _ in range(total)]
        assert [picked.count(str(place)) for place in range(len(weights))] == weights
    if total == 0:
        assert ring.pick() == "0"


def test_a_ring_works_on_in_a_forked_child_whose_parent_was_in_the_middle_of_it() -> None:
    ring = Ring([Key("a"), Key("b")])
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ring._lock, ring._throttle._lock:
            held.set()
            done.wait(30.0)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        held.wait(30.0)
        child = multiprocessing.get_context("fork").Process(target=_use, args=(ring,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads is what is tried
            child.start()
        child.join(10.0)
        stuck = child.is_alive()
        if stuck:
            child.kill()
            child.join()
    finally:
        done.set()
        thread.join()
    assert not stuck
    assert child.exitcode == 0
    child.close()


def _use(ring: Ring) -> None:
    ring.begin("a")
    ring.sharpen("a", PACED)
    ring.report("a", QUOTA)
    assert ring.pick() == "b"
