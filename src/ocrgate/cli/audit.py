"""`ocrgate audit`: is a ledger as it was written."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.audit import Verification

WHOLE = 0
FLAWED = 1
UNREADABLE = 2


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `audit` and its commands; each sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser("audit", help="verify the ledger of key uses and engine switches")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    verify = commands.add_parser(
        "verify",
        help="whole, or which line was changed, dropped or moved",
        description="Exit code: 0 whole, 1 flawed, 2 unreadable, or made with another key than the one given.",
    )
    verify.add_argument("file", metavar="F", help="the file that is written now; the full ones beside it are found")
    verify.add_argument("--key-env", metavar="NAME", help="environment variable that holds the key of the ledger")
    verify.add_argument("--json", action="store_true", help="the verdict as one JSON object")
    verify.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> int:
    from ocrgate.audit import LedgerError, verify
    from ocrgate.errors import ConfigError

    key = None
    if args.key_env is not None:
        key = os.environ.get(args.key_env)
        if not key:
            raise ConfigError(f"the environment variable {args.key_env} is not set; it should hold the ledger's key")
    try:
        verdict = verify(args.file, key)
    except LedgerError as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    print(_json(args.file, verdict) if args.json else _text(args.file, verdict))
    if verdict.ok:
        return WHOLE
    return UNREADABLE if verdict.problems[0].kind == "key" else FLAWED


def _text(file: str, verdict: Verification) -> str:
    lines = [str(flaw) for flaw in verdict.problems]
    lines += [f"note: {warning}" for warning in verdict.warnings]
    count = f"{verdict.lines} {'line' if verdict.lines == 1 else 'lines'}"
    files = f"{len(verdict.files)} {'file' if len(verdict.files) == 1 else 'files'}"
    if not verdict.ok:
        found = len(verdict.problems)
        lines.append(f"{file}: {found} {'problem' if found == 1 else 'problems'}; {count} in {files} hold")
    elif verdict.last is None:
        lines.append(f"{file}: whole: no line yet")
    else:
        lines.append(f"{file}: whole: {count} in {files}, seq {verdict.first} to {verdict.last}, hash {verdict.hash}")
    return "\n".join(lines)


def _json(file: str, verdict: Verification) -> str:
    import json
    from dataclasses import asdict

    return json.dumps({"file": file, **asdict(verdict)}, indent=2, ensure_ascii=False)
