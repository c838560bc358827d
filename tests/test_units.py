from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.units import MAX_SECONDS, MAX_SIZE, percentile, seconds, size


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("200ms", 0.2),
        ("5s", 5.0),
        ("2m", 120.0),
        ("24h", 86400.0),
        ("7d", 604800.0),
        (3, 3.0),
        (0.25, 0.25),
        ("1.5 s", 1.5),
        ("8", 8.0),
        (" 1s ", 1.0),
        ("0s", 0.0),
        ("366d", MAX_SECONDS),
    ],
)
def test_durations_are_seconds(written: float | str, meant: float) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize(
    "written", ["", "s", "5 seconds", "1h30m", "-1s", "1e3s", "5S", "p95", "٣s", -1, 1e308, 10**400]
)
def test_what_is_no_duration_is_refused(written: float | str) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(written)


@pytest.mark.parametrize("written", [float("nan"), float("inf"), float("-inf"), "400d"])
def test_a_duration_without_end_is_refused(written: float | str) -> None:
    with pytest.raises(ValueError, match="from 0 to 366 days"):
        seconds(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1KB", 1000),
        ("512MB", 512 * 10**6),
        ("1GB", 10**9),
        ("4GiB", 4 << 30),
        ("1.5 KiB", 1536),
        ("7B", 7),
        (9, 9),
        ("1gb", 10**9),
        ("1TiB", 1 << 40),
        ("12", 12),
    ],
)
def test_sizes_are_bytes(written: int | str, meant: int) -> None:
    assert size(written) == meant


@pytest.mark.parametrize("written", ["", "GB", "1XB", "1 K", "-1KB", "9999999TiB", -1, MAX_SIZE + 1])
def test_what_is_no_size_is_refused(written: int | str) -> None:
    with pytest.raises(ValueError, match="size"):
        size(written)


def test_percentiles_lie_between_the_ends() -> None:
    assert (percentile("p95"), percentile("p99.9"), percentile("p1")) == (95.0, 99.9, 1.0)
    for written in ("p0", "p100", "95", "p", "p-1", "p95%"):
        with pytest.raises(ValueError, match="percentile"):
            percentile(written)


@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    for read, top in ((seconds, MAX_SECONDS), (size, MAX_SIZE), (percentile, 100)):
        try:
            value = read(text)
        except ValueError:
            continue
        assert 0 <= value <= top


@given(st.integers(0, 10**6))
def test_milliseconds_are_the_thousandth_part(count: int) -> None:
    assert seconds(f"{count}ms") == count / 1000
