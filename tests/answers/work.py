"""What tests have other processes do to a cache: `python -m tests.answers.work JOB ARGUMENT…`."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path

from ocrgate import Line, Page, Result
from ocrgate.answers import Cache
from ocrgate.settings import CacheSettings
from tests.state.work import wait_for_go


def saying(text: str) -> Result:
    """A good answer that takes about a kilobyte, whatever is done to make it smaller."""
    return Result((Page((Line(text),), notes={"noise": os.urandom(400).hex()}),), "cloud")


def fill(path: str, count: int, size: int) -> None:
    """Write and read answers of 50 questions; say how many were found, and whether one was another's."""
    cache = Cache(CacheSettings(path, size=size))
    wait_for_go()
    found = wrong = kept = 0
    for number in range(count):
        question = f"{(number * 7 + os.getpid()) % 50}"
        answer = cache.get(question)
        if answer is not None:
            found += 1
            wrong += answer.text != question
        kept += cache.put(question, saying(question))
    print(json.dumps([found, wrong, kept]))
    cache.close()


def fill_until_killed(path: str, size: int) -> None:
    cache = Cache(CacheSettings(path, size=size))
    wait_for_go()
    number = 0
    while True:
        number += 1
        cache.put(f"{number % 50}", saying(f"{number % 50}"))


def run_out_of_disk(path: str) -> None:
    """Say what comes of a file that may not grow: whether answers are read, what is told, what comes after."""
    cache = Cache(CacheSettings(path))
    cache.put("q", saying("q"))
    wait_for_go()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = max(file.stat().st_size for file in Path(path).parent.iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    kept = [cache.put(f"{number}", saying("more")) for number in range(100)]
    problem = cache.status().problem
    found = cache.get("q")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    cache.close()
    again = Cache(CacheSettings(path))
    after = again.put("after", saying("after"))
    again.close()
    print(json.dumps([kept[-1], problem, None if found is None else found.text, after]))


def main() -> None:
    job, *arguments = sys.argv[1:]
    globals()[job](*(int(argument) if argument.isdigit() else argument for argument in arguments))


if __name__ == "__main__":
    main()
