"""The way from a source to settings: read, interpolate, check everything, then build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocrgate.config import mapping, text
from ocrgate.config.document import Document, Finding, Path
from ocrgate.config.environment import interpolate
from ocrgate.config.notices import notices
from ocrgate.config.report import Report
from ocrgate.errors import ConfigError, Problem
from ocrgate.settings import Settings


def settings(source: Mapping[str, Any] | str, path: str | None, environ: Mapping[str, str]) -> Settings:
    """The settings that a YAML text or a mapping holds.

    Raises:
        ConfigError: with every problem found.
    """
    document = _read(source, path)
    report = Report(document)
    if document.data is None and report.findings:
        raise ConfigError(report.problems(), path)
    if not isinstance(document.data, dict) or not document.data:
        report.add((), "expected a mapping with at least `providers:`; `ocrgate config example` prints a whole one")
        raise ConfigError(report.problems(), path)
    document.data = interpolate(document.data, environ, report)
    built = _check(document.data, report)
    if built is None or report.findings:
        raise ConfigError(report.problems() or [Problem("this configuration cannot be used")], path)
    return built


def _read(source: Mapping[str, Any] | str, path: str | None) -> Document:
    if isinstance(source, str):
        return text.read(source)
    if isinstance(source, Mapping):
        return mapping.read(source)
    raise ConfigError(f"expected YAML text or a mapping, not a {type(source).__name__}", path)


def _check(data: dict[str, Any], report: Report) -> Settings | None:
    from ocrgate.config import build, providers, routes
    from ocrgate.config.root_model import Root
    from ocrgate.config.validation import validate

    root = validate(Root, data, (), report)
    checked = providers.check(data.get("providers"), report)
    routes.check(data.get("routes"), data.get("providers"), report)
    routes.check_names(data.get("chaos"), data.get("providers"), ("chaos", "providers"), report)
    for section in ("providers", "routes"):
        _names(data.get(section), (section,), report)
    if root is None or report.findings:
        return None
    return build.settings(root, checked, notices(report.document))


def _names(section: Any, path: Path, report: Report) -> None:
    for name in section if isinstance(section, dict) else ():
        if not name or len(name) > 64 or not name.isprintable() or any(character.isspace() for character in name):
            message = "a name is 1 to 64 printable characters without spaces"
            report.findings.append(Finding((*path, name), message, on_key=True))
