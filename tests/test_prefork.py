"""gunicorn, which loads the program once and forks its workers from that."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest

from ocrgate.audit import verify
from tests.lane.processes import ROOT, alive, environment, gone, logged
from tests.state.server import Server

pytestmark = pytest.mark.thorough

WORKERS = 3
PATIENCE = 60.0
ROUTES = ["thread", "process", "default"]


class Site:
    """A server that is running.

    Attributes:
        process: gunicorn's master.
        said: its log so far.
    """

    def __init__(self, state: str, ledger: Path) -> None:
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "gunicorn", "--preload"]
        options = ["-w", str(WORKERS), "-b", "127.0.0.1:0", "--graceful-timeout", "5"]
        self.process = subprocess.Popen(
            [*command, *options, "tests.prefork.app:app"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**environment(), "STATE": state, "LEDGER": str(ledger), "HOME": str(ledger.parent)},
        )
        self.said: list[str] = []
        self._url = ""
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._listening.wait(PATIENCE), self.said
        assert self._url, self.said

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as log:
            for line in log:
                self.said.append(line)
                if found := re.search(r"Listening at: (http://\S+)", line):
                    self._url = found[1]
                    self._listening.set()
        self._listening.set()

    def read(self, route: str) -> dict[str, Any]:
        """Have one picture read."""
        with urllib.request.urlopen(f"{self._url}/{route}", timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def stop(self) -> None:
        """As systemd would."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0
        self._reader.join(PATIENCE)


@contextmanager
def site(state: str, ledger: Path) -> Iterator[Site]:
    running = Site(state, ledger)
    family = [running.process.pid]
    try:
        yield running
        family += [child.pid for child in psutil.Process(running.process.pid).children(recursive=True)]
        running.stop()
        assert gone([*family, *logged(Path(f"{ledger}.pids"))], 10.0), "nothing is left"
    finally:
        for pid in [*family, *logged(Path(f"{ledger}.pids"))]:
            if alive(pid):
                psutil.Process(pid).kill()


@pytest.mark.parametrize("state", ["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def test_every_worker_reads_with_the_gateway_of_the_master(state: str, tmp_path: Path) -> None:
    ledger = tmp_path / "audit.jsonl"
    if state == "redis":
        with Server() as server:
            _visited(server.url, ledger)
    else:
        _visited(state if state == "memory" else f"sqlite:{tmp_path / 'state.db'}", ledger)


def _visited(state: str, ledger: Path) -> None:
    begun = monotonic()
    answers: list[dict[str, Any]] = []
    with site(state, ledger) as running, ThreadPoolExecutor(8) as pool:
        while len(answers) < 60 or (len({answer["pid"] for answer in answers}) < WORKERS and len(answers) < 600):
            answers += pool.map(running.read, ROUTES * 20)
    assert [answer for answer in answers if "error" in answer] == []
    assert len({answer["pid"] for answer in answers}) == WORKERS
    by = Counter(answer["text"].split()[0] for answer in answers)
    assert by["process"] >= 20
    # A worker of gunicorn has an engine process of its own: the master's is not shared.
    engines = {(answer["pid"], answer["text"].split()[1]) for answer in answers if answer["text"].startswith("process")}
    assert len(engines) == len({engine for _, engine in engines}) == len({pid for pid, _ in engines})
    assert not [line for line in running.said if "Traceback" in line or "ERROR" in line], running.said
    assert verify(ledger).ok
    assert monotonic() - begun < PATIENCE


def test_a_worker_that_is_killed_is_followed_by_one_that_reads(tmp_path: Path) -> None:
    ledger = tmp_path / "audit.jsonl"
    with site(f"sqlite:{tmp_path / 'state.db'}", ledger) as running:
        first = running.read("process")
        engine = int(first["text"].split()[1])
        psutil.Process(first["pid"]).kill()
        assert gone([first["pid"], engine]), "its engine goes with it"
        after = [running.read("process") for _ in range(6)]
    assert all(answer["text"].startswith("process") for answer in after)
    assert first["pid"] not in {answer["pid"] for answer in after}
    assert verify(ledger).ok
