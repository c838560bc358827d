"""`ocrgate breakers`: which providers are asked, and forcing a circuit breaker into a mode."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.policy.status import BreakerStatus

_CONFIGURED = "configured"


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `breakers` and its two commands; each sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser("breakers", help="show the circuit breakers of a configuration, or force one")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    shown = commands.add_parser("list", help="each provider: asked or not, why, and until when")
    shown.add_argument("--config", metavar="F", help="a YAML file; the embedded default if left out")
    shown.add_argument("--json", action="store_true", help="as JSON, by provider")
    shown.set_defaults(run=_list)

    forced = commands.add_parser(
        "set",
        help="set a mode for every process that shares the state, until another is set",
        description="enforce: as usual. shadow: everything is counted, nothing is refused. disabled: nothing is counted"
        " or refused. forced_open: everything is refused. configured: what the configuration says.",
    )
    forced.add_argument("provider", metavar="PROVIDER", help="its configured name")
    forced.add_argument("mode", choices=("enforce", "shadow", "disabled", "forced_open", _CONFIGURED))
    forced.add_argument("--config", metavar="F", required=True, help="a YAML file")
    forced.set_defaults(run=_set)


def _list(args: argparse.Namespace) -> int:
    import json

    from ocrgate.gateway import Gateway

    with Gateway.from_yaml(args.config) if args.config else Gateway.default() as gateway:
        status = gateway.status()
    breakers = {name: provider["breaker_detail"] for name, provider in status.items()}
    shared = any(provider["state"].shared for provider in status.values())
    if args.json:
        print(json.dumps({name: {**asdict(detail), "shared": shared} for name, detail in breakers.items()}, indent=2))
        return 0
    width = max(map(len, breakers), default=0)
    for name, detail in breakers.items():
        print(f"{name:{width}}  {_sentence(detail)}")
    if not shared:
        print("note: the state is not shared, so this is what a process knows that has just begun")
    return 0


def _set(args: argparse.Namespace) -> int:
    from ocrgate.gateway import Gateway

    mode = None if args.mode == _CONFIGURED else args.mode
    with Gateway.from_yaml(args.config) as gateway:
        gateway.set_breaker(args.provider, mode)
        status = gateway.status()[args.provider]
    if not status["state"].shared:
        why = status["state"].problem or "the state is not shared"
        print(
            f"{why}, so no other process hears of this; set `breaker.mode` in the configuration, or call"
            " gateway.set_breaker() there"
        )
        return 1
    print(f"{args.provider}: {_sentence(status['breaker_detail'])}")
    return 0


def _sentence(breaker: BreakerStatus) -> str:
    who = ", set by an operator" if breaker.override else ""
    parts = [breaker.state if breaker.age is None else f"{breaker.state} for {_duration(breaker.age)}"]
    parts.append(f"{breaker.mode}{who}")
    if breaker.retry_in:
        parts.append(f"refuses for {_duration(breaker.retry_in)} more")
    if breaker.cause:
        parts.append(breaker.cause)
    if breaker.calls:
        parts.append(f"{breaker.failures} failed and {breaker.slow} slow of {breaker.calls} calls")
    if breaker.probes:
        parts.append(f"probes under way: {breaker.probes}")
    if breaker.spared:
        parts.append(f"calls that would have been refused: {breaker.spared}")
    return "; ".join(parts)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
