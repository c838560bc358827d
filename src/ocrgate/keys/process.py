"""Processes of this host: what people know them by, and which of them were started with a credential."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_RUNTIMES = re.compile(r"(python|pypy|uwsgi|java|node|php|dotnet|mono)[\d.\-a-z]*$")
"""Programs that an SDK runs in. Shells and editors have inherited the variables, too, and ask nobody."""


@dataclass(frozen=True, slots=True)
class Process:
    """Another process that uses a key, or seems to.

    Attributes:
        pid: its number; of another container when both share the folder of announcements.
        command: program and script, without arguments, which may hold secrets.
    """

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.pid} ({self.command})" if self.command else str(self.pid)


def own_name() -> str:
    """What a person knows this process by."""
    return _name(sys.executable or "python", sys.argv[0] if sys.argv else "")


def started_with(variable: str, value: str, *, known: Collection[int] = ()) -> tuple[Process, ...]:
    """Other processes of this user whose environment holds a variable with this value, by pid. Linux only.

    Left out are this process with all that it started and all that started it, and programs that ask no service.
    Values are compared by their digests. Raises nothing.

    Args:
        variable: its name.
        value: what it has to be; nothing is found for an empty one.
        known: pids that are reported otherwise; they and what they started are left out.
    """
    if not value or not PROC.is_dir():
        return ()
    parents = dict(_parents())
    family = {*_ancestors(os.getpid(), parents)}
    wanted = _digest(value.encode())
    found: list[Process] = []
    for pid in sorted(parents):
        if pid in family or not {os.getpid(), *known}.isdisjoint((pid, *_ancestors(pid, parents))):
            continue
        given = _environment(pid).get(variable.encode())
        if given is not None and hmac.compare_digest(_digest(given.strip()), wanted):
            found += _runtime(pid)
    return tuple(found)


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _parents() -> Iterator[tuple[int, int]]:
    """Every process of this user, and the one that started it."""
    with contextlib.suppress(OSError):
        for entry in PROC.iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    if entry.stat().st_uid == os.getuid():
                        # The second field, a name in brackets, may hold anything.
                        yield int(entry.name), int((entry / "stat").read_text("latin-1").rpartition(")")[2].split()[1])


def _ancestors(pid: int, parents: Mapping[int, int]) -> Iterator[int]:
    seen = {pid}
    while (pid := parents.get(pid, 0)) > 0 and pid not in seen:
        seen.add(pid)
        yield pid


def _environment(pid: int) -> dict[bytes, bytes]:
    try:
        entries = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return {name: value for name, mark, value in (entry.partition(b"=") for entry in entries) if mark}


def _runtime(pid: int) -> Iterator[Process]:
    with contextlib.suppress(OSError):
        program = (PROC / str(pid) / "exe").readlink()
        if not _RUNTIMES.match(program.name):
            return
        arguments = (PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[1:]
        script = next((each for each in arguments if each and not each.startswith("-")), "")
        before = arguments[: arguments.index(script)] if script else []
        yield Process(pid, _name(program.name, "" if {"-c", "-e"} & {*before} else script))


def _name(program: str, script: str) -> str:
    path = Path(script) if script and script != "-c" else Path()
    name = path.parent.name if path.name == "__main__.py" else path.name
    return " ".join(filter(None, (Path(program).name, name)))[:100]
