"""`ocrgate keys`: which keys can be used, and taking one off the bench."""

from __future__ import annotations

import argparse
import datetime as dt
import math
from typing import Any


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `keys` and its two commands; each sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser("keys", help="show the keys of a configuration, or take one off the bench")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    shown = commands.add_parser("list", help="each key: usable, benched or on trial, and what it was used for")
    shown.set_defaults(run=_list)

    release = commands.add_parser("release", help="use a key again, after what was wrong at the provider was mended")
    release.add_argument("provider", metavar="PROVIDER", help="its configured name")
    release.add_argument("key", metavar="KEY", nargs="?", help="its configured name; all of the provider's if left out")
    release.set_defaults(run=_release)
    for command in (shown, release):
        command.add_argument("--config", metavar="F", required=True, help="a YAML file")


def _list(args: argparse.Namespace) -> int:
    from ocrgate.gateway import Gateway

    with Gateway.from_yaml(args.config) as gateway:
        status = gateway.status()
        for name, provider in status.items():
            if provider["keys"]:
                print(name)
            for key in provider["keys"].values():
                print("  " + "  ".join(filter(None, (key.name, key.fingerprint, _state(key), _used(provider, key)))))
        if not any(provider["state"].shared for provider in status.values()):
            print("note: the state is not shared, so this is what a process knows that has just begun")
    return 0


def _release(args: argparse.Namespace) -> int:
    from ocrgate.gateway import Gateway

    with Gateway.from_yaml(args.config) as gateway:
        gateway.release_key(args.provider, args.key)
        shared = any(provider["state"].shared for provider in gateway.status().values())
    if not shared:
        print("the state is not shared, so no other process hears of this; restart it, or call gateway.reload() there")
        return 1
    print(f"{args.key or 'every key'} of {args.provider} is used again")
    return 0


def _state(key: Any) -> str:
    trial = f"on trial, {key.successes} successes" if key.trial == "trial" else key.trial or ""
    if key.usable:
        return ", ".join(filter(None, ("usable", trial)))
    until = "the configuration changes" if key.until is None or math.isinf(key.until) else _time(key.until)
    return f"benched until {until}: {key.reason}" if key.reason else trial or f"benched until {until}"


def _used(provider: Any, key: Any) -> str:
    usage = provider["usage"].get(key.name)
    if usage is None:
        return ""
    parts = [f"{usage.today.billed} calls today, {usage.month.billed} this month"]
    if usage.month.amount is not None:
        parts.append(f"{usage.month.amount:.2f} {usage.currency}")
    if usage.today.uncertain:
        parts.append(f"{usage.today.uncertain} more that may have been billed today")
    left = [
        f"{number} left {period}"
        for number, period in ((usage.left_today, "today"), (usage.left_month, "this month"))
        if number is not None
    ]
    return ", ".join((*parts, *left))


def _time(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="minutes")
