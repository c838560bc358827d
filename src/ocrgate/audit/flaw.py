"""What a verification finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["changed", "dropped", "inserted", "duplicated", "moved", "key"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as it was written.

    Attributes:
        file: name of the file.
        line: in it, from 1; for what is missing, the line before which it is, or None at the end.
        seq: number of the first line concerned, as far as it can be known.
        kind: `changed`, `dropped`, `inserted`, `duplicated` or `moved`; `key` when it cannot be told because the chain
            was made with another key than the one given, or with none.
        detail: one sentence for people.
    """

    file: str
    line: int | None
    seq: int | None
    kind: Kind
    detail: str

    def __str__(self) -> str:
        return f"{self.file}{'' if self.line is None else f':{self.line}'}: {self.kind}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on a ledger.

    Attributes:
        ok: whether it is whole: every line from `first` to `last` is there once, unchanged and in its place.
        lines: that hold.
        files: names of the files read, oldest first.
        first, last: numbers of the first and the last line that hold, or None.
        hash: digest of the last line that holds; noted elsewhere, it proves later that nothing before it was changed.
        problems: in the order of the files; the first thousand.
        warnings: what does not make it flawed but should be known: a torn line that was named, files taken away.
    """

    ok: bool
    lines: int
    files: tuple[str, ...]
    first: int | None
    last: int | None
    hash: str
    problems: tuple[Flaw, ...]
    warnings: tuple[str, ...]
