"""An engine that hangs, crashes or eats memory costs one attempt, and the host program nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ocrgate import AllProvidersFailed, DeadlineExceeded, Gateway, Result
from ocrgate.settings import ProviderSettings, RetrySettings, RouteSettings, Settings
from ocrgate.testing import ScriptedProvider
from tests.faults.engines import FaultyEngine
from tests.houses import picture

pytestmark = pytest.mark.thorough

MARGIN = 0.25
FAULTS = {
    "hang": "worker_timeout",
    "hang_holding_the_interpreter": "worker_timeout",
    "hang_with_child": "worker_timeout",
    "exit": "worker_crash",
    "sigkill": "worker_crash",
    "sigsegv": "worker_crash",
    "abort": "worker_crash",
    "eat_memory": "worker_memory",
    "raise": "adapter_error",
    "fail": "engine_missing",
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "pids"


@pytest.fixture
def gateway(log: Path) -> Iterator[Gateway]:
    settings = ProviderSettings(
        "faulty", "faulty", {"log": str(log)}, timeout=1.5, memory=1 << 28, retry=RetrySettings(attempts=1)
    )
    other = ProviderSettings("other", "scripted")
    routes = {
        "default": RouteSettings("default", ("faulty", "other")),
        "alone": RouteSettings("alone", ("faulty",)),
    }
    built = Gateway(
        Settings({"faulty": settings, "other": other}, routes),
        providers={"faulty": FaultyEngine("faulty"), "other": ScriptedProvider("other", "from the other")},
    )
    with built:
        built.warm_up()
        yield built


@pytest.mark.parametrize(("fault", "code"), FAULTS.items())
def test_a_fault_costs_one_attempt_and_the_other_engine_answers(gateway: Gateway, fault: str, code: str) -> None:
    begun = time.monotonic()
    result = gateway.recognize(picture(), deadline=5.0, options={"do": fault})
    assert time.monotonic() - begun < 5.0 + MARGIN
    assert [(attempt.provider, attempt.outcome) for attempt in result.attempts] == [
        ("faulty", "failed"),
        ("other", "accepted"),
    ]
    assert result.attempts[0].diagnosis is not None
    assert result.attempts[0].diagnosis.code == code
    assert gateway.recognize(picture(), deadline=5.0, route="alone").text == "read"


@pytest.mark.parametrize("fault", ["hang", "hang_holding_the_interpreter", "hang_with_child"])
def test_with_no_other_engine_a_hang_ends_at_the_deadline(gateway: Gateway, fault: str) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        gateway.recognize(picture(), route="alone", deadline=0.4, options={"do": fault})
    assert 0.4 <= time.monotonic() - begun < 0.4 + MARGIN
    assert gateway.recognize(picture(), route="alone", deadline=5.0).text == "read"


def test_with_no_other_engine_a_crash_is_an_error_at_once(gateway: Gateway) -> None:
    with pytest.raises(AllProvidersFailed, match="SIGSEGV"):
        gateway.recognize(picture(), route="alone", deadline=5.0, options={"do": "sigsegv"})


def test_what_an_engine_started_dies_with_it(gateway: Gateway, log: Path) -> None:
    with pytest.raises(DeadlineExceeded):
        gateway.recognize(picture(), route="alone", deadline=0.4, options={"do": "hang_with_child"})
    gateway.close()
    pids = [int(line) for line in log.read_text().split()]
    assert len(pids) >= 2
    for pid in pids:
        with_pid = [process for process in psutil.process_iter() if process.pid == pid]
        psutil.wait_procs(with_pid, timeout=5)
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_faults_of_one_call_in_many_leave_the_others_whole(gateway: Gateway) -> None:
    answers = list(gateway.recognize_many([picture()] * 12, workers=4))
    assert [answer.text for answer in answers if isinstance(answer, Result)] == ["read"] * 12


def test_closing_leaves_no_process_behind(gateway: Gateway) -> None:
    gateway.recognize(picture())
    gateway.close()
    left = [
        child
        for child in psutil.Process(os.getpid()).children(recursive=True)
        if "ocrgate" in " ".join(child.cmdline())
    ]
    assert left == []
