"""A gateway that was made and used before a fork works in the children, and goes on in the parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from ocrgate.audit import verify
from ocrgate.testing import BaiduSimulator
from tests.lane.processes import ROOT, environment, eventually, gone, logged
from tests.providers.platform import key
from tests.state.server import Server

pytestmark = pytest.mark.thorough

LIMIT = 100.0
STATES = ["memory", "sqlite", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the processes keep what they share."""
    if request.param == "redis":
        with Server() as server:
            yield server.url
    else:
        yield "memory" if request.param == "memory" else f"sqlite:{tmp_path / 'state.db'}"


def program(name: str, *arguments: str) -> str:
    """What a program says; nothing that it started is left."""
    # A session of its own, so that whatever is left of it can be told by its group.
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.prefork.{name}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=LIMIT)
        finally:
            left = members(process.pid)
            for each in left:
                each.kill()
    assert (process.returncode, err) == (0, ""), err
    assert left == []
    assert gone(logged(Path(f"{arguments[-1]}.pids")))
    return out


def members(session: int) -> list[psutil.Process]:
    """Processes of a session, but for those that wait to be buried."""

    def found() -> list[psutil.Process]:
        some = []
        for each in psutil.process_iter():
            try:
                if os.getsid(each.pid) == session and each.status() != psutil.STATUS_ZOMBIE:
                    some.append(each)
            except (OSError, psutil.Error):
                continue
        return [each for each in some if each.pid != session or each.is_running()]

    eventually(lambda: not found(), 5.0)
    return found()


@pytest.mark.parametrize("route", ["thread", "process", "default"])
@pytest.mark.parametrize("state", STATES, indirect=True)
def test_forking_in_the_middle_of_calls_disturbs_neither_side(state: str, route: str, tmp_path: Path) -> None:
    ledger = tmp_path / "audit.jsonl"
    assert program("forks", state, route, str(ledger)) == "whole\n"
    if route != "process":
        found = verify(ledger)
        assert (found.ok, found.problems) == (True, ())
        processes = {json.loads(line)["pid"] for line in ledger.read_text(encoding="utf-8").splitlines()}
        assert len(processes) == 13


@pytest.mark.parametrize("route", ["default", "process"])
@pytest.mark.parametrize("state", STATES, indirect=True)
def test_a_child_needs_no_lock_that_was_held_when_it_was_forked(state: str, route: str, tmp_path: Path) -> None:
    *held, last = program("locked", state, route, str(tmp_path / "audit.jsonl")).splitlines()
    assert last == "whole"
    names = {
        "Gateway._lock",
        "Fleet._lock",
        "Commons._lock",
        "Lane._turn",
        "Ring._lock",
        "Events._lock",
        "Budget._lock",
    }
    assert names <= set(held)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("state", STATES, indirect=True)
def test_workers_of_multiprocessing_read(state: str, method: str, tmp_path: Path) -> None:
    assert program("spawned", method, state, "default", str(tmp_path / "audit.jsonl")) == "whole\n"


@pytest.mark.parametrize("script", ["forks", "locked"])
@pytest.mark.parametrize("state", STATES, indirect=True)
def test_connections_and_tokens_of_a_cloud_are_not_mixed_up(state: str, script: str, tmp_path: Path) -> None:
    with BaiduSimulator() as platform:
        config = tmp_path / "ocrgate.yaml"
        ledger = tmp_path / "audit.jsonl"
        first = platform.keys[0]
        settings = {
            "base_url": platform.url,
            "endpoint": "accurate",
            "trust_env": False,
            "keys": [key("first", first)],
            "rate": {"qps": 1000},
            "queue": 200,
        }
        content = {
            "version": 1,
            "state": state,
            "audit": {"path": str(ledger)},
            "providers": {"baidu": settings},
            "routes": {"default": {"providers": ["baidu"], "deadline": "20s"}},
        }
        config.write_text(yaml.safe_dump(content), encoding="utf-8")
        assert program(script, str(config), "default", str(ledger)).endswith("whole\n")
        calls = sum(request.endpoint == "accurate" for request in platform.requests)
        written = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
        assert sum(line.get("endpoint") == "accurate" for line in written) == calls
        assert verify(ledger).ok
