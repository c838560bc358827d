"""Acceptance rules that can be used: patterns that compile, checks that exist, fields with one meaning."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

from ocrgate.config.document import Path
from ocrgate.config.report import Report, meant
from ocrgate.errors import ConfigError

_MODULE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


def check(data: Any, path: Path, report: Report) -> None:
    """Note every rule that could not be applied."""
    names: dict[str, int] = {}
    groups: dict[str, int] = {}
    for index, rule in enumerate(data if isinstance(data, list) else []):
        if not isinstance(rule, dict):
            continue
        here: Path = (*path, index)
        name = rule.get("name")
        if isinstance(name, str) and (*here, "name") not in report.unset:
            if name in names:
                report.add((*here, "name"), f"the same name as rules[{names[name]}]; give each rule its own")
            names.setdefault(name, index)
        _pattern(rule.get("pattern"), (*here, "pattern"), index, groups, report)
        _module(rule.get("check"), (*here, "check"), report)


def _pattern(pattern: Any, path: Path, index: int, groups: dict[str, int], report: Report) -> None:
    if not isinstance(pattern, str) or path in report.unset or len(pattern) > 10_000:
        return
    try:
        found = _groups(pattern)
    except ValueError as error:
        detail = f": {error}" if report.quotable(path) else ""
        report.add(path, f"this pattern is not a regular expression{detail}")
        return
    for group in found:
        if groups.setdefault(group, index) != index:
            shown = report.quote(path, group, "a group of this pattern")
            report.add(path, f"{shown} is also a group of rules[{groups[group]}]; a field comes from one rule")


def _groups(pattern: str) -> list[str]:
    import regex

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(regex.compile(pattern, regex.VERSION0).groupindex)
    except regex.error as error:
        raise ValueError(str(error)) from error
    except (RecursionError, MemoryError, OverflowError) as error:
        raise ValueError("it is too large") from error


def _module(name: Any, path: Path, report: Report) -> None:
    if not isinstance(name, str) or not name or path in report.unset or _exists(name):
        return
    hint = meant(name, _modules())
    near = hint if "did you mean" in hint else "; see the list of modules in python-stdnum's documentation"
    report.add(path, f"python-stdnum has no check {report.quote(path, name, 'of this name')}{near}")


def _exists(name: str) -> bool:
    from ocrgate.acceptance.rule import standard_number

    if len(name) > 100 or not _MODULE.fullmatch(name):
        return False
    try:
        standard_number(name)
    except ConfigError:
        return False
    return True


@lru_cache(maxsize=1)
def _modules() -> tuple[str, ...]:
    from pkgutil import walk_packages

    import stdnum

    found = walk_packages(stdnum.__path__, "stdnum.")
    return tuple(module.name.removeprefix("stdnum.") for module in found if not module.ispkg)
