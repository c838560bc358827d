"""The section `routes`: every name in it is one that exists, every rule one that can be used."""

from __future__ import annotations

from typing import Any

from ocrgate.config.document import Path
from ocrgate.config.report import Report, meant
from ocrgate.config.rules import check as check_rules


def check(data: Any, providers: Any, report: Report) -> None:
    """Note everything in the routes that does not fit the rest of the configuration.

    Args:
        data: the routes as they were written; what is of the wrong type is passed over, the models complain of it.
        providers: the providers as they were written.
        report: takes the findings.
    """
    names = list(providers) if isinstance(providers, dict) else []
    for name, route in data.items() if isinstance(data, dict) else ():
        if not isinstance(route, dict):
            continue
        path: Path = ("routes", name)
        _named(route.get("providers"), names, (*path, "providers"), report)
        _consensus(route.get("consensus"), names, (*path, "consensus"), report)
        accept = route.get("accept")
        if isinstance(accept, dict):
            check_rules(accept.get("rules"), (*path, "accept", "rules"), report)


def check_names(section: Any, providers: Any, path: Path, report: Report) -> None:
    """Note what a section's list `providers` names and does not exist."""
    if isinstance(section, dict):
        _named(section.get("providers"), list(providers) if isinstance(providers, dict) else [], path, report)


def _named(listed: Any, names: list[str], path: Path, report: Report) -> list[str]:
    seen: list[str] = []
    for index, name in enumerate(listed if isinstance(listed, list) else []):
        place: Path = (*path, index)
        if not isinstance(name, str) or place in report.unset:
            continue
        if name not in names:
            report.add(place, f"no provider is called {report.quote(place, name)}{meant(name, names)}")
        elif name in seen:
            report.add(place, f"{report.quote(place, name)} is listed twice; an engine is asked once")
        seen.append(name)
    return seen


def _consensus(data: Any, names: list[str], path: Path, report: Report) -> None:
    if not isinstance(data, dict):
        return
    listed = _named(data.get("providers"), names, (*path, "providers"), report)
    quorum = data.get("quorum")
    if isinstance(quorum, int) and listed and quorum > len(set(listed)):
        report.add((*path, "quorum"), f"only {len(set(listed))} providers are listed; the quorum cannot be reached")
