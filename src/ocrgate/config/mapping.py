"""A Python mapping as a document: exact types, bounded, its own copy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ocrgate.config.document import MAX_DEPTH, MAX_VALUES, Document, Finding, Path

_MAX_INTEGER = 10**40
_SCALARS: tuple[type[Any], ...] = (bool, int, float, str)


def read(source: Mapping[Any, Any]) -> Document:
    """The mapping as plain dicts, lists and scalars; what cannot stand in a YAML file becomes a finding."""
    document = Document(None)
    document.data = _Copy(document).value(source, (), 1)
    return document


class _Copy:
    def __init__(self, document: Document) -> None:
        self._findings = document.findings
        self._count = 0

    def value(self, value: Any, path: Path, depth: int) -> Any:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_VALUES:
            if self._count != MAX_VALUES + 2:
                self._findings.append(Finding(path, "too deep or too large for a configuration, or inside itself"))
            # Nothing more is copied, however much there is.
            self._count = MAX_VALUES + 1
            return None
        if value is None:
            return None
        if isinstance(value, Mapping):
            return self._mapping(value, path, depth)
        if isinstance(value, (list, tuple)):
            return [self.value(item, (*path, index), depth + 1) for index, item in enumerate(value)]
        if isinstance(value, os.PathLike):
            return os.fsdecode(value)
        if isinstance(value, int) and abs(value) > _MAX_INTEGER:
            self._findings.append(Finding(path, "this number is larger than any setting can be"))
            return None
        for kind in _SCALARS:
            if isinstance(value, kind):
                # Subclasses (an enumeration's members among them) are taken for what they hold.
                return str.__str__(value) if kind is str else kind(value)
        self._findings.append(
            Finding(path, f"a {type(value).__name__} cannot be a setting; use text, a number, a list or a mapping")
        )
        return None

    def _mapping(self, value: Mapping[Any, Any], path: Path, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                self._findings.append(Finding(path, f"a key is text, not a {type(key).__name__}"))
                continue
            name = str.__str__(key)
            data[name] = self.value(item, (*path, name), depth + 1)
        return data
