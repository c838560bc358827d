"""Verification: whatever is done to a ledger is found, and called by its name."""

from __future__ import annotations

import json
import random
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.audit import Ledger, LedgerError, Verification, verification, verify, volume
from ocrgate.audit.head import encoded
from ocrgate.audit.line import Line
from ocrgate.audit.line import written as sealed
from ocrgate.audit.seal import Seal
from ocrgate.settings import AuditSettings
from tests.audit.ledgers import NAME, contents, ledger, restored, written

COUNT = 12
HEAD = f"{NAME}.head"
KEYS = pytest.mark.parametrize("key", [None, "secret"])


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def whole(key: str | None = None, files: int = 3) -> dict[str, bytes]:
    """The files of a ledger of twelve lines."""
    with scratch() as directory:
        return contents(written(directory, COUNT, files=files, key=key))


WHOLE = {(key, files): whole(key, files) for key in (None, "secret") for files in (1, 3)}


def verdict(files: dict[str, bytes], key: str | None = None) -> Verification:
    with scratch() as directory:
        return verify(restored(directory, files), key)


def lines_of(files: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """Every line with the name of its file."""
    return [(name, raw) for name, data in files.items() if name != HEAD for raw in data.splitlines(keepends=True)]


def joined(files: dict[str, bytes], lines: list[tuple[str, bytes]]) -> dict[str, bytes]:
    """The files with other lines; the head as it was."""
    parts = {name: b"".join(raw for file, raw in lines if file == name) for name in files if name != HEAD}
    return {**parts, HEAD: files[HEAD]}


def kinds(found: Verification) -> set[str]:
    return {flaw.kind for flaw in found.problems}


@pytest.mark.parametrize(("key", "files"), WHOLE)
def test_a_ledger_as_it_was_written_is_whole(key: str | None, files: int) -> None:
    found = verdict(WHOLE[key, files], key)
    assert (found.ok, found.lines, found.first, found.last) == (True, COUNT, 1, COUNT)
    assert (found.problems, found.warnings, len(found.files)) == ((), (), files)
    last = json.loads(WHOLE[key, files][NAME].splitlines()[-1])
    assert found.hash == last["hash"]


@pytest.mark.thorough
@KEYS
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_byte_changed_anywhere_is_found(key: str | None, data: st.DataObject) -> None:
    files = dict(WHOLE[key, data.draw(st.sampled_from([1, 3]))])
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != files[name][place]))
    changed = bytearray(files[name])
    changed[place] = byte
    if name == HEAD and bytes(changed).strip() == files[HEAD].strip():
        return  # white space behind the head means nothing
    assert not verdict({**files, name: bytes(changed)}, key).ok


@pytest.mark.thorough
@KEYS
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_bytes_cut_out_or_put_in_anywhere_are_found(key: str | None, data: st.DataObject) -> None:
    files = dict(WHOLE[key, data.draw(st.sampled_from([1, 3]))])
    name = data.draw(st.sampled_from(sorted(set(files) - {HEAD})))
    whole = files[name]
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    changed = whole[:begin] + data.draw(st.binary(max_size=40)) + whole[end:]
    if changed in (whole, whole[:-1]):
        return  # an end of a line that is missing means nothing
    found = verdict({**files, name: changed}, key)
    torn = name == NAME and changed.startswith(whole) and not changed.endswith(b"\n")
    assert found.ok == torn, "only bytes without an end, behind the last line, may be a line being written"
    assert not torn or found.warnings


@KEYS
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_dropped_line_is_found_and_named(key: str | None, data: st.DataObject) -> None:
    files = WHOLE[key, data.draw(st.sampled_from([1, 3]))]
    lines = lines_of(files)
    gone = data.draw(st.integers(0, COUNT - 1))
    found = verdict(joined(files, lines[:gone] + lines[gone + 1 :]), key)
    assert [(flaw.kind, flaw.seq) for flaw in found.problems] == [("dropped", gone + 1)]


@KEYS
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_dropped_lines_are_found(key: str | None, data: st.DataObject) -> None:
    files = WHOLE[key, data.draw(st.sampled_from([1, 3]))]
    kept = data.draw(st.sets(st.integers(0, COUNT - 1), max_size=COUNT - 1))
    found = verdict(joined(files, [line for place, line in enumerate(lines_of(files)) if place in kept]), key)
    assert kinds(found) == {"dropped"}


