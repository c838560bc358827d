"""Faults on purpose: rare, recognisable, and never longer than the deadline."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import pytest

from ocrgate.clock import Deadline
from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.errors import ProviderError
from ocrgate.policy.chaos import FAULTS, Chaos
from ocrgate.settings import ChaosSettings
from ocrgate.testing import ManualClock


def chaos(clock: ManualClock | None = None, *, draw: Callable[[], float] = lambda: 0.0, **settings: Any) -> Chaos:
    """Chaos that draws what it is told, and takes the first of the faults."""
    return Chaos(ChaosSettings(**settings), clock or ManualClock(), draw=draw, choose=lambda names: names[0])


def struck(fault: str, clock: ManualClock, *, seconds: float = 10.0, wake: Event | None = None) -> Diagnosis | None:
    """What a call with a timeout of 4 s meets, at a rate of 1."""
    try:
        chaos(clock, rate=1.0, faults=(fault,), delay=1.5).strike(
            "baidu", 4.0, Deadline.after(seconds, clock), wake or Event()
        )
    except ProviderError as error:
        return error.diagnosis if error.provider == "baidu" else None
    return None


@pytest.mark.parametrize(
    ("fault", "like"), [("error", "282000"), ("timeout", "timeout"), ("throttle", "18"), ("crash", "worker_crash")]
)
def test_a_fault_is_treated_like_the_real_one_and_told_apart_from_it(fault: str, like: str) -> None:
    found, real = struck(fault, ManualClock()), lookup("baidu", like)
    assert found is not None
    assert found.code == f"injected_{fault}"
    assert found.known
    assert found.billed is False
    wanted = (real.category, real.fault, real.action, real.counts_in_breaker)
    assert (found.category, found.fault, found.action, found.counts_in_breaker) == wanted


def test_a_slow_call_goes_on_after_the_delay() -> None:
    clock = ManualClock()
    assert struck("slow", clock) is None
    assert clock.slept == [1.5]


def test_a_timeout_takes_as_long_as_one() -> None:
    clock = ManualClock()
    struck("timeout", clock)
    assert clock.slept == [4.0]


@pytest.mark.parametrize("fault", ["slow", "timeout"])
def test_no_pause_goes_beyond_the_deadline(fault: str) -> None:
    clock = ManualClock()
    struck(fault, clock, seconds=0.25)
    assert clock.slept == [0.25]


@pytest.mark.parametrize("fault", ["slow", "timeout"])
def test_a_caller_that_gives_up_ends_the_pause_and_is_told_nothing_else(fault: str) -> None:
    clock, wake = ManualClock(), Event()
    wake.set()
    before = clock.monotonic()
    assert struck(fault, clock, wake=wake) is None
    assert clock.monotonic() == before


def test_it_is_off_unless_a_rate_is_given() -> None:
    clock = ManualClock()
    quiet = chaos(clock)
    for _ in range(100):
        quiet.strike("baidu", 4.0, Deadline.after(10.0, clock), Event())
    assert clock.slept == []


@pytest.mark.parametrize(("drawn", "spoilt"), [(0.0999, True), (0.1, False)])
def test_the_rate_is_the_share_of_calls_that_are_spoilt(drawn: float, spoilt: bool) -> None:
    clock = ManualClock()
    some = chaos(clock, draw=lambda: drawn, rate=0.1, faults=("error",))
    try:
        some.strike("baidu", 4.0, Deadline.after(10.0, clock), Event())
    except ProviderError:
        assert spoilt
    else:
        assert not spoilt


def test_engines_that_are_not_named_are_left_alone() -> None:
    clock = ManualClock()
    one = chaos(clock, rate=1.0, faults=("error",), providers=("baidu",))
    one.strike("tesseract", 4.0, Deadline.after(10.0, clock), Event())
    with pytest.raises(ProviderError):
        one.strike("baidu", 4.0, Deadline.after(10.0, clock), Event())


def test_every_fault_comes_up_about_equally_often() -> None:
    clock, source = ManualClock(), random.Random(3)
    met: list[str] = []

    def choose(names: Sequence[str]) -> str:
        met.append(source.choice(names))
        return met[-1]

    wild = Chaos(ChaosSettings(1.0, FAULTS, delay=0.0), clock, draw=source.random, choose=choose)
    codes = []
    for _ in range(1000):
        try:
            wild.strike("baidu", 1.0, Deadline.after(10.0, clock), Event())
        except ProviderError as error:
            codes.append(error.diagnosis.code)
    assert {code.removeprefix("injected_") for code in codes} == set(FAULTS) - {"slow"}
    assert all(150 < met.count(name) < 250 for name in FAULTS)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rate": 1.5}, "chaos.rate is a share from 0 to 1, got 1.5"),
        ({"rate": -0.1}, "chaos.rate is a share from 0 to 1, got -0.1"),
        ({"rate": float("nan")}, "chaos.rate is a share from 0 to 1, got nan"),
        ({"faults": ("eror",)}, "no fault is called 'eror'; there are error, timeout, slow, throttle, crash"),
        ({"faults": ()}, "no fault is named; there are error"),
        ({"delay": -1.0}, "chaos.delay is a time from 0 seconds, got -1.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=r"^chaos\.") as refused:
        chaos(**settings)
    assert told in str(refused.value)
