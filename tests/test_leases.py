"""Processes that share a state and are killed in the middle: the others go on, and nothing is lost or done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import yaml

from ocrgate.audit import verify
from ocrgate.testing import BaiduSimulator
from ocrgate.testing.simulator import SimulatedKey
from tests.lane.processes import ROOT, environment, eventually
from tests.providers.platform import key
from tests.state.server import Server

pytestmark = pytest.mark.thorough

PATIENCE = 30.0
STATES = ["sqlite", pytest.param("redis", marks=pytest.mark.redis)]
FIRST = SimulatedKey("first")


@pytest.fixture
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the processes keep what they share."""
    if request.param == "redis":
        with Server() as server:
            yield server.url
    else:
        yield f"sqlite:{tmp_path / 'state.db'}"


@pytest.fixture
def platform() -> Iterator[BaiduSimulator]:
    with BaiduSimulator([FIRST]) as simulator:
        yield simulator


class Crowd:
    """Processes with the same configuration.

    Attributes:
        ledger: that all of them write.
        members: those that were started.
    """

    def __init__(self, folder: Path, state: str, platform: BaiduSimulator, **provider: Any) -> None:
        self.ledger = folder / "audit.jsonl"
        self._config = folder / "ocrgate.yaml"
        settings = {
            "base_url": platform.url,
            "endpoint": "accurate",
            "trust_env": False,
            "timeout": "20s",
            "keys": [key("first", FIRST)],
            "retry": {"attempts": 1},
            "queue": 200,
            **provider,
        }
        content = {
            "version": 1,
            "state": state,
            "audit": {"path": str(self.ledger)},
            "providers": {"baidu": settings},
            "routes": {"default": {"providers": ["baidu"], "deadline": "30s"}},
        }
        self._config.write_text(yaml.safe_dump(content), encoding="utf-8")
        self.members: list[subprocess.Popen[str]] = []

    def start(self, number: int, threads: int) -> None:
        """All of them ready before this returns."""
        new = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.prefork.reader", str(self._config), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=environment(),
            )
            for _ in range(number)
        ]
        self.members += new
        assert [self.hear(member) for member in new] == [{"ready": True}] * number

    def say(self, member: subprocess.Popen[str], number: int) -> None:
        """Have each of its threads read so many pictures."""
        assert member.stdin is not None
        member.stdin.write(f"{number}\n")
        member.stdin.flush()

    def hear(self, member: subprocess.Popen[str]) -> dict[str, Any]:
        assert member.stdout is not None
        line = member.stdout.readline()
        assert line, f"process {member.pid} has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def outcomes(self, member: subprocess.Popen[str]) -> list[tuple[str, str]]:
        """Outcome and code of each picture, once all have been read."""
        found = []
        while (heard := self.hear(member)) != {"done": True}:
            found.append((heard["outcome"], heard["code"]))
        return found

    def kill(self, member: subprocess.Popen[str]) -> None:
        os.kill(member.pid, signal.SIGKILL)
        member.communicate()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ledger.read_text(encoding="utf-8").splitlines()]

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.kill()
            member.communicate()


def arrived(platform: BaiduSimulator, endpoint: str = "accurate") -> int:
    return sum(request.endpoint == endpoint for request in platform.requests)


