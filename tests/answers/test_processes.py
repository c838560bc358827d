"""A cache that several processes share, whatever becomes of one of them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from ocrgate.answers import Cache
from ocrgate.settings import CacheSettings
from tests.answers.work import saying
from tests.state.waiting import until
from tests.state.work import finish, go, start

pytestmark = pytest.mark.thorough

WORK = "tests.answers.work"
SIZE = 20_000


def check(path: Path) -> None:
    """The sums of the file are those of its rows, and every row can be read."""
    cache = Cache(CacheSettings(str(path), size=SIZE))
    health = cache.status()
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT question, size FROM ocrgate_answer").fetchall()
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert (health.entries, health.bytes) == (len(rows), sum(size for _, size in rows))
    assert health.bytes is not None
    assert 0 < health.bytes <= SIZE
    for question, _ in rows:
        found = cache.get(question)
        assert found is not None
        assert found.text == question
    cache.close()


def test_four_processes_fill_one_cache(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    workers = [start("fill", path, 150, SIZE, module=WORK) for _ in range(4)]
    go(*workers)
    said = [json.loads(finish(worker)) for worker in workers]
    assert sum(found for found, _, _ in said) > 0
    assert [wrong for _, wrong, _ in said] == [0] * 4
    assert sum(kept for _, _, kept in said) > 300
    check(path)


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_cache(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    for _ in range(3):
        worker, other = (start("fill_until_killed", path, SIZE, module=WORK) for _ in range(2))
        go(worker, other)
        seen = Cache(CacheSettings(str(path), size=SIZE))
        until(lambda seen=seen: (seen.status().entries or 0) > 5 and seen.put("here", saying("here")), "answers")  # type: ignore[misc]
        seen.close()
        for each in (worker, other):
            each.kill()
            each.communicate()
        check(path)


def test_a_full_disk_breaks_no_call_and_is_told(tmp_path: Path) -> None:
    worker = start("run_out_of_disk", tmp_path / "cache.db", module=WORK)
    go(worker)
    kept, problem, found, after = json.loads(finish(worker))
    assert kept is False
    assert "full" in problem
    assert found == "q"
    assert after is True
