"""Where in a ledger something was seen or is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ocrgate.audit.line import Line


class Place(NamedTuple):
    """A line of a file: the number of the file, from 0, and that of the line, from 1."""

    file: int
    line: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that was read.

    Attributes:
        place: where it stands.
        line: None when it is no line, or its digest does not hold.
        record: its fields; empty without a line.
        claimed: the number that it says it has, if it says so.
    """

    place: Place
    line: Line | None
    record: dict[str, Any]
    claimed: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are missing.

    Attributes:
        first, last: of them.
        before: the place that they are missing before; None at the end.
    """

    first: int
    last: int
    before: Place | None