@pytest.mark.parametrize("state", STATES, indirect=True)
def test_killed_in_the_middle_of_everything_they_cost_the_others_nothing(
    state: str, tmp_path: Path, platform: BaiduSimulator
) -> None:
    threads, calls, qps = 4, 15, 40.0
    platform.replace_keys([SimulatedKey("first", FIRST.api_key, FIRST.secret_key, qps=qps)])
    with Crowd(tmp_path, state, platform, rate={"qps": qps}, quota={"per_day": 1000}) as crowd:
        crowd.start(4, threads)
        for member in crowd.members:
            crowd.say(member, calls)
        *doomed, third, fourth = crowd.members
        for member in doomed:
            for _ in range(5):
                crowd.hear(member)
            crowd.kill(member)
        begun, before = monotonic(), arrived(platform)
        outcomes = crowd.outcomes(third) + crowd.outcomes(fourth)
        elapsed, left = monotonic() - begun, arrived(platform) - before
    assert Counter(outcomes) == {("accepted", ""): 2 * threads * calls}
    assert platform.counts.get("18", 0) == 0, "no second held more calls than the server allows"
    # The turns that the dead had taken are lost, but no more than one for each of their threads.
    assert elapsed < (left + 2 * threads) / qps * 1.1 + 1.0
    assert platform.tokens_issued == 1

    found = verify(crowd.ledger)
    assert (found.ok, found.problems) == (True, ())
    uses = sum(line.get("endpoint") == "accurate" for line in crowd.lines())
    assert arrived(platform) - 2 * threads <= uses <= arrived(platform)


@pytest.mark.parametrize("state", STATES, indirect=True)
def test_the_probe_of_a_process_that_is_killed_is_sent_by_one_other_when_its_lease_is_over(
    state: str, tmp_path: Path, platform: BaiduSimulator
) -> None:
    breaker = {"window": 1, "minimum": 1, "open_for": "200ms", "successes": 1}
    with Crowd(tmp_path, state, platform, breaker=breaker, timeout="1s") as crowd:
        crowd.start(3, 1)
        first, second, third = crowd.members
        for member in crowd.members:
            crowd.say(member, 1)
            assert crowd.outcomes(member) == [("accepted", "")]
        platform.plan_faults(
            [
                {"match": {"path": "accurate", "nth": [1]}, "fault": {"kind": "http", "status": 500}},
                {"match": {"path": "accurate", "nth": [2]}, "fault": {"kind": "hang"}},
            ]
        )
        crowd.say(second, 1)
        assert crowd.outcomes(second)[0][0] == "failed"
        before = arrived(platform)

        # The first to come after `open_for` is the probe, and hangs at the server.
        while arrived(platform) == before:
            crowd.say(first, 1)
            assert eventually(lambda: arrived(platform) > before, 0.05) or crowd.outcomes(first)
        began = monotonic()
        crowd.kill(first)
        sent: list[tuple[str, str]] = []
        while not sent and monotonic() - began < PATIENCE:
            for member in (second, third):
                crowd.say(member, 1)
            outcomes = [crowd.outcomes(member)[0] for member in (second, third)]
            sent = [outcome for outcome in outcomes if outcome != ("refused", "breaker_open")]
            assert arrived(platform) == before + 1 + len(sent), "nobody asks while the lease holds"
        elapsed = monotonic() - began
    # The lease outlives the time of one attempt by five seconds.
    assert 4.0 < elapsed < 8.0
    assert set(sent) == {("accepted", "")}


@pytest.mark.parametrize("state", STATES, indirect=True)
def test_the_token_that_a_killed_process_went_for_is_fetched_by_one_other(
    state: str, tmp_path: Path, platform: BaiduSimulator
) -> None:
    platform.plan_faults([{"match": {"path": "token", "nth": [1]}, "fault": {"kind": "hang"}}])
    with Crowd(tmp_path, state, platform, timeout="2s") as crowd:
        crowd.start(1, 2)
        crowd.say(crowd.members[0], 1)
        assert eventually(lambda: arrived(platform, "token") == 1)
        crowd.kill(crowd.members[0])
        crowd.start(2, 2)
        for member in crowd.members[1:]:
            crowd.say(member, 20)
        outcomes = [outcome for member in crowd.members[1:] for outcome in crowd.outcomes(member)]
    # Who waits for the token of the dead may run out of the time of one attempt, but not twice.
    failed = [outcome for outcome in outcomes if outcome[0] != "accepted"]
    assert len(failed) <= 4
    assert len(outcomes) == 2 * 2 * 20
    assert (arrived(platform, "token"), platform.tokens_issued) == (2, 1)
    assert verify(crowd.ledger).ok
