"""Breakers of several processes, some of which are killed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import Breaker, Permit
from tests.policy.askers import ALL, breaker_at
from tests.policy.breakers import SHARED
from tests.state.server import Server
from tests.state.waiting import until
from tests.state.work import finish, go, start

pytestmark = pytest.mark.thorough

PROCESSES = 4


@pytest.fixture(params=SHARED)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'state.db'}"
    server: Server = request.getfixturevalue("server")
    server.flush()
    return server.url


@pytest.fixture
def breaker(url: str) -> Iterator[Breaker]:
    with breaker_at(url) as breaker:
        yield breaker


Work = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def work() -> Iterator[Work]:
    """Starts a job; none is left running when the test has failed."""
    processes: list[subprocess.Popen[str]] = []

    def begin(job: str, *arguments: object) -> subprocess.Popen[str]:
        processes.append(start(job, *arguments, module="tests.policy.askers"))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        with process:
            process.wait(20.0)


def open_until_due(breaker: Breaker) -> None:
    for _ in range(2):
        breaker.admit().failure()
    assert breaker.state == "open"
    until(lambda: not breaker.would_refuse(), "the open time to be over")


def test_four_processes_of_sixteen_threads_at_half_open_send_one_probe(url: str, breaker: Breaker, work: Work) -> None:
    processes = [work("ask", url, 16) for _ in range(PROCESSES)]
    open_until_due(breaker)
    go(*processes)
    found = [json.loads(finish(process)) for process in processes]
    assert sum(let for let, _, _ in found) == 1
    assert sum(refused for _, refused, _ in found) == PROCESSES * 16 - 1
    assert max(longest for _, _, longest in found) < 2.0, "nobody waits for the probe to end"
    assert breaker.state == "half-open"


def test_no_failure_that_any_of_four_processes_saw_is_lost(url: str, work: Work) -> None:
    processes = [work("fail", url, 2, 25) for _ in range(PROCESSES)]
    go(*processes)
    for process in processes:
        finish(process)
    with breaker_at(url, ALL) as breaker:
        assert breaker.status().cause == "200 of 200 calls failed"
        assert breaker.state == "open"


def test_the_probe_of_a_process_that_was_killed_is_another_ones_when_its_lease_is_over(
    url: str, breaker: Breaker, work: Work
) -> None:
    doomed = work("hold", url, 1.0)
    open_until_due(breaker)
    begun = monotonic()
    go(doomed)
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == "holding\n"
    doomed.kill()
    doomed.communicate(timeout=20.0)
    with pytest.raises(ProviderRefused, match="a probe is under way") as refusal:
        breaker.admit()
    assert refusal.value.retry_in is not None
    assert 0.0 < refusal.value.retry_in <= 1.0
    won: list[Permit] = []

    def try_again() -> bool:
        try:
            won.append(breaker.admit())
        except ProviderRefused:
            return False
        return True

    until(try_again, "the lease to be over")
    assert monotonic() - begun >= 1.0
    assert won[0].probe
    won[0].success()
    assert breaker.state == "closed"


def test_every_process_hears_one_chain_of_transitions_whatever_the_others_do(url: str, work: Work) -> None:
    processes = [work("hammer", url, 150) for _ in range(PROCESSES)]
    go(*processes)
    for process in processes:
        whole, heard, begun_closed = json.loads(finish(process))
        assert whole
        assert begun_closed or heard


def test_a_forked_child_goes_on_though_every_lock_was_held_by_a_thread_of_its_parent(work: Work) -> None:
    process = work("fork_with_locks_held")
    go(process)
    assert json.loads(finish(process)) == [0, "closed", []]
