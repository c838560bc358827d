"""The circuit breaker, asked before a call and told after it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from time import monotonic
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import Breaker, Permit, State
from ocrgate.settings import BreakerSettings
from ocrgate.testing import ManualClock

QUICK = BreakerSettings(
    window=4, minimum=2, failure_rate=0.5, slow_call=5.0, slow_rate=1.0, open_for=10.0, successes=2, probes=1
)


def breaker_of(
    clock: ManualClock,
    settings: BreakerSettings = QUICK,
    *,
    lease: float = 60.0,
    jitter: Callable[[], float] = lambda: 0.0,
    observer: Callable[[str, State, State], None] | None = None,
) -> Breaker:
    return Breaker("baidu", settings, lease=lease, clock=clock, jitter=jitter, observer=observer)


def state_of(breaker: Breaker) -> State:
    return breaker.state


def open_it(breaker: Breaker) -> None:
    for _ in range(breaker.settings.minimum):
        breaker.admit().failure()
    assert state_of(breaker) == "open"


def refused(breaker: Breaker) -> ProviderRefused:
    with pytest.raises(ProviderRefused) as caught:
        breaker.admit()
    return caught.value


def half_open(breaker: Breaker, clock: ManualClock) -> Permit:
    """An open breaker's first probe."""
    clock.advance(breaker.retry_in)
    probe = breaker.admit()
    assert state_of(breaker) == "half-open"
    return probe


def close_it(breaker: Breaker, clock: ManualClock) -> None:
    half_open(breaker, clock).success()
    for _ in range(breaker.settings.successes - 1):
        breaker.admit().success()
    assert state_of(breaker) == "closed"


def test_fewer_calls_than_the_minimum_never_open_it() -> None:
    breaker = breaker_of(ManualClock(), BreakerSettings(window=10, minimum=4))
    for _ in range(3):
        breaker.admit().failure()
    assert state_of(breaker) == "closed"
    breaker.admit().failure()
    assert state_of(breaker) == "open"


def test_a_share_of_failures_opens_it_though_successes_come_in_between() -> None:
    breaker = breaker_of(ManualClock(), BreakerSettings(window=4, minimum=4, failure_rate=0.5))
    for tell in (Permit.failure, Permit.success, Permit.failure):
        tell(breaker.admit())
    assert state_of(breaker) == "closed"
    breaker.admit().success()
    assert state_of(breaker) == "open", "two of four is the rate from which it opens"


def test_failures_that_have_left_the_window_no_longer_count() -> None:
    breaker = breaker_of(ManualClock(), BreakerSettings(window=4, minimum=4, failure_rate=0.5))
    for tell in (Permit.failure, *[Permit.success] * 4, Permit.failure):
        tell(breaker.admit())
    assert state_of(breaker) == "closed"


def test_slow_answers_open_it_though_each_is_a_success() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    for _ in range(2):
        permit = breaker.admit()
        clock.advance(5.0)
        permit.success()
    assert state_of(breaker) == "open"


def test_an_answer_just_below_the_slow_time_is_not_slow() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    for _ in range(8):
        permit = breaker.admit()
        clock.advance(4.75)
        permit.success()
    assert state_of(breaker) == "closed"


def test_an_open_breaker_refuses_at_once_and_says_when_to_come_back() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
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


def test_sixty_four_threads_at_half_open_send_one_probe_and_the_others_are_refused_at_once() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
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


def test_as_many_probes_are_out_at_once_as_configured() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, BreakerSettings(window=4, minimum=2, open_for=10.0, probes=3, successes=3))
    open_it(breaker)
    probes = [half_open(breaker, clock), breaker.admit(), breaker.admit()]
    refused(breaker)
    for probe in probes:
        probe.success()
    assert state_of(breaker) == "closed"


def test_an_abandoned_probe_gives_its_place_to_another_when_its_lease_is_over() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, lease=30.0)
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


def test_it_closes_only_after_as_many_successes_as_configured() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    open_it(breaker)
    half_open(breaker, clock).success()
    assert state_of(breaker) == "half-open"
    breaker.admit().success()
    assert state_of(breaker) == "closed"
    assert breaker.retry_in == 0.0


def test_successes_before_a_failed_probe_do_not_count_the_next_time() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    open_it(breaker)
    half_open(breaker, clock).success()
    breaker.admit().failure()
    assert state_of(breaker) == "open"
    half_open(breaker, clock).success()
    assert state_of(breaker) == "half-open"


