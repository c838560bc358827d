"""A store that fails, and calls that do not notice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.state.flaky import Flaky
from tests.state.work import finish, go, start

from ocrgate.state import Guarded, MemoryStore, SQLiteStore, StoreError, StoreHealth
from ocrgate.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def inner(clock: ManualClock) -> Flaky:
    return Flaky(clock)


@pytest.fixture
def store(inner: Flaky, clock: ManualClock) -> Guarded:
    return Guarded(inner, clock, beside=False)


def test_an_outage_is_no_error_and_no_loss_of_what_is_known(store: Guarded, inner: Flaky, clock: ManualClock) -> None:
    store.put("token", "t1")
    store.swap("lease", None, "me", ttl=5)
    store.add("calls", 3)
    inner.put("of another process", "seen")
    inner.put("in a list", "seen")
    store.get("of another process")
    store.scan("in a")
    inner.down = True
    assert store.get("token") == "t1"
    assert not store.swap("lease", None, "you", ttl=5)
    assert store.swap("lease", "me", None)
    assert store.add("calls", 1) == 4
    assert store.get("of another process") == "seen"
    assert dict(store.scan("")) == {
        "token": "t1",
        "calls": "4",
        "of another process": "seen",
        "in a list": "seen",
    }


def test_what_other_processes_took_away_does_not_come_back_in_an_outage(store: Guarded, inner: Flaky) -> None:
    for name in ("read", "listed", "swapped"):
        store.put(name, "old")
        inner.swap(name, "old", None)
    assert store.get("read") is None
    assert dict(store.scan("listed")) == {}
    assert not store.swap("swapped", "old", "new")
    inner.down = True
    assert dict(store.scan("")) == {}


def test_a_text_that_was_only_read_is_not_believed_for_long(store: Guarded, inner: Flaky, clock: ManualClock) -> None:
    inner.put("lease", "of another process", ttl=5)
    store.get("lease")
    inner.down = True
    assert store.get("lease") == "of another process"
    clock.advance(60)
    assert store.swap("lease", None, "me", ttl=5)


def test_a_store_that_failed_is_left_alone_longer_each_time(store: Guarded, inner: Flaky, clock: ManualClock) -> None:
    inner.down = True
    pauses = []
    for _ in range(8):
        inner.asked, waited = 0, 0.0
        while inner.asked == 0:
            store.get("a")
            clock.advance(0.5)
            waited += 0.5
        pauses.append(waited - 0.5)
    assert pauses == [0.0, 0.0, 0.5, 1.5, 3.5, 4.5, 4.5, 4.5]


def test_the_pauses_begin_anew_after_a_recovery(store: Guarded, inner: Flaky, clock: ManualClock) -> None:
    for _ in range(2):
        inner.down = True
        store.get("a")
        clock.advance(0.5)
        store.get("a")
        inner.down = False
        clock.advance(0.9)
        store.get("a")
        assert not store.shared
        clock.advance(0.1)
        store.get("a")
        assert store.shared


def test_its_health_says_what_is_wrong_and_since_when(store: Guarded, inner: Flaky, clock: ManualClock) -> None:
    assert store.health() == StoreHealth("flaky", shared=True, ok=True)
    assert (store.kind, store.shared) == ("flaky", True)
    inner.down = True
    began = clock.time()
    store.get("a")
    clock.advance(10)
    store.get("a")
    assert store.health() == StoreHealth(
        "flaky", shared=False, ok=False, since=began, problem="the disk is full; free some space"
    )
    assert (store.kind, store.shared) == ("flaky", False)
    inner.down = False
    clock.advance(30)
    store.get("a")
    assert store.health() == StoreHealth("flaky", shared=True, ok=True)


def test_an_outage_and_its_end_are_logged_once_each(
    store: Guarded, inner: Flaky, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ocrgate.state")
    inner.down = True
    for _ in range(50):
        store.add("n", 1)
        clock.advance(1)
    inner.down = False
    clock.advance(30)
    for _ in range(5):
        store.add("n", 1)
    assert [(record.levelname, record.name) for record in caplog.records] == [
        ("WARNING", "ocrgate.state"),
        ("INFO", "ocrgate.state"),
    ]
    assert "free some space" in caplog.text


def test_additions_made_in_an_outage_are_made_up_for(store: Guarded, inner: Flaky, clock: ManualClock) -> None:
    store.add("calls", 5, ttl=1000)
    inner.down = True
    assert [store.add("calls", 2, ttl=1000) for _ in range(3)] == [7, 9, 11]
    assert store.add("calls", -1) == 10
    assert store.add("calls", 5, limit=10) is None
    store.add("new", 1, ttl=100)
    store.add("brief", 1, ttl=5)
    store.put("text", "only here")
    inner.down = False
    clock.advance(10)
    assert store.get("calls") == "10"
    assert dict(store.scan("")) == {"calls": "10", "new": "1"}
    clock.advance(90)
    assert store.get("new") is None, "it lives from its first addition"
    assert store.add("calls", 1) == 11, "nothing is made up for twice"


def test_a_counter_lives_from_its_first_addition_in_an_outage_too(
    store: Guarded, inner: Flaky, clock: ManualClock
) -> None:
    store.add("calls", 1, ttl=10)
    clock.advance(6)
    store.add("calls", 1, ttl=10)
    inner.down = True
    assert store.get("calls") == "2"
    clock.advance(4)
    assert store.get("calls") is None


def test_a_forked_child_leaves_what_the_parent_owes_to_the_parent(tmp_path: Path) -> None:
    process = start("fork_owing", tmp_path / "later" / "state.db")
    go(process)
    finish(process)
    other = SQLiteStore(tmp_path / "later" / "state.db")
    assert dict(other.scan("")) == {"child": "2", "parent": "3"}
    other.close()


def test_what_is_owed_stays_owed_when_the_store_fails_again(store: Guarded, inner: Flaky, clock: ManualClock) -> None:
    inner.down = True
    for number in range(10):
        store.add(f"n/{number}", number)
    for _ in range(3):
        clock.advance(30)
        store.get("a")
    inner.down = False
    clock.advance(30)
    store.get("a")
    assert dict(inner.scan("n/")) == {f"n/{number}": str(number) for number in range(1, 10)}


def test_closing_makes_up_for_what_is_owed(store: Guarded, inner: Flaky) -> None:
    inner.down = True
    store.add("n", 4)
    inner.down = False
    store.close()
    assert inner.get("n") == "4"


def test_additions_that_are_lost_for_good_are_told(
    store: Guarded, inner: Flaky, caplog: pytest.LogCaptureFixture
) -> None:
    inner.down = True
    store.add("n", 4)
    caplog.clear()
    store.close()
    assert "additions to 1 counters are lost" in caplog.text


def test_no_more_is_owed_than_memory_allows(
    store: Guarded, inner: Flaky, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    inner.down = True
    for number in range(6_000):
        store.add(f"brief/{number}", 1, ttl=0.5)
    clock.advance(0.5)
    for number in range(10_010):
        store.add(f"n/{number}", 1)
    store.add("n/1", 1)
    assert caplog.text.count("additions to others are lost") == 1
    inner.down = False
    clock.advance(30)
    assert len(store.scan("n/")) == 10_000
    assert inner.get("n/1") == "2"


def test_a_text_where_a_counter_should_be_is_no_outage(
    store: Guarded, inner: Flaky, caplog: pytest.LogCaptureFixture
) -> None:
    inner.put("n", "text")
    assert store.add("n", 2) == 2
    assert store.add("n", 2, limit=3) == 2
    assert "counting alone" in caplog.text
    assert store.health().ok
    assert inner.get("n") == "text"


def test_nobody_waits_for_the_look_whether_it_is_back(inner: Flaky, clock: ManualClock) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Hanging(Flaky):
        def put(self, name: str, text: str, ttl: float | None = None) -> None:
            self.asked += 1
            entered.set()
            assert leave.wait(10)
            raise StoreError("gone")

    hanging = Hanging(clock)
    store = Guarded(hanging, clock)
    hanging.down = True
    store.get("a")
    clock.advance(1)
    assert store.get("a") is None
    assert entered.wait(10)
    for _ in range(10):
        clock.advance(1)
        assert store.get("a") is None
    assert hanging.asked == 2
    leave.set()
    store.close()


def test_what_is_owed_is_paid_as_soon_as_the_store_is_found_back(
    store: Guarded, inner: Flaky, clock: ManualClock
) -> None:
    inner.down = True
    store.add("n", 4)
    inner.down = False
    clock.advance(1)
    assert store.health().ok
    assert inner.get("n") == "4"


def test_what_is_counted_alone_as_the_store_comes_back_is_not_lost(inner: Flaky, clock: ManualClock) -> None:
    class Overtaken(MemoryStore):
        """The store comes back while an addition is made here."""

        def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
            total = super().add(name, amount, limit=limit, ttl=ttl)
            inner.down = False
            clock.advance(1)
            assert guarded.health().ok
            return total

    guarded = Guarded(inner, clock, Overtaken(clock), beside=False)
    inner.down = True
    guarded.add("n", 4)
    assert inner.get("n") is None
    guarded.get("other")
    assert inner.get("n") == "4"


def test_a_failure_of_an_earlier_outage_begins_no_other(clock: ManualClock) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(Flaky):
        def scan(self, prefix: str) -> Mapping[str, str]:
            entered.set()
            assert leave.wait(10)
            raise StoreError("timed out")

    slow = Slow(clock)
    store = Guarded(slow, clock, beside=False)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(store.scan, "")
        assert entered.wait(10)
        slow.down = True
        store.get("a")
        assert not store.health().ok
        slow.down = False
        clock.advance(1)
        assert store.health().ok
        leave.set()
        assert late.result(10) == {}
    assert store.health().ok


def test_threads_lose_no_addition_over_outages(inner: Flaky, store: Guarded, clock: ManualClock) -> None:
    def work(number: int) -> None:
        for turn in range(300):
            store.add("n", 1)
            if number == 0 and turn % 25 == 0:
                inner.down = not inner.down
                clock.advance(40)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    inner.down = False
    clock.advance(40)
    store.get("n")
    assert inner.get("n") == "2400"


def test_a_file_that_is_gone_costs_a_call_next_to_nothing(tmp_path: Path) -> None:
    store = Guarded(SQLiteStore(tmp_path / "missing" / "state.db"))
    store.get("a")
    begun = time.perf_counter()
    for _ in range(1000):
        store.add("n", 1)
        store.get("n")
    assert (time.perf_counter() - begun) / 2000 < 0.0005
    (tmp_path / "missing").mkdir()
    store.close()


def test_a_real_file_comes_back_with_what_was_owed(tmp_path: Path, clock: ManualClock) -> None:
    store = Guarded(SQLiteStore(tmp_path / "later" / "state.db", clock), clock, beside=False)
    assert store.add("n", 2) == 2
    assert "create it" in store.health().problem
    (tmp_path / "later").mkdir()
    clock.advance(1)
    assert store.add("n", 1) == 3
    assert store.health().ok
    store.close()
    other = SQLiteStore(tmp_path / "later" / "state.db")
    assert other.get("n") == "3"
    other.close()
