"""Answers in a file: given again while they are good, and never in anybody's way."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ocrgate import Attempt, Cost, Line, Page, Result
from ocrgate.answers import Cache
from ocrgate.answers.book import OVERHEAD
from ocrgate.settings import CacheSettings
from ocrgate.state import StoreError
from ocrgate.testing import ManualClock
from tests.test_transcript import results

GOOD = Result(
    (Page((Line("TOTAL 5.50", confidence=0.9),), 60, 40, {"total": "5.50"}, notes={"direction": 0}),),
    "cloud",
    {"total": "5.50"},
    attempts=(Attempt("cloud", "accepted", cost=Cost(0.04, "USD")),),
    cost=Cost(0.04, "USD"),
    elapsed=1.5,
    request_id="1",
)
KEPT = replace(GOOD, origin="cache", attempts=(), cost=Cost(0.0, "USD"), elapsed=0.0, request_id="")


def saying(text: str) -> Result:
    return Result((Page((Line(text),)),), "cloud")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def cache(path: Path, clock: ManualClock) -> Iterator[Cache]:
    cache = Cache(CacheSettings(str(path), ttl=3600.0), clock)
    yield cache
    cache.close()


def rows(path: Path) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT question, size FROM ocrgate_answer ORDER BY used").fetchall()
    finally:
        connection.close()


def test_an_answer_is_given_again_without_attempts_and_cost(cache: Cache) -> None:
    assert cache.get("q") is None
    assert cache.put("q", GOOD)
    assert cache.get("q") == KEPT
    assert cache.get("other") is None
    health = cache.status()
    assert (health.ok, health.entries, health.hits, health.misses, health.problem) == (True, 1, 1, 2, "")


@settings(max_examples=30, deadline=None)
@given(result=results)
def test_every_good_answer_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, result: Result) -> None:
    cache = Cache(CacheSettings(str(tmp_path_factory.mktemp("cache") / "c.db")))
    good = replace(result, valid=True, degraded=False, origin="engine")
    assert cache.put("q", good)
    bare = replace(good, origin="cache", attempts=(), cost=Cost(0.0, good.cost.currency), elapsed=0.0, request_id="")
    assert cache.get("q") == bare
    cache.close()


def test_half_a_surrogate_pair_is_kept(cache: Cache) -> None:
    assert cache.put("q", saying("\ud800"))
    found = cache.get("q")
    assert found is not None
    assert found.text == "\ud800"


NUMBER: Any = {"total": 5.5}
OBJECT: Any = {"total": object()}
NUMBERED: Any = {"a": {1: 1}}
NOT_KEPT: dict[str, Any] = {
    "invalid": replace(GOOD, valid=False),
    "degraded": replace(GOOD, degraded=True),
    "from a flight": replace(GOOD, origin="flight"),
    "from a cache": replace(GOOD, origin="cache"),
    "with a note that is no JSON": replace(GOOD, pages=(Page(notes={"a": {1}}),)),
    "with a note by number": replace(GOOD, pages=(Page(notes=NUMBERED),)),
    "with a field that is no text": replace(GOOD, fields=NUMBER),
    "with a number that JSON does not know": replace(GOOD, fields=OBJECT),
}


@pytest.mark.parametrize("result", NOT_KEPT.values(), ids=NOT_KEPT)
def test_what_is_not_good_or_not_whole_is_not_kept(cache: Cache, path: Path, result: Result) -> None:
    assert not cache.put("q", result)
    assert cache.get("q") is None
    assert cache.status().ok


def test_building_it_and_asking_how_it_is_opens_nothing(cache: Cache, path: Path) -> None:
    assert cache.status().entries == 0
    assert not path.exists()


def test_only_its_owner_may_read_the_files(cache: Cache, path: Path) -> None:
    umask = os.umask(0)
    try:
        cache.put("q", GOOD)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(umask)
    assert modes == {"cache.db": 0o600, "cache.db-wal": 0o600, "cache.db-shm": 0o600}


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_name_that_no_file_can_have_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="name of a file"):
        Cache(CacheSettings(name))


def test_an_answer_is_given_until_its_time_is_over(cache: Cache, clock: ManualClock) -> None:
    cache.put("q", GOOD)
    clock.advance(3599.0)
    assert cache.get("q") is not None
    clock.advance(1.0)
    assert cache.get("q") is None


def test_being_asked_for_makes_an_answer_no_younger(cache: Cache, clock: ManualClock) -> None:
    cache.put("q", GOOD)
    for _ in range(3):
        clock.advance(1000.0)
        assert cache.get("q") is not None
    clock.advance(1000.0)
    assert cache.get("q") is None


def test_writing_it_anew_does(cache: Cache, clock: ManualClock) -> None:
    cache.put("q", GOOD)
    clock.advance(3000.0)
    cache.put("q", saying("new"))
    clock.advance(3000.0)
    found = cache.get("q")
    assert found is not None
    assert found.text == "new"
    assert cache.status().entries == 1


def test_an_answer_of_the_far_future_is_not_given(cache: Cache, clock: ManualClock) -> None:
    clock.advance(7200.0)
    cache.put("q", GOOD)
    clock.advance(-7200.0)
    assert cache.get("q") is None


def test_a_shorter_life_in_the_configuration_holds_at_once(cache: Cache, path: Path, clock: ManualClock) -> None:
    cache.put("q", GOOD)
    clock.advance(60.0)
    shorter, endless = (Cache(CacheSettings(str(path), ttl=ttl), clock) for ttl in (60.0, None))
    assert shorter.get("q") is None
    clock.advance(1e9)
    assert endless.get("q") is not None
    shorter.close()
    endless.close()


def test_what_is_too_old_leaves_the_file_as_others_are_written(cache: Cache, path: Path, clock: ManualClock) -> None:
    for number in range(100):
        cache.put(f"old {number}", saying("SECRETTEXT"))
    clock.advance(3600.0)
    cache.put("new 1", GOOD)
    assert len(rows(path)) == 100 - 64 + 1, "a bounded number at once"
    cache.put("new 2", GOOD)
    assert [question for question, _ in rows(path)] == ["new 1", "new 2"]
    assert cache.status().entries == 2


def size_of(text: str) -> int:
    from ocrgate.answers.cache import _packed

    packed = _packed(saying(text))
    assert packed is not None
    return len(packed) + OVERHEAD


def test_what_was_not_asked_for_longest_makes_room(path: Path, clock: ManualClock) -> None:
    cache = Cache(CacheSettings(str(path), size=3 * max(map(size_of, "abcde")) + 100), clock)
    for text in "abc":
        assert cache.put(text, saying(text))
    assert cache.get("a") is not None
    assert cache.put("d", saying("d"))
    assert [question for question, _ in rows(path)] == ["c", "a", "d"]
    assert cache.get("c") is not None
    assert cache.get("a") is not None
    assert cache.get("c") is not None
    assert cache.put("e", saying("e"))
    assert [question for question, _ in rows(path)] == ["a", "c", "e"]
    cache.close()


def test_the_answers_never_take_more_room_than_they_may(path: Path, clock: ManualClock) -> None:
    limit = 5000
    cache = Cache(CacheSettings(str(path), size=limit), clock)
    for number in range(100):
        cache.put(f"{number % 40}", saying(os.urandom(number * 5).hex()))
        health = cache.status()
        found = rows(path)
        assert health.bytes == sum(size for _, size in found) <= limit
        assert health.entries == len(found)
    assert health.entries
    cache.close()


def test_an_answer_that_is_larger_than_all_room_drives_nobody_out(path: Path) -> None:
    cache = Cache(CacheSettings(str(path), size=2000))
    cache.put("a", saying("a"))
    assert not cache.put("b", saying(os.urandom(2000).hex()))
    assert cache.get("a") is not None
    cache.close()


def test_a_smaller_size_in_the_configuration_is_reached_step_by_step(path: Path) -> None:
    large = Cache(CacheSettings(str(path)))
    for number in range(100):
        large.put(f"{number}", saying("a"))
    large.close()
    small = Cache(CacheSettings(str(path), size=2 * size_of("a")))
    assert not small.put("x", saying("a"))
    assert len(rows(path)) == 36
    assert small.put("x", saying("a"))
    assert len(rows(path)) == 2
    small.close()


def test_uses_are_written_down_when_it_is_closed_and_now_and_then(path: Path, clock: ManualClock) -> None:
    writer, reader = (Cache(CacheSettings(str(path)), clock) for _ in range(2))
    for number in range(65):
        writer.put(f"{number}", saying("a"))
    for number in range(63):
        reader.get(f"{number}")
    assert rows(path)[0][0] == "0", "not yet"
    reader.get("63")
    assert rows(path)[0][0] == "64"
    reader.get("64")
    reader.close()
    assert rows(path)[0][0] == "0"
    writer.close()


def test_a_hit_writes_nothing(cache: Cache, path: Path) -> None:
    cache.put("q", GOOD)
    before = path.with_name("cache.db-wal").stat().st_size
    for _ in range(1000):
        assert cache.get("q") is not None
    assert path.with_name("cache.db-wal").stat().st_size == before


def test_clearing_leaves_no_text_in_any_file(cache: Cache, path: Path) -> None:
    marks = [os.urandom(30).hex() for _ in range(30)]
    for mark in marks:
        cache.put(mark, saying(mark))
    packed = _texts(path)
    cache.clear()
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert len(packed) == 30
    assert not any(text in left for text in packed)
    assert (cache.status().entries, cache.status().bytes) == (0, 0)
    assert cache.get(marks[0]) is None


def _texts(path: Path) -> list[bytes]:
    connection = sqlite3.connect(path)
    try:
        return [text for (text,) in connection.execute("SELECT text FROM ocrgate_answer")]
    finally:
        connection.close()


def test_clearing_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    cache = Cache(CacheSettings(str(tmp_path)))
    with pytest.raises(StoreError, match=r"it is a folder; name a file in `cache.path`"):
        cache.clear()


def spoil(path: Path, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("text", [b"", b"{}", b"x\x9c garbage", "a text", 7, 0.5])
def test_an_answer_that_cannot_be_read_is_dropped_and_counts_as_none(
    cache: Cache, path: Path, text: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("q", GOOD)
    cache.put("other", GOOD)
    spoil(path, "UPDATE ocrgate_answer SET text = ? WHERE question = 'q'", text)
    assert cache.get("q") is None
    assert [question for question, _ in rows(path)] == ["other"]
    assert "cannot be read and is dropped" in caplog.text
    assert (cache.status().entries, cache.status().hits, cache.status().misses, cache.status().ok) == (1, 0, 1, True)
    assert cache.put("q", GOOD)
    assert cache.get("q") == KEPT


def test_one_changed_byte_is_noticed(cache: Cache, path: Path) -> None:
    cache.put("q", GOOD)
    (text,) = _texts(path)
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 1
        spoil(path, "UPDATE ocrgate_answer SET text = ?", bytes(changed))
        assert cache.get("q") in (None, KEPT)
        cache.put("q", GOOD)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ocrgate_answer SET made = 'long ago'",
        "UPDATE ocrgate_answer SET size = 'large'",
        "UPDATE ocrgate_answers SET entries = NULL, bytes = 'many', turn = NULL",
        "DELETE FROM ocrgate_answers",
        "DROP TABLE ocrgate_answer",
        "ALTER TABLE ocrgate_answer RENAME COLUMN text TO words",
    ],
)
def test_whatever_becomes_of_its_tables_no_call_breaks(
    cache: Cache, path: Path, clock: ManualClock, statement: str
) -> None:
    cache.put("q", GOOD)
    spoil(path, statement)
    for _ in range(3):
        cache.get("q")
        cache.put("q", GOOD)
        cache.status()
        clock.advance(60.0)
    cache.close()


def test_a_file_that_is_no_database_is_left_alone_and_told_of_once(
    path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ocrgate.cache")
    path.write_bytes(b"somebody's letters" * 100)
    cache = Cache(CacheSettings(str(path)), clock)
    began = clock.time()
    for _ in range(5):
        assert cache.get("q") is None
        assert not cache.put("q", GOOD)
        clock.advance(10.0)
    health = cache.status()
    assert (health.ok, health.entries, health.bytes, health.since) == (False, None, None, began)
    assert "it is no SQLite file; move it away, or name another one in `cache.path`" in health.problem
    assert caplog.text.count("out of use") == 1
    assert path.read_bytes() == b"somebody's letters" * 100
    path.unlink()
    clock.advance(60.0)
    cache.get("q")
    assert cache.put("q", GOOD)
    assert cache.get("q") == KEPT
    assert cache.status().ok
    assert caplog.text.count("in use again") == 1
    cache.close()


def test_damage_in_the_middle_breaks_no_call(path: Path, clock: ManualClock) -> None:
    cache = Cache(CacheSettings(str(path)), clock)
    for number in range(200):
        cache.put(f"{number}", saying(os.urandom(100).hex()))
    cache.close()
    data = bytearray(path.read_bytes())
    data[8192:] = os.urandom(len(data) - 8192)
    path.write_bytes(data)
    for number in range(200):
        cache.get(f"{number}")
        cache.put(f"{number}", GOOD)
        clock.advance(60.0)
    cache.close()


def test_a_file_that_is_deleted_in_use_is_begun_anew(cache: Cache, path: Path, clock: ManualClock) -> None:
    cache.put("q", GOOD)
    path.unlink()
    assert cache.get("q") is None
    clock.advance(60.0)
    assert cache.get("q") is None
    assert cache.put("q", GOOD)
    assert cache.get("q") == KEPT
    assert cache.status().ok


def test_a_missing_folder_is_named(tmp_path: Path, clock: ManualClock) -> None:
    cache = Cache(CacheSettings(str(tmp_path / "later" / "c.db")), clock)
    assert not cache.put("q", GOOD)
    assert "later does not exist; create it" in cache.status().problem
    (tmp_path / "later").mkdir()
    clock.advance(60.0)
    assert cache.put("q", GOOD)
    assert cache.status().ok
    cache.close()


def test_a_locked_file_holds_nobody_up(cache: Cache, path: Path, clock: ManualClock) -> None:
    cache.put("q", GOOD)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not cache.put("other", GOOD)
    assert sum(clock.slept) <= 0.06
    assert cache.get("q") == KEPT, "reading goes on"
    slept = len(clock.slept)
    for _ in range(10):
        assert not cache.put("other", GOOD)
    assert len(clock.slept) == slept, "left alone for a while"
    assert "locked by another process" in cache.status().problem
    other.execute("ROLLBACK")
    other.close()
    clock.advance(1.0)
    assert cache.put("other", GOOD)
    assert cache.status().ok


def test_a_file_that_is_being_written_can_be_opened_and_read(cache: Cache, path: Path) -> None:
    cache.put("q", GOOD)
    cache.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert cache.get("q") == KEPT
    other.execute("ROLLBACK")
    other.close()


def test_sums_that_are_lost_are_made_anew(cache: Cache, path: Path) -> None:
    cache.put("q", GOOD)
    before = cache.status()
    spoil(path, "DELETE FROM ocrgate_answers")
    assert cache.status() == before
    cache.put("other", GOOD)
    assert cache.status().entries == 2
    assert cache.status().bytes == sum(size for _, size in rows(path))


def test_pauses_grow_while_it_does_not_work(path: Path, clock: ManualClock) -> None:
    path.mkdir()
    cache = Cache(CacheSettings(str(path)), clock)
    tried = []
    for second in range(200):
        before = cache._reading._again
        cache.get("q")
        if cache._reading._again != before:
            tried.append(second)
        clock.advance(1.0)
    assert tried == [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181]


def test_threads_share_it(path: Path) -> None:
    cache = Cache(CacheSettings(str(path), size=3 * size_of("00")))

    def work(thread: int) -> None:
        for number in range(30):
            text = f"{(thread + number) % 8:02}"
            found = cache.get(text)
            assert found is None or found.text == text
            cache.put(text, saying(text))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    found = rows(path)
    assert cache.status().bytes == sum(size for _, size in found)
    assert cache.status().entries == len(found)
    assert cache.status().hits + cache.status().misses == 240
    cache.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_uses_it_too(cache: Cache) -> None:
    cache.put("q", GOOD)
    busy, free = threading.Event(), threading.Event()

    def hold() -> None:
        with cache._lock, cache._reading._lock, cache._writing._lock:
            busy.set()
            free.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert busy.wait(20)
    pid = os.fork()
    if pid == 0:
        done = [cache.get("q") == KEPT, cache.put("child", GOOD)]
        os._exit(0 if all(done) else 1)
    free.set()
    thread.join()
    assert os.waitpid(pid, 0)[1] == 0
    assert cache.get("child") == KEPT
