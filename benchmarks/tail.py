"""How long the slowest calls take, with and without hedging; see README.md."""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report, target
from benchmarks.contender import small_png
from benchmarks.straggler import PRICE, CloudEngine, LocalEngine, Plan, settings
from benchmarks.tail_simulation import Simulation
from ocrgate import Gateway
from ocrgate.settings import HedgeSettings

RESULTS = Path(__file__).resolve().parent / "results"
CALLERS = 64
SHARES = (0.5, 0.99, 0.999)
CUT, EXTRA = 3.0, 0.05
_FLOOR = 5
"""Times the usual duration of a call; not sooner than after that is a call hedged."""
_HEAD = ("way", "p50 ms", "p99 ms", "p99.9 ms", "p99.9 cut", "extra calls", "cloud calls", "cost per 1000")

WAYS: Mapping[str, str] = {
    "plain": "no hedging",
    "local": "hedged on this host",
    "key": "hedged with the other key",
    "eager": "hedged on this host after p95, no floor",
}


def hedging(way: str, plan: Plan) -> HedgeSettings | None:
    """The settings of a way."""
    floor = _FLOOR * plan.usual
    return {
        "plain": None,
        "local": HedgeSettings(floor=floor, budget=EXTRA, to=("local",)),
        "key": HedgeSettings(floor=floor, budget=EXTRA, to=("key",)),
        "eager": HedgeSettings(budget=EXTRA, to=("local",)),
    }[way]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, simulate and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    plan = Plan(seed=options.seed)
    progress = report.Progress()
    progress.done(
        f"real time: {options.calls} calls of each of {len(WAYS)} ways at once, {options.rate:g} a second each"
    )
    real = measured(plan, options.calls, options.rate)
    progress.done(f"simulated time: {options.simulated} calls of each")
    simulated: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        run = Simulation(plan, hedging(way, plan), options.rate).run(options.simulated)
        simulated[way] = {**quantiles(run.seconds), **_expense(options.simulated, run.cloud, run.hedges)}
    for found in (real, simulated):
        for figures in found.values():
            figures["cut"] = round(found["plain"]["p99.9_ms"] / figures["p99.9_ms"], 2)
    document: dict[str, Any] = {
        "schema": report.SCHEMA,
        "question": "How long do the slowest calls take, with and without hedging?",
        "command": report.command("tail.py", words),
        "machine": machine.describe(),
        "plan": {**asdict(plan), "rate": options.rate, "floor": _FLOOR * plan.usual, "currency": PRICE.currency},
        "real": {"calls": options.calls, "ways": real},
        "simulated": {"calls": options.simulated, "ways": simulated},
        "targets": targets(real, simulated),
    }
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    return target.conclude(document["targets"], progress, check=options.check)


def measured(plan: Plan, calls: int, rate: float) -> dict[str, dict[str, Any]]:
    """Every way through a gateway of its own in real time, all at once, so that a slow moment hits all of them."""
    found: dict[str, dict[str, Any]] = {}
    threads = [
        threading.Thread(target=lambda way=way: found.update({way: _through(plan, way, calls, rate)})) for way in WAYS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {way: found[way] for way in WAYS}


def _through(plan: Plan, way: str, calls: int, rate: float) -> dict[str, Any]:
    """Calls that come evenly, whether those before have ended or not; each is timed from when it is due."""
    cloud, local, image = CloudEngine(plan), LocalEngine(plan), small_png()
    with ExitStack() as stack:
        gateway = stack.enter_context(Gateway(settings(hedging(way, plan)), providers={"cloud": cloud, "local": local}))
        callers = stack.enter_context(ThreadPoolExecutor(CALLERS))
        list(callers.map(lambda _caller: gateway.recognize(image, options={"number": -1}), range(CALLERS)))
        cloud.calls = local.calls = 0
        begun = time.monotonic()

        def ask(number: int) -> float:
            due = begun + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            result = gateway.recognize(image, options={"number": number})
            if not result.valid:
                raise RuntimeError(f"not valid: {result.reasons}")
            return time.monotonic() - due

        seconds = list(callers.map(ask, range(calls)))
    return {**quantiles(seconds), **_expense(calls, cloud.calls, cloud.calls + local.calls - calls)}


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """The 50th, 99th and 99.9th percentile in milliseconds: the duration within which that share had ended."""
    order = sorted(seconds)
    return {f"p{100 * share:g}_ms": round(1000 * order[math.ceil(share * len(order)) - 1], 1) for share in SHARES}


def _expense(calls: int, cloud: int, extra: int) -> dict[str, float]:
    return {
        "extra_share": round(extra / calls, 4),
        "cloud_calls": cloud,
        "cost_per_1000": round(1000 * cloud * PRICE.amount / calls, 2),
    }


def targets(real: Mapping[str, Mapping[str, Any]], simulated: Mapping[str, Mapping[str, Any]]) -> list[target.Target]:
    """How much the tail has to be cut, and for how much."""
    return [
        each
        for kind, found in (("real time", real), ("simulated", simulated))
        for way in ("local", "key")
        for each in (
            target.aim(f"{kind}, {WAYS[way]}: p99.9 cut to one in", found[way]["cut"], at_least=CUT),
            target.aim(f"{kind}, {WAYS[way]}: extra calls, share", found[way]["extra_share"], at_most=EXTRA),
        )
    ]


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    plan = document["plan"]
    story = (
        f"A cloud engine takes {1000 * plan['usual']:g} ms, but {100 * plan['share']:g} % of its calls take about "
        f"{plan['slow']:g} s; the engine on this host takes {1000 * plan['local']:g} ms. {plan['rate']:g} calls come a "
        f"second. A call is hedged once it has taken longer than 95 % of those before and than "
        f"{1000 * plan['floor']:g} ms."
    )
    parts = [
        "# Tail",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        story,
        f"Through the gateway, in real time, {document['real']['calls']:,} calls each, all ways at the same time:",
        report.table(_HEAD, _rows(document["real"]["ways"], plan["currency"])),
        f"The same decisions in simulated time, {document['simulated']['calls']:,} calls each:",
        report.table(_HEAD, _rows(document["simulated"]["ways"], plan["currency"])),
        target.table(document["targets"]),
    ]
    return "\n\n".join(parts) + "\n"


def _rows(ways: Mapping[str, Mapping[str, Any]], currency: str) -> list[Sequence[object]]:
    return [
        (
            WAYS[name],
            *(way[f"p{100 * share:g}_ms"] for share in SHARES),
            f"{way['cut']} ×",
            f"{100 * way['extra_share']:.2f} %",
            way["cloud_calls"],
            f"{way['cost_per_1000']} {currency}",
        )
        for name, way in ways.items()
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/tail.py", description=__doc__)
    parser.add_argument("--calls", type=int, default=4000, metavar="N", help="of each way in real time (default 4000)")
    parser.add_argument(
        "--simulated", type=int, default=200_000, metavar="N", help="of each way in simulated time (default 200000)"
    )
    parser.add_argument(
        "--rate", type=float, default=100.0, metavar="N", help="calls a second of each way (default 100)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of which calls are slow (default 1)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "tail.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
