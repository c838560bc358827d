"""What tests have other processes do to a store: `python -m tests.state.work JOB ARGUMENT…`, or `start` from a test."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

from ocrgate.state import Guarded, RedisStore, SQLiteStore, Store, StoreError, open_store
from ocrgate.state.cell import SharedCell
from ocrgate.testing import ManualClock

ROOT = Path(__file__).parent.parent.parent


def start(job: str, *arguments: object, module: str = __name__) -> subprocess.Popen[str]:
    """A process that does a job; it begins when something is written to it, and says what it found as it ends."""
    paths = [str(Path(path).resolve()) for path in sys.path if path]
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error::ResourceWarning",
            "-W",
            "ignore:This process",
            "-m",
            module,
            job,
            *map(str, arguments),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *paths])},
    )


def go(*processes: subprocess.Popen[str]) -> None:
    """Let them begin, all of them loaded and waiting."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", finish(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[str], seconds: float = 60.0) -> str:
    """What it wrote after `ready`; fails when it failed."""
    out, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, f"{process.returncode}: {errors}"
    assert not errors, errors
    return out


def expect_warnings() -> None:
    # Those of an outage are meant to come; whatever else is written to standard error is a failure.
    logging.getLogger("ocrgate").addHandler(logging.NullHandler())


def wait_for_go() -> None:
    expect_warnings()
    print("ready", flush=True)
    sys.stdin.readline()


def opened(place: str) -> Store:
    """The store in a file, or at an address."""
    return RedisStore(place) if "://" in place else SQLiteStore(place)


def add(place: str, count: int, limit: int) -> None:
    """Say the sums that additions to `counter` came to."""
    store = opened(place)
    wait_for_go()
    print(json.dumps([store.add("counter", 1, limit=limit) for _ in range(count)]))
    store.close()


def add_until_killed(place: str, journal: str) -> None:
    """Note each acknowledged addition with one byte."""
    store = opened(place)
    wait_for_go()
    with Path(journal).open("ab", buffering=0) as notes:
        while True:
            try:
                store.add("counter", 1)
            except StoreError:
                continue
            notes.write(b".")


class Tally:
    """A number as a record."""

    def fresh(self) -> list[int]:
        return [0]

    def encode(self, record: list[int]) -> str:
        return str(record[0])

    def decode(self, text: str) -> list[int]:
        try:
            return [int(text)]
        except ValueError:
            return self.fresh()


