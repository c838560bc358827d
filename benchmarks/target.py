"""What a benchmark aims at, and whether it got there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks import report

Target = Mapping[str, Any]
"""`what`, `measured`, `at_most` or `at_least`, and `met`."""


def aim(what: str, measured: Any, *, at_most: float | None = None, at_least: float | None = None) -> Target:
    """Compare a figure with what it should be. One that could not be measured misses its target."""
    met = measured is not None and (measured <= at_most if at_most is not None else measured >= (at_least or 0))
    return {"what": what, "measured": measured, "at_most": at_most, "at_least": at_least, "met": met}


def told(target: Target) -> str:
    """A target in one line."""
    limit = f"at most {target['at_most']}" if target["at_most"] is not None else f"at least {target['at_least']}"
    return f"{target['what']}: {target['measured']}, {limit}"


def table(targets: Iterable[Target]) -> str:
    """Targets in Markdown."""
    return report.table(("target", ""), [(told(target), "met" if target["met"] else "missed") for target in targets])


def conclude(targets: Iterable[Target], progress: report.Progress, *, check: bool) -> int:
    """Say of each target whether it was met; the exit code, which is 1 when one was not and that was to be checked."""
    missed = 0
    for target in targets:
        progress.done(f"{'met' if target['met'] else 'MISSED'}: {told(target)}")
        missed += not target["met"]
    return 1 if check and missed else 0
