"""What a process has: threads, child processes, open files, memory. Read from /proc, so Linux only."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_SELF = Path("/proc/self")


class Census(NamedTuple):
    """At one moment.

    Attributes:
        threads, processes, files: how many; `processes` are children and theirs, dead ones that nobody has buried too.
        rss_mb: resident memory, of this process alone, in MiB.
    """

    threads: int
    processes: int
    files: int
    rss_mb: float


def available() -> bool:
    """Whether this system can be asked."""
    return (_SELF / "fd").is_dir()


def take() -> Census:
    """Count, after what nobody uses any more has been collected."""
    gc.collect()
    status = dict(line.split(":", 1) for line in (_SELF / "status").read_text().splitlines() if ":" in line)
    return Census(
        threads=int(status["Threads"]),
        processes=len(children(os.getpid())),
        files=len(list((_SELF / "fd").iterdir())) - 1,  # the listing has the folder itself open
        rss_mb=round(int(status["VmRSS"].split()[0]) / 1024, 2),
    )


def children(of: int) -> list[int]:
    """Processes below one, whatever their state."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                after_name = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            parents.setdefault(int(after_name[1]), []).append(int(place.name))
    found, waiting = [], [of]
    while waiting:
        own = parents.get(waiting.pop(), [])
        found += own
        waiting += own
    return found


def own_threads() -> list[str]:
    """Names of the threads that the library started and that are still there."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ocrgate")]


def settles(count: Callable[[], int], most: int, patience: float = 3.0) -> int:
    """What is counted, once it is at most `most`, or after `patience` seconds."""
    until = time.monotonic() + patience
    while (found := count()) > most and time.monotonic() < until:
        time.sleep(0.02)
    return found
