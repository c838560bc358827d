"""How long an engine took lately."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.policy.latency import Latency


def filled(*seconds: float) -> Latency:
    latency = Latency()
    for each in seconds:
        latency.add(each)
    return latency


def test_with_fewer_than_twenty_calls_nothing_is_long() -> None:
    assert filled(*[0.1] * 19).quantile(0.5) is None
    assert filled(*[0.1] * 20).quantile(0.5) == 0.1


def test_a_quantile_beyond_all_calls_is_not_known() -> None:
    assert filled(*[0.1] * 20).quantile(0.99) is None
    assert filled(*[0.1] * 100).quantile(0.99) == 0.1


def test_calls_of_long_ago_are_forgotten() -> None:
    latency = filled(*[9.0] * 1000, *[0.1] * 999)
    assert latency.quantile(0.99) == 0.1
    latency.add(0.1)
    assert latency.quantile(0.998) == 0.1


def test_a_call_that_was_stopped_counts_for_what_is_long_and_not_for_what_is_usual() -> None:
    latency = filled(*[0.1] * 20)
    latency.add(5.0, stopped=True)
    latency.add(5.0, stopped=True)
    assert latency.typical == pytest.approx(0.1)
    assert latency.quantile(0.95) == 5.0


@given(st.lists(st.floats(0.0, 100.0), min_size=20, max_size=300), st.integers(1, 18))
def test_as_many_calls_are_within_the_quantile_as_it_says(seconds: list[float], twentieths: int) -> None:
    share = twentieths / 20
    found = filled(*seconds).quantile(share)
    assert found is not None
    assert sum(each <= found for each in seconds) >= share * len(seconds) - 1e-9
    assert sum(each < found for each in seconds) <= share * len(seconds)