@KEYS
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_two_lines_that_changed_places_are_found_and_named(key: str | None, data: st.DataObject) -> None:
    files = WHOLE[key, data.draw(st.sampled_from([1, 3]))]
    lines = lines_of(files)
    one, other = sorted(data.draw(st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=2, unique=True)))
    swapped = list(lines)
    swapped[one], swapped[other] = (lines[one][0], lines[other][1]), (lines[other][0], lines[one][1])
    found = verdict(joined(files, swapped), key)
    assert kinds(found) == {"moved"}


@KEYS
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_lines_in_any_other_order_are_found(key: str | None, data: st.DataObject) -> None:
    files = WHOLE[key, data.draw(st.sampled_from([1, 3]))]
    lines = lines_of(files)
    order = data.draw(st.permutations(range(COUNT)).filter(lambda drawn: list(drawn) != sorted(drawn)))
    found = verdict(joined(files, [(lines[place][0], lines[other][1]) for place, other in enumerate(order)]), key)
    assert "moved" in kinds(found)


@KEYS
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_line_that_is_there_twice_is_found_and_named(key: str | None, data: st.DataObject) -> None:
    files = WHOLE[key, data.draw(st.sampled_from([1, 3]))]
    lines = lines_of(files)
    copied, place = data.draw(st.integers(0, COUNT - 1)), data.draw(st.integers(0, COUNT - 1))
    copy = (lines[place][0], lines[copied][1])
    found = verdict(joined(files, [*lines[:place], copy, *lines[place:]]), key)
    assert [(flaw.kind, flaw.seq) for flaw in found.problems] == [("duplicated", copied + 1)]


@KEYS
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_an_inserted_line_is_found_and_named(key: str | None, data: st.DataObject) -> None:
    files = WHOLE[key, 1]
    lines = lines_of(files)
    seq = data.draw(st.integers(1, COUNT))
    forged, _ = sealed(Seal(key), seq, "ab" * 32, {"event": "use"})
    place = data.draw(st.integers(1, COUNT - 1))
    text = data.draw(st.sampled_from([b"\n", b"text\n", b'{"seq":3}\n', forged]))
    found = verdict(joined(files, [*lines[:place], (NAME, text), *lines[place:]]), key)
    assert [(flaw.kind, flaw.line) for flaw in found.problems] == [("inserted", place + 1)]


@KEYS
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_changed_value_is_found_in_its_line(key: str | None, data: st.DataObject) -> None:
    files = WHOLE[key, 1]
    changed = data.draw(st.sets(st.integers(0, COUNT - 1), min_size=1))
    lines = [
        (name, raw.replace(b'"primary"', b'"Primary"') if place in changed else raw)
        for place, (name, raw) in enumerate(lines_of(files))
    ]
    found = verdict(joined(files, lines), key)
    assert [(flaw.kind, flaw.line, flaw.seq) for flaw in found.problems] == [
        ("changed", place + 1, place + 1) for place in sorted(changed)
    ]


@pytest.mark.parametrize("changed", range(1, COUNT + 1))
def test_a_line_that_was_made_anew_with_its_own_digest_is_found(changed: int) -> None:
    lines = lines_of(WHOLE[None, 1])
    old = json.loads(lines[changed - 1][1])
    fields = {name: value for name, value in old.items() if name not in {"seq", "alg", "prev", "hash"}}
    forged, _ = sealed(Seal(), changed, old["prev"], {**fields, "key": "another"})
    lines[changed - 1] = (NAME, forged)
    found = verdict(joined(WHOLE[None, 1], lines))
    assert [(flaw.kind, flaw.line, flaw.seq) for flaw in found.problems] == [("changed", changed, changed)]


def rewritten(seal: Seal, lines: list[tuple[str, bytes]], since: int = 1) -> list[tuple[str, bytes]]:
    """What somebody makes of a chain who knows how it is made."""
    made, prev = [], "0" * 64
    for name, raw in lines:
        old = json.loads(raw)
        if old["seq"] < since:
            made.append((name, raw))
            prev = old["hash"]
            continue
        fields = {key: value for key, value in old.items() if key not in {"seq", "alg", "prev", "hash"}}
        forged, prev = sealed(seal, old["seq"], prev, {**fields, "key": "another"})
        made.append((name, forged))
    return made


