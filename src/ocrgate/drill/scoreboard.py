"""What came of a drill: for each scenario its verdicts and numbers, as data and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ocrgate.drill.invariant import COMMON, Verdict
from ocrgate.drill.observation import Observation, back_at, count
from ocrgate.drill.scenario import Scenario

SCHEMA = 1
"""Version of what `to_dict()` returns; it grows when a key is renamed, removed or re-typed."""
_MARKS = {True: "pass", False: "FAIL", None: "–"}


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was counted and measured in one scenario.

    Attributes:
        calls: of the gateway, one for each image.
        valid: that ended in a valid result.
        degraded: results that are flagged so.
        errors: that ended in an error.
        p50, p99: seconds of a call; None without any.
        wasted: requests to the server that brought nothing during the fault.
        recovery: seconds from the end of the fault until the first engine answered again; None when it did not.
    """

    calls: int = 0
    valid: int = 0
    degraded: int = 0
    errors: int = 0
    p50: float | None = None
    p99: float | None = None
    wasted: int = 0
    recovery: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One scenario.

    Attributes:
        scenario: its name.
        verdicts: by invariant, in order; empty when it was not run.
        numbers: of it.
        reason: why it does not apply, or nothing.
    """

    scenario: str
    verdicts: tuple[tuple[str, Verdict], ...] = ()
    numbers: Numbers = field(default_factory=Numbers)
    reason: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether every invariant held; None for a scenario that does not apply."""
        return None if self.reason else all(verdict.ok is not False for _, verdict in self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """As plain data; see docs/drills.md for the schema."""
        numbers = self.numbers
        return {
            "name": self.scenario,
            "ok": self.ok,
            "reason": self.reason,
            "invariants": [
                {"name": name, "ok": verdict.ok, "evidence": verdict.evidence} for name, verdict in self.verdicts
            ],
            "numbers": {name: _rounded(getattr(numbers, name)) for name in Numbers.__dataclass_fields__},
        }


def judged(scenario: Scenario, seen: Observation) -> Score:
    """The verdict of every invariant on what was seen."""
    verdicts = tuple((invariant.name, invariant.check(seen)) for invariant in scenario.invariants)
    return Score(scenario.name, verdicts, _numbers(seen))


def _numbers(seen: Observation) -> Numbers:
    took = sorted(call.elapsed for call in seen.calls)
    after = seen.stretch("after")
    back = [back_at(seen.within("after", route), seen.route(route).providers[0]) for route in seen.routes]
    known = [at - after.begun for at in back if at is not None]
    return Numbers(
        calls=len(seen.images),
        valid=count(seen.calls, lambda call: call.valid),
        degraded=count(seen.calls, lambda call: call.result is not None and call.result.degraded),
        errors=count(seen.calls, lambda call: call.result is None),
        p50=_quantile(took, 0.5),
        p99=_quantile(took, 0.99),
        wasted=seen.wasted,
        recovery=max(known) if len(known) == len(back) else None,
    )


def _quantile(took: Sequence[float], share: float) -> float | None:
    return took[math.ceil(share * len(took)) - 1] if took else None


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """A whole drill.

    Attributes:
        scores: in the order in which the scenarios were run.
        notes: what was not as the configuration says.
        seed: that it was run with.
    """

    scores: tuple[Score, ...]
    notes: tuple[str, ...] = ()
    seed: int = 0

    @property
    def ok(self) -> bool:
        """Whether no invariant was broken."""
        return all(score.ok is not False for score in self.scores)

    def to_dict(self) -> dict[str, Any]:
        """As plain data; see docs/drills.md for the schema."""
        return {
            "schema": SCHEMA,
            "ok": self.ok,
            "seed": self.seed,
            "notes": list(self.notes),
            "scenarios": [score.to_dict() for score in self.scores],
        }

    def text(self) -> str:
        """As a table for people, with a sentence for each failure and each scenario that does not apply."""
        common = [invariant.name for invariant in COMMON]
        ran = [score for score in self.scores if score.ok is not None]
        parts = []
        if ran:
            head = ["scenario", *(name.replace("_", " ") for name in common), "its own"]
            parts.append(_table([head, *(_row(score, common) for score in ran)]))
            figures = ["scenario", "calls", "valid", "degraded", "errors", "p50 ms", "p99 ms", "wasted", "recovery s"]
            parts.append(_table([figures, *(_figures(score) for score in ran)], right=True))
        failures = [
            f"FAIL {score.scenario}: {name}: {verdict.evidence}"
            for score in ran
            for name, verdict in score.verdicts
            if verdict.ok is False
        ]
        parts.append("\n".join(failures))
        parts.append(
            "\n".join(f"not applicable: {each.scenario}: {each.reason}" for each in self.scores if each.reason)
        )
        parts.append("\n".join(f"note: {note}" for note in self.notes))
        parts.append(self._summary())
        return "\n\n".join(filter(None, parts))

    def _summary(self) -> str:
        counts = {
            "passed": sum(score.ok is True for score in self.scores),
            "failed": sum(score.ok is False for score in self.scores),
            "not applicable": sum(score.ok is None for score in self.scores),
        }
        return ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "nothing was run"


def _row(score: Score, common: Sequence[str]) -> list[str]:
    verdicts = dict(score.verdicts)
    cells = [_MARKS[verdicts[name].ok] if name in verdicts else "–" for name in common]
    own = [verdict.ok for name, verdict in score.verdicts if name not in common]
    mine: bool | None = None if all(ok is None for ok in own) else False not in own
    return [score.scenario, *cells, _MARKS[mine]]


def _figures(score: Score) -> list[str]:
    numbers = score.numbers
    times = ["–" if each is None else f"{1000 * each:.0f}" for each in (numbers.p50, numbers.p99)]
    recovery = "–" if numbers.recovery is None else f"{numbers.recovery:.2f}"
    counted = (numbers.calls, numbers.valid, numbers.degraded, numbers.errors)
    return [score.scenario, *map(str, counted), *times, str(numbers.wasted), recovery]


def _table(rows: Iterable[Sequence[str]], *, right: bool = False) -> str:
    """Columns as wide as they need to be; the first one to the left."""
    lines = [list(row) for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right and place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
