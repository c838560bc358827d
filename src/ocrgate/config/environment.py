"""`${NAME}` and `${NAME:-default}` in values, after the YAML was read, so that no variable can write YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ocrgate.config.document import Path, Variable
from ocrgate.config.report import Report

_REFERENCE = re.compile(r"(\$\$\{)|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def interpolate(data: Any, environ: Mapping[str, str], report: Report, path: Path = ()) -> Any:
    """The data with every reference replaced; `$${` stands for a literal `${`.

    As in a shell, the default stands in for a variable that is unset or empty. Paths of values that came from the
    environment are noted in the report, which then never quotes them.
    """
    if isinstance(data, dict):
        return {key: interpolate(value, environ, report, (*path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [interpolate(value, environ, report, (*path, index)) for index, value in enumerate(data)]
    if not isinstance(data, str) or "${" not in data:
        return data
    parts: list[str] = []
    end = 0
    for match in _REFERENCE.finditer(data):
        parts.append(data[end : match.start()])
        end = match.end()
        parts.append("${" if match[1] else _lookup(match, environ, report, path))
    parts.append(data[end:])
    text = "".join(parts)
    whole = _REFERENCE.fullmatch(data)
    return Variable(text) if whole is not None and not whole[1] else text


def _lookup(match: re.Match[str], environ: Mapping[str, str], report: Report, path: Path) -> str:
    name = _NAME.fullmatch(match[2])
    if name is None or not match[3]:
        report.unset.add(path)
        report.add(path, "`${` begins a variable: write ${NAME} or ${NAME:-default}, and $${ for a literal ${")
        return ""
    report.derived.add(path)
    value = environ.get(name[1])
    if name[2] is not None:
        return value or name[2]
    if value is None:
        report.unset.add(path)
        report.add(path, f"the environment variable {name[1]} is not set; set it, or write ${{{name[1]}:-default}}")
        return ""
    return value
