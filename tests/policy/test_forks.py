"""Policies in a child that was forked in the middle of what they do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lane.processes import environment

FORKED = """
import os
from ocrgate.clock import Deadline
from ocrgate.policy.budget import Budget
from ocrgate.policy.concurrency import Concurrency
from ocrgate.policy.limit import Limit
from ocrgate.settings import BudgetSettings, ConcurrencySettings
from tests.policy.stage import Shared

def reserve(limit):
    return limit.reserve(Deadline.after(10.0)), limit.wait, limit.drain(1.0)

def use(budget):
    return budget.call(), budget.spend()

def tell(concurrency):
    return concurrency.told(0.1, 1, "ok"), concurrency.limit

made, act = {made}
lock = made._cell._lock if isinstance(made, Limit) else made._lock
act(made)
with lock:
    child = os.fork()
    if not child:
        act(made)
        os._exit(42)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
act(made)
"""


@pytest.mark.parametrize(
    "made",
    [
        'Limit("baidu", 100.0), reserve',
        'Limit("baidu", 100.0, store=Shared()), reserve',
        "Budget(BudgetSettings()), use",
        'Concurrency(ConcurrencySettings("gradient"), 8), tell',
    ],
)
def test_a_fork_in_the_middle_leaves_no_lock_in_the_way(made: str) -> None:
    code = FORKED.replace("{made}", made)
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env=environment(),
    )
    assert ended.returncode == 0, ended.stderr