def test_a_closed_breaker_has_forgotten_what_opened_it() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    open_it(breaker)
    close_it(breaker, clock)
    breaker.admit().failure()
    assert state_of(breaker) == "closed"


def test_the_open_time_doubles_with_each_failed_probe_up_to_eight_times_and_starts_again_after_closing() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    open_it(breaker)
    times = [breaker.retry_in]
    for _ in range(5):
        half_open(breaker, clock).failure()
        times.append(breaker.retry_in)
    assert times == pytest.approx([10.0, 20.0, 40.0, 80.0, 80.0, 80.0])
    close_it(breaker, clock)
    open_it(breaker)
    assert breaker.retry_in == pytest.approx(10.0)


@given(st.floats(0.0, 1.0))
def test_the_open_time_is_jittered_by_up_to_a_tenth(chance: float) -> None:
    breaker = breaker_of(ManualClock(), jitter=lambda: chance)
    open_it(breaker)
    assert breaker.retry_in == pytest.approx(10.0 * (1 + 0.1 * chance))


def test_without_being_told_otherwise_the_jitter_is_drawn_anew() -> None:
    times = set()
    for _ in range(20):
        breaker = Breaker("baidu", QUICK, clock=ManualClock())
        open_it(breaker)
        assert 10.0 <= breaker.retry_in <= 11.0
        times.add(breaker.retry_in)
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
    late: str, bring: Callable[[Breaker, ManualClock], None]
) -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
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
def test_a_late_probe_of_an_earlier_half_open_time_changes_nothing(late: str, after: str) -> None:
    clock = ManualClock()
    breaker = breaker_of(clock, BreakerSettings(window=4, minimum=2, open_for=10.0, probes=4, successes=2))
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


def test_a_verdict_told_twice_counts_once() -> None:
    breaker = breaker_of(ManualClock())
    permit = breaker.admit()
    for _ in range(5):
        permit.failure()
    assert state_of(breaker) == "closed"


def test_ignored_calls_neither_fill_the_window_nor_empty_it() -> None:
    breaker = breaker_of(ManualClock())
    breaker.admit().failure()
    for _ in range(20):
        breaker.admit().ignore()
    assert state_of(breaker) == "closed"
    breaker.admit().failure()
    assert state_of(breaker) == "open", "the failure before the ignored calls is still in the window"


def test_a_slow_call_that_is_ignored_is_not_slow() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    for _ in range(8):
        permit = breaker.admit()
        clock.advance(100.0)
        permit.ignore()
    assert state_of(breaker) == "closed"


def test_an_ignored_probe_neither_closes_nor_opens_and_gives_its_place_back() -> None:
    clock = ManualClock()
    breaker = breaker_of(clock)
    open_it(breaker)
    half_open(breaker, clock).ignore()
    for _ in range(5):
        breaker.admit().ignore()
        assert state_of(breaker) == "half-open"
    breaker.admit().success()
    assert state_of(breaker) == "half-open", "ignored probes were no successes"


def test_an_observer_hears_every_transition_in_order() -> None:
    clock = ManualClock()
    heard: list[tuple[str, State, State]] = []
    breaker = breaker_of(clock, observer=lambda *news: heard.append(news))
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


def test_an_observer_may_ask_the_breaker_itself() -> None:
    clock = ManualClock()
    seen: list[tuple[State, State, bool]] = []
    breaker = breaker_of(
        clock, observer=lambda _name, _old, new: seen.append((new, breaker.state, breaker.would_refuse()))
    )
    open_it(breaker)
    assert seen == [("open", "open", True)]


def test_an_observer_that_moves_the_breaker_hears_of_that_afterwards() -> None:
    clock = ManualClock()
    heard: list[State] = []

    def observer(_name: str, _old: State, new: State) -> None:
        if new == "open":
            half_open(breaker, clock)
        heard.append(new)

    breaker = breaker_of(clock, observer=observer)
    for _ in range(2):
        breaker.admit().failure()
    assert heard == ["open", "half-open"]
    assert state_of(breaker) == "half-open"


