"""The ledger: what a line holds, who may write it, and what happens when it cannot be written."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import math
import os
import pickle
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.audit import (
    PATIENCE,
    Ledger,
    LedgerError,
    bench_record,
    switch_record,
    trial_record,
    use_record,
    verify,
)
from ocrgate.audit.line import Line
from ocrgate.audit.line import written as sealed
from ocrgate.audit.lock import FileLock
from ocrgate.audit.seal import Seal
from ocrgate.audit.volume import full
from ocrgate.clock import Deadline
from ocrgate.errors import OCRError
from ocrgate.key import KeyUse
from ocrgate.settings import AuditSettings
from ocrgate.testing import ManualClock
from tests import markdown
from tests.audit.ledgers import NAME, contents, ledger, records, written

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(['","hash":"', "\ud800", "a\nb\r\u2028\x00\x7f", '{"seq":1,']),
)


def test_a_line_says_when_where_and_by_whom_it_was_written(tmp_path: Path) -> None:
    clock = ManualClock(time=dt.datetime(2026, 11, 22, 1, 2, 3, 450_000, dt.timezone.utc).timestamp())
    Ledger(AuditSettings(path=str(tmp_path / NAME)), clock).append({"event": "use", "key": "primary"})
    (line,) = records(tmp_path / NAME)
    assert line["seq"] == 1
    assert line["time"] == "2026-11-22T01:02:03.450000Z"
    assert line["pid"] == os.getpid()
    assert line["host"]
    assert line["alg"] == "sha256"
    assert line["prev"] == "0" * 64
    assert (line["event"], line["key"]) == ("use", "primary")


def test_each_line_names_the_digest_of_the_one_before(tmp_path: Path) -> None:
    lines = records(written(tmp_path, 3))
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert [line["prev"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]


@given(fields=st.dictionaries(st.text().map("x_".__add__), SCALARS, max_size=5))
def test_every_scalar_survives_the_round_trip(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("ledger") / NAME
    ledger(path.parent).append(fields)
    data = path.read_bytes()
    assert data.count(b"\n") == 1
    assert data.isascii()
    line = json.loads(data)
    assert {name: line[name] for name in fields} == fields
    assert verify(path).ok


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"cost": math.nan}, "cost: a finite number"),
        ({"cost": math.inf}, "cost: a finite number"),
        ({"keys": ["a"]}, "keys: a text, a number"),
        ({"raw": b"x"}, "raw: a text, a number"),
        ({"seq": 7}, "seq is filled in by the ledger"),
        ({"hash": "0"}, "hash is filled in by the ledger"),
        ({7: "seven"}, "the name of a field is a text"),
        ({"event": "torn"}, "an event of the ledger's own"),
        ({"text": "x" * 70_000}, "up to 65536 bytes"),
    ],
)
def test_a_record_that_is_none_is_refused_and_leaves_nothing(tmp_path: Path, record: Any, said: str) -> None:
    one = ledger(tmp_path)
    with pytest.raises(ValueError, match=said):
        one.append(record)
    one.append({"event": "use"})
    assert [line["seq"] for line in records(tmp_path / NAME)] == [1]
    assert one.health().ok


@pytest.mark.parametrize("settings", [AuditSettings(), AuditSettings(path="x", key="")])
def test_a_ledger_needs_a_path_and_a_key_that_is_not_empty(settings: AuditSettings) -> None:
    with pytest.raises(ValueError, match=r"needs a path|key of the ledger is empty"):
        Ledger(settings)


def test_only_its_owner_may_read_the_files(tmp_path: Path) -> None:
    path = written(tmp_path, 6, files=2)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_the_key_is_in_no_file_and_in_no_text_of_the_ledger(tmp_path: Path) -> None:
    key = "planted-secret-of-the-ledger"
    one = ledger(tmp_path, key=key)
    one.append({"event": "use"})
    shown = repr(one) + repr(one.health()) + repr(vars(one))
    assert key not in shown
    assert all(key.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_ledger_goes_on_where_another_one_ended(tmp_path: Path) -> None:
    written(tmp_path, 3)
    written(tmp_path, 2)
    assert [line["seq"] for line in records(tmp_path / NAME)] == [1, 2, 3, 4, 5]
    assert verify(tmp_path / NAME).ok


def test_two_ledgers_of_one_process_take_turns(tmp_path: Path) -> None:
    first, second = ledger(tmp_path), ledger(tmp_path)
    for _ in range(3):
        first.append({"event": "use"})
        second.append({"event": "use"})
    verdict = verify(tmp_path / NAME)
    assert (verdict.ok, verdict.lines) == (True, 6)


def test_threads_write_whole_lines_one_after_the_other(tmp_path: Path) -> None:
    one = Ledger(AuditSettings(path=str(tmp_path / NAME), max_bytes=20_000))

    def write(thread: int) -> None:
        for number in range(50):
            one.append({"thread": thread, "number": number})

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = verify(tmp_path / NAME)
    assert (verdict.ok, verdict.lines, one.health().lines) == (True, 400, 400)
    assert len({(line["thread"], line["number"]) for line in records(tmp_path / NAME)}) == 400


def test_a_program_that_changes_its_directory_goes_on_with_its_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    one = Ledger(AuditSettings(path=NAME))
    one.append({"event": "use"})
    monkeypatch.chdir(tmp_path / "elsewhere")
    one.append({"event": "use"})
    assert verify(tmp_path / NAME).lines == 2


# Rotation


def test_a_full_file_is_put_aside_and_the_chain_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, 9, files=3)
    assert [file.name for file in full(path)] == ["audit.000000000003.jsonl", "audit.000000000006.jsonl"]
    verdict = verify(path)
    assert (verdict.ok, verdict.first, verdict.last) == (True, 1, 9)
    assert verdict.files == ("audit.000000000003.jsonl", "audit.000000000006.jsonl", NAME)
    assert not verdict.warnings


def test_no_file_is_larger_than_configured(tmp_path: Path) -> None:
    one = ledger(tmp_path, max_bytes=1000)
    for _ in range(20):
        one.append({"event": "use"})
    assert all(file.stat().st_size <= 1000 for file in (*full(tmp_path / NAME), tmp_path / NAME))


def test_a_line_larger_than_a_file_may_be_has_a_file_of_its_own(tmp_path: Path) -> None:
    one = ledger(tmp_path, max_bytes=10)
    for _ in range(3):
        one.append({"event": "use"})
    assert len(full(tmp_path / NAME)) == 2
    assert verify(tmp_path / NAME).ok


def test_a_number_is_not_given_twice_when_full_files_were_taken_away(tmp_path: Path) -> None:
    path = written(tmp_path, 9, files=3)
    before = full(path)
    for file in before:
        file.unlink()
    one = ledger(tmp_path, max_bytes=1)
    one.append({"event": "use"})
    assert [file.name for file in full(path)] == ["audit.000000000009.jsonl"]
    verdict = verify(path)
    assert (verdict.ok, verdict.first, verdict.last) == (True, 7, 10)
    assert verdict.warnings == (
        "the chain is known from seq 7 on; audit.000000000006.jsonl, which came before, is not here",
    )


def test_a_full_file_replaces_no_other(tmp_path: Path) -> None:
    one = ledger(tmp_path, max_bytes=1)
    one.append({"event": "use"})
    taken = tmp_path / "audit.000000000001.jsonl"
    taken.write_text("somebody's", encoding="ascii")
    one.append({"event": "use"})
    assert taken.read_text(encoding="ascii") == "somebody's"
    health = one.health()
    assert health.ok
    assert "cannot be put aside" in health.problem
    taken.unlink()
    one.append({"event": "use"})
    assert one.health().problem == ""
    assert verify(tmp_path / NAME).lines == 3


@pytest.mark.parametrize("name", ["audit", "audit.2026.log", ".audit", "a[b]*.jsonl"])
def test_any_name_can_be_numbered(tmp_path: Path, name: str) -> None:
    one = Ledger(AuditSettings(path=str(tmp_path / name), max_bytes=1))
    for _ in range(3):
        one.append({"event": "use"})
    verdict = verify(tmp_path / name)
    assert (verdict.ok, verdict.lines, len(verdict.files)) == (True, 3, 3)


# What was changed meanwhile


def test_lines_dropped_from_the_end_stay_missing_when_the_ledger_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, 6)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))
    ledger(tmp_path).append({"event": "use"})
    verdict = verify(path)
    assert [(flaw.kind, flaw.line, flaw.seq) for flaw in verdict.problems] == [("dropped", 5, 5)]
    assert verdict.last == 7


def test_the_process_itself_remembers_what_was_dropped_together_with_the_head(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    for _ in range(5):
        one.append({"event": "use"})
    path = tmp_path / NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    path.with_name(NAME + ".head").unlink()
    one.append({"event": "use"})
    assert "dropped" in {flaw.kind for flaw in verify(path).problems}


def test_a_chain_that_went_on_without_its_head_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    path.with_name(NAME + ".head").unlink()
    ledger(tmp_path).append({"event": "use"})
    assert [line.get("event") for line in records(path)] == ["use", "use", "use", "headless", "use"]
    verdict = verify(path)
    assert verdict.ok
    assert "the head was missing" in verdict.warnings[0]


def test_a_file_taken_away_as_a_whole_leaves_its_numbers_behind(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    path.rename(tmp_path / "kept-elsewhere.jsonl")
    ledger(tmp_path).append({"event": "use"})
    verdict = verify(path)
    assert (verdict.ok, verdict.first, verdict.last) == (True, 4, 4)
    assert "known from seq 4 on" in verdict.warnings[0]


def test_a_changed_last_line_is_not_healed_by_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    path.write_bytes(path.read_bytes().replace(b'"number":3', b'"number":4'))
    ledger(tmp_path).append({"event": "use"})
    assert [(flaw.kind, flaw.line, flaw.seq) for flaw in verify(path).problems] == [("changed", 3, 3)]


def test_a_last_line_made_anew_is_not_healed_by_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    forged, _ = sealed(Seal(), 3, json.loads(lines[1])["hash"], {"event": "use", "key": "another"})
    path.write_bytes(lines[0] + lines[1] + forged)
    ledger(tmp_path).append({"event": "use"})
    assert [(flaw.kind, flaw.line, flaw.seq) for flaw in verify(path).problems] == [("changed", 3, 3)]


@pytest.mark.parametrize(("begun", "given"), [("one", "two"), ("one", None)])
def test_a_keyed_chain_is_not_continued_without_its_key(tmp_path: Path, begun: str, given: str | None) -> None:
    path = written(tmp_path, 2, key=begun)
    before = path.read_bytes()
    one = ledger(tmp_path, key=given)
    with pytest.raises(LedgerError, match=r"was made with (a|another) key"):
        one.append({"event": "use"})
    assert not one.health().ok
    assert path.read_bytes() == before


def test_a_chain_can_be_given_a_key_later(tmp_path: Path) -> None:
    written(tmp_path, 2)
    path = written(tmp_path, 2, key="secret")
    verdict = verify(path, "secret")
    assert (verdict.ok, verdict.lines) == (True, 4)
    assert verdict.warnings == ("the lines before seq 3 were made without a key",)


# Failures


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    one = ledger(tmp_path / "missing")
    assert "does not exist; create it" in one.health().problem
    with pytest.raises(LedgerError, match="does not exist; create it") as raised:
        one.append({"event": "use"})
    assert isinstance(raised.value, OSError)
    assert isinstance(raised.value, OCRError)
    assert raised.value.path == str(tmp_path / "missing" / NAME)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (copy.path, copy.reason, str(copy)) == (raised.value.path, raised.value.reason, str(raised.value))
    (tmp_path / "missing").mkdir()
    one.append({"event": "use"})
    assert one.health().ok


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").touch()
    (tmp_path / NAME).symlink_to(tmp_path / "real.jsonl")
    with pytest.raises(LedgerError, match="symbolic link"):
        ledger(tmp_path).append({"event": "use"})
    assert (tmp_path / "real.jsonl").read_bytes() == b""
    with pytest.raises(LedgerError, match="symbolic link"):
        verify(tmp_path / NAME)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(LedgerError, match="is a directory"):
        ledger(tmp_path).append({"event": "use"})
    with pytest.raises(LedgerError, match="is a directory"):
        verify(tmp_path / NAME)


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    with pytest.raises(LedgerError, match="no regular file"):
        ledger(tmp_path).append({"event": "use"})
    with pytest.raises(LedgerError, match="no regular file"):
        verify(tmp_path / NAME)


@pytest.mark.parametrize("text", ["shopping list\n", '{"level":"info"}\n' * 9000, "x" * 5_000_000])
def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text, encoding="ascii")
    with pytest.raises(LedgerError, match="is no ledger"):
        ledger(tmp_path).append({"event": "use"})
    assert (tmp_path / NAME).read_text(encoding="ascii") == text


def test_a_turn_that_does_not_come_is_given_up_after_two_seconds(tmp_path: Path) -> None:
    clock = ManualClock()
    one = Ledger(AuditSettings(path=str(tmp_path / NAME)), clock)
    one.append({"event": "use"})
    with (tmp_path / f"{NAME}.lock").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        begun = clock.monotonic()
        with pytest.raises(LedgerError, match="another writer has held it"):
            one.append({"event": "use"})
        assert PATIENCE <= clock.monotonic() - begun < PATIENCE + 0.1
    one.append({"event": "use"})
    assert verify(tmp_path / NAME).lines == 2


def test_a_lock_file_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    path.with_name(f"{NAME}.lock").unlink()
    written(tmp_path, 2)
    assert verify(path).lines == 4


def test_a_lock_on_a_file_that_was_just_removed_is_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "lock", fcntl.flock
    removed: list[Path] = []

    def flock(descriptor: int, operation: int) -> None:
        if not removed:
            removed.append(path)
            path.unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    clock = ManualClock()
    lock = FileLock(path)
    assert lock.acquire(Deadline.after(1, clock))
    with path.open("rb") as other, pytest.raises(BlockingIOError):
        real(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lock.release()


def test_health_counts_what_this_process_wrote(tmp_path: Path) -> None:
    written(tmp_path, 3)
    one = ledger(tmp_path)
    assert (one.health().ok, one.health().lines) == (True, 0)
    one.append({"event": "use"})
    health = one.health()
    assert (health.path, health.ok, health.lines, health.problem) == (str(tmp_path / NAME), True, 1, "")


def test_lines_can_be_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: forced.append(os.fstat(descriptor).st_ino))
    ledger(tmp_path).append({"event": "use"})
    assert forced == []
    ledger(tmp_path, sync=True).append({"event": "use"})
    path = tmp_path / NAME
    assert forced == [file.stat().st_ino for file in (path, path.with_name(f"{NAME}.head"), tmp_path)]


def test_nothing_stays_open(tmp_path: Path) -> None:
    one = ledger(tmp_path, max_bytes=1)
    one.append({"event": "use"})
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(5):
        one.append({"event": "use"})
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert list(contents(tmp_path / NAME))[-1] == f"{NAME}.head"


def test_the_line_shown_in_the_documentation_is_one() -> None:
    (block,) = (block for block in markdown.blocks(markdown.ROOT / "docs" / "audit.md") if block.marker == "line")
    shown = Line.parse(block.code.rstrip("\n").encode())
    assert shown is not None
    assert shown.holds(Seal())
    record = use_record("baidu", KeyUse("primary", "accurate", "ok"), fingerprint="3fa9c1d2b4e6")
    assert list(shown.record() or ()) == ["seq", "time", "host", "pid", "after", *record, "alg", "prev"]


@pytest.mark.parametrize(
    ("event", "record"),
    [
        ("use", use_record("baidu", KeyUse("primary", "accurate", "ok"))),
        ("switch", switch_record("default", "baidu", "rapidocr")),
        ("bench", bench_record("baidu", "primary")),
        ("trial", trial_record("baidu", "primary", "trial", "promoted")),
    ],
)
def test_every_field_of_an_event_is_documented(event: str, record: dict[str, object]) -> None:
    page = markdown.text(markdown.ROOT / "docs" / "audit.md")
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{event}` |"))
    assert all(f"`{name}`" in row for name in record if name != "event")
