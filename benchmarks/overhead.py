"""What the gateway adds to a call, beside what one would write oneself; see README.md."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report
from benchmarks.contender import LANES, Contender, contenders

RESULTS = Path(__file__).resolve().parent / "results"
THREADS = 8
BLOCK = 25
"""Calls of one contender before the next has its turn: long enough to be warm, short against the machine's moods."""

_THROUGHPUT = ("executor", "by_hand", "engine", "gateway")
_IMPORTS = {
    "import ocrgate": "import ocrgate",
    "from ocrgate import Gateway": "from ocrgate import Gateway",
}
_HEAD = ("way", "p50 ms", "p95 ms", "p99 ms", "× executor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    progress = report.Progress()
    with ExitStack() as stack:
        ways = contenders(stack)
        progress.done(f"latency: {options.calls} calls of each of {len(ways)} ways, interleaved")
        taken = latencies(ways, options.calls)
        progress.done(f"throughput: {THREADS} threads, {options.rounds} × {options.seconds:g} s of each")
        rates = throughput({name: ways[name] for name in _THROUGHPUT}, options.seconds, options.rounds)
        what = {name: way.what for name, way in ways.items()}
    progress.done(f"import: {options.imports} fresh processes")
    imports = {name: import_seconds(statement, options.imports) for name, statement in _IMPORTS.items()}
    document = _document(words, what, {name: percentiles(times) for name, times in taken.items()}, rates, imports)
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    for target in document["targets"]:
        progress.done(f"{'met' if target['met'] else 'MISSED'}: {_target(target)}")
    return 1 if options.check and not all(target["met"] for target in document["targets"]) else 0


def latencies(ways: Mapping[str, Contender], calls: int) -> dict[str, list[float]]:
    """Seconds of each call, `calls` for each way; the ways take turns in an order that changes."""
    order, shuffle = list(ways.values()), random.Random(0).shuffle
    taken: dict[str, list[float]] = {way.name: [] for way in order}
    for way in order:
        for _ in range(BLOCK):
            way.call()
    while len(taken[order[0].name]) < calls:
        shuffle(order)
        for way in order:
            call, times = way.call, taken[way.name]
            for _ in range(BLOCK):
                begun = time.perf_counter()
                call()
                times.append(time.perf_counter() - begun)
    return taken


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    cuts = quantiles(times, n=100, method="inclusive")
    return {f"p{share}_ms": round(1000 * cuts[share - 1], 4) for share in (50, 95, 99)}


def throughput(ways: Mapping[str, Contender], seconds: float, rounds: int) -> dict[str, int]:
    """Calls a second from `THREADS` threads at once, for each way: the median of rounds that take turns."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            rates[name].append(_rate(way.call, seconds))
    return {name: round(median(found)) for name, found in rates.items()}


def _rate(call: Callable[[], object], seconds: float) -> float:
    start, counts = threading.Barrier(THREADS + 1), [0] * THREADS
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(place: int) -> None:
        start.wait()
        try:
            while not stop.is_set():
                call()
                counts[place] += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    if failures:
        raise failures[0]
    return sum(counts) / elapsed


def import_seconds(statement: str, times: int) -> float:
    """Seconds of a statement in a fresh process, the median of `times` after one to warm the disk."""
    program = f"import time; b = time.perf_counter(); {statement}; print(time.perf_counter() - b)"
    found = []
    for _ in range(times + 1):
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
        found.append(float(told.stdout))
    return round(median(found[1:]), 4)


def _document(
    words: Sequence[str],
    what: Mapping[str, str],
    calls: Mapping[str, dict[str, float]],
    rates: Mapping[str, int],
    imports: Mapping[str, float],
) -> dict[str, Any]:
    trip = calls["executor"]["p50_ms"]
    ways = {
        name: {"what": what[name], **found, "ratio": round(found["p50_ms"] / trip, 2)} for name, found in calls.items()
    }
    return {
        "schema": report.SCHEMA,
        "question": "What does the gateway add to a call?",
        "command": report.command("overhead.py", words),
        "machine": machine.describe(),
        "calls": ways,
        "calls_per_second": {"threads": THREADS, "lanes": LANES, **rates},
        "import_seconds": imports,
        "targets": [
            _aim("engine: p50 in ms", ways["engine"]["p50_ms"], at_most=0.2),
            _aim("engine: p50 over the executor's round trip", ways["engine"]["ratio"], at_most=2.5),
            _aim(f"engine: calls a second from {THREADS} threads", rates["engine"], at_least=2000),
            _aim(f"gateway: calls a second from {THREADS} threads", rates["gateway"], at_least=2000),
            _aim("import ocrgate: seconds", imports["import ocrgate"], at_most=0.15),
        ],
    }


def _aim(what: str, measured: Any, *, at_most: float | None = None, at_least: float | None = None) -> dict[str, Any]:
    met = measured <= at_most if at_most is not None else measured >= (at_least or 0)
    return {"what": what, "measured": measured, "at_most": at_most, "at_least": at_least, "met": met}


def _target(target: Mapping[str, Any]) -> str:
    limit = f"at most {target['at_most']}" if target["at_most"] is not None else f"at least {target['at_least']}"
    return f"{target['what']}: {target['measured']}, {limit}"


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    ways = [
        (f"{name}: {way['what']}", way["p50_ms"], way["p95_ms"], way["p99_ms"], way["ratio"])
        for name, way in document["calls"].items()
    ]
    rates = {name: rate for name, rate in document["calls_per_second"].items() if name in _THROUGHPUT}
    targets = [(_target(target), "met" if target["met"] else "missed") for target in document["targets"]]
    parts = [
        "# Overhead",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        "One call at a time; the ratio is that of the medians. Ratios travel between machines, milliseconds do not.",
        report.table(_HEAD, ways),
        report.table((f"{THREADS} threads", "calls/s"), rates.items()),
        report.table(("fresh process", "s"), document["import_seconds"].items()),
        report.table(("target", ""), targets),
    ]
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/overhead.py", description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, metavar="N", help="of each way (default 3000)")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="of each throughput round (default 1)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of throughput (default 5)")
    parser.add_argument("--imports", type=int, default=9, metavar="N", help="fresh processes (default 9)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "overhead.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
