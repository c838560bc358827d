"""A morning of troubles for `baidu-aip` alone, for what is written around it by hand, for ocrgate; see README.md."""

from __future__ import annotations

import argparse
import io
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import PIL.Image

if not __package__:  # run as a script: its own folder is on the path then, and the modules beside it are a package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import census, machine, numbered, recovery, report, target
from benchmarks.stacks import KEY, SPARE, STACKS, settings
from benchmarks.timeline import Course, Pace, Phase, phases
from benchmarks.traffic import Shot, Traffic, back, figures
from ocrgate.testing import BaiduSimulator
from ocrgate.testing.simulator import LoggedRequest

RESULTS = Path(__file__).resolve().parent / "results"
_HEAD = ("stack", "images", "valid %", "valid in time %", "wrong", "p50 ms", "p99 ms", "wasted %", "left over")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the result files.

    Returns:
        0; 1 when a target is missed and `--check` was given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    progress = report.Progress()
    pace = Pace(options.open_for, options.rate)
    plan = phases(pace, quick=options.quick)
    seconds = sum(phase.length for phase in plan) * pace.open_for
    stacks = {}
    for name in options.stacks:
        progress.done(f"{name}: {seconds:.0f} s")
        stacks[name] = run(name, pace, plan)
    lengths = [0.5 * number for number in range(1, options.lengths + 1)]
    progress.done(f"outages of {len(lengths)} lengths in simulated time")
    found = recovery.sweep(settings("http://127.0.0.1", pace).providers["baidu"].breaker, pace, lengths)
    document: dict[str, Any] = {
        "schema": report.SCHEMA,
        "question": "What becomes of steady traffic while the platform is in trouble?",
        "command": report.command("outage.py", words),
        "machine": machine.describe(),
        "open_for": pace.open_for,
        "rate": pace.rate,
        "callers": pace.threads,
        "timeout": pace.timeout,
        "deadline": pace.deadline,
        "timeline": [{key: each for key, each in asdict(phase).items() if key != "rules"} for phase in plan],
        "stacks": stacks,
        "simulated": {"lengths": lengths, **found},
        "targets": [*(targets(stacks["ocrgate"]) if "ocrgate" in stacks else []), _longest(found)],
    }
    report.write_json(options.out, document)
    report.write(options.out.with_suffix(".md"), markdown(document))
    return target.conclude(document["targets"], progress, check=options.check)


def _read(image: bytes) -> list[dict[str, object]]:
    with PIL.Image.open(io.BytesIO(image)) as opened:
        return [{"words": numbered.read(opened), "probability": 0.99}]


def run(name: str, pace: Pace, plan: Sequence[Phase]) -> dict[str, Any]:
    """Take one stack through the timeline."""
    before = set(threading.enumerate())
    children = len(census.children(os.getpid()))
    with BaiduSimulator([KEY, SPARE], reader=_read) as platform:
        with STACKS[name](platform.url, pace) as read:
            read(numbered.picture(numbered.COUNT - 1))  # connections, tokens and imports are there when it begins
            start = time.monotonic() + 0.1
            course = Course()
            traffic = Traffic(read, pace, start, sum(phase.length for phase in plan) * pace.open_for)
            traffic.start()
            course.follow(plan, pace, start, platform.plan_faults)
            traffic.join(pace.deadline + 1.0)
            shots, sent = traffic.shots(), platform.requests
        left = {
            # Asked while the platform still hangs on to what it holds: nothing of ours may wait for it.
            "threads": census.settles(lambda: len(census.own_threads()), 0),
            "processes": census.settles(lambda: len(census.children(os.getpid())), children) - children,
        }
    # What hangs in the SDK ends with the connections, so that the next stack has the machine for itself.
    census.settles(lambda: sum(thread.name.startswith("caller") for thread in threading.enumerate()), 0)
    left["callers"] = sum(thread not in before and thread.name.startswith("caller") for thread in threading.enumerate())
    return summary(shots, sent, course, plan, pace) | {"left_over": left}


def summary(
    shots: Sequence[Shot], sent: Sequence[LoggedRequest], course: Course, plan: Sequence[Phase], pace: Pace
) -> dict[str, Any]:
    """What the pictures, and the calls that the platform got, say of one stack."""
    stretches, returns = [], []
    wasted = due = 0
    for place, phase in enumerate(plan):
        (begun, wall), (ended, wall_end) = course.begun[place : place + 2]
        first, last = place == 0, place == len(plan) - 1
        own = [shot for shot in shots if (first or begun <= shot.due) and (last or shot.due < ended)]
        calls = sum(wall <= request.time < wall_end for request in sent if request.endpoint != "token")
        stretches.append({"phase": phase.name, **figures(own, pace.deadline), "sent": calls})
        if phase.dead:
            wasted, due = wasted + calls, due + len(own)
        if phase.healthy and place:
            after = back(shots, begun, ended)
            times = None if after is None else round(after / pace.open_for, 2)
            returns.append({"after": plan[place - 1].name, "open_for": times})
    return {
        **figures(shots, pace.deadline),
        "wasted_share": round(wasted / due, 4) if due else None,
        "back": returns,
        "phases": stretches,
    }


