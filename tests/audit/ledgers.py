"""Ledgers for tests, written in one line, and taken apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocrgate.audit import Ledger
from ocrgate.audit.volume import full
from ocrgate.settings import AuditSettings
from ocrgate.testing import ManualClock

NAME = "audit.jsonl"
LINE_BYTES = 310


def ledger(directory: Path, **settings: Any) -> Ledger:
    """A ledger in a directory, on a clock that is moved by hand."""
    return Ledger(AuditSettings(path=str(directory / NAME), **settings), ManualClock())


def written(directory: Path, count: int, *, files: int = 1, key: str | None = None) -> Path:
    """A ledger of so many lines, spread evenly over files; its path."""
    bound = 100_000_000 if files == 1 else count // files * LINE_BYTES
    one = ledger(directory, max_bytes=bound, key=key)
    for number in range(1, count + 1):
        one.append({"event": "use", "number": number, "key": "primary"})
    return directory / NAME


def contents(path: Path) -> dict[str, bytes]:
    """What every file of the ledger holds, by name, oldest first; the head last."""
    head = path.with_name(path.name + ".head")
    return {file.name: file.read_bytes() for file in (*full(path), path, head) if file.exists()}


def restored(directory: Path, files: Mapping[str, bytes]) -> Path:
    """The same files in another directory."""
    for name, data in files.items():
        (directory / name).write_bytes(data)
    return directory / NAME


def records(path: Path) -> list[dict[str, Any]]:
    """Every line of every file, in order; torn ones left out."""
    found = []
    for file in (*full(path), path):
        for raw in file.read_bytes().splitlines() if file.exists() else ():
            try:
                found.append(json.loads(raw))
            except ValueError:
                continue
    return found
