"""Whether a service that was overloaded for a moment ever comes back, in simulated time; see README.md."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, report, target
from benchmarks.overload import Simulation
from benchmarks.world import Stack, Tally, World
from ocrgate.settings import BreakerSettings, BudgetSettings

RESULTS = Path(__file__).resolve().parent / "results"
OPEN_FOR = 5.0
RECOVERED = 0.95
"""Share of the goodput before the trouble from which the service counts as recovered."""
_SMOOTH = 5
_SPARK = 10
_BARS = " ▁▂▃▄▅▆▇█"

_BUDGET = BudgetSettings()
_BREAKER = BreakerSettings(open_for=OPEN_FOR)
STACKS: Mapping[str, Stack] = {
    "one_try": Stack("one call, never repeated", attempts=1),
    "retries": Stack("three calls with full jitter"),
    "budget": Stack("the same within the budget", budget=_BUDGET),
    "breaker": Stack("three calls and the breaker, no budget", breaker=_BREAKER),
    "budget_breaker": Stack("budget and breaker", budget=_BUDGET, breaker=_BREAKER),
    "all": Stack("budget, breaker and a rate limit of 95 %", budget=_BUDGET, breaker=_BREAKER, pace=0.95),
}
_HEAD = (
    "policies",
    "before",
    "trouble",
    "minute after",
    "last minute",
    "recovered after s",
    "calls per request",
    "refused",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    world = World(seconds=options.seconds, seed=options.seed)
    progress, found = report.Progress(), {}
    begun = time.perf_counter()
    for name, stack in STACKS.items():
        tally = Simulation(world, stack).run()
        found[name] = {"what": stack.what, **summary(tally, world)}
        progress.done(f"{stack.what}: {spark(tally.answered)}")
    document = {
        "schema": report.SCHEMA,
        "question": "Does a service that was overloaded for a moment come back?",
        "command": report.command("metastable.py", words),
        "machine": machine.describe(),
        "world": {**asdict(world), "requests_per_second": world.rate, "open_for": OPEN_FOR},
        "requests": sum(stack["requests"] for stack in found.values()),
        "calls": sum(stack["calls"] for stack in found.values()),
        "seconds": round(time.perf_counter() - begun, 1),
        "stacks": found,
        "targets": targets(found),
    }
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    return target.conclude(document["targets"], progress, check=options.check)


def summary(tally: Tally, world: World) -> dict[str, Any]:
    """Goodput before, in and after the trouble, as a share of the requests that arrive, and what it took."""
    begin, end = (int(moment) for moment in world.trouble)
    last = int(world.seconds)
    back = recovery(tally.answered, begin, end)
    # From the trouble to the return, or to the end of the run: where the calls of a collapse are counted.
    until = last if back is None else min(last, end + max(1, round(back)))
    return {
        "requests": sum(tally.arrived),
        "calls": sum(tally.sent),
        "before": _share(tally, begin // 2, begin),
        "trouble": _share(tally, begin, end),
        "minute_after": _share(tally, end, min(last, end + 60)),
        "last_minute": _share(tally, max(end, last - 60), last),
        "recovered_after": back,
        "calls_per_request": round(sum(tally.sent[begin:until]) / sum(tally.arrived[begin:until]), 2),
        "refused": sum(tally.refused),
        "failed": sum(tally.failed),
        "goodput": spark(tally.answered[:last]),
    }


def _share(tally: Tally, begin: int, end: int) -> float:
    return round(sum(tally.answered[begin:end]) / max(1, sum(tally.arrived[begin:end])), 3)


def recovery(answered: Sequence[int], begin: int, end: int) -> float | None:
    """Seconds from the end of the trouble until the goodput of five seconds is what it was before; None for never.

    The five seconds have to stay so to the end of the run, for a moment between two collapses is no recovery.
    """
    usual = sum(answered[begin // 2 : begin]) / (begin - begin // 2)
    back = None
    for second in range(end, len(answered) - _SMOOTH):
        good = sum(answered[second : second + _SMOOTH]) / _SMOOTH >= RECOVERED * usual * (
            0.97 if back is not None else 1
        )
        back = (second if back is None else back) if good else None
    return None if back is None else float(back - end)


def spark(counts: Sequence[int]) -> str:
    """One bar for each ten seconds, as high as what was counted is beside the most."""
    groups = [sum(counts[at : at + _SPARK]) for at in range(0, len(counts) - _SPARK + 1, _SPARK)]
    most = max(groups, default=0) or 1
    return "".join(_BARS[round((len(_BARS) - 1) * group / most)] for group in groups)


def targets(found: Mapping[str, Mapping[str, Any]]) -> list[target.Target]:
    """The disease has to show, and the cure has to work."""
    return [
        target.aim("retries: goodput in the last minute, the collapse", found["retries"]["last_minute"], at_most=0.1),
        target.aim("budget: seconds until recovered", found["budget"]["recovered_after"], at_most=60),
        target.aim("budget: calls per request until then", found["budget"]["calls_per_request"], at_most=1.25),
        target.aim(
            "budget and breaker: seconds until recovered",
            found["budget_breaker"]["recovered_after"],
            at_most=1.5 * OPEN_FOR,
        ),
        target.aim(
            "budget and breaker: goodput in the last minute", found["budget_breaker"]["last_minute"], at_least=0.97
        ),
    ]


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    world = document["world"]
    begin, end = world["trouble"]
    rows = [
        (
            stack["what"],
            stack["before"],
            stack["trouble"],
            stack["minute_after"],
            stack["last_minute"],
            "never" if stack["recovered_after"] is None else stack["recovered_after"],
            stack["calls_per_request"],
            stack["refused"],
        )
        for stack in document["stacks"].values()
    ]
    width = max(len(stack["what"]) for stack in document["stacks"].values())
    bars = "\n".join(f"{stack['what']:<{width}} {stack['goodput']}" for stack in document["stacks"].values())
    story = (
        f"{world['requests_per_second']:.0f} requests a second come to a service that can do "
        f"{world['workers'] / world['service']:.0f}, through {world['gateways']} gateways. From second {begin:g} to "
        f"{end:g} it is {world['slowdown']:g} times slower, then as before. Callers wait {world['timeout']:g} s for a "
        f"call; the service works off what they no longer wait for, too, and up to {world['line']} calls stand in "
        f"line. {document['requests']:,} requests and {document['calls']:,} calls were simulated."
    )
    legend = (
        "Goodput is the share of the requests that are answered in time, by when they come; every stack has the same "
        "requests. Calls per request from the trouble until recovery. Refused: requests kept from the service, which "
        "another engine can have at once."
    )
    parts = [
        "# Metastable overload",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        story,
        legend,
        report.table(_HEAD, rows),
        "Answers, one bar for ten seconds:",
        f"```\n{bars}\n```",
        target.table(document["targets"]),
    ]
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/metastable.py", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=320.0, metavar="S", help="simulated, of each stack (default 320)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of everything random (default 1)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "metastable.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