def change(place: str, count: int) -> None:
    """Add to a record as often as that, from two threads, and say the sums that it came to."""
    guarded = open_store(place if "://" in place else f"sqlite:{place}")
    wait_for_go()
    sums: list[int] = []
    cell = SharedCell(guarded, "tally", Tally(), 60.0)

    def work() -> None:
        sums.extend(cell.change(increment) for _ in range(count // 2))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert guarded.health().ok, guarded.health()
    print(json.dumps(sums))
    guarded.close()


def change_until_killed(place: str, journal: str) -> None:
    """Add to a record, and note each addition with one byte."""
    guarded = open_store(place if "://" in place else f"sqlite:{place}")
    cell = SharedCell(guarded, "tally", Tally(), 60.0)
    wait_for_go()
    with Path(journal).open("ab", buffering=0) as notes:
        while True:
            cell.change(increment)
            assert guarded.health().ok, guarded.health()
            notes.write(b".")


def increment(record: list[int], _now: float) -> int:
    record[0] += 1
    return record[0]


def fork_in_use(place: str, children: int, count: int) -> None:
    """Fork while threads use the store, and close it while the children still do."""
    store = opened(place)
    store.add("parent", 0)
    done = threading.Event()
    sums: list[int] = []

    def keep_adding() -> None:
        added = 0
        while not done.is_set():
            added += _patiently(store, "parent")
        sums.append(added)

    threads = [threading.Thread(target=keep_adding) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for_go()
    pids = []
    for _ in range(children):
        # The parent has closed its file for good before the child writes most of what it writes.
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(write)
            for number in range(count):
                if number == 1:
                    os.read(read, 1)
                _patiently(store, "children")
            os._exit(0)
        os.close(read)
        pids.append((pid, write))
    done.set()
    for thread in threads:
        thread.join()
    store.close()
    for _, write in pids:
        os.close(write)
    for pid, _ in pids:
        assert os.waitpid(pid, 0)[1] == 0
    print(json.dumps({"parent": sum(sums)}))


def _patiently(store: Store, name: str) -> int:
    while True:
        try:
            store.add(name, 1)
        except StoreError as error:
            if "forked" in str(error):
                raise
        else:
            return 1


def fork_owing(path: str) -> None:
    """Count while the file's folder is not there yet, fork, and count on in both when it is."""
    clock = ManualClock()
    store = Guarded(SQLiteStore(path, clock), clock, beside=False)
    wait_for_go()
    store.add("parent", 1)
    pid = os.fork()
    if pid == 0:
        store.add("child", 1)
    else:
        assert os.waitpid(pid, 0)[1] == 0
        store.add("parent", 1)
    Path(path).parent.mkdir(exist_ok=True)
    clock.advance(60)
    store.add("parent" if pid else "child", 1)
    store.close()
    if pid == 0:
        os._exit(0)


def fork_unseen(path: str) -> None:
    """Fork as a C library does, of which Python hears nothing."""
    store = SQLiteStore(path)
    store.put("name", "text")
    wait_for_go()
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        try:
            store.get("name")
        except StoreError as error:
            os._exit(0 if "forked" in str(error) else 2)
        os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), store.get("name"))
    store.close()


def fork_unseen_at_server(place: str) -> None:
    """Fork as a C library does; parent and child then ask the server at the same time."""
    store = RedisStore(place)
    wait_for_go()
    names = [f"name/{number}" for number in range(200)]
    for name in names:
        store.put(name, name)
    pid = ctypes.PyDLL(None).fork()
    right = all(store.get(name) == name for _ in range(5) for name in (names if pid else reversed(names)))
    if pid == 0:
        os._exit(0 if right else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), right)
    store.close()


def fork_in_outage(place: str) -> None:
    """Fork while the store is out of reach; parent and child go on when it is back, each for itself."""
    expect_warnings()
    store = open_store(place)
    store.add("parent", 1)
    assert not store.health().ok
    pid = os.fork()
    name = "parent" if pid else "child"
    store.add(name, 1)
    if pid == 0:
        print("ready", flush=True)
    else:
        sys.stdin.readline()
        print("go", flush=True)
    while not store.health().ok:
        threading.Event().wait(0.005)
    store.add(name, 1)
    store.close()
    if pid == 0:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    print(json.dumps([thread.name for thread in threading.enumerate()]))


def leave_open(place: str) -> None:
    """End without closing, forked children too."""
    store = opened(place)
    store.put("name", "text")
    wait_for_go()
    pid = os.fork()
    if pid == 0:
        sys.exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), store.get("name"))


def fill(path: str) -> None:
    """Say what comes of a file that may not grow, and of the store once it may again."""
    store = SQLiteStore(path)
    store.put("name", "text")
    wait_for_go()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = max(file.stat().st_size for file in Path(path).parent.iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        for number in range(100):
            store.put(f"more/{number}", "x" * 10_000)
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    store.put("again", "works")
    print(store.get("name"), store.get("again"))
    store.close()


def write_protected(path: str) -> None:
    """Say what comes of a file that this user may only read; the superuser becomes somebody else first."""
    wait_for_go()
    if os.getuid() == 0:
        os.setuid(65534)
    store = SQLiteStore(path)
    try:
        store.put("name", "other")
    except StoreError as error:
        print(error)
    store.close()


def main() -> None:
    job, *arguments = sys.argv[1:]
    globals()[job](*(int(argument) if argument.isdigit() else argument for argument in arguments))


if __name__ == "__main__":
    main()