@pytest.mark.parametrize("since", range(1, COUNT + 1))
@pytest.mark.parametrize("seal", [Seal(), Seal("guessed")], ids=["plain", "guessed"])
def test_a_chain_with_a_key_cannot_be_made_anew_without_it(seal: Seal, since: int) -> None:
    files = WHOLE["secret", 1]
    found = verdict(joined(files, rewritten(seal, lines_of(files), since)), "secret")
    assert not found.ok
    assert kinds(found) == ({"key"} if since == 1 else {"changed"})
    assert since == 1 or found.last == since - 1


def test_a_chain_without_a_key_can_be_made_anew_but_for_the_head() -> None:
    files = WHOLE[None, 1]
    found = verdict(joined(files, rewritten(Seal(), lines_of(files))))
    assert [(flaw.kind, flaw.seq) for flaw in found.problems] == [("changed", COUNT)]


@pytest.mark.parametrize(
    ("made", "given", "said"),
    [
        ("secret", None, "was made with a key; give it"),
        ("secret", "other", "was made with another key than the one given"),
        (None, "secret", "no line was made with one"),
    ],
)
def test_a_key_that_does_not_fit_is_said_plainly(made: str | None, given: str | None, said: str) -> None:
    found = verdict(WHOLE[made, 3], given)
    assert [flaw.kind for flaw in found.problems] == ["key"]
    assert said in found.problems[0].detail


def test_a_head_made_without_the_key_is_found() -> None:
    files = WHOLE["secret", 1]
    found = verdict({**files, HEAD: encoded(Seal(), COUNT, verdict(files, "secret").hash)}, "secret")
    assert [(flaw.kind, flaw.file) for flaw in found.problems] == [("changed", HEAD)]


def test_without_its_head_a_ledger_may_lack_its_last_lines_and_says_so() -> None:
    files = {name: data for name, data in WHOLE[None, 1].items() if name != HEAD}
    files[NAME] = b"".join(files[NAME].splitlines(keepends=True)[:-2])
    found = verdict(files)
    assert (found.ok, found.last) == (True, COUNT - 2)
    assert found.warnings == (f"{HEAD} is missing, so lines that were dropped from the end cannot be missed",)


def test_a_head_that_lags_by_the_line_of_a_killed_process_is_no_flaw(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    head = (tmp_path / HEAD).read_bytes()
    ledger(tmp_path).append({"event": "use"})
    (tmp_path / HEAD).write_bytes(head)
    found = verify(path)
    assert (found.ok, found.last, found.warnings) == (True, 4, ())


def test_earlier_files_taken_away_are_a_warning_and_others_a_flaw() -> None:
    files = dict(WHOLE[None, 3])
    first, second, _, _ = files
    found = verdict({name: data for name, data in files.items() if name != first})
    assert (found.ok, found.first, found.last) == (True, 5, COUNT)
    assert found.warnings == (f"the chain is known from seq 5 on; {first}, which came before, is not here",)
    found = verdict({name: data for name, data in files.items() if name != second})
    assert [(flaw.kind, flaw.file, flaw.seq) for flaw in found.problems] == [("dropped", NAME, 5)]
    found = verdict({name: data for name, data in files.items() if name != NAME})
    assert [(flaw.kind, flaw.file, flaw.seq) for flaw in found.problems] == [("dropped", second, 9)]
    assert kinds(verdict({**files, first: b""})) == {"dropped"}


def test_a_full_file_can_be_verified_by_itself(tmp_path: Path) -> None:
    path = written(tmp_path, COUNT, files=3)
    found = verify(path.with_name("audit.000000000008.jsonl"))
    assert (found.ok, found.first, found.last) == (True, 5, 8)


def test_a_file_that_is_only_its_head_has_lost_everything() -> None:
    found = verdict({HEAD: WHOLE[None, 1][HEAD]})
    assert [(flaw.kind, flaw.seq) for flaw in found.problems] == [("dropped", 1)]


@pytest.mark.parametrize("path", ["nothing.jsonl", "missing/audit.jsonl"])
def test_nothing_to_verify_is_an_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(LedgerError):
        verify(tmp_path / path)


@KEYS
@given(live=st.binary(max_size=600), other=st.binary(max_size=300), head=st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_garbage_is_a_verdict_and_never_an_error(key: str | None, live: bytes, other: bytes, head: bytes) -> None:
    found = verdict({NAME: live, "audit.000000000004.jsonl": other, HEAD: head}, key)
    assert found.lines == 0
    assert found.ok <= (not (other or head))


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    path.write_bytes(path.read_bytes() + b"x" * 10_000_000 + b"\n")
    found, peak = measured(path)
    assert not found.ok
    assert {flaw.line for flaw in found.problems} == {4}
    assert peak < 2_000_000, peak


def test_the_problems_of_a_ruined_ledger_are_bounded(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    path.write_bytes(b"ruined\n" * 5000 + path.read_bytes() * 800)
    found = verify(path)
    assert len(found.problems) == 1000


@pytest.mark.parametrize("last", [300, 302])
def test_many_changed_lines_in_a_row_are_changed_and_none_is_missing(tmp_path: Path, last: int) -> None:
    path = written(tmp_path, 302)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join([lines[0], *(raw.replace(b"primary", b"backup") for raw in lines[1:last]), *lines[last:]])
    )
    found = verify(path)
    assert kinds(found) == {"changed"}
    assert [flaw.seq for flaw in found.problems] == list(range(2, last + 1))


def test_a_line_that_only_claims_to_be_the_first_is_found() -> None:
    line, _ = sealed(Seal(), 5, "ab" * 32, {"after": None, "event": "use"})
    assert kinds(verdict({NAME: line})) == {"changed"}


def measured(path: Path) -> tuple[Verification, int]:
    """The verdict, and the most bytes that were in use on the way to it."""
    tracemalloc.start()
    try:
        return verify(path), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.thorough
def test_memory_does_not_grow_with_what_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path, 4000)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[::2]))
    found, peak = measured(path)
    assert kinds(found) == {"dropped"}
    assert found.lines == 2000
    assert peak < 2_000_000, peak


