"""The ring of keys: which one is used, and which sits on the bench until when."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from ocrgate.diagnosis import Diagnosis
from ocrgate.keys.ring import REFUSALS, Key, Ring
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


@pytest.mark.parametrize("diagnosis", [PACED, DOWN])
def test_what_says_nothing_about_the_key_leaves_it_in_use(diagnosis: Diagnosis) -> None:
    ring = Ring([Key("a")])
    ring.report("a", diagnosis)
    assert ring.pick() == "a"


def test_an_unknown_key_changes_nothing() -> None:
    ring = Ring([Key("a")])
    assert ring.report("b", QUOTA) is None
    assert ring.pick() == "a"


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Ring([Key("a"), Key("a")])


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_an_impossible_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        Key("a", weight=weight)
