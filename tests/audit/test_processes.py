"""Several processes, killed ones among them, share one ledger; what a full disk leaves is kept and named."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocrgate.audit import LedgerError, verify
from ocrgate.audit.volume import full
from tests.audit.ledgers import NAME, ledger, records, written

pytestmark = pytest.mark.thorough

BEGIN = """
import os, signal, sys, threading
from ocrgate.audit import Ledger, LedgerError, verify
from ocrgate.settings import AuditSettings
path, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ledger = Ledger(AuditSettings(path=path, max_bytes=size))
"""

WRITE = (
    BEGIN
    + """
def write(thread):
    for number in range(count):
        name = f"{os.getpid()}.{thread}.{number}"
        ledger.append({"name": name})
        os.write(1, name.encode() + b"\\n")

threads = [threading.Thread(target=write, args=(thread,)) for thread in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
)

FORK = (
    BEGIN
    + """
stop = threading.Event()

def write():
    while not stop.is_set():
        ledger.append({"name": "parent"})

threads = [threading.Thread(target=write) for _ in range(4)]
for thread in threads:
    thread.start()
children = []
for child in range(20):
    pid = os.fork()
    if pid == 0:
        for number in range(count):
            ledger.append({"name": f"{child}.{number}"})
        os._exit(0)
    children.append(pid)
ended = [os.waitpid(pid, 0)[1] for pid in children]
stop.set()
for thread in threads:
    thread.join()
print(sum(ended))
"""
)

# Every call of a built-in function inside of `append` is a place to die at, one after the other.
DIE = (
    BEGIN
    + """
def doomed(at):
    calls = 0
    def count_calls(frame, event, argument):
        nonlocal calls
        calls += event == "c_call"
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
    return count_calls

ledger.append({"name": "first"})
for at in range(1, 1000):
    pid = os.fork()
    if pid == 0:
        sys.setprofile(doomed(at))
        ledger.append({"name": f"doomed {at}"})
        sys.setprofile(None)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    ledger.append({"name": f"next {at}"})
    verdict = verify(path)
    assert verdict.ok and not verdict.warnings, (at, verdict)
    if status == 0:
        break
print(at)
"""
)


