"""Does a gateway that is used for long keep more and more threads, processes, files or memory? See README.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import census, crowd, machine, mixture, report, target
from benchmarks.census import Census
from ocrgate import Gateway

RESULTS = Path(__file__).resolve().parent / "results"
THREADS = 8
SAMPLES = 40
LOOKING = 5.0
"""Seconds in which a worker that is being replaced has to be there again."""
PATIENCE = 15.0
"""Seconds in which threads that are kept for more work of the same kind have to end by themselves."""
_WORKERS = (
    "`workers`: an engine in two worker processes; every fortieth call ends its process, every hundredth hangs until "
    "it is killed."
)
_COUNTED = ("threads", "processes", "files")
Call = Callable[[int], str | None]
"""Makes the call of a number; returns what was unexpected about its end, or None."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given; 2 on a system that cannot be asked.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    progress = report.Progress()
    if not census.available():
        progress.done("soak.py reads /proc, which this system does not have")
        return 2
    parts = {}
    for name, opened, calls in (
        ("threads", lambda: _threads(options.state), options.calls),
        ("workers", _workers, options.worker_calls),
    ):
        progress.done(f"{name}: {calls} calls from {THREADS} threads")
        parts[name] = soak(opened, calls, progress)
    document: dict[str, Any] = {
        "schema": report.SCHEMA,
        "question": "Does a gateway that is used for long keep more and more?",
        "command": report.command("soak.py", words),
        "machine": machine.describe(),
        "callers": THREADS,
        "state": options.state.partition(":")[0],
        "mixture": {kind: share for kind, (share, _, _) in mixture.KINDS.items()},
        "parts": parts,
    }
    document["targets"] = [each for name, part in parts.items() for each in targets(name, part)]
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    return target.conclude(document["targets"], progress, check=options.check)


@contextmanager
def _threads(state: str) -> Iterator[Call]:
    """Engines in threads of this process, and calls of every kind."""
    engines = {name: mixture.Actor(name) for name in ("cloud", "local")}
    with Gateway(mixture.settings(state), providers=engines) as gateway:
        gateway.on(lambda _event: None)
        with mixture.caller(gateway) as call:
            # More at once than ever after, so that a thread more later on is no accident of the mixture.
            crowd.at_once([partial(call, number) for number in mixture.numbers("slow, so hedged", 3 * THREADS)])
            yield call


@contextmanager
def _workers() -> Iterator[Call]:
    """An engine in worker processes, some of which are killed."""
    with Gateway(mixture.mortal_settings(2), providers={"local": mixture.Actor("local", "process")}) as gateway:
        gateway.warm_up()
        yield lambda number: mixture.mortal_call(gateway, number)


def soak(opened: Callable[[], Any], calls: int, progress: report.Progress) -> dict[str, Any]:
    """Make calls in `SAMPLES` batches and count what the process has after each, while nothing is under way.

    Args:
        opened: opens a gateway; a context manager that yields the `Call`.
        calls: in all.
        progress: hears how far it is.
    """
    begun, unexpected = time.perf_counter(), []
    batch = max(1, calls // SAMPLES)
    samples: list[tuple[int, Census]] = []
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(time.sleep, [0.05] * THREADS))  # so that the callers' own threads are there before
        before = census.take()
        with opened() as call:
            for first in range(0, calls, batch):
                last = min(calls, first + batch)
                unexpected += [found for found in threads.map(call, range(first, last)) if found is not None]
                samples.append((last, _quiet([sample for _, sample in samples])))
                progress.step(f"{last} of {calls}: {samples[-1][1]}")
            busy = time.perf_counter() - begun
        closed = time.perf_counter()
        after = _settled(before)
    return {
        "calls": calls,
        "calls_per_second": round(calls / busy),
        "unexpected": len(unexpected),
        "examples": unexpected[:5],
        "before": before._asdict(),
        "after_close": after._asdict(),
        "settled_s": round(time.perf_counter() - closed, 1),
        "growth": growth(samples),
        "samples": [{"calls": number, **sample._asdict()} for number, sample in samples],
    }


