"""What became of the mutants of a fuzz, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

SHOWN = 20
"""Failures that are told in full."""


@dataclass(frozen=True, slots=True)
class Case:
    """One mutant and what became of it.

    Attributes:
        number: with the seed, all it takes to make the mutant again.
        endpoint: name of the endpoint that was asked, or `token`.
        how: mutators.
        size: bytes of the reply.
        outcome: `page`, `empty page`, `diagnosis`, or the name of the exception that should not have come.
        code: of the diagnosis; `(in no table)` for one that the mutant made up; None without a diagnosis.
        flaws: what is wrong with the outcome; empty when nothing is.
        seconds: of processor time.
    """

    number: int
    endpoint: str
    how: tuple[str, ...]
    size: int
    outcome: str
    code: str | None
    flaws: tuple[str, ...]
    seconds: float


class Tally:
    """What became of all the cases, in little memory.

    Args:
        limit: seconds of processor time that a reply may take, and as many again for each of its megabytes.
    """

    def __init__(self, limit: float) -> None:
        self.failed = 0
        self._limit = limit
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in ("outcomes", "codes", "endpoints", "how")}
        self._failures: list[Case] = []
        self._slowest: list[Case] = []
        self._kinds: Counter[str] = Counter()

    def add(self, case: Case) -> None:
        """Count one."""
        self._counts["outcomes"][case.outcome] += 1
        self._counts["endpoints"][case.endpoint] += 1
        self._counts["how"].update(set(case.how))
        if case.code is not None:
            self._counts["codes"][case.code] += 1
        if case.flaws or case.seconds > self._limit * (1 + case.size / 1e6):
            self.failed += 1
            kind = " ".join((case.flaws or ("slow",))[0].split()[:6])
            self._kinds[kind] += 1
            # A few of each kind tell more than many of one.
            if self._kinds[kind] <= 3 and len(self._failures) < SHOWN:
                self._failures.append(case)
        self._slowest.append(case)
        if len(self._slowest) > 1000:
            self._slowest = nlargest(10, self._slowest, key=lambda each: each.seconds)

    def figures(self) -> dict[str, Any]:
        """The part of the result file that counts."""
        slowest = nlargest(10, self._slowest, key=lambda each: each.seconds)
        return {
            "failed": self.failed,
            "limit_seconds": self._limit,
            **{name: dict(counter.most_common()) for name, counter in self._counts.items()},
            "failures": [
                {**_place(case), "outcome": case.outcome, "code": case.code, "flaws": list(case.flaws or ("slow",))}
                for case in self._failures
            ],
            "kinds_of_failure": dict(self._kinds.most_common()),
            "slowest": [{"milliseconds": round(1000 * case.seconds, 2), **_place(case)} for case in slowest],
        }


def _place(case: Case) -> dict[str, Any]:
    return {"number": case.number, "endpoint": case.endpoint, "how": list(case.how), "bytes": case.size}
