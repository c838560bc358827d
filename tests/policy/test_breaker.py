"""The circuit breaker, asked before a call and told after it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event, Lock
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import Breaker, Permit, State
from ocrgate.settings import BreakerSettings
from ocrgate.testing import ManualClock
from tests.policy.breakers import (
    QUICK,
    Maker,
    close_it,
    half_open,
    open_it,
    refused,
    state_of,
    wait_of,
)


def test_fewer_calls_than_the_minimum_never_open_it(make: Maker) -> None:
    breaker = make(ManualClock(), BreakerSettings(window=10, minimum=4))
    for _ in range(3):
        breaker.admit().failure()
    assert state_of(breaker) == "closed"
    breaker.admit().failure()
    assert state_of(breaker) == "open"


def test_a_share_of_failures_opens_it_though_successes_come_in_between(make: Maker) -> None:
    breaker = make(ManualClock(), BreakerSettings(window=4, minimum=4, failure_rate=0.5))
    for tell in (Permit.failure, Permit.success, Permit.failure):
        tell(breaker.admit())
    assert state_of(breaker) == "closed"
    breaker.admit().success()
    assert state_of(breaker) == "open", "two of four is the rate from which it opens"


def test_failures_that_have_left_the_window_no_longer_count(make: Maker) -> None:
    breaker = make(ManualClock(), BreakerSettings(window=4, minimum=4, failure_rate=0.5))
    for tell in (Permit.failure, *[Permit.success] * 4, Permit.failure):
        tell(breaker.admit())
    assert state_of(breaker) == "closed"


def test_slow_answers_open_it_though_each_is_a_success(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    for _ in range(2):
        permit = breaker.admit()
        clock.advance(5.0)
        permit.success()
    assert state_of(breaker) == "open"


def test_an_answer_just_below_the_slow_time_is_not_slow(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    for _ in range(8):
        permit = breaker.admit()
        clock.advance(4.75)
        permit.success()
    assert state_of(breaker) == "closed"


def test_an_open_breaker_refuses_at_once_and_says_when_to_come_back(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    clock.advance(4.0)
    error = refused(breaker)
    assert error.reason == "breaker_open"
    assert error.provider == "baidu"
    assert error.retry_in == pytest.approx(6.0)
    assert breaker.retry_in == pytest.approx(6.0)
    assert breaker.would_refuse()
    clock.advance(6.0)
    assert not breaker.would_refuse()
    assert state_of(breaker) == "open", "looking is not asking"
    breaker.admit()


def test_sixty_four_threads_at_half_open_send_one_probe_and_the_others_are_refused_at_once(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    clock.advance(10.0)
    start = Barrier(64)

    def ask(_: int) -> Permit | ProviderRefused:
        start.wait(10.0)
        try:
            return breaker.admit()
        except ProviderRefused as error:
            return error

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(ask, range(64)))
    probes = [answer for answer in answers if isinstance(answer, Permit)]
    assert len(probes) == 1
    assert {error.reason for error in answers if isinstance(error, ProviderRefused)} == {"breaker_open"}
    assert breaker.would_refuse(), "the probe is still out, and nobody had to wait for it"


def test_as_many_probes_are_out_at_once_as_configured(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock, BreakerSettings(window=4, minimum=2, open_for=10.0, probes=3, successes=3))
    open_it(breaker)
    probes = [half_open(breaker, clock), breaker.admit(), breaker.admit()]
    refused(breaker)
    for probe in probes:
        probe.success()
    assert state_of(breaker) == "closed"


def test_an_abandoned_probe_gives_its_place_to_another_when_its_lease_is_over(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock, lease=30.0)
    open_it(breaker)
    abandoned = half_open(breaker, clock)
    clock.advance(29.5)
    assert breaker.would_refuse()
    refused(breaker)
    clock.advance(0.5)
    assert not breaker.would_refuse()
    second = breaker.admit()
    abandoned.failure()
    assert state_of(breaker) == "half-open", "its place has gone to another call, so its answer counts nowhere"
    second.success()
    breaker.admit().success()
    assert state_of(breaker) == "closed"


def test_waiting_for_its_turn_is_not_the_probes_time(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock, lease=30.0)
    open_it(breaker)
    probe = half_open(breaker, clock)
    clock.advance(25.0)
    probe.begin(clock.monotonic() - 2.0)
    clock.advance(27.5)
    assert refused(breaker).retry_in == pytest.approx(0.5)
    clock.advance(0.5)
    assert not breaker.would_refuse(), "its lease is over thirty seconds after it was begun"


def test_a_probe_whose_place_has_gone_does_not_get_it_back_by_beginning(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock, lease=30.0)
    open_it(breaker)
    abandoned = half_open(breaker, clock)
    clock.advance(30.0)
    second = breaker.admit()
    abandoned.begin(clock.monotonic())
    abandoned.failure()
    second.success()
    breaker.admit().success()
    assert state_of(breaker) == "closed"


def test_a_refused_call_hears_when_the_first_of_the_probes_gives_its_place_up_at_the_latest(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock, BreakerSettings(window=4, minimum=2, open_for=10.0, probes=2), lease=30.0)
    open_it(breaker)
    half_open(breaker, clock)
    clock.advance(12.0)
    breaker.admit()
    error = refused(breaker)
    assert error.reason == "breaker_open"
    assert "probe is under way" in error.detail
    assert error.retry_in == breaker.retry_in == pytest.approx(18.0)


def test_a_slow_probe_opens_it_again_though_it_succeeds(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    probe = half_open(breaker, clock)
    clock.advance(5.0)
    probe.success()
    assert state_of(breaker) == "open"
    assert breaker.retry_in == pytest.approx(15.0), "20 seconds from when it was sent"


def test_a_probe_that_hung_for_longer_than_the_open_time_is_followed_by_a_short_rest(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    probe = half_open(breaker, clock)
    clock.advance(50.0)
    probe.failure()
    assert wait_of(breaker) == pytest.approx(1.0)


def test_what_a_call_waited_before_it_began_is_not_its_slowness(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    for _ in range(8):
        permit = breaker.admit()
        clock.advance(100.0)
        permit.begin(clock.monotonic())
        clock.advance(4.0)
        permit.success()
    assert state_of(breaker) == "closed"


def test_a_call_past_the_breaker_is_never_refused_and_counts_nowhere(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    for _ in range(8):
        breaker.pass_by().failure()
    assert state_of(breaker) == "closed"
    open_it(breaker)
    wait = breaker.retry_in
    for _ in range(8):
        permit = breaker.pass_by()
        assert not permit.probe
        permit.begin(clock.monotonic())
        permit.success()
    assert (breaker.state, breaker.retry_in) == ("open", wait)
    half_open(breaker, clock).ignore()
    for _ in range(8):
        breaker.pass_by().success()
        breaker.pass_by().failure()
    assert state_of(breaker) == "half-open"


def test_it_closes_only_after_as_many_successes_as_configured(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    half_open(breaker, clock).success()
    assert state_of(breaker) == "half-open"
    breaker.admit().success()
    assert state_of(breaker) == "closed"
    assert breaker.retry_in == 0.0


def test_successes_before_a_failed_probe_do_not_count_the_next_time(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    half_open(breaker, clock).success()
    breaker.admit().failure()
    assert state_of(breaker) == "open"
    half_open(breaker, clock).success()
    assert state_of(breaker) == "half-open"


def test_a_closed_breaker_has_forgotten_what_opened_it(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    close_it(breaker, clock)
    breaker.admit().failure()
    assert state_of(breaker) == "closed"


def test_the_open_time_doubles_with_each_failed_probe_up_to_its_growth_and_starts_again_after_closing(
    make: Maker,
) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    times = [wait_of(breaker)]
    for _ in range(5):
        half_open(breaker, clock).failure()
        times.append(wait_of(breaker))
    assert times == pytest.approx([10.0, 20.0, 40.0, 80.0, 80.0, 80.0])
    close_it(breaker, clock)
    open_it(breaker)
    assert breaker.retry_in == pytest.approx(10.0)


@given(st.integers(0, 6), st.floats(0.0, 1.0), st.floats(0.0, 9.0))
def test_left_as_it_is_a_provider_is_probed_within_one_and_three_eighths_of_the_open_time_after_any_outage(
    failed: int, chance: float, hung: float
) -> None:
    clock = ManualClock()
    breaker = Breaker("baidu", replace(QUICK, growth=BreakerSettings().growth), clock=clock, jitter=lambda: chance)
    open_it(breaker)
    for _ in range(failed):
        probe = half_open(breaker, clock)
        sent = clock.monotonic()
        clock.advance(hung)
        probe.failure()
        assert clock.monotonic() + wait_of(breaker) - sent <= 10.0 * 1.375 + 1e-6


@given(st.floats(0.0, 1.0))
def test_the_open_time_is_jittered_by_up_to_a_tenth(chance: float) -> None:
    breaker = Breaker("baidu", QUICK, clock=ManualClock(), jitter=lambda: chance)
    open_it(breaker)
    assert breaker.retry_in == pytest.approx(10.0 * (1 + 0.1 * chance))


def test_without_being_told_otherwise_the_jitter_is_drawn_anew(make: Maker) -> None:
    times = set()
    for number in range(20):
        breaker = make.drawn(f"breaker {number}")
        open_it(breaker)
        assert 10.0 <= wait_of(breaker) <= 11.0
        times.add(wait_of(breaker))
    assert len(times) > 1


def _to_open(breaker: Breaker, _clock: ManualClock) -> None:
    open_it(breaker)


def _to_half_open(breaker: Breaker, clock: ManualClock) -> None:
    open_it(breaker)
    half_open(breaker, clock).ignore()


def _to_closed(breaker: Breaker, clock: ManualClock) -> None:
    open_it(breaker)
    close_it(breaker, clock)


@pytest.mark.parametrize("late", ["success", "failure", "ignore"])
@pytest.mark.parametrize("bring", [_to_open, _to_half_open, _to_closed])
def test_a_late_answer_from_before_it_opened_changes_nothing(
    make: Maker, late: str, bring: Callable[[Breaker, ManualClock], None]
) -> None:
    clock = ManualClock()
    breaker = make(clock)
    calls = [breaker.admit() for _ in range(8)]
    bring(breaker, clock)
    state, wait = breaker.state, breaker.retry_in
    for call in calls:
        getattr(call, late)()
    assert (breaker.state, breaker.retry_in) == (state, wait)
    if state == "half-open":
        breaker.admit()
        refused(breaker)


@pytest.mark.parametrize("late", ["success", "failure", "ignore"])
@pytest.mark.parametrize("after", ["open", "half-open", "closed"])
def test_a_late_probe_of_an_earlier_half_open_time_changes_nothing(make: Maker, late: str, after: str) -> None:
    clock = ManualClock()
    breaker = make(clock, BreakerSettings(window=4, minimum=2, open_for=10.0, probes=4, successes=2))
    open_it(breaker)
    probes = [half_open(breaker, clock), *(breaker.admit() for _ in range(3))]
    if after == "closed":
        probes.pop().success()
        probes.pop().success()
    else:
        probes.pop().failure()
    if after == "half-open":
        half_open(breaker, clock).ignore()
    assert state_of(breaker) == after
    wait = breaker.retry_in
    for probe in probes:
        getattr(probe, late)()
    assert (breaker.state, breaker.retry_in) == (after, wait)
    if after == "closed":
        breaker.admit().failure()
        assert state_of(breaker) == "closed", "late failures are not in the window either"


def test_a_verdict_told_twice_counts_once(make: Maker) -> None:
    breaker = make(ManualClock())
    permit = breaker.admit()
    for _ in range(5):
        permit.failure()
    assert state_of(breaker) == "closed"


def test_ignored_calls_neither_fill_the_window_nor_empty_it(make: Maker) -> None:
    breaker = make(ManualClock())
    breaker.admit().failure()
    for _ in range(20):
        breaker.admit().ignore()
    assert state_of(breaker) == "closed"
    breaker.admit().failure()
    assert state_of(breaker) == "open", "the failure before the ignored calls is still in the window"


def test_a_slow_call_that_is_ignored_is_not_slow(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    for _ in range(8):
        permit = breaker.admit()
        clock.advance(100.0)
        permit.ignore()
    assert state_of(breaker) == "closed"


def test_an_ignored_probe_neither_closes_nor_opens_and_gives_its_place_back(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    half_open(breaker, clock).ignore()
    for _ in range(5):
        breaker.admit().ignore()
        assert state_of(breaker) == "half-open"
    breaker.admit().success()
    assert state_of(breaker) == "half-open", "ignored probes were no successes"


def test_an_observer_hears_every_transition_in_order(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[str, State, State]] = []
    breaker = make(clock, observer=lambda *news: heard.append(news))
    open_it(breaker)
    half_open(breaker, clock).failure()
    close_it(breaker, clock)
    assert heard == [
        ("baidu", "closed", "open"),
        ("baidu", "open", "half-open"),
        ("baidu", "half-open", "open"),
        ("baidu", "open", "half-open"),
        ("baidu", "half-open", "closed"),
    ]


def test_an_observer_may_ask_the_breaker_itself(make: Maker) -> None:
    clock = ManualClock()
    seen: list[tuple[State, State, bool]] = []
    breaker = make(clock, observer=lambda _name, _old, new: seen.append((new, breaker.state, breaker.would_refuse())))
    open_it(breaker)
    assert seen == [("open", "open", True)]


def test_an_observer_that_moves_the_breaker_hears_of_that_afterwards(make: Maker) -> None:
    clock = ManualClock()
    heard: list[State] = []

    def observer(_name: str, _old: State, new: State) -> None:
        if new == "open":
            half_open(breaker, clock)
        heard.append(new)

    breaker = make(clock, observer=observer)
    for _ in range(2):
        breaker.admit().failure()
    assert heard == ["open", "half-open"]
    assert state_of(breaker) == "half-open"


def test_an_observer_that_raises_breaks_neither_the_call_nor_the_breaker(
    make: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()

    def broken(_name: str, _old: State, _new: State) -> None:
        raise RuntimeError("broken observer")

    breaker = make(clock, observer=broken)
    open_it(breaker)
    refused(breaker)
    close_it(breaker, clock)
    assert caplog.text.count("broken observer") >= 3


def test_transitions_of_many_threads_are_heard_as_one_chain(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    breaker = make(clock, observer=lambda _name, old, new: heard.append((old, new)))

    def work(_: int) -> None:
        for _ in range(200):
            clock.advance(1.0)
            try:
                permit = breaker.admit()
            except ProviderRefused:
                continue
            permit.failure()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(heard) > 10
    assert all(before[1] == after[0] for before, after in itertools.pairwise(heard))
    assert heard[-1][1] == breaker.state


def test_eight_calls_are_under_way_at_the_same_time(make: Maker) -> None:
    breaker = make(ManualClock(), BreakerSettings())
    together = Barrier(8)

    def call(_: int) -> None:
        permit = breaker.admit()
        together.wait(10.0)
        permit.success()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert breaker.status().calls == 8


def test_eight_calls_of_a_fifth_of_a_second_take_a_fifth_of_a_second() -> None:
    breaker = Breaker("baidu", BreakerSettings())
    never = Event()

    def call(_: int) -> None:
        permit = breaker.admit()
        never.wait(0.2)
        permit.success()

    begun = monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert monotonic() - begun < 0.8, "one after the other would take 1.6 s"


def test_a_slow_observer_does_not_hold_the_breaker(make: Maker) -> None:
    slow = Event()
    entered = Event()

    def observer(_name: str, _old: State, _new: State) -> None:
        entered.set()
        slow.wait(5.0)

    stuck = make(ManualClock(), observer=observer)
    with ThreadPoolExecutor(2) as pool:
        opening = pool.submit(open_it, stuck)
        assert entered.wait(5.0)
        asked = pool.submit(lambda: refused(stuck))
        assert asked.result(1.0).reason == "breaker_open"
        slow.set()
        opening.result(5.0)


def test_counting_from_many_threads_loses_nothing() -> None:
    breaker = Breaker("baidu", BreakerSettings(window=1000, minimum=1000, failure_rate=1.0), clock=ManualClock())
    guard = Lock()
    left = [1000]

    def work(_: int) -> None:
        while True:
            with guard:
                if not left[0]:
                    return
                left[0] -= 1
            breaker.admit().failure()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert state_of(breaker) == "open"
