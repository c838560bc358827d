"""Several processes that share one state: one token, one view of the keys, one ledger, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ocrgate.audit import verify
from ocrgate.state import open_store
from ocrgate.testing import BaiduSimulator
from ocrgate.testing.simulator import SimulatedKey
from tests.houses import picture
from tests.providers.platform import key
from tests.state.server import Server

pytestmark = pytest.mark.thorough

PROCESSES, THREADS, CALLS = 4, 8, 4
FIRST, SECOND = SimulatedKey("first", "a" * 24, "b" * 32), SimulatedKey("second", "c" * 24, "d" * 32)

WORKER = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from ocrgate import Gateway

config, image, threads, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
lock = threading.Lock()

def tell(**what):
    with lock:
        print(json.dumps(what), flush=True)

with Gateway.from_yaml(config) as gateway:
    gateway.warm_up()
    tell(ready=True)
    sys.stdin.readline()

    def read(_):
        for _ in range(calls):
            result = gateway.recognize(image)
            tell(keys=[attempt.key for attempt in result.attempts if attempt.outcome == "accepted"])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, range(threads)))
    keys = gateway.status()["baidu"]["keys"]
    tell(usable={name: status.usable for name, status in keys.items()})
"""


class Workers:
    """Processes that read the same image over and over with the same configuration."""

    def __init__(self, folder: Path, platform: BaiduSimulator, state: str = "", **provider: Any) -> None:
        self.ledger = folder / "audit.jsonl"
        self._image = folder / "image.png"
        self._image.write_bytes(picture())
        self._config = folder / "ocrgate.yaml"
        settings = {"endpoint": "accurate", "base_url": platform.url, "trust_env": False, "timeout": "20s", **provider}
        settings.setdefault("keys", [key("first", FIRST, account="one"), key("second", SECOND, account="two")])
        content = {
            "version": 1,
            "state": state or f"sqlite:{folder / 'state.db'}",
            "single_flight": False,
            "audit": {"path": str(self.ledger)},
            "providers": {"baidu": settings},
            "routes": {"default": {"providers": ["baidu"], "deadline": "60s"}},
        }
        self._config.write_text(yaml.safe_dump(content), encoding="utf-8")
        self.running: list[subprocess.Popen[str]] = []

    def start(self, number: int = PROCESSES, threads: int = THREADS, calls: int = CALLS) -> None:
        """All of them ready before the first one begins."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        command = [sys.executable, "-c", WORKER, str(self._config), str(self._image), str(threads), str(calls)]
        self.running = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            for _ in range(number)
        ]
        for worker in self.running:
            assert worker.stdout is not None
            assert json.loads(worker.stdout.readline()) == {"ready": True}
        for worker in self.running:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()

    def told(self, worker: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
        """What a worker says, until it ends."""
        assert worker.stdout is not None
        for line in worker.stdout:
            yield json.loads(line)
        worker.wait(30)

    def stop(self) -> None:
        for worker in self.running:
            worker.kill()
            worker.communicate()


@pytest.fixture
def platform() -> Iterator[BaiduSimulator]:
    with BaiduSimulator([FIRST, SECOND]) as simulator:
        yield simulator


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """What the processes share."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'state.db'}"
        return
    with Server() as server:
        yield server.url


def test_four_processes_of_eight_threads_fetch_one_token_and_write_one_ledger(
    tmp_path: Path, platform: BaiduSimulator, state: str
) -> None:
    workers = Workers(tmp_path, platform, state)
    try:
        workers.start()
        said = [list(workers.told(worker)) for worker in workers.running]
    finally:
        workers.stop()
    assert [worker.returncode for worker in workers.running] == [0] * PROCESSES
    assert all(lines[:-1] == [{"keys": ["first"]}] * (THREADS * CALLS) for lines in said)
    assert platform.tokens_issued == 1
    records = [json.loads(line) for line in workers.ledger.read_text(encoding="utf-8").splitlines()]
    assert Counter(record["endpoint"] for record in records) == {"token": 1, "accurate": PROCESSES * THREADS * CALLS}
    assert len({record["pid"] for record in records}) == PROCESSES
    assert verify(workers.ledger).ok


