"""Limits hold among processes that share a file, and after one of them was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ocrgate.billing import Meter, Spend
from ocrgate.settings import SpendSettings
from ocrgate.state.sqlite import SQLiteStore
from tests.billing.parts import FLAT, ONE, noon

pytestmark = pytest.mark.thorough

PROCESSES = 4
CALLS = 40
QUOTA = {"per_day": 90, "per_month": 1000}
LIMITS = SpendSettings(per_day=2.0, per_month=100.0)
PROGRAM = """
import sys
from ocrgate.errors import ProviderRefused
from ocrgate.state import StoreError
from tests.billing.parts import ask
from tests.billing.test_processes import books

meter, spend = books(sys.argv[1], paid=sys.argv[2] == "paid")
print("ready", flush=True)
sys.stdin.readline()
got = 0
for number in range(int(sys.argv[3])):
    reservation = ask(meter, "primary", spend)
    # Others may have the file for longer than the store waits, which is no limit that was reached.
    while isinstance(reservation, ProviderRefused) and isinstance(reservation.__cause__, StoreError):
        reservation = ask(meter, "primary", spend)
    if isinstance(reservation, ProviderRefused):
        assert reservation.reason == ("spend" if sys.argv[2] == "paid" else "quota")
        continue
    got += 1
    if sys.argv[4] == "settle":
        (reservation.billed, reservation.unknown)[number % 2]()
print(got, flush=True)
sys.stdin.readline()
"""


def books(path: str, *, paid: bool) -> tuple[Meter, Spend | None]:
    """The meter and the limit that every process builds for itself."""
    # The day that is counted in stands still, whatever the time of the test.
    store, clock = SQLiteStore(path), noon()
    meter = Meter("baidu", ONE, quota={} if paid else QUOTA, tariff=FLAT, store=store, clock=clock)
    return meter, Spend("default", LIMITS, store, clock) if paid else None


def start(path: Path, how: str, ending: str, calls: int = CALLS) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path), how, str(calls), ending],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def together(path: Path, how: str) -> int:
    """Calls that four processes are granted when they all ask at once."""
    processes = [start(path, how, "settle") for _ in range(PROCESSES)]
    try:
        assert [line(process) for process in processes] == ["ready"] * PROCESSES
        for process in processes:
            go(process)
        return sum(int(line(process)) for process in processes)
    finally:
        for process in processes:
            process.communicate("\n", timeout=60)


def test_four_processes_make_no_more_calls_than_the_quota_has(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert together(path, "free") == 90
    usage = books(str(path), paid=False)[0].usage()["primary"]
    assert (usage.left_today, usage.left_month) == (0, 910)
    assert usage.month.billed + usage.month.uncertain == 90


def test_four_processes_spend_no_more_than_the_route_may(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert together(path, "paid") == 50
    meter, spend = books(str(path), paid=True)
    assert spend is not None
    assert [cost.amount for cost in spend.left().values()] == [98.0, 0.0]
    month = meter.usage()["primary"].month
    assert month.amount is not None
    assert month.uncertain_amount is not None
    assert round(month.amount + month.uncertain_amount, 6) == 2.0


def test_what_a_killed_process_had_reserved_stays_taken(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    process = start(path, "free", "leave", calls=10)
    try:
        assert line(process) == "ready"
        go(process)
        assert line(process) == "10"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    usage = books(str(path), paid=False)[0].usage()["primary"]
    assert (usage.left_today, usage.left_month) == (80, 990)
    assert usage.month.billed == usage.month.uncertain == 0
