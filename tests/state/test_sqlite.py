"""The store in a file: shared by processes, hard to break, and whole again when what broke it is gone."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.state.work import finish, go, start

from ocrgate.state import SQLiteStore, StoreError
from ocrgate.testing import ManualClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, ManualClock())
    yield store
    store.close()


def test_building_it_opens_nothing(store: SQLiteStore, path: Path) -> None:
    assert not path.exists()
    store.get("a")
    assert path.exists()


def test_only_its_owner_may_read_the_files(store: SQLiteStore, path: Path) -> None:
    umask = os.umask(0)
    try:
        store.put("a", "1")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(umask)
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_another_store_on_the_file_sees_what_was_written(store: SQLiteStore, path: Path) -> None:
    store.put("a", "1")
    other = SQLiteStore(path, ManualClock())
    assert other.get("a") == "1"
    assert other.swap("a", "1", "2")
    assert store.get("a") == "2"
    other.close()
    assert store.add("n", 1) == 1


def test_the_folder_of_the_process_counts_only_as_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("state.db")
    monkeypatch.chdir("/")
    store.put("a", "1")
    store.close()
    assert (tmp_path / "state.db").exists()


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_a_name_that_no_file_can_have_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="name of a file"):
        SQLiteStore(name)


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?.db", ":memory:", "file:x.db", "数据.db"])
def test_the_file_has_the_very_name_it_was_given(tmp_path: Path, name: str) -> None:
    store = SQLiteStore(tmp_path / name)
    store.put("a", "1")
    assert (tmp_path / name).is_file()
    store.close()


def test_what_has_outlived_its_time_leaves_the_file(path: Path) -> None:
    clock = ManualClock()
    store = SQLiteStore(path, clock)
    for number in range(100):
        store.put(f"old/{number}", "x", ttl=1)
    clock.advance(2)
    for _ in range(600):
        store.add("n", 1)
    store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM ocrgate_state").fetchone() == (1,)
    connection.close()


def test_a_store_that_is_let_go_closes_its_file(path: Path) -> None:
    store = SQLiteStore(path)
    store.put("a", "1")
    assert path.with_name("state.db-wal").exists()
    del store
    gc.collect()
    assert not path.with_name("state.db-wal").exists()


def test_a_missing_folder_is_named_and_taken_once_it_is_there(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "later" / "state.db", ManualClock())
    for _ in range(2):
        with pytest.raises(StoreError, match=r"later does not exist; create it"):
            store.get("a")
    (tmp_path / "later").mkdir()
    assert store.add("n", 1) == 1
    store.close()


def test_a_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path, ManualClock())
    with pytest.raises(StoreError, match="it is a folder; name a file"):
        store.put("a", "1")


def test_a_file_of_another_kind_is_left_as_it_is(store: SQLiteStore, path: Path) -> None:
    path.write_text("somebody's notes " * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="no SQLite file; move it away"):
            store.put("a", "1")
    assert path.read_text().startswith("somebody's notes")
    path.rename(path.with_name("notes"))
    store.put("a", "1")
    assert store.get("a") == "1"


def test_a_damaged_file_is_told_and_a_new_one_is_begun_when_it_is_gone(store: SQLiteStore, path: Path) -> None:
    for number in range(200):
        store.put(f"name/{number}", "x" * 200)
    store.close()
    content = bytearray(path.read_bytes())
    content[1000:] = b"\xee" * (len(content) - 1000)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged; move it away"):
        store.scan("")
    for file in path.parent.glob("state.db*"):
        file.unlink()
    assert dict(store.scan("")) == {}
    assert store.add("n", 1) == 1


def test_a_removed_file_is_told_once_and_begun_anew(store: SQLiteStore, path: Path) -> None:
    store.put("a", "1")
    path.unlink()
    with pytest.raises(StoreError, match="removed or replaced"):
        store.get("a")
    assert store.get("a") is None
    assert store.add("n", 1) == 1
    other = SQLiteStore(path)
    assert other.get("n") == "1"
    other.close()


def test_a_file_begun_anew_owes_nothing_to_who_has_not_noticed(store: SQLiteStore, path: Path) -> None:
    store.put("a", "1")
    idle = start("add_until_killed", path, path.with_name("journal"))
    go(idle)
    try:
        while not path.with_name("journal").exists() or path.with_name("journal").stat().st_size < 20:
            assert idle.poll() is None
        # It has the file open and does not get to notice anything.
        idle.send_signal(signal.SIGSTOP)
        path.unlink()
        with pytest.raises(StoreError, match="removed or replaced"):
            store.get("a")
        assert [store.add("n", 1) for _ in range(5)] == [1, 2, 3, 4, 5]
        assert dict(store.scan("")) == {"n": "5"}
    finally:
        idle.kill()
        idle.communicate()
    assert dict(store.scan("")) == {"n": "5"}


def test_a_locked_file_costs_a_quarter_of_a_second(path: Path) -> None:
    clock = ManualClock()
    store = SQLiteStore(path, clock)
    store.put("a", "1")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    attempts: list[Callable[[], object]] = [
        lambda: store.put("a", "2"),
        lambda: store.add("n", 1),
        lambda: store.swap("a", "1", "2"),
    ]
    for attempt in attempts:
        clock.slept.clear()
        with pytest.raises(StoreError, match="locked by another process"):
            attempt()
        assert 0.25 <= sum(clock.slept) < 0.26
    assert store.get("a") == "1", "who only reads is not kept waiting"
    holder.execute("ROLLBACK")
    holder.close()
    assert store.add("n", 1) == 1
    store.close()


def test_a_file_locked_for_a_moment_is_waited_for(path: Path) -> None:
    class Releasing(ManualClock):
        def sleep(self, seconds: float, wake: object = None) -> bool:
            if len(self.slept) == 5:
                holder.execute("ROLLBACK")
            return super().sleep(seconds)

    clock = Releasing()
    store = SQLiteStore(path, clock)
    store.put("a", "1")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert store.add("n", 1) == 1
    holder.close()
    store.close()


def test_a_full_disk_is_told_and_forgotten_when_there_is_room(path: Path) -> None:
    process = start("fill", path)
    go(process)
    told, healed = finish(process).splitlines()
    assert "see whether it is full" in told
    assert healed == "text works"


def test_a_file_that_may_only_be_read_is_told() -> None:
    # Not below pytest's own folder, which another user may not enter.
    folder = Path(tempfile.mkdtemp())
    try:
        store = SQLiteStore(folder / "state.db")
        store.put("name", "text")
        store.close()
        (folder / "state.db").chmod(0o444)
        folder.chmod(0o555)
        process = start("write_protected", folder / "state.db")
        go(process)
        assert "let this user write the file and its folder" in finish(process)
        folder.chmod(0o755)
        assert store.get("name") == "text"
        store.close()
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_processes_adding_to_one_counter_lose_nothing_and_never_exceed_the_limit(path: Path) -> None:
    processes = [start("add", path, 200, 700) for _ in range(4)]
    go(*processes)
    sums = [total for process in processes for total in json.loads(finish(process))]
    assert sorted(total for total in sums if total is not None) == list(range(1, 701))
    assert sums.count(None) == 100


def test_no_acknowledged_addition_is_lost_when_processes_are_killed(path: Path, tmp_path: Path) -> None:
    journals = [tmp_path / f"journal{number}" for number in range(4)]
    processes = [start("add_until_killed", path, journal) for journal in journals]
    go(*processes)
    for number, process in enumerate(processes):
        enough = 100 * (number + 1)
        while not journals[number].exists() or journals[number].stat().st_size < enough:
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    noted = sum(journal.stat().st_size for journal in journals)
    store = SQLiteStore(path)
    total = int(store.get("counter") or 0)
    store.close()
    # Each may have died between its addition and its note of it.
    assert noted <= total <= noted + len(processes)


def test_forked_children_lose_nothing_while_the_parent_uses_and_closes_the_file(path: Path) -> None:
    process = start("fork_in_use", path, 4, 50)
    go(process)
    sums = json.loads(finish(process))
    store = SQLiteStore(path)
    assert store.get("children") == "200"
    assert store.get("parent") == str(sums["parent"])
    store.close()


def test_a_child_of_a_fork_that_nobody_announced_keeps_its_hands_off_the_file(path: Path) -> None:
    process = start("fork_unseen", path)
    go(process)
    assert finish(process) == "0 text\n"


def test_a_process_and_its_child_may_end_without_closing(path: Path) -> None:
    process = start("leave_open", path)
    go(process)
    assert finish(process) == "0 text\n"
    store = SQLiteStore(path)
    assert store.get("name") == "text"
    store.close()
