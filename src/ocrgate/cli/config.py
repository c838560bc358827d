"""`ocrgate config`: check a file, print the schema, print an example."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.errors import ConfigError, Problem
    from ocrgate.settings import RouteSettings, Settings


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `config` and its three commands; each sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser("config", help="check a configuration, print its schema or an example")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="every problem of a file, with its line; exit 2 when there is one")
    check.add_argument("file", metavar="F", help="a YAML file")
    check.set_defaults(run=_check)

    schema = commands.add_parser("schema", help="the JSON Schema, for editors")
    schema.set_defaults(run=_schema)

    example = commands.add_parser("example", help="a commented file to start from")
    example.set_defaults(run=_example)


def _check(args: argparse.Namespace) -> int:
    from ocrgate.config import load
    from ocrgate.errors import ConfigError

    try:
        settings = load(args.file)
    except ConfigError as error:
        print(_problems(args.file, error), file=sys.stderr)
        return 2
    print(_summary(args.file, settings))
    return 0


def _problems(file: str, error: ConfigError) -> str:
    lines = [_problem(file, problem) for problem in error.problems]
    if len(lines) > 1:
        lines.append(f"{file}: {len(lines)} problems")
    return "\n".join(lines)


def _problem(file: str, problem: Problem) -> str:
    # `file:line:column:` is what editors and terminals make clickable.
    place = "" if problem.line is None else f"{problem.line}:{problem.column}:"
    key = f" {problem.key}:" if problem.key else ""
    return f"{file}:{place}{key} {problem.message}"


def _summary(file: str, settings: Settings) -> str:
    engines = [one.name if one.name == one.type else f"{one.name} ({one.type})" for one in settings.providers.values()]
    lines = [f"{file}: ok", f"providers: {', '.join(engines)}"]
    lines += [f"route {route.name}: {_route(route)}" for route in settings.routes.values()]
    lines += [f"note: {notice}" for notice in settings.notices]
    return "\n".join(lines)


def _route(route: RouteSettings) -> str:
    parts = [" > ".join(route.providers), f"deadline {route.deadline:g} s"]
    if route.residency == "local":
        parts.append("local only")
    if route.accept.rules:
        parts.append(f"rules {', '.join(rule.name for rule in route.accept.rules)}")
    return "; ".join(parts)


def _schema(_args: argparse.Namespace) -> int:
    import json

    from ocrgate.config import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _example(_args: argparse.Namespace) -> int:
    from ocrgate.config import example

    print(example(), end="")
    return 0