def test_a_process_killed_in_the_middle_takes_neither_the_ledger_nor_the_others_with_it(
    tmp_path: Path, platform: BaiduSimulator
) -> None:
    workers = Workers(tmp_path, platform)
    try:
        workers.start(calls=8)
        victim, *others = workers.running
        for _ in zip(workers.told(victim), range(5), strict=False):
            pass
        os.kill(victim.pid, signal.SIGKILL)
        said = [list(workers.told(worker)) for worker in others]
    finally:
        workers.stop()
    assert victim.returncode == -signal.SIGKILL
    assert [worker.returncode for worker in others] == [0] * (PROCESSES - 1)
    assert all(len(lines) == THREADS * 8 + 1 for lines in said)
    found = verify(workers.ledger)
    assert (found.ok, found.problems) == (True, ())
    arrived = sum(request.endpoint == "accurate" for request in platform.requests)
    written = [json.loads(line) for line in workers.ledger.read_text(encoding="utf-8").splitlines()]
    uses = sum(record.get("endpoint") == "accurate" for record in written)
    # The victim may have sent up to one call a thread whose line it could no longer write.
    assert arrived - THREADS <= uses <= arrived


def test_a_key_that_one_process_benches_is_benched_for_all(
    tmp_path: Path, platform: BaiduSimulator, state: str
) -> None:
    spent = SimulatedKey("first", FIRST.api_key, FIRST.secret_key, per_day=20)
    platform.replace_keys([spent, SECOND])
    workers = Workers(tmp_path, platform, state)
    try:
        workers.start()
        said = [list(workers.told(worker)) for worker in workers.running]
    finally:
        workers.stop()
    assert [lines[-1] for lines in said] == [{"usable": {"first": False, "second": True}}] * PROCESSES
    answered = Counter(line["keys"][0] for lines in said for line in lines[:-1])
    assert answered == {"first": 20, "second": PROCESSES * THREADS * CALLS - 20}
    # Only calls that were on their way when the first of them was refused can have been refused as well.
    assert 1 <= platform.counts["17"] <= PROCESSES * THREADS
    assert platform.tokens_issued == 2
    assert verify(workers.ledger).ok


def test_a_quota_is_counted_over_all_processes(tmp_path: Path, platform: BaiduSimulator, state: str) -> None:
    workers = Workers(tmp_path, platform, state, quota={"per_day": 70})
    try:
        workers.start(number=2)
        said = [list(workers.told(worker)) for worker in workers.running]
    finally:
        workers.stop()
    answered = Counter(line["keys"][0] for lines in said for line in lines[:-1] if "keys" in line)
    # 64 calls fit into the first account's quota.
    assert answered == {"first": 2 * THREADS * CALLS}
    try:
        workers.start(number=2)
        said = [list(workers.told(worker)) for worker in workers.running]
    finally:
        workers.stop()
    answered = Counter(line["keys"][0] for lines in said for line in lines[:-1] if "keys" in line)
    assert answered == {"first": 6, "second": 2 * THREADS * CALLS - 6}
    assert platform.counts["ok"] == 4 * THREADS * CALLS + platform.tokens_issued


def test_no_token_and_no_secret_lies_where_processes_share_things(
    tmp_path: Path, platform: BaiduSimulator, state: str
) -> None:
    workers = Workers(tmp_path, platform, state)
    try:
        workers.start(number=1, threads=1, calls=1)
        assert list(workers.told(workers.running[0]))[-1] == {"usable": {"first": True, "second": True}}
    finally:
        workers.stop()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("*") if path.name != "ocrgate.yaml")
    store = open_store(state)
    written += repr(dict(store.scan(""))).encode()
    store.close()
    assert b"token/" in written
    tokens = [token.encode() for token in platform.books.tokens()]
    assert tokens
    assert not any(secret in written for secret in (*tokens, FIRST.api_key.encode(), FIRST.secret_key.encode()))
