"""How well calls go side by side, beside what one would write oneself; see README.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import doorway, machine, parallel, report, target

RESULTS = Path(__file__).resolve().parent / "results"
TAKES = 0.05
"""Seconds of a call."""
CALLERS = 64
TASKS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    progress = report.Progress()
    scaling: dict[str, dict[str, Any]] = {}
    eight: dict[str, dict[str, float]] = {}
    for name, way in parallel.WAYS.items():
        each, rounds = (1, 1) if name in parallel.SERIAL else (options.each, options.rounds)
        scaling[name] = {}
        eight[name] = parallel.side_by_side(way, 8, 0.2, 1, rounds)
        for threads in options.threads:
            progress.done(f"{name}: {threads} threads, {each} calls of {1000 * TAKES:g} ms each")
            scaling[name][str(threads)] = parallel.side_by_side(way, threads, TAKES, each, rounds)
    progress.done("a provider that hangs, a breaker half-open, one event loop")
    document: dict[str, Any] = {
        "schema": report.SCHEMA,
        "question": "How well do calls go side by side?",
        "command": report.command("concurrency.py", words),
        "machine": machine.describe(),
        "scaling": scaling,
        "eight": eight,
        "beside_a_hung_one": parallel.beside_a_hung_one(options.beside, 0.02, callers=32),
        "half_open": doorway.probes(CALLERS),
        "one_loop": parallel.on_one_loop(TASKS, TAKES),
    }
    document["targets"] = targets(document)
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    return target.conclude(document["targets"], progress, check=options.check)


def targets(document: Mapping[str, Any]) -> list[target.Target]:
    """What ocrgate should reach."""
    ratios = {threads: found["ratio"] for threads, found in document["scaling"]["ocrgate"].items()}
    hung, door = document["beside_a_hung_one"]["ocrgate"], document["half_open"]["ocrgate"]
    loop = document["one_loop"]
    return [
        *(target.aim(f"{threads} threads: × ideal", ratio, at_most=1.25) for threads, ratio in ratios.items()),
        target.aim("8 calls of 0.2 s at once: seconds", document["eight"]["ocrgate"]["seconds"], at_most=0.25),
        target.aim("beside a provider that hangs: longest delay in ms", hung["longest_ms"], at_most=50),
        target.aim(f"half-open, {door['callers']} threads: probes", door["probes"], at_most=1),
        target.aim(f"half-open, {door['callers']} threads: not told at once", door["waited"], at_most=0),
        target.aim(f"{loop['calls']} calls on one loop: answered", loop["answered"], at_least=loop["calls"]),
        target.aim(f"{loop['calls']} calls on one loop: seconds", loop["seconds"], at_most=0.3),
    ]


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    scaling, loop = document["scaling"], document["one_loop"]
    threads = list(scaling["ocrgate"])
    rows = [(name, *(f"{found[count]['ratio']:.2f}" for count in threads)) for name, found in scaling.items()]
    hung = [(name, found["median_ms"], found["longest_ms"]) for name, found in document["beside_a_hung_one"].items()]
    doors = [
        (name, found["probes"], found["refused"], found["waited"]) for name, found in document["half_open"].items()
    ]
    parts = [
        "# Concurrency",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        f"Threads that each make calls of {1000 * TAKES:g} ms one after the other: wall time over the ideal one.",
        report.table(("way", *(f"{count} threads" for count in threads)), rows),
        "Eight calls of 0.2 s at the same time.",
        report.table(("way", "s"), [(name, found["seconds"]) for name, found in document["eight"].items()]),
        "Calls of 20 ms to one engine while another hangs with all its lanes: by how much they take longer.",
        report.table(("way", "median ms", "longest ms"), hung),
        f"{CALLERS} threads find a breaker half-open at the same moment.",
        report.table(("way", "probes at once", "refused at once", "kept waiting"), doors),
        (
            f"{loop['calls']} calls of {1000 * loop['ideal_s']:g} ms by `arecognize` at once on one event loop: "
            f"{loop['answered']} answered in {loop['seconds']:g} s; the loop was late for others by at most "
            f"{loop['loop_late_ms']:g} ms."
        ),
        target.table(document["targets"]),
    ]
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/concurrency.py", description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[16, 32, 64], metavar="N")
    parser.add_argument("--each", type=int, default=20, metavar="N", help="calls of each thread (default 20)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of which the median counts (default 5)")
    parser.add_argument("--beside", type=int, default=100, metavar="N", help="calls beside a hung one (default 100)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "concurrency.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
