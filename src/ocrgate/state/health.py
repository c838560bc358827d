"""Whether what is shared is within reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How a store is.

    Attributes:
        kind: `memory`, `sqlite` or `redis`: what was configured.
        shared: whether other processes see at present what this one writes.
        ok: whether the store did what it was last asked.
        since: Unix time in seconds at which it stopped working, None while it works.
        problem: what is wrong and what to do about it, or empty.
        place: the file, or the address without its password; empty for memory.
    """

    kind: str
    shared: bool
    ok: bool
    since: float | None = None
    problem: str = ""
    place: str = ""
