"""`ocrgate drill`: make everything go wrong, against the simulator, and see whether what is promised holds."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

PASSED, FAILED = 0, 1


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `drill`; it sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser(
        "drill",
        help="fault drills against the simulator",
        description="Make everything go wrong that can go wrong, and hold what is promised against what is seen. "
        "Baidu is played by the simulator on this host and every key is replaced: no call leaves it. Without --config "
        "an embedded house is drilled, with short times; with it your own deadlines, breakers, budgets and engines.",
        epilog="exit code: 0 every invariant held · 1 one was broken · 2 usage, or the configuration cannot be drilled",
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="all of them when none is named")
    parser.add_argument("--config", metavar="FILE", help="YAML configuration")
    parser.add_argument("--json", action="store_true", help="one JSON object, at the end")
    parser.add_argument("--list", action="store_true", help="print the scenarios and what they do")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything that is drawn (%(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play the scenarios, and print the scoreboard; returns the exit code.

    Raises:
        ConfigError: when there is no such scenario, or the configuration cannot be drilled.
    """
    from ocrgate.drill import Score, Scoreboard, chosen, drill, embedded, of_file

    scenarios = chosen(args.scenarios)
    if args.list:
        _list(scenarios, as_json=args.json)
        return PASSED
    blueprint = of_file(args.config) if args.config else embedded()
    scores: list[Score] = []
    begun = time.monotonic()
    for score in drill(scenarios, blueprint, seed=args.seed):
        scores.append(score)
        if sys.stderr.isatty():
            outcome = {True: "pass", False: "FAIL", None: "not applicable"}[score.ok]
            print(f"{score.scenario}: {outcome} ({time.monotonic() - begun:.0f} s)", file=sys.stderr)
    board = Scoreboard(tuple(scores), blueprint.notes, args.seed)
    print(json.dumps(board.to_dict(), ensure_ascii=False, indent=2) if args.json else board.text())
    return PASSED if board.ok else FAILED


def _list(scenarios: Any, *, as_json: bool) -> None:
    if as_json:
        told = [
            {
                "name": scenario.name,
                "does": scenario.does,
                "invariants": [{"name": each.name, "says": each.says} for each in scenario.invariants],
            }
            for scenario in scenarios
        ]
        print(json.dumps({"scenarios": told}, ensure_ascii=False, indent=2))
        return
    width = max(len(scenario.name) for scenario in scenarios)
    for scenario in scenarios:
        print(f"{scenario.name:<{width}}  {scenario.does}")
