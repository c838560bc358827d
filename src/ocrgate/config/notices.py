"""Settings that are read and checked, and change nothing in this release."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ocrgate.config.document import Document, Path
from ocrgate.config.report import dotted

WITHOUT_EFFECT: tuple[tuple[str, ...], ...] = (
    ("routes", "*", "enhance"),
    ("routes", "*", "consensus"),
)
"""Paths of such settings; `*` stands for any name or number. A release that honours one deletes its row."""

_SILENT: tuple[Any, ...] = (None, False, "off")


def notices(document: Document) -> tuple[str, ...]:
    """One sentence for each such setting that is written and asks for something, in the order of the text."""
    found = []
    for pattern in WITHOUT_EFFECT:
        for path in _matches(document.data, pattern, ()):
            place = document.place(path, on_key=True)
            line = f" (line {place.line})" if place else ""
            found.append((place or (0, 0), f"{dotted(path)}{line} is accepted but has no effect in this version"))
    return tuple(sentence for _, sentence in sorted(found, key=lambda item: item[0]))


def _matches(data: Any, pattern: tuple[str, ...], path: Path) -> Iterator[Path]:
    if not pattern:
        if data not in _SILENT and data not in ({}, []):
            yield path
        return
    if isinstance(data, dict):
        for key, value in data.items():
            if pattern[0] in ("*", key):
                yield from _matches(value, pattern[1:], (*path, key))
    elif isinstance(data, list) and pattern[0] == "*":
        for index, value in enumerate(data):
            yield from _matches(value, pattern[1:], (*path, index))
