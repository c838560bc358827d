"""Too often, or never allowed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocrgate.diagnosis import Diagnosis
from ocrgate.key import Key
from ocrgate.keys import throttle
from ocrgate.keys.ring import Ring
from ocrgate.keys.throttle import PERSISTENT_FOR
from ocrgate.state import MemoryStore
from ocrgate.testing import ManualClock

PACED = Diagnosis("18", "Open api qps request limit reached", "throttle", "key", "retry", log_id="7")
UNCLAIMED = Diagnosis("18_persistent", "", "quota", "key", "next_key", meaning="free quota never claimed")
DOWN = Diagnosis("282000", category="server", fault="provider", action="retry")


@pytest.fixture(autouse=True)
def _a_table_with_such_a_row(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(throttle, "table", lambda kind: {"18_persistent": UNCLAIMED} if kind == "baidu" else {})
        yield


def ring(clock: ManualClock, *keys: Key, store: MemoryStore | None = None) -> Ring:
    return Ring(keys or [Key("a")], clock, provider="baidu", type="baidu", store=store)


def lone(keys: Ring, clock: ManualClock, name: str = "a", diagnosis: Diagnosis = PACED) -> str:
    """A call of its own, some time after the last; the code it failed with."""
    clock.advance(2.0)
    keys.begin(name)
    clock.advance(0.1)
    return keys.sharpen(name, diagnosis).code


def test_three_lone_calls_in_a_row_that_are_throttled_are_no_matter_of_pace() -> None:
    clock = ManualClock()
    keys = ring(clock)
    assert [lone(keys, clock) for _ in range(5)] == ["18", "18", "18_persistent", "18_persistent", "18_persistent"]


def test_the_sharper_diagnosis_keeps_the_words_and_the_reference_of_the_original() -> None:
    clock = ManualClock()
    keys = ring(clock)
    for _ in range(2):
        lone(keys, clock)
    clock.advance(2.0)
    keys.begin("a")
    sharp = keys.sharpen("a", PACED)
    assert (sharp.category, sharp.fault, sharp.action) == ("quota", "key", "next_key")
    assert (sharp.message, sharp.log_id, sharp.meaning) == (PACED.message, "7", "free quota never claimed")
    assert sharp.retry_after == PERSISTENT_FOR == 600.0


def test_what_is_told_apart_benches_the_account_for_ten_minutes() -> None:
    clock = ManualClock()
    keys = ring(clock, Key("a", "one"), Key("b", "one"), Key("c"))
    sharp = PACED
    for _ in range(3):
        lone(keys, clock)
        sharp = keys.sharpen("a", PACED)
    status = keys.report("a", sharp)
    assert status is not None
    assert status.until == clock.time() + 600.0
    assert [each.usable for each in keys.status()] == [False, False, True]
    clock.advance(600.0)
    assert keys.pick() == "a"


def test_a_storm_explains_its_throttles_itself() -> None:
    clock = ManualClock()
    keys = ring(clock)
    for _ in range(20):
        keys.begin("a")
    assert {keys.sharpen("a", PACED) for _ in range(20)} == {PACED}


def test_a_storm_explains_throttles_that_are_answered_late() -> None:
    clock = ManualClock()
    keys = ring(clock)
    for _ in range(20):
        keys.begin("a")
    clock.advance(5.0)
    assert {keys.sharpen("a", PACED) for _ in range(20)} == {PACED}


def test_a_storm_one_after_the_other_explains_all_but_its_first_throttle() -> None:
    clock = ManualClock()
    keys = ring(clock)
    codes = set()
    for _ in range(20):
        keys.begin("a")
        clock.advance(0.04)
        codes.add(keys.sharpen("a", PACED).code)
    assert codes == {"18"}


def test_a_steady_pace_of_two_a_second_explains_its_throttles() -> None:
    clock = ManualClock()
    keys = ring(clock)
    codes = set()
    for _ in range(20):
        clock.advance(0.5)
        keys.begin("a")
        codes.add(keys.sharpen("a", PACED).code)
    assert codes == {"18"}


def test_calls_that_overlap_are_not_alone() -> None:
    clock = ManualClock()
    keys = ring(clock)
    for _ in range(6):
        clock.advance(2.0)
        keys.begin("a")
        clock.advance(1.5)
        keys.begin("a")  # answered together with the first, 3.5 s after the pair before
        assert keys.sharpen("a", PACED) is PACED
        keys.sharpen("a", DOWN)


def test_calls_just_under_a_second_apart_are_not_alone_and_a_second_apart_they_are() -> None:
    for gap, last in ((0.99, "18"), (1.0, "18_persistent")):
        clock = ManualClock()
        keys = ring(clock)
        codes = []
        for _ in range(4):
            clock.advance(gap)
            keys.begin("a")
            codes.append(keys.sharpen("a", PACED).code)
        assert codes[-1] == last


def test_a_success_between_begins_the_count_again() -> None:
    clock = ManualClock()
    keys = ring(clock)
    lone(keys, clock)
    lone(keys, clock)
    clock.advance(2.0)
    keys.begin("a")
    keys.report("a", None)
    assert [lone(keys, clock) for _ in range(3)] == ["18", "18", "18_persistent"]


def test_the_providers_own_failure_between_changes_nothing() -> None:
    clock = ManualClock()
    keys = ring(clock)
    lone(keys, clock)
    assert lone(keys, clock, diagnosis=DOWN) == "282000"
    assert [lone(keys, clock), lone(keys, clock)] == ["18", "18_persistent"]


def test_another_account_has_a_count_of_its_own() -> None:
    clock = ManualClock()
    keys = ring(clock, Key("a", "one"), Key("b", "one"), Key("c", "two"), Key("one"))
    lone(keys, clock, "a")
    lone(keys, clock, "b")
    assert [lone(keys, clock, "c"), lone(keys, clock, "one")] == ["18", "18"]
    assert lone(keys, clock, "b") == "18_persistent"


def test_calls_of_another_account_are_no_company() -> None:
    clock = ManualClock()
    keys = ring(clock, Key("a"), Key("b"))
    codes = []
    for _ in range(3):
        clock.advance(2.0)
        keys.begin("b")
        keys.begin("a")
        codes.append(keys.sharpen("a", PACED).code)
    assert codes[-1] == "18_persistent"


def test_calls_whose_end_is_never_told_are_forgotten() -> None:
    clock = ManualClock()
    keys = ring(clock)
    for _ in range(50):
        keys.begin("a")
    clock.advance(61.0)
    assert [lone(keys, clock) for _ in range(3)] == ["18", "18", "18_persistent"]


def test_what_the_table_knows_no_persistent_form_of_stays_as_it_is() -> None:
    clock = ManualClock()
    keys = ring(clock)
    busy = Diagnosis("4", category="throttle", fault="key", action="retry")
    assert [lone(keys, clock, diagnosis=busy) for _ in range(5)] == ["4"] * 5
    other = Ring([Key("a")], clock, type="other")
    assert [lone(other, clock) for _ in range(5)] == ["18"] * 5


def test_a_throttle_that_is_not_the_keys_fault_is_not_told_apart() -> None:
    clock = ManualClock()
    keys = ring(clock)
    cluster = Diagnosis("18", category="throttle", fault="provider", action="retry")
    assert [lone(keys, clock, diagnosis=cluster) for _ in range(5)] == ["18"] * 5


def test_release_begins_the_count_again() -> None:
    clock = ManualClock()
    keys = ring(clock)
    lone(keys, clock)
    lone(keys, clock)
    keys.release()
    assert [lone(keys, clock) for _ in range(3)] == ["18", "18", "18_persistent"]


def test_an_unknown_key_is_none_of_the_rings_business() -> None:
    keys = ring(ManualClock())
    keys.begin("nobody")
    assert keys.sharpen("nobody", PACED) is PACED


class Shared(MemoryStore):
    """Several processes, for whom a store of one process stands in."""

    shared = True


def test_a_success_in_another_process_shows_that_the_account_is_only_asked_too_often() -> None:
    clock = ManualClock()
    store = Shared(clock)
    here, there = ring(clock, store=store), ring(clock, store=store)
    lone(here, clock)
    lone(here, clock)
    there.begin("a")
    there.report("a", None)
    assert [lone(here, clock) for _ in range(3)] == ["18", "18", "18_persistent"]


def test_a_success_before_the_first_of_the_throttles_says_nothing() -> None:
    clock = ManualClock()
    store = Shared(clock)
    here, there = ring(clock, store=store), ring(clock, store=store)
    there.report("a", None)
    assert [lone(here, clock) for _ in range(3)] == ["18", "18", "18_persistent"]


def test_successes_are_told_to_others_once_a_second() -> None:
    class Counted(Shared):
        puts = 0

        def put(self, name: str, text: str, ttl: float | None = None) -> None:
            self.puts += 1
            super().put(name, text, ttl)

    clock = ManualClock()
    store = Counted(clock)
    keys = ring(clock, store=store)
    for _ in range(100):
        keys.report("a", None)
        clock.advance(0.1)
    assert 9 <= store.puts <= 11


def test_a_call_that_is_not_sent_after_all_is_no_company() -> None:
    clock = ManualClock()
    keys = ring(clock)
    for _ in range(3):
        clock.advance(10.0)
        keys.begin("a")
        keys.begin("a")
        keys.withdraw("a")
        told = keys.sharpen("a", PACED)
    assert told.code == "18_persistent"
