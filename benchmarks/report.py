"""What a script writes: JSON for machines, a Markdown table for people."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMA = 1


def command(script: str, arguments: Sequence[str]) -> str:
    """The command line as it can be shown: a path that is not relative is shortened to its last part."""
    shown = [Path(word).name if Path(word).is_absolute() or ".." in Path(word).parts else word for word in arguments]
    return " ".join(["python", f"benchmarks/{script}", *shown])


def write(path: Path, text: str) -> None:
    """Replace a file whole, so that a run that is ended halfway leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report as JSON, keys in their order, characters unescaped."""
    write(path, json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers. None is shown as a dash."""
    lines = [_row(head), "|" + "|".join(["---"] + ["---:"] * (len(head) - 1)) + "|"]
    return "\n".join([*lines, *(_row(["–" if cell is None else str(cell) for cell in row]) for row in rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def machine_line(machine: Mapping[str, Any]) -> str:
    """The machine in one sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB, {machine['platform']}, "
        f"{machine['python']}; {versions}."
    )


class Progress:
    """How far a run has come, on standard error: one line rewritten on a terminal, one a stage elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def step(self, text: str) -> None:
        """Something changed."""
        if self._live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def done(self, text: str) -> None:
        """A stage ended, or something has to be said."""
        print(f"\r\x1b[K{text}" if self._live else text, file=sys.stderr, flush=True)
