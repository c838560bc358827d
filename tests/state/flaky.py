"""A store that fails when it is told to."""

from __future__ import annotations

from collections.abc import Mapping

from ocrgate.state import MemoryStore, StoreError
from ocrgate.testing import ManualClock


class Flaky(MemoryStore):
    """Is shared and counts what it is asked; while `down`, it fails."""

    kind = "flaky"
    shared = True

    def __init__(self, clock: ManualClock, problem: str = "the disk is full; free some space") -> None:
        super().__init__(clock)
        self._problem = problem
        self.down = False
        self.asked = 0

    def _ask(self) -> None:
        self.asked += 1
        if self.down:
            raise StoreError(self._problem)

    def get(self, name: str) -> str | None:
        self._ask()
        return super().get(name)

    def put(self, name: str, text: str, ttl: float | None = None) -> None:
        self._ask()
        super().put(name, text, ttl)

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        self._ask()
        return super().swap(name, old, new, ttl)

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        self._ask()
        return super().add(name, amount, limit=limit, ttl=ttl)

    def scan(self, prefix: str) -> Mapping[str, str]:
        self._ask()
        return super().scan(prefix)
