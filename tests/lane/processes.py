"""What the tests of worker processes share: asking, and looking at who is alive."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import psutil

from ocrgate.clock import Deadline
from ocrgate.errors import OCRError, ProviderRefused
from ocrgate.lane import Lane, Phase, Ticket
from ocrgate.provider import RAW, Request

PATIENCE = 20.0
ROOT = Path(__file__).parents[2]
ENGINE = "tests.faults.engines:FaultyEngine"


def environment() -> dict[str, str]:
    """The environment of a host program that can import what this one can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}


def eventually(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it becomes true in time."""
    never, until = Event(), monotonic() + seconds
    while not true():
        if monotonic() > until:
            return False
        never.wait(0.01)
    return True


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        status: str = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return status not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def gone(pids: list[int], seconds: float = PATIENCE) -> bool:
    """Whether all have ended in time."""
    return eventually(lambda: not any(map(alive, pids)), seconds)


def logged(log: Path) -> list[int]:
    """The processes that have written to a log."""
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def release(fifo: Path) -> None:
    """Let the engine go that waits at a FIFO."""

    def opened() -> bool:
        with suppress(OSError):
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            return True
        return False

    assert eventually(opened), f"nobody waits at {fifo.name}"


def gave_up(phase: Phase) -> OCRError:
    return ProviderRefused("faulty", "deadline", phase)


def send(lane: Lane, do: str = "", *, seconds: float = PATIENCE, options: Mapping[str, Any] | None = None) -> Ticket:
    request = Request(b"pixels", RAW, 1, 1, options={"do": do, "text": f"{do}!", **(options or {})})
    return lane.submit(request, Deadline.after(seconds))


def ask(lane: Lane, do: str = "", **options: Any) -> str:
    return send(lane, do, options=options).future.result(PATIENCE).text
