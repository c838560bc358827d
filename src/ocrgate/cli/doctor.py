"""`ocrgate doctor`: look at everything that a recognition needs, each line with its remedy."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.doctor import Entry

WELL, FAILED, USAGE = 0, 1, 2
_STATUSES = ("pass", "warn", "fail", "skip")
_COLOURS = {"pass": "32", "warn": "33", "fail": "31", "skip": "2"}
_NAME = 18
_INDENT = _NAME + 9


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `doctor`; it sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser(
        "doctor",
        help="look at engines, keys, network and configuration",
        description="Look at this host, the configuration, and every engine of it: packages, languages, models, keys, "
        "the way to the server, and one trial recognition each, which costs one call where calls cost something. "
        "Without --config the embedded default is looked at. No key is printed.",
        epilog="exit code: 0 nothing fails · 1 something fails · 2 usage, or the configuration cannot be used",
    )
    parser.add_argument("--config", metavar="FILE", help="YAML configuration")
    parser.add_argument("--json", action="store_true", help="one JSON object, at the end")
    parser.add_argument("--offline", action="store_true", help="ask nobody over the network")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, and print what is found; returns the exit code."""
    from ocrgate.doctor import examine, usable
    from ocrgate.gateway import Gateway

    entries: list[Entry] = []
    with (
        _quiet_log(),
        contextlib.closing(
            examine(
                args.config,
                open_gateway=lambda settings, providers: Gateway(settings, providers=providers),
                network=not args.offline,
            )
        ) as found,
    ):
        for entry in found:
            if not args.json:
                _print(entry, entries)
            entries.append(entry)
    failed = any(entry.finding.status == "fail" for entry in entries)
    if args.json:
        told = {"ok": not failed, "findings": [entry.to_dict() for entry in entries]}
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        print(f"\n{_summary(entries)}")
    if not usable(entries):
        return USAGE
    return FAILED if failed else WELL


def _print(entry: Entry, before: list[Entry]) -> None:
    """One finding, below the name of its group; its remedy on lines of its own."""
    if not before or before[-1].group != entry.group:
        print(f"{chr(10) if before else ''}{entry.group}")
    found = entry.finding
    head = f"  {_coloured(found.status)}  {found.name:<{_NAME}} "
    print(head + _wrapped(found.detail))
    if found.remedy:
        print(f"{' ' * _INDENT}→ {_wrapped(found.remedy, 2)}")
    sys.stdout.flush()


def _wrapped(text: str, more: int = 0) -> str:
    """The text below itself where a terminal is too narrow for it; elsewhere, for other programs, on one line."""
    text = " ".join(text.split())
    if not sys.stdout.isatty():
        return text
    width = max(30, shutil.get_terminal_size().columns - _INDENT - more)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * (_INDENT + more)}".join(lines)


def _coloured(status: str) -> str:
    return f"\x1b[{_COLOURS[status]}m{status}\x1b[0m" if sys.stdout.isatty() else status


def _summary(entries: list[Entry]) -> str:
    counts = {status: sum(entry.finding.status == status for entry in entries) for status in _STATUSES}
    words = {"pass": "passed", "warn": "to be looked at", "fail": "failed", "skip": "skipped"}
    return ", ".join(f"{count} {words[status]}" for status, count in counts.items() if count)


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
    """The findings say all that a log would; without a handler its warnings would stand between them."""
    log, silent = logging.getLogger("ocrgate"), logging.NullHandler()
    log.addHandler(silent)
    try:
        yield
    finally:
        log.removeHandler(silent)