def test_a_file_that_is_put_aside_while_it_is_read_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = written(tmp_path, 4), volume.full

    class NoTurn:
        """What a reader gets who may not write the lock file."""

        def __init__(self, path: Path) -> None:
            self.path = path

        def acquire(self, *_: object, **__: object) -> bool:
            return False

    def full(place: Path) -> list[Path]:
        monkeypatch.setattr(volume, "full", real)
        one = ledger(tmp_path, max_bytes=1)
        for _ in range(3):
            one.append({"event": "use"})
        return real(place)

    monkeypatch.setattr(verification, "FileLock", NoTurn)
    monkeypatch.setattr(volume, "full", full)
    found = verify(path)
    assert (found.ok, found.last, found.files) == (True, 4, (NAME,)), found
    assert len(real(path)) == 3


def test_a_ledger_can_be_verified_while_it_is_written(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    # Its turns are real ones, so its patience is too.
    one, done = Ledger(AuditSettings(path=str(path), max_bytes=2000)), threading.Event()

    def write() -> None:
        while not done.is_set():
            one.append({"event": "use"})

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = [verify(path) for _ in range(20)]
    finally:
        done.set()
        thread.join()
    assert all(found.ok for found in seen), seen
    # Without a turn, the last line may be seen half written.
    assert all(warning.endswith("or is being written") for found in seen for warning in found.warnings)
    assert [found.last or 0 for found in seen] == sorted(found.last or 0 for found in seen)


def test_what_is_not_a_line_is_not_taken_for_one() -> None:
    raw = WHOLE[None, 1][NAME].splitlines()[0]
    assert Line.parse(raw) is not None
    for text in (b"", raw[:-1], raw + b" ", raw.replace(b'"seq":1,', b'"seq":01,'), b"[]", raw[1:]):
        assert Line.parse(text) is None


@given(seed=st.integers())
@settings(max_examples=60, deadline=None)
def test_several_things_done_at_once_are_found(seed: int) -> None:
    chance = random.Random(seed)
    lines = lines_of(WHOLE[None, 3])
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0 if len(lines) > 1:
                del lines[place]
            case 1:
                lines.insert(chance.randrange(len(lines)), lines[place])
            case 2:
                lines.insert(place, (lines[place][0], b"text\n"))
            case _:
                lines[place] = (lines[place][0], lines[place][1].replace(b"primary", b"backup"))
    if lines == lines_of(WHOLE[None, 3]):
        return
    assert not verdict(joined(WHOLE[None, 3], lines)).ok


def test_a_digest_holds_only_for_the_algorithm_that_it_names() -> None:
    body = b'{"seq":1}'
    _, digest = Seal().closed(body)
    assert Seal().holds(body, "sha256", digest)
    assert Seal("secret").holds(body, "sha256", digest)
    assert not Seal().holds(body, "hmac-sha256:00000000", digest)
    assert not Seal("secret").holds(body, Seal("secret").algorithm, digest)
