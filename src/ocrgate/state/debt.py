"""Additions that a store out of reach has yet to hear of."""

from __future__ import annotations

import logging
import threading

from ocrgate.clock import Clock
from ocrgate.state.store import NotACounter, Store, StoreError

_MOST = 10_000
"""Counters; more than that, and additions to further ones are given up."""

_log = logging.getLogger("ocrgate.state")


class Debt:
    """Sums by counter, to be added when that is possible; what would have outlived its time by then is forgiven.

    Thread-safe.

    Args:
        clock: its `time()` says when a counter's life is over.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._owed: dict[str, tuple[int, float | None]] = {}
        self._full = False

    def __len__(self) -> int:
        return len(self._owed)

    def owe(self, name: str, amount: int, ttl: float | None) -> None:
        """Note an addition to a counter that, if it begins with it, lives `ttl` seconds from now."""
        with self._lock:
            end = None if ttl is None else self._clock.time() + ttl
            self._note(name, amount, end)

    def pay(self, store: Store) -> None:
        """Add what is owed.

        Raises:
            StoreError: when the store is still out of reach; the rest stays owed.
        """
        while True:
            with self._lock:
                if not self._owed:
                    self._full = False
                    return
                name, (amount, end) = self._owed.popitem()
            ttl = None if end is None else end - self._clock.time()
            if not amount or (ttl is not None and ttl <= 0):
                continue
            try:
                store.add(name, amount, ttl=ttl)
            except NotACounter as error:
                _log.warning("an addition of %d is lost: %s", amount, error)
            except StoreError:
                with self._lock:
                    self._note(name, amount, end)
                raise

    def _note(self, name: str, amount: int, end: float | None) -> None:
        before = self._owed.get(name)
        if before is not None and (before[1] is None or before[1] > self._clock.time()):
            self._owed[name] = (before[0] + amount, before[1])
            return
        if before is None and len(self._owed) >= _MOST:
            self._forgive()
        if before is None and len(self._owed) >= _MOST:
            if not self._full:
                _log.warning("more than %d counters wait for the shared state; additions to others are lost", _MOST)
            self._full = True
            return
        self._owed[name] = (amount, end)

    def _forgive(self) -> None:
        now = self._clock.time()
        self._owed = {name: owed for name, owed in self._owed.items() if owed[1] is None or owed[1] > now}
