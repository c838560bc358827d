"""`ocrgate recognize`: read images from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ocrgate.errors import ConfigError, InvalidImage, NoValidResult

if TYPE_CHECKING:
    from ocrgate.gateway import Gateway
    from ocrgate.result import Attempt, Failure, Result

READ, NO_ENGINE, USAGE, BAD_IMAGE, NOT_VALID = 0, 1, 2, 3, 4


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `ocrgate`."""
    parser = commands.add_parser(
        "recognize",
        help="read images",
        description="Read images and print their text. Without --config every engine that is installed here is tried, "
        "best first, and Baidu before them when AIP_APP_ID, AIP_API_KEY and AIP_SECRET_KEY are set.",
        epilog="exit code: 0 read · 1 no engine could · 2 usage or configuration · 3 bad image · "
        "4 nothing passed the rules; of several images, that of the first that was not read",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="file to read; - for standard input")
    parser.add_argument("--config", metavar="FILE", help="YAML configuration")
    parser.add_argument("--route", metavar="NAME", help="route of the configuration (default: default)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what to print (default: text)")
    parser.add_argument("--trace", action="store_true", help="tell on standard error which engine was asked, and why")
    parser.add_argument("--deadline", type=_seconds, metavar="SECONDS", help="time for each image")
    parser.add_argument("--languages", metavar="LANGS", help="such as en or zh,en")
    parser.set_defaults(run=run)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("a number of seconds above 0")
    return value


def run(options: argparse.Namespace) -> int:
    """Read the images; returns the exit code."""
    from ocrgate.gateway import Gateway
    from ocrgate.log import logging_as

    built = Gateway.from_yaml(options.config) if options.config else Gateway.default()
    with built as gateway, logging_as(gateway.settings.logging):
        codes = [_show(source, answer, options) for source, answer in _answers(gateway, options)]
    return next((code for code in codes if code != READ), READ)


def _answers(gateway: Gateway, options: argparse.Namespace) -> Iterator[tuple[str, Result | Failure]]:
    sources = [sys.stdin.buffer.read() if name == "-" else name for name in options.images]
    answers = gateway.recognize_many(
        sources, route=options.route, deadline=options.deadline, languages=options.languages
    )
    return zip(options.images, answers, strict=True)


def _show(source: str, answer: Result | Failure, options: argparse.Namespace) -> int:
    """Print one answer; its exit code."""
    from ocrgate.result import Failure

    result, error = (None, answer.error) if isinstance(answer, Failure) else (answer, None)
    if isinstance(error, ConfigError):
        raise error
    if isinstance(error, NoValidResult):
        result = error.best
    if options.format == "json":
        _print_json(source, result, error, many=len(options.images) > 1)
    elif result is not None:
        if len(options.images) > 1:
            print(f"==> {source} <==")
        print(result.text, flush=True)
    if error is not None and result is None:
        print(f"{source}: {_explain(error)}", file=sys.stderr)
    elif result is not None and not result.valid:
        print(f"{source}: not valid: {'; '.join(result.reasons)}", file=sys.stderr)
    if options.trace:
        _tell(source, result, error)
    return _code(result, error)


def _code(result: Result | None, error: Exception | None) -> int:
    if result is not None:
        return READ if result.valid else NOT_VALID
    return BAD_IMAGE if isinstance(error, InvalidImage) else NO_ENGINE


def _explain(error: Exception) -> str:
    attempts: tuple[Attempt, ...] = getattr(error, "attempts", ())
    if not attempts:
        return str(error)
    lines = [str(error).partition(":")[0]]
    for attempt in attempts:
        lines.append(f"  {attempt.summary()}")
        if attempt.diagnosis is not None and attempt.diagnosis.remedy:
            lines.append(f"    {attempt.diagnosis.remedy}")
    return "\n".join(lines)


def _print_json(source: str, result: Result | None, error: Exception | None, *, many: bool) -> None:
    data: dict[str, Any] = {"source": source}
    if result is not None:
        data |= result.to_dict()
    if error is not None:
        data["error"] = {"type": type(error).__name__, "message": str(error)}
    print(json.dumps(data, ensure_ascii=False, indent=None if many else 2), flush=True)


def _tell(source: str, result: Result | None, error: Exception | None) -> None:
    """The story of one image, on standard error."""
    attempts = result.attempts if result is not None else getattr(error, "attempts", ())
    if result is not None:
        state = "blank" if result.blank else "valid" if result.valid else "not valid"
        head = f"{state}, read by {result.provider} in {result.elapsed:.2f} s"
        if result.cost.amount:
            head += f" for {result.cost.amount:g} {result.cost.currency}"
    else:
        head = f"{type(error).__name__}"
    print(f"{source}: {head}", file=sys.stderr)
    for number, attempt in enumerate(attempts, 1):
        name = attempt.provider + (f"/{attempt.key}" if attempt.key else "")
        page = f"page {attempt.page}  " if result is not None and len(result.pages) > 1 else ""
        line = f"  {number:>2}. {page}{name:<14} {attempt.outcome:<10} {attempt.elapsed:6.2f} s"
        if attempt.diagnosis is not None:
            line += f"  {attempt.diagnosis}"
        elif attempt.reasons:
            line += "  " + "; ".join(attempt.reasons)
        print(line, file=sys.stderr)