def program(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finished(code: str, *arguments: object) -> str:
    process = program(code, *arguments)
    out = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, out
    return out.strip()


def test_processes_that_are_killed_break_no_chain_and_lose_no_line_that_was_written(tmp_path: Path) -> None:
    chance = random.Random(7)
    path = tmp_path / NAME
    acknowledged: list[str] = []

    def host(lives: list[int]) -> None:
        for life in lives:
            process = program(WRITE, path, 20_000, 10_000)
            assert process.stdout is not None
            acknowledged.extend(process.stdout.readline().decode().strip() for _ in range(life))
            process.kill()
            acknowledged.extend(process.stdout.read().decode().splitlines())
            process.stdout.close()
            process.wait()
        out = finished(WRITE, path, 20_000, 25)
        acknowledged.extend(out.splitlines())

    hosts = [threading.Thread(target=host, args=([chance.randint(1, 200) for _ in range(4)],)) for _ in range(4)]
    for thread in hosts:
        thread.start()
    seen = [verify(path) for _ in range(20) if path.exists()]
    for thread in hosts:
        thread.join()
    assert all(found.ok for found in seen), seen
    verdict = verify(path)
    assert verdict.ok, verdict.problems
    names = [line["name"] for line in records(path) if "name" in line]
    assert len(names) == len(set(names))
    assert len(acknowledged) >= 4 * 8 * 25 + 16
    assert not set(acknowledged) - set(names)
    # A process dies between writing a line and saying so at most once for each of its threads.
    assert len(names) - len(acknowledged) <= 16 * 8
    assert len(full(path)) > 5


@pytest.mark.parametrize("size", [100_000_000, 1], ids=["in one file", "at every rotation"])
def test_a_process_may_be_killed_at_any_point_of_writing_a_line(tmp_path: Path, size: int) -> None:
    points = int(finished(DIE, tmp_path / NAME, size, 0))
    assert points > 30


def test_the_first_line_of_a_ledger_may_be_the_last_deed_of_a_process(tmp_path: Path) -> None:
    code = DIE.replace('ledger.append({"name": "first"})', "").replace(
        "    pid = os.fork()",
        "    path = f'{sys.argv[1]}.{at}/audit.jsonl'\n"
        "    os.mkdir(os.path.dirname(path))\n"
        "    ledger = Ledger(AuditSettings(path=path))\n"
        "    pid = os.fork()",
    )
    assert int(finished(code, tmp_path / NAME, 1, 0)) > 30


def test_forked_children_go_on_with_the_ledger_of_their_parent(tmp_path: Path) -> None:
    path = tmp_path / NAME
    assert finished(FORK, path, 50_000, 10) == "0"
    verdict = verify(path)
    assert (verdict.ok, verdict.warnings) == (True, ())
    names = [line["name"] for line in records(path)]
    assert sorted(name for name in names if name != "parent") == sorted(
        f"{c}.{n}" for c in range(20) for n in range(10)
    )
    assert len(names) == verdict.lines


def test_a_killed_process_does_not_keep_the_turn_through_a_child_that_it_forked(tmp_path: Path) -> None:
    code = (
        BEGIN
        + """
from ocrgate.audit import volume
real = volume.opened
def fork_in_the_middle(path, flags):
    if path.name.endswith(".head") and threading.current_thread() is not threading.main_thread():
        reached.set()
        go.wait()
    return real(path, flags)
volume.opened = fork_in_the_middle
reached, go = threading.Event(), threading.Event()
threading.Thread(target=ledger.append, args=({"name": "held"},), daemon=True).start()
reached.wait()
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()
    os._exit(0)
os.kill(os.getpid(), signal.SIGKILL)
""".replace("from ocrgate.audit import volume", "import ocrgate.audit.volume as volume")
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / NAME), "1000000", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"forked\n"
    assert process.wait() == -signal.SIGKILL
    ledger(tmp_path).append({"name": "next"})
    process.stdin.close()
    process.stdout.close()
    assert [line["name"] for line in records(tmp_path / NAME)] == ["next"]


# Torn lines


@contextmanager
def room_for(path: Path, more: int) -> Iterator[None]:
    """No file may grow beyond this one and so many bytes: what a disk that runs full does to a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def torn(path: Path, more: int) -> None:
    """Append a line that a full disk cuts off after so many bytes."""
    one = ledger(path.parent)
    with room_for(path, more), pytest.raises(LedgerError, match=r"has reached the size limit") as raised:
        one.append({"event": "use", "number": 0, "key": "primary"})
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno == errno.EFBIG
    assert not one.health().ok
    assert "size limit" in one.health().problem


LENGTH = 260
"""At least so long is a line here."""


@pytest.mark.parametrize("more", [1, 2, 9, 100, 250, LENGTH])
def test_a_torn_line_is_kept_and_named_by_the_next(tmp_path: Path, more: int) -> None:
    path = written(tmp_path, 3)
    before = path.read_bytes()
    torn(path, more)
    cut = path.read_bytes()
    assert len(cut) == len(before) + more
    found = verify(path)
    assert (found.ok, found.lines) == (True, 3)
    assert len(found.warnings) == 1
    ledger(tmp_path).append({"event": "use"})
    assert path.read_bytes().startswith(cut + b"\n")
    line = records(path)[3]
    assert (line["seq"], line["event"], line["bytes"]) == (4, "torn", more)
    found = verify(path)
    assert (found.ok, found.last) == (True, 5)
    assert found.warnings == (f"{NAME}:5: names {more} bytes before it that were torn off",)


def test_a_line_that_lacks_only_its_end_is_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    whole = path.read_bytes()
    one = ledger(tmp_path)
    one.append({"event": "use", "number": 0, "key": "primary"})
    length = path.stat().st_size - len(whole)
    torn(path, length - 1)
    assert verify(path).lines == 5
    ledger(tmp_path).append({"event": "use"})
    found = verify(path)
    assert (found.ok, found.lines, found.warnings) == (True, 6, ())


@pytest.mark.parametrize("again", [(1,), (2,), (200,), (600,), (1, 2), (40, 40), (300, 300, 300), (1, 1, 1)])
def test_a_disk_that_stays_full_tears_again_and_all_of_it_is_named(tmp_path: Path, again: tuple[int, ...]) -> None:
    path = written(tmp_path, 3)
    torn(path, 70)
    for more in again:
        torn(path, more)
    ledger(tmp_path).append({"event": "use"})
    found = verify(path)
    assert found.ok, found.problems
    assert found.warnings


@pytest.mark.parametrize("more", [1, 8, 9, 100, 250])
def test_a_torn_first_line_is_named_too(tmp_path: Path, more: int) -> None:
    path = tmp_path / NAME
    path.touch()
    # The head takes its room before the first line, so it is there already when the disk runs full.
    probe = ledger(tmp_path)
    probe.append({"event": "use"})
    path.write_bytes(path.read_bytes()[:more])
    (tmp_path / f"{NAME}.head").unlink()
    ledger(tmp_path).append({"event": "use"})
    found = verify(path)
    assert (found.ok, found.first, found.last) == (True, 1, 2)
    assert len(found.warnings) == 1


def test_torn_bytes_that_were_changed_later_are_found(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    torn(path, 100)
    ledger(tmp_path).append({"event": "use"})
    data = path.read_bytes()
    place = data.index(b"\n", data.index(b'"number":3')) + 50
    for changed in (
        data[:place] + b"#" + data[place + 1 :],
        data[:place] + data[place + 1 :],
        data[:place] + b"\n" + data[place:],
    ):
        path.write_bytes(changed)
        assert [flaw.kind for flaw in verify(path).problems] == ["changed"]


def test_a_torn_first_line_of_a_new_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    whole = path.read_bytes()
    one = ledger(tmp_path, max_bytes=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LENGTH, hard))
    try:
        with pytest.raises(LedgerError):
            one.append({"event": "use", "number": 4, "key": "primary"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full(path)[0].read_bytes() == whole
    assert path.stat().st_size == LENGTH
    one.append({"event": "use"})
    found = verify(path)
    assert (found.ok, found.first, found.last) == (True, 1, 5)
    assert found.warnings == (f"{NAME}:2: names {LENGTH} bytes before it that were torn off",)


@pytest.mark.parametrize("count", [500, 5_000, 3_000_000])
def test_zeros_that_a_power_cut_leaves_are_named(tmp_path: Path, count: int) -> None:
    path = written(tmp_path, 3)
    with path.open("ab") as file:
        file.write(bytes(count))
    ledger(tmp_path).append({"event": "use"})
    found = verify(path)
    assert (found.ok, found.last) == (True, 5)
    assert f"names {count} bytes" in found.warnings[0]


def test_a_full_disk_that_has_room_again_needs_no_help(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    one = ledger(tmp_path)
    one.append({"event": "use"})
    for more in (0, 50):
        with room_for(path, more), pytest.raises(LedgerError):
            one.append({"event": "use"})
    one.append({"event": "use"})
    assert one.health().ok
    assert verify(path).ok


def test_reading_the_ledger_needs_no_right_to_write_it(tmp_path: Path) -> None:
    path = written(tmp_path, 6, files=2)
    for file in tmp_path.iterdir():
        file.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert verify(path).lines == 6
    finally:
        tmp_path.chmod(0o700)
    assert os.access(path, os.R_OK)
