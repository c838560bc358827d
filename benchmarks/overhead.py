"""What the gateway adds to a call, beside what one would write oneself; see README.md."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report, target
from benchmarks.contender import LANES, contenders, shared
from benchmarks.history import history
from benchmarks.peer_program import PEERS
from benchmarks.peers import peers
from benchmarks.way import Block, Way

RESULTS = Path(__file__).resolve().parent / "results"
THREADS = 8
BLOCK = 25
"""Calls of one contender before the next has its turn: long enough to be warm, short against the machine's moods."""

_ALONE = ("bare", "gateway_heard")
"""Ways whose throughput tells nothing."""
_IMPORTS = {
    "import ocrgate": "import ocrgate",
    "from ocrgate import Gateway": "from ocrgate import Gateway",
}
_HEAD = ("way", "p50 ms", "p95 ms", "p99 ms", "× executor", "CPU ms")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    progress = report.Progress()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        others = stack.enter_context(peers(options.peers))
        ways: dict[str, Way] = {**contenders(stack), **shared(stack, folder), **others.ways}
        progress.done(f"latency: {options.calls} calls of each of {len(ways)} ways, interleaved")
        taken = latencies(ways, options.calls)
        progress.done(f"throughput: {THREADS} threads, {options.rounds} × {options.seconds:g} s of each")
        rates = throughput(
            {name: way for name, way in ways.items() if name not in _ALONE}, options.seconds, options.rounds
        )
        what = {name: way.what for name, way in ways.items()}
    progress.done(f"history: {options.history} calls of one gateway")
    past = history(options.history, BLOCK)
    progress.done(f"import: {options.imports} fresh processes")
    imports = {name: import_seconds(statement, options.imports) for name, statement in _IMPORTS.items()}
    calls = {name: figures(block) for name, block in taken.items()}
    trip = calls["executor"]["p50_ms"]
    document: dict[str, Any] = {
        "schema": report.SCHEMA,
        "question": "What does the gateway add to a call?",
        "command": report.command("overhead.py", words),
        "machine": machine.describe(),
        "calls": {
            name: {"what": what[name], **found, "ratio": round(found["p50_ms"] / trip, 2)}
            for name, found in calls.items()
        },
        "missing": dict(others.missing),
        "calls_per_second": {"threads": THREADS, "lanes": LANES, **rates},
        "history": past,
        "import_seconds": imports,
    }
    document["targets"] = targets(document)
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    return target.conclude(document["targets"], progress, check=options.check)


def latencies(ways: Mapping[str, Way], calls: int) -> dict[str, Block]:
    """`calls` of each way; the ways take turns in an order that changes."""
    order, shuffle = list(ways.values()), random.Random(0).shuffle
    taken = {way.name: Block([], 0.0) for way in order}
    for way in order:
        way.block(BLOCK)
    while len(taken[order[0].name].seconds) < calls:
        shuffle(order)
        for way in order:
            sofar, more = taken[way.name], way.block(BLOCK)
            taken[way.name] = Block(sofar.seconds + more.seconds, sofar.cpu + more.cpu)
    return taken


def figures(block: Block) -> dict[str, float]:
    """Percentiles, and processor time of a call in milliseconds."""
    return {**percentiles(block.seconds), "cpu_ms": round(1000 * block.cpu / len(block.seconds), 4)}


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    cuts = quantiles(times, n=100, method="inclusive")
    return {f"p{share}_ms": round(1000 * cuts[share - 1], 4) for share in (50, 95, 99)}


def throughput(ways: Mapping[str, Way], seconds: float, rounds: int) -> dict[str, int]:
    """Calls a second from `THREADS` threads at once, for each way: the median of rounds that take turns."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            rates[name].append(way.rate(seconds, THREADS))
    return {name: round(median(found)) for name, found in rates.items()}


def import_seconds(statement: str, times: int) -> float:
    """Seconds of a statement in a fresh process, the median of `times` after one to warm the disk."""
    program = f"import time; b = time.perf_counter(); {statement}; print(time.perf_counter() - b)"
    found = []
    for _ in range(times + 1):
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
        found.append(float(told.stdout))
    return round(median(found[1:]), 4)


def targets(document: Mapping[str, Any]) -> list[target.Target]:
    """What was aimed at, beside what was measured."""
    calls, rates = document["calls"], document["calls_per_second"]
    found = [
        target.aim("engine: p50 in ms", calls["engine"]["p50_ms"], at_most=0.2),
        *(
            target.aim(f"{name}: p50 over the executor's round trip", calls[name]["ratio"], at_most=2.5)
            for name in ("policies", "engine")
        ),
        target.aim(f"engine: calls a second from {THREADS} threads", rates["engine"], at_least=2000),
        target.aim(f"gateway: calls a second from {THREADS} threads", rates["gateway"], at_least=2000),
        target.aim("gateway: p50 of the last calls over the first", document["history"]["ratio"], at_most=1.15),
        target.aim("import ocrgate: seconds", document["import_seconds"]["import ocrgate"], at_most=0.15),
    ]
    gateway = calls["gateway"]["p50_ms"]
    for name in PEERS:
        if name in calls:
            ratio = round(gateway / calls[name]["p50_ms"], 3)
            found.append(target.aim(f"gateway: p50 over that of {name}", ratio, at_most=1.0))
    return found


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    ways = [
        (f"{name}: {way['what']}", way["p50_ms"], way["p95_ms"], way["p99_ms"], way["ratio"], way["cpu_ms"])
        for name, way in document["calls"].items()
    ]
    rates = {name: rate for name, rate in document["calls_per_second"].items() if name in document["calls"]}
    past = document["history"]
    told = (
        f"p50 of the first {past['looked_at']:,} calls of a gateway {past['first_p50_ms']} ms, of the last of "
        f"{past['calls']:,} {past['last_p50_ms']} ms: {past['ratio']} ×."
    )
    legend = (
        "One call at a time; the ratio is that of the medians. Ratios travel between machines, milliseconds do not. "
        "CPU: processor time of a call in all threads, which depends less on how the machine wakes them."
    )
    missing = [f"Not measured: {name}, {why}." for name, why in document["missing"].items()]
    parts = [
        "# Overhead",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        legend,
        report.table(_HEAD, ways),
        *missing,
        report.table((f"{THREADS} threads", "calls/s"), rates.items()),
        told,
        report.table(("fresh process", "s"), document["import_seconds"].items()),
        target.table(document["targets"]),
    ]
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/overhead.py", description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, metavar="N", help="of each way (default 3000)")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="of each throughput round (default 1)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of throughput (default 5)")
    parser.add_argument("--imports", type=int, default=9, metavar="N", help="fresh processes (default 9)")
    parser.add_argument(
        "--history",
        type=int,
        default=20_000,
        metavar="N",
        help="calls of one gateway, to see that it stays as fast (default 20000)",
    )
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter in which litellm and ocrroute are installed")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "overhead.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
