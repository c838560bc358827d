"""A breaker that several processes share: one record, few operations, and observers who hear it all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import State
from ocrgate.settings import BreakerMode, BreakerSettings
from ocrgate.state import MemoryStore
from ocrgate.state.name import join
from ocrgate.testing import ManualClock
from tests.policy.breakers import QUICK, SHARED, InTime, Maker, close_it, half_open, open_it, refused, state_of, wait_of
from tests.state.server import Server


@pytest.fixture(params=SHARED)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def store_of(make: Maker, clock: ManualClock) -> InTime:
    store = make.store(clock)
    assert store is not None
    return store


def test_failures_of_two_processes_open_it_for_both(make: Maker) -> None:
    clock = ManualClock()
    one, other = make(clock), make(clock)
    one.admit().failure()
    other.admit().failure()
    assert state_of(one) == state_of(other) == "open"
    assert refused(one).retry_in == refused(other).retry_in == pytest.approx(10.0)


def test_one_of_two_processes_has_the_probe_and_the_other_is_refused(make: Maker) -> None:
    clock = ManualClock()
    one, other = make(clock), make(clock)
    open_it(one)
    probe = half_open(one, clock)
    assert other.would_refuse()
    assert refused(other).retry_in == pytest.approx(60.0)
    probe.success()
    other.admit().success()
    assert state_of(one) == state_of(other) == "closed"


def test_a_probe_of_a_process_that_died_is_another_ones_when_its_lease_is_over(make: Maker) -> None:
    clock = ManualClock()
    dead, alive = make(clock), make(clock)
    open_it(dead)
    half_open(dead, clock)
    clock.advance(59.5)
    refused(alive)
    clock.advance(0.5)
    probe = alive.admit()
    assert probe.probe
    probe.success()
    assert alive.status().successes == 1


def test_a_process_that_comes_late_finds_it_open(make: Maker) -> None:
    clock = ManualClock()
    open_it(make(clock))
    clock.advance(3.0)
    late = make(clock)
    assert late.would_refuse()
    assert refused(late).retry_in == pytest.approx(7.0)


def test_breakers_of_different_providers_share_nothing(make: Maker) -> None:
    clock = ManualClock()
    open_it(make(clock))
    assert state_of(make(clock, name="other")) == "closed"
    odd = make(clock, name="baidu/other%")
    open_it(odd)
    assert state_of(make(clock, name="baidu")) == "open"
    assert state_of(make(clock, name="baidu/other%")) == "open"


def test_a_memory_store_keeps_the_record_for_the_next_breaker_of_the_name() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    maker = Maker("here", Path(), Server)
    open_it(maker(clock, store=store))
    assert state_of(maker(clock, store=store)) == "open"
    assert state_of(maker(clock, store=MemoryStore(clock))) == "closed"
    assert not store.scan("")


def test_settings_that_have_changed_hold_for_a_record_that_is_gone_on_with() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    maker = Maker("here", Path(), Server)
    maker(clock, BreakerSettings(window=10, minimum=10), store=store).admit().failure()
    stricter = maker(clock, BreakerSettings(window=10, minimum=2), store=store)
    stricter.admit().failure()
    assert state_of(stricter) == "open"


def test_a_call_that_waited_asks_again_whether_the_provider_is_up(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    waited = breaker.admit()
    waited.check()
    open_it(breaker)
    with pytest.raises(ProviderRefused) as caught:
        waited.check()
    assert caught.value.reason == "breaker_open"
    breaker.pass_by().check()
    probe = half_open(breaker, clock)
    probe.check()


def test_every_process_hears_of_every_transition_in_order_and_once(make: Maker) -> None:
    clock = ManualClock()
    mine: list[tuple[State, State]] = []
    theirs: list[tuple[State, State]] = []
    one = make(clock, observer=lambda _name, old, new: mine.append((old, new)))
    other = make(clock, observer=lambda _name, old, new: theirs.append((old, new)))
    assert state_of(other) == "closed"
    open_it(one)
    half_open(one, clock).failure()
    close_it(one, clock)
    chain = [
        ("closed", "open"),
        ("open", "half-open"),
        ("half-open", "open"),
        ("open", "half-open"),
        ("half-open", "closed"),
    ]
    assert mine == chain
    assert theirs == [], "it has not looked yet"
    other.admit().success()
    assert theirs == chain
    other.admit().success()
    assert state_of(other) == "closed"
    assert theirs == chain


def test_a_process_that_only_asks_whether_it_would_be_refused_hears_of_it(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    other = make(clock, observer=lambda _name, old, new: heard.append((old, new)))
    assert not other.would_refuse()
    open_it(make(clock))
    assert other.would_refuse()
    assert heard == [("closed", "open")]


def test_what_happened_before_a_process_came_is_no_news_to_it(make: Maker) -> None:
    clock = ManualClock()
    first = make(clock)
    open_it(first)
    clock.advance(wait_of(first))
    heard: list[tuple[State, State]] = []
    late = make(clock, observer=lambda _name, old, new: heard.append((old, new)))
    late.admit().failure()
    assert heard == [("open", "half-open"), ("half-open", "open")]


def test_a_process_that_forces_a_mode_first_of_all_hears_of_it(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    make(clock, observer=lambda _name, old, new: heard.append((old, new))).force("forced_open")
    assert heard == [("closed", "open")]


def test_more_transitions_than_are_remembered_are_still_heard_as_a_chain(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    other = make(clock, observer=lambda _name, old, new: heard.append((old, new)))
    assert state_of(other) == "closed"
    one = make(clock)
    open_it(one)
    for _ in range(20):
        half_open(one, clock).failure()
    close_it(one, clock)
    assert state_of(other) == "closed"
    states = [heard[0][0], *(new for _, new in heard)]
    assert [old for old, _ in heard] == states[:-1]
    assert states[0] == states[-1] == "closed"
    assert len(heard) >= 15


def test_a_process_whose_breaker_is_forced_open_by_its_own_configuration_hears_nothing_of_the_others(
    make: Maker,
) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    forced = make(clock, replace(QUICK, mode="forced_open"), observer=lambda _name, old, new: heard.append((old, new)))
    assert state_of(forced) == "open"
    one = make(clock)
    open_it(one)
    close_it(one, clock)
    refused(forced)
    assert heard == []


def test_a_record_that_is_lost_is_a_closed_breaker_and_that_is_told(make: Maker) -> None:
    clock = ManualClock()
    heard: list[tuple[State, State]] = []
    store = store_of(make, clock)
    breaker = make(clock, store=store, observer=lambda _name, old, new: heard.append((old, new)))
    open_it(breaker)
    store.put(join("breaker", "baidu"), "not a record")
    assert state_of(breaker) == "closed"
    assert heard == [("closed", "open"), ("open", "closed")]
    open_it(breaker)
    assert heard[2:] == [("closed", "open")]


def test_answers_to_calls_from_before_the_record_was_lost_close_and_open_nothing(make: Maker) -> None:
    clock = ManualClock()
    store = store_of(make, clock)
    breaker = make(clock, store=store)
    open_it(breaker)
    probe = half_open(breaker, clock)
    store.put(join("breaker", "baidu"), "")
    probe.failure()
    assert state_of(breaker) == "closed"


def test_answers_from_before_the_record_was_lost_do_not_keep_it_open_longer(make: Maker) -> None:
    clock = ManualClock()
    store = store_of(make, clock)
    breaker = make(clock, store=store)
    open_it(breaker)
    close_it(breaker, clock)
    calls = [breaker.admit() for _ in range(4)]
    store.put(join("breaker", "baidu"), "")
    open_it(breaker)
    half_open(breaker, clock).failure()
    clock.advance(5.0)
    for call in calls:
        call.failure()
    assert breaker.retry_in == pytest.approx(15.0), "though as many transitions were made as before"


@pytest.mark.parametrize("period", [None, 60.0])
def test_an_ordinary_call_reads_the_record_twice_and_writes_it_once_at_most(make: Maker, period: float | None) -> None:
    clock = ManualClock()
    store = store_of(make, clock)
    breaker = make(clock, BreakerSettings(window=20, period=period), store=store)
    for _ in range(30):
        breaker.admit().success()
    store.asked.clear()
    breaker.admit().success()
    # A window full of successes stays the same text, so nothing is written.
    assert store.asked == (["get", "get"] if period is None else ["get", "get", "swap"])
    store.asked.clear()
    breaker.admit().failure()
    assert store.asked == ["get", "get", "swap"]
    store.asked.clear()
    breaker.admit().ignore()
    assert store.asked == ["get"]


@pytest.mark.parametrize("mode", ["shadow", "disabled"])
def test_how_a_call_ended_that_counts_nowhere_is_not_told_to_the_store(make: Maker, mode: BreakerMode) -> None:
    clock = ManualClock()
    store = store_of(make, clock)
    open_it(make(clock))
    permit = make(clock, replace(QUICK, mode=mode), store=store).admit()
    store.asked.clear()
    permit.failure()
    assert store.asked == []


def test_a_call_is_let_through_while_the_store_is_slow_to_take_how_another_one_ended(make: Maker) -> None:
    clock = ManualClock()
    kept = store_of(make, clock)
    writing, written = Event(), Event()

    class Slow(InTime):
        def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
            writing.set()
            written.wait(10.0)
            return super().swap(name, old, new, ttl)

    breaker = make(clock, store=Slow(kept, clock))
    with ThreadPoolExecutor(2) as pool:
        telling = pool.submit(breaker.admit().failure)
        assert writing.wait(10.0)
        try:
            assert not pool.submit(breaker.admit).result(5.0).probe
        finally:
            written.set()
        telling.result(10.0)
    assert breaker.status().failures == 1


def test_a_refused_call_reads_the_record_once(make: Maker) -> None:
    clock = ManualClock()
    store = store_of(make, clock)
    breaker = make(clock, store=store)
    open_it(breaker)
    store.asked.clear()
    refused(breaker)
    assert store.asked == ["get"]
    half_open(breaker, clock)
    store.asked.clear()
    refused(breaker)
    assert store.asked == ["get"]


def test_the_window_may_be_of_another_size_in_another_process(make: Maker) -> None:
    clock = ManualClock()
    wide = make(clock, BreakerSettings(window=20, minimum=4, failure_rate=0.5))
    narrow = make(clock, BreakerSettings(window=4, minimum=4, failure_rate=1.0))
    for _ in range(6):
        wide.admit().success()
    for _ in range(3):
        narrow.admit().failure()
    assert wide.status().calls == 4, "the narrow one has kept four"
    narrow.admit().failure()
    assert state_of(wide) == "open"


def test_a_clock_put_back_by_hours_neither_keeps_it_open_nor_loses_its_probe(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    clock.advance(-7200.0)
    assert not breaker.would_refuse()
    breaker.admit()
    assert breaker.would_refuse()
    clock.advance(-7200.0)
    breaker.admit().success()
    breaker.admit().success()
    assert state_of(breaker) == "closed"


def test_a_clock_put_forward_by_hours_loses_no_more_than_the_probes_place(make: Maker) -> None:
    clock = ManualClock()
    breaker = make(clock)
    open_it(breaker)
    half_open(breaker, clock)
    clock.advance(7200.0)
    breaker.admit().failure()
    assert wait_of(breaker) == pytest.approx(20.0)


@pytest.mark.redis
def test_a_breaker_works_on_alone_while_its_store_is_gone() -> None:
    clock = ManualClock()
    with Server() as server:
        maker = Maker("redis", Path(), lambda: server)
        one, other = maker(clock), maker(clock)
        assert state_of(one) == state_of(other) == "closed"
        server.kill()
        open_it(one)
        refused(one)
        assert half_open(one, clock).probe
        assert state_of(other) == "closed", "nobody could tell it"
        maker.close()
