"""Shadow, disabled and forced open, by configuration or by an operator; and what is seen from outside."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest

from ocrgate.policy.breaker import Breaker, State
from ocrgate.settings import BreakerMode, BreakerSettings
from ocrgate.testing import ManualClock
from tests.policy.breakers import QUICK, Maker, half_open, open_it, refused, state_of


def in_mode(mode: BreakerMode, settings: BreakerSettings = QUICK) -> BreakerSettings:
    return replace(settings, mode=mode)


def mode_of(breaker: Breaker) -> BreakerMode:
    return breaker.mode


def test_a_disabled_breaker_refuses_and_counts_nothing(make: Maker) -> None:
    breaker = make(ManualClock(), in_mode("disabled"))
    for _ in range(20):
        breaker.admit().failure()
    assert state_of(breaker) == "closed"
    assert not breaker.would_refuse()
    assert breaker.retry_in == 0.0
    assert breaker.status().calls == 0
    breaker.force("enforce")
    breaker.admit().failure()
    assert state_of(breaker) == "closed", "what it did not count is not in the window"


def test_a_breaker_that_is_forced_open_refuses_everything_until_somebody_says_otherwise(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock, in_mode("forced_open"))
    for seconds in (0.0, 60.0, 86_400.0, 30 * 86_400.0):
        clock.advance(seconds)
        error = refused(breaker)
        assert error.reason == "breaker_open"
        assert error.retry_in is None
        assert error.detail == "its configuration has forced it open"
        assert breaker.would_refuse()
    assert (breaker.state, breaker.retry_in, breaker.mode) == ("open", None, "forced_open")
    breaker.force("enforce")
    breaker.admit().success()
    assert state_of(breaker) == "closed"


def test_in_shadow_everything_is_counted_and_told_and_nothing_refused(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    breaker = make(clock, in_mode("shadow"), observer=lambda _name, old, new: heard.append((old, new)))
    open_it(breaker)
    assert not breaker.would_refuse()
    for _ in range(7):
        breaker.admit().failure()
    assert state_of(breaker) == "open"
    assert breaker.status().spared == 7
    clock.advance(10.0)
    probe = breaker.admit()
    assert probe.probe
    other = breaker.admit()
    assert not other.probe
    assert breaker.status().spared == 8
    other.failure()
    assert state_of(breaker) == "half-open", "the call would not have been made"
    probe.success()
    breaker.admit().success()
    assert heard == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]
    assert breaker.status().spared == 8
    assert breaker.retry_in == 0.0


def test_what_shadow_found_is_enforced_from_the_moment_it_is_enforced(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock, in_mode("shadow"))
    open_it(breaker)
    breaker.admit().success()
    breaker.force("enforce")
    assert breaker.status().spared == 0
    assert refused(breaker).retry_in == pytest.approx(10.0)
    breaker.force("shadow")
    breaker.admit().success()
    assert state_of(breaker) == "open"
    breaker.force("enforce")
    half_open(breaker, clock)


def test_an_operator_forces_a_mode_in_every_process_and_gives_the_configured_one_back(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    operator = breaker if make.place == "here" else make(clock)
    operator.force("forced_open")
    clock.advance(365 * 86_400.0)
    error = refused(breaker)
    assert error.detail == "an operator has forced it open"
    assert error.retry_in is None
    assert (breaker.mode, breaker.status().override) == ("forced_open", "forced_open")
    operator.force(None)
    breaker.admit().success()
    assert (breaker.mode, breaker.status().override) == ("enforce", None)


def test_an_open_breaker_that_is_disabled_lets_calls_through_and_begins_anew_afterwards(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    half_open(breaker, clock).failure()
    breaker.force("disabled")
    assert state_of(breaker) == "closed"
    breaker.admit().failure()
    breaker.force("enforce")
    assert state_of(breaker) == "closed"
    assert breaker.status().cause == ""
    open_it(breaker)
    assert breaker.retry_in == pytest.approx(10.0), "the failed probe of before is forgotten"


@pytest.mark.parametrize("between", ["disabled", "forced_open"])
@pytest.mark.parametrize("late", ["success", "failure", "ignore"])
def test_answers_from_before_a_mode_was_forced_count_nowhere(make: Maker, between: BreakerMode, late: str) -> None:
    clock = ManualClock()
    breaker = make(clock)
    calls = [breaker.admit() for _ in range(4)]
    breaker.force(between)
    for call in calls[:2]:
        getattr(call, late)()
    breaker.force(None)
    for call in calls[2:]:
        getattr(call, late)()
    assert breaker.status().calls == 0
    assert state_of(breaker) == "closed"


def test_a_call_let_through_while_disabled_counts_nowhere_when_it_is_told_about_later(make: Maker) -> None:
    breaker = make(ManualClock(), in_mode("disabled"))
    calls = [breaker.admit() for _ in range(8)]
    breaker.force("enforce")
    for call in calls:
        call.failure()
    assert breaker.status().calls == 0


def test_forcing_the_mode_that_is_forced_already_changes_nothing(make: Maker) -> None:
    breaker = make(ManualClock())
    breaker.force("enforce")
    permit = breaker.admit()
    breaker.admit().failure()
    breaker.force("enforce")
    permit.failure()
    assert state_of(breaker) == "open"


def test_a_mode_that_is_none_is_refused_with_those_there_are() -> None:
    breaker = Breaker("baidu", QUICK)
    unknown: Any = "off"
    with pytest.raises(ValueError, match="no mode 'off'; there are: enforce, shadow, disabled, forced_open"):
        breaker.force(unknown)


def test_observers_hear_what_a_forced_mode_does_to_calls(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    breaker = make(clock, observer=lambda _name, old, new: heard.append((old, new)))
    breaker.force("forced_open")
    breaker.force("disabled")
    breaker.force(None)
    open_it(breaker)
    breaker.force("forced_open")
    breaker.force("shadow")
    assert heard == [("closed", "open"), ("open", "closed"), ("closed", "open"), ("open", "closed")]


def test_the_status_tells_what_an_operator_asks(make: Maker) -> None:
    clock = ManualClock()
    settings = replace(QUICK, window=10, minimum=5)
    breaker = make(clock, settings)
    assert dataclasses.asdict(breaker.status()) == {
        "state": "closed",
        "mode": "enforce",
        "override": None,
        "retry_in": 0.0,
        "age": None,
        "cause": "",
        "calls": 0,
        "failures": 0,
        "slow": 0,
        "failure_rate": None,
        "slow_rate": None,
        "probes": 0,
        "successes": 0,
        "failed_probes": 0,
        "spared": 0,
    }
    breaker.admit().failure()
    slow = breaker.admit()
    clock.advance(5.0)
    slow.success()
    for _ in range(2):
        breaker.admit().success()
    status = breaker.status()
    assert (status.calls, status.failures, status.slow) == (4, 1, 1)
    assert (status.failure_rate, status.slow_rate) == (0.25, 0.25)
    for _ in range(2):
        breaker.admit().failure()
    clock.advance(4.0)
    status = breaker.status()
    assert (status.state, status.cause) == ("open", "3 of 6 calls failed")
    assert status.age == pytest.approx(4.0)
    assert status.retry_in == pytest.approx(6.0)
    half_open(breaker, clock).success()
    breaker.admit()
    status = breaker.status()
    assert (status.state, status.probes, status.successes, status.failed_probes) == ("half-open", 1, 1, 0)
    assert status.retry_in == pytest.approx(60.0)
    assert json.loads(json.dumps(dataclasses.asdict(status))) == dataclasses.asdict(status)


def test_the_status_says_why_it_is_open_until_it_has_closed(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    half_open(breaker, clock).failure()
    assert breaker.status().cause == "a probe failed"
    assert breaker.status().failed_probes == 1
    probe = half_open(breaker, clock)
    clock.advance(5.0)
    probe.success()
    assert breaker.status().cause == "a probe was slow"
    half_open(breaker, clock).success()
    assert breaker.status().cause == "a probe was slow"
    breaker.admit().success()
    assert breaker.status().cause == ""
    assert breaker.status().failed_probes == 0


def test_a_probe_whose_lease_is_over_is_no_probe_under_way(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    half_open(breaker, clock)
    clock.advance(60.0)
    assert breaker.status().probes == 0
    assert breaker.retry_in == 0.0