def test_an_observer_that_raises_breaks_neither_the_call_nor_the_breaker(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()

    def broken(_name: str, _old: State, _new: State) -> None:
        raise RuntimeError("broken observer")

    breaker = breaker_of(clock, observer=broken)
    open_it(breaker)
    refused(breaker)
    close_it(breaker, clock)
    assert caplog.text.count("broken observer") >= 3


def test_transitions_of_many_threads_are_heard_as_one_chain() -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    breaker = breaker_of(clock, observer=lambda _name, old, new: heard.append((old, new)))

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


def test_no_lock_is_held_during_a_call() -> None:
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


@settings(max_examples=60, stateful_step_count=60, deadline=None)
class BreakerMachine(RuleBasedStateMachine):
    """The breaker beside a model that is too simple to be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.config = BreakerSettings(
            window=5, minimum=3, failure_rate=0.6, slow_call=4.0, slow_rate=0.8, open_for=10.0, probes=2, successes=2
        )
        self.heard: list[State] = []
        self.breaker = Breaker(
            "model",
            self.config,
            lease=20.0,
            clock=self.clock,
            jitter=lambda: 0.0,
            observer=lambda _name, _old, new: self.heard.append(new),
        )
        self.state: State = "closed"
        self.expected: list[State] = []
        self.generation = 0
        self.history: list[tuple[bool, bool]] = []
        self.reopen = 0.0
        self.growth = 1.0
        self.good = 0
        self.probing: list[int] = []
        self.calls: list[tuple[Permit, int, float, bool, int]] = []
        self.count = 0

    def _go(self, state: State) -> None:
        self.state = state
        self.expected.append(state)
        self.generation += 1
        self.history = []
        self.probing = []
        self.good = 0

    def _open(self) -> None:
        self.reopen = self.clock.monotonic() + self.config.open_for * self.growth
        self._go("open")

    @rule(seconds=st.sampled_from([0.5, 3.0, 4.0, 10.0, 20.0, 80.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def ask(self) -> None:
        now = self.clock.monotonic()
        if self.state == "open" and now >= self.reopen:
            self._go("half-open")
        if self.state == "half-open":
            begun = {number: start for _, number, start, _, _ in self.calls}
            self.probing = [number for number in self.probing if now - begun[number] < 20.0]
        full = self.state == "half-open" and len(self.probing) >= self.config.probes
        assert self.breaker.would_refuse() is (full or self.state == "open")
        try:
            permit = self.breaker.admit()
        except ProviderRefused:
            assert full or self.state == "open"
            return
        assert not full
        assert self.state != "open"
        self.count += 1
        probe = self.state == "half-open"
        if probe:
            self.probing.append(self.count)
        self.calls.append((permit, self.count, now, probe, self.generation))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=st.sampled_from(["success", "failure", "ignore"]))
    def tell(self, data: st.DataObject, outcome: Literal["success", "failure", "ignore"]) -> None:
        place = data.draw(st.integers(0, len(self.calls) - 1))
        permit, number, begun, probe, generation = self.calls[place]
        getattr(permit, outcome)()
        live = generation == self.generation and (not probe or number in self.probing)
        if not probe:
            self.calls.pop(place)
        if not live:
            return
        if probe:
            self.probing.remove(number)
            if outcome == "failure":
                self.growth = min(8.0, self.growth * 2)
                self._open()
            elif outcome == "success":
                self.good += 1
                if self.good == self.config.successes:
                    self.growth = 1.0
                    self._go("closed")
        elif outcome != "ignore":
            self.history = [*self.history, (outcome == "failure", self.clock.monotonic() - begun >= 4.0)][-5:]
            bad = sum(failed for failed, _ in self.history) / len(self.history)
            slow = sum(late for _, late in self.history) / len(self.history)
            if len(self.history) >= 3 and (bad >= 0.6 or slow >= 0.8):
                self._open()

    @invariant()
    def agree(self) -> None:
        assert self.breaker.state == self.state
        assert self.heard == self.expected
        left = max(0.0, self.reopen - self.clock.monotonic()) if self.state == "open" else 0.0
        assert self.breaker.retry_in == pytest.approx(left)


TestBreakerMachine = BreakerMachine.TestCase


def test_a_slow_observer_does_not_hold_the_breaker() -> None:
    slow = Event()
    entered = Event()

    def observer(_name: str, _old: State, _new: State) -> None:
        entered.set()
        slow.wait(5.0)

    stuck = breaker_of(ManualClock(), observer=observer)
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