def _quiet(so_far: Sequence[Census]) -> Census:
    """What there is, looked at again for some seconds when it is more than ever: a worker may just be replaced."""
    most = [max((getattr(sample, what) for sample in so_far), default=0) for what in _COUNTED]
    until = time.monotonic() + LOOKING
    while True:
        found = census.take()
        more = any(getattr(found, what) > least for what, least in zip(_COUNTED, most, strict=True))
        if not (so_far and more) or time.monotonic() >= until:
            return found
        time.sleep(0.05)


def _settled(before: Census) -> Census:
    census.settles(lambda: len(census.own_threads()), 0, PATIENCE)
    census.settles(lambda: len(census.children(os.getpid())), before.processes)
    return census.take()


def growth(samples: Sequence[tuple[int, Census]]) -> dict[str, float]:
    """How much more there was in the end.

    Args:
        samples: what was counted after so many calls.

    Returns:
        For `threads`, `processes` and `files`: by how much the most of the last half is above the most of the first
        one. `rss_mb`: by how much the median of the last tenth is above that of the tenth in the middle.
        `rss_kb_per_1000_calls`: the slope after the first quarter.
    """
    tenth, middle = max(1, len(samples) // 10), len(samples) // 2
    early, later = samples[: max(1, middle)], samples[middle:]
    found: dict[str, float] = {
        name: max(getattr(each, name) for _, each in later) - max(getattr(each, name) for _, each in early)
        for name in _COUNTED
    }
    late = median(each.rss_mb for _, each in samples[-tenth:])
    found["rss_mb"] = round(late - median(each.rss_mb for _, each in samples[middle : middle + tenth]), 2)
    warm = samples[len(samples) // 4 :]
    if len({number for number, _ in warm}) > 1:
        slope = linear_regression([number for number, _ in warm], [each.rss_mb for _, each in warm]).slope
        found["rss_kb_per_1000_calls"] = round(1024 * 1000 * slope, 1)
    return found


def targets(name: str, part: Mapping[str, Any]) -> list[target.Target]:
    """What one part should reach."""
    before, after, grown = part["before"], part["after_close"], part["growth"]
    return [
        target.aim(f"{name}: calls that ended otherwise than they should", part["unexpected"], at_most=0),
        *(target.aim(f"{name}: growth of {what} over the last half", grown[what], at_most=0) for what in _COUNTED),
        target.aim(f"{name}: growth of memory over the last half in MiB", grown["rss_mb"], at_most=5),
        *(
            target.aim(f"{name}: {what} left over after close()", after[what] - before[what], at_most=0)
            for what in _COUNTED
        ),
    ]


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    mixed = ", ".join(f"{share} % {kind}" for kind, share in document["mixture"].items())
    parts = [
        "# Soak",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        f"One gateway, {document['callers']} callers, state in {document['state']}. `threads`: {mixed}. {_WORKERS}",
    ]
    for name, part in document["parts"].items():
        rows = [(row["calls"], *(row[what] for what in (*_COUNTED, "rss_mb"))) for row in _shown(part["samples"])]
        ends = [
            ("before", *part["before"].values()),
            *rows,
            (f"{part['settled_s']} s after close()", *part["after_close"].values()),
        ]
        slope = part["growth"].get("rss_kb_per_1000_calls", 0)
        parts += [
            f"`{name}`: {part['calls']} calls, {part['calls_per_second']} a s; {slope:g} KiB more in 1000 calls.",
            report.table(("calls", *_COUNTED, "memory MiB"), ends),
        ]
    return "\n\n".join([*parts, target.table(document["targets"])]) + "\n"


def _shown(samples: Sequence[Mapping[str, Any]], rows: int = 8) -> list[Mapping[str, Any]]:
    step = max(1, len(samples) // rows)
    return list(samples[step - 1 :: step])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/soak.py", description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000, metavar="N", help="of engines in threads")
    parser.add_argument("--worker-calls", type=int, default=2000, metavar="N", help="of an engine in worker processes")
    parser.add_argument("--state", default="memory", metavar="STORE", help="as `state` in the configuration")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "soak.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