def targets(found: Mapping[str, Any]) -> list[target.Target]:
    """What ocrgate should reach."""
    due, left = found["due"], found["left_over"]
    slowest = [each["open_for"] for each in found["back"]]
    return [
        target.aim("ocrgate: images without a valid answer or a clear error in time", due - found["kept"], at_most=0),
        target.aim("ocrgate: wrong answers", found["wrong"], at_most=0),
        target.aim("ocrgate: valid answers in %", _percent(found["valid"], due), at_least=99.9),
        target.aim("ocrgate: calls sent to the dead platform in %", _percent(found["wasted_share"], 1), at_most=5),
        target.aim(
            "ocrgate: longest way back to the platform in open_for",
            None if None in slowest else max(slowest, default=None),
            at_most=1.5,
        ),
        target.aim("ocrgate: threads and processes left over", left["threads"] + left["processes"], at_most=0),
    ]


def _longest(simulated: Mapping[str, Sequence[float]]) -> target.Target:
    longest = max(max(times) for times in simulated.values())
    return target.aim("ocrgate: longest way back after an outage of any length in open_for", longest, at_most=1.5)


def _percent(part: float | None, whole: float) -> float | None:
    return None if part is None or not whole else round(100 * part / whole, 2)


def markdown(document: Mapping[str, Any]) -> str:
    """The result file for people."""
    stacks, open_for = document["stacks"], document["open_for"]
    rows = []
    for name, found in stacks.items():
        due, left = found["due"], found["left_over"]
        rows.append(
            (
                name,
                due,
                _percent(found["valid"], due),
                _percent(found["valid_in_time"], due),
                found["wrong"],
                found["p50_ms"],
                found["p99_ms"],
                _percent(found["wasted_share"], 1),
                sum(left.values()),
            )
        )
    plan = ", ".join(f"{phase['name']} {phase['length'] * open_for:g} s" for phase in document["timeline"])
    simulated = document["simulated"]
    lengths = simulated["lengths"]
    traffic = (
        f"{document['rate']:g} different images a second from {document['callers']} callers to a local stand-in for "
        f"the platform: {plan}. `open_for` {open_for:g} s, `timeout` {document['timeout']:g} s, `deadline` "
        f"{document['deadline']:g} s."
    )
    chance = (
        f"In simulated time, because where in an open time an outage ends is chance: outages of {lengths[0]:g} to "
        f"{lengths[-1]:g} `open_for`, every {lengths[0]:g}; how long until the breaker of ocrgate is closed again."
    )
    parts = [
        "# Outage",
        f"`{document['command']}`. {report.machine_line(document['machine'])}",
        traffic,
        report.table(_HEAD, rows),
        "Valid answers in time, in % of the images of each stretch; in brackets the calls that the platform got.",
        report.table(("stretch", *stacks), _stretches(document)),
        "Back on the platform after the end of each trouble, in multiples of `open_for`.",
        report.table(("after", *stacks), _returns(document)),
        chance,
        report.table(("every call ends in", "median", "longest"), _simulated(simulated)),
        target.table(document["targets"]),
    ]
    return "\n\n".join(parts) + "\n"


def _stretches(document: Mapping[str, Any]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for place, phase in enumerate(document["timeline"]):
        own = [found["phases"][place] for found in document["stacks"].values()]
        cells = [f"{_percent(each['valid_in_time'], each['due'])} ({each['sent']})" for each in own]
        rows.append((f"{place + 1}. {phase['name']}", *cells))
    return rows


def _returns(document: Mapping[str, Any]) -> list[tuple[object, ...]]:
    found = [stack["back"] for stack in document["stacks"].values()]
    return [(each[0]["after"], *(way["open_for"] for way in each)) for each in zip(*found, strict=True)]


def _simulated(found: Mapping[str, Any]) -> list[tuple[object, ...]]:
    return [(trouble, round(median(found[trouble]), 2), max(found[trouble])) for trouble in recovery.TROUBLES]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/outage.py", description=__doc__)
    parser.add_argument(
        "--open-for",
        type=float,
        default=2.0,
        metavar="S",
        help="seconds that a breaker stays open; every other time is in proportion to it (default 2)",
    )
    parser.add_argument("--rate", type=float, default=40.0, metavar="N", help="images a second (default 40)")
    parser.add_argument("--quick", action="store_true", help="a short timeline with two troubles")
    parser.add_argument(
        "--lengths", type=int, default=40, metavar="N", help="of outages in simulated time (default 40)"
    )
    parser.add_argument("--stacks", nargs="+", choices=list(STACKS), default=list(STACKS), metavar="NAME")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--out", type=Path, default=RESULTS / "outage.json", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
