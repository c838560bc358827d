"""A scenario in a process of its own, for what it does to its process would spoil the others."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys

from ocrgate.drill.blueprint import Blueprint
from ocrgate.drill.house import OpenGateway
from ocrgate.drill.scoreboard import Score, judged
from ocrgate.errors import OCRError

LONGEST = 600.0
"""Seconds that the process may take."""
_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1)); from ocrgate.drill.apart import main; main()"


def play(name: str, blueprint: Blueprint, seed: int, opens: OpenGateway) -> Score:
    """The score of a scenario that is played elsewhere.

    Args:
        name: of the scenario.
        blueprint: what is drilled.
        seed: of everything that is drawn.
        opens: builds the gateway there; a function of a module.

    Raises:
        OCRError: when that process ends without a score.
    """
    path = json.dumps([entry for entry in sys.path if isinstance(entry, str)])
    # In a session of its own, so that Ctrl-C reaches it once, from here, and it can clean up.
    process = subprocess.Popen(
        [sys.executable, "-c", _BOOT, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            said, complaint = process.communicate(pickle.dumps((name, blueprint, seed, opens)), timeout=LONGEST)
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise
    if process.returncode:
        last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"status {process.returncode}"]
        raise OCRError(f"the process of the drill {name} ended without a score: {last[0]}")
    score: Score = pickle.loads(said)  # noqa: S301 - from our own process
    return score


def main() -> None:
    """Play what is told on standard input, and tell the score on standard output."""
    from ocrgate.drill.catalogue import SCENARIOS
    from ocrgate.drill.performance import observe

    name, blueprint, seed, opens = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own process
    scenario = SCENARIOS[name]
    score = judged(scenario, observe(scenario, blueprint, seed=seed, opens=opens))
    with os.fdopen(os.dup(1), "wb") as out:
        out.write(pickle.dumps(score))
