"""A configuration as plain data, with the place of each key and value in its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
"""Where a value stands in the data: `("routes", "default", "providers", 0)`."""

MAX_VALUES = 20_000
"""Values in one configuration, aliases counted as often as they are used."""

MAX_DEPTH = 48
"""Levels of nesting; deeper is no configuration."""

TOO_DEEP = f"nested more than {MAX_DEPTH} deep; check the brackets and the indentation"

BREAK = re.compile(r"\r\n|\r|\n")
"""What ends a line, as editors count."""


class Place(NamedTuple):
    """A place in a text, counted from 1."""

    line: int
    column: int


def place_of(text: str, index: int) -> Place:
    """The place of a character; an index in the white space at the end is taken back to the last thing written."""
    index = min(index, len(text.rstrip()))
    line, start = 1, 0
    for match in BREAK.finditer(text, 0, index):
        line, start = line + 1, match.end()
    return Place(line, index - start + 1)


class Variable(str):
    """A value that is one whole `${NAME}`: it may become a number or a boolean where the setting is one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, before it is given a line.

    Attributes:
        path: of the setting.
        message: what is wrong, and what to write instead.
        on_key: whether the key is wrong rather than its value.
        place: where, when the path does not say it.
    """

    path: Path
    message: str
    on_key: bool = False
    place: Place | None = None


@dataclass(slots=True)
class Document:
    """What was read.

    Attributes:
        data: dicts with text keys, lists and scalars.
        values, keys: place of each value and of each mapping key, by path; empty when there is no text.
        sources: how a boolean was spelt, by path (`no`, `off`).
        findings: what was wrong with the text itself.
        from_text: whether places are known.
    """

    data: Any
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    sources: dict[Path, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    from_text: bool = False

    def place(self, path: Path, *, on_key: bool = False) -> Place | None:
        """The place of a setting, or of the nearest one around it that is written down."""
        while True:
            first, second = (self.keys, self.values) if on_key else (self.values, self.keys)
            found = first.get(path) or second.get(path)
            if found is not None:
                return found
            if not path:
                return Place(1, 1) if self.from_text else None
            # A setting that is missing is missed at the key of the section it belongs to.
            path, on_key = path[:-1], True


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is neither a mapping nor a list, with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data


def is_secret(path: Path) -> bool:
    """Whether a value may never appear in a message: all that stands below `keys`, and the ledger's own key."""
    return "keys" in path or path[:2] == ("audit", "key")
