"""The store of one process."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ocrgate import fork
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.state.counter import added
from ocrgate.state.health import StoreHealth

_SWEEP = 1024
"""Entries from which a write looks for those that have outlived their time; doubled with what is left."""


class MemoryStore:
    """Values shared by the threads of this process. A forked child goes on with a copy of its own.

    Args:
        clock: for the ends of lives; its `time()` counts.

    Attributes:
        cells: records that are kept beside the texts; see `ocrgate.state.cell`.
    """

    kind = "memory"
    shared = False
    place = ""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self.cells: dict[str, Any] = {}
        self._clock = clock
        self._entries: dict[str, tuple[str, float | None]] = {}
        self._sweep_at = _SWEEP
        self._lock = threading.Lock()
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def time(self) -> float:
        return self._clock.time()

    def get(self, name: str) -> str | None:
        with self._lock:
            return self._live(name)

    def put(self, name: str, text: str, ttl: float | None = None) -> None:
        with self._lock:
            self._write(name, text, self._end(ttl))

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        with self._lock:
            if self._live(name) != old:
                return False
            if new is None:
                self._entries.pop(name, None)
            else:
                self._write(name, new, self._end(ttl))
            return True

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        with self._lock:
            live = self._live(name)
            total = added(name, live, amount, limit)
            if total is None:
                return None
            end = self._end(ttl) if live is None else self._entries[name][1]
            self._write(name, str(total), end)
            return total

    def scan(self, prefix: str) -> Mapping[str, str]:
        with self._lock:
            names = [name for name in self._entries if name.startswith(prefix)]
            found = {name: self._live(name) for name in names}
            return {name: text for name, text in found.items() if text is not None}

    def mirror(self, name: str, text: str | None, ttl: float | None) -> None:
        """Take over what another store says of a name: its text, or None when there is none.

        What is here already keeps the end of its life; what is new lives `ttl` seconds.
        """
        with self._lock:
            live = self._live(name)
            if text is None:
                self._entries.pop(name, None)
            elif text != live:
                self._write(name, text, self._end(ttl) if live is None else self._entries[name][1])

    def health(self) -> StoreHealth:
        """Always well."""
        return StoreHealth(self.kind, self.shared, ok=True)

    def close(self) -> None:
        """Nothing to give back; the values stay for those who still hold the store."""

    def _end(self, ttl: float | None) -> float | None:
        return None if ttl is None else self._clock.time() + ttl

    def _live(self, name: str) -> str | None:
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry[1] is not None and entry[1] <= self._clock.time():
            del self._entries[name]
            return None
        return entry[0]

    def _write(self, name: str, text: str, end: float | None) -> None:
        self._entries[name] = (text, end)
        if len(self._entries) >= self._sweep_at:
            for other in list(self._entries):
                self._live(other)
            self._sweep_at = max(_SWEEP, 2 * len(self._entries))
