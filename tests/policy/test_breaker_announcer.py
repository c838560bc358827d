"""What pybreaker is shown of a breaker's record, and led along."""

from __future__ import annotations

import datetime as dt

import pybreaker

from ocrgate.policy.announcer import Announcer
from ocrgate.policy.circuit import Sight
from ocrgate.policy.status import State
from ocrgate.testing import ManualClock


class Record:
    """What a record shows, to be set at will."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.sight = Sight(0, "closed", (), 0, 0, 0.0)
        self.heard: list[tuple[str, State, State]] = []
        self.announcer = Announcer("baidu", lambda: self.sight, self.clock, lambda *news: self.heard.append(news))
        self.announcer.follow()

    def show(self, epoch: int, state: State, *trail: State, failures: int = 0, successes: int = 0) -> None:
        self.sight = Sight(epoch, state, trail, failures, successes, 4.0)
        self.announcer.follow()

    @property
    def pybreaker(self) -> pybreaker.CircuitBreaker:
        return self.announcer._circuit


def test_pybreaker_is_led_to_the_state_of_the_record_and_sees_its_counters() -> None:
    record = Record()
    assert record.pybreaker.current_state == pybreaker.STATE_CLOSED
    assert record.pybreaker._state_storage.opened_at is None
    record.show(1, "open", "open")
    assert record.pybreaker.current_state == pybreaker.STATE_OPEN
    began = dt.datetime.fromtimestamp(record.clock.time() - 4.0, dt.timezone.utc)
    assert record.pybreaker._state_storage.opened_at == began
    record.show(2, "half-open", "open", "half-open", successes=1)
    assert record.pybreaker.current_state == pybreaker.STATE_HALF_OPEN
    assert record.pybreaker.success_counter == 1
    record.show(3, "closed", "half-open", "closed", failures=3)
    assert record.pybreaker.current_state == pybreaker.STATE_CLOSED
    assert record.pybreaker.fail_counter == 3
    assert record.pybreaker.name == "baidu"


def test_what_the_trail_does_not_hold_is_told_as_one_transition() -> None:
    record = Record()
    record.show(40, "half-open")
    assert record.heard == [("baidu", "closed", "half-open")]
    record.show(42, "open", "half-open", "open")
    assert record.heard[1:] == [("baidu", "half-open", "open")]


def test_a_record_that_began_anew_is_followed_back() -> None:
    record = Record()
    record.show(3, "open", "open", "half-open", "open")
    record.heard.clear()
    record.show(0, "closed")
    assert record.heard == [("baidu", "open", "closed")]
    record.show(1, "open", "open")
    assert record.heard[1:] == [("baidu", "closed", "open")]


def test_all_that_happened_in_a_record_that_began_anew_is_news() -> None:
    record = Record()
    record.show(3, "closed", "open", "half-open", "closed")
    record.heard.clear()
    record.show(2, "half-open", "open", "half-open")
    assert record.heard == [("baidu", "closed", "open"), ("baidu", "open", "half-open")]


def test_a_record_that_is_where_it_was_is_no_news() -> None:
    record = Record()
    record.show(1, "open", "open")
    record.show(1, "open", "open")
    assert len(record.heard) == 1
