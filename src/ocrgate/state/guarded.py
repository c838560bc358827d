"""A store that may fail, and the memory of this process, which stands in for it meanwhile."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.state.debt import Debt
from ocrgate.state.health import StoreHealth
from ocrgate.state.memory import MemoryStore
from ocrgate.state.store import NotACounter, Store, StoreError

T = TypeVar("T")

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds for which a store that failed is left alone; doubled by each attempt that fails again."""
_REMEMBERED = 60.0
"""Seconds for which a text that was only read, whose end is not known, can still be had without the store."""

_log = logging.getLogger("ocrgate.state")

__all__ = ["Guarded", "StoreHealth"]


class Guarded:
    """A store that never raises StoreError: while the one it guards is out of reach, this process goes on alone.

    What this process wrote, counted or read lately is known to the stand-in. Additions made meanwhile are made up for
    in the store as soon as it is back; texts written meanwhile stay with this process and are forgotten then.

    Args:
        store: the one that is guarded.
        clock: for pauses and the ends of lives.
        fallback: stands in; a new one when None.
    """

    def __init__(self, store: Store, clock: Clock = SYSTEM_CLOCK, fallback: MemoryStore | None = None) -> None:
        self._store = store
        self._clock = clock
        self._fallback = fallback or MemoryStore(clock)
        self._problem: str | None = None
        self._since: float | None = None
        self._pause = FIRST_PAUSE
        self._retry_at = 0.0
        self._renew()

    def __repr__(self) -> str:
        return f"Guarded({self._store!r})"

    def _settle_in(self) -> None:
        """In a forked child, whose locks may be held by threads that did not come along, begin with new ones."""
        if self._pid != os.getpid():
            self._renew()

    def _renew(self) -> None:
        # The parent makes up for what it owes; done by both, it would count twice.
        self._lock = threading.Lock()
        self._debt = Debt(self._clock)
        self._pid = os.getpid()

    @property
    def kind(self) -> str:
        return self._store.kind

    @property
    def shared(self) -> bool:
        return self._store.shared and self._problem is None

    def health(self) -> StoreHealth:
        """How the guarded store is, as far as is known without asking it."""
        self._settle_in()
        with self._lock:
            shared = self._store.shared and self._problem is None
            return StoreHealth(self.kind, shared, self._problem is None, self._since, self._problem or "")

    def time(self) -> float:
        """That of the store; while it is out of reach, as far as it is remembered."""
        return self._store.time()

    def get(self, name: str) -> str | None:
        asked, text = self._ask(lambda store: store.get(name))
        if asked:
            self._fallback.mirror(name, text, _REMEMBERED)
        return text

    def put(self, name: str, text: str, ttl: float | None = None) -> None:
        asked, _ = self._ask(lambda store: store.put(name, text, ttl))
        if asked:
            self._fallback.put(name, text, ttl)

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        asked, swapped = self._ask(lambda store: store.swap(name, old, new, ttl))
        if asked and not swapped:
            # Whatever it is, it is not what the stand-in may believe.
            self._fallback.swap(name, old, None)
        elif asked and new is None:
            self._fallback.mirror(name, None, None)
        elif asked and new is not None:
            self._fallback.put(name, new, ttl)
        return swapped

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        """See `Store.add`. A name that holds a text is counted from 0 by this process alone."""
        try:
            asked, total = self._ask(lambda store: store.add(name, amount, limit=limit, ttl=ttl))
        except NotACounter as error:
            _log.warning("counting alone: %s", error)
            self._fallback.mirror(name, "0", ttl)
            return self._fallback.add(name, amount, limit=limit, ttl=ttl)
        if total is None:
            return None
        if asked:
            self._fallback.mirror(name, str(total), ttl)
        else:
            self._debt.owe(name, amount, ttl)
        return total

    def scan(self, prefix: str) -> Mapping[str, str]:
        asked, found = self._ask(lambda store: store.scan(prefix))
        if asked:
            for name in self._fallback.scan(prefix).keys() - found.keys():
                self._fallback.mirror(name, None, None)
            for name, text in found.items():
                self._fallback.mirror(name, text, _REMEMBERED)
        return found

    def close(self) -> None:
        """Make up for what is owed, if the store is back, and close it."""
        self._settle_in()
        try:
            self._debt.pay(self._store)
        except StoreError as error:
            _log.warning("additions to %d counters are lost with this process: %s", len(self._debt), error)
        self._store.close()
        self._fallback.close()

    def _ask(self, question: Callable[[Store], T]) -> tuple[bool, T]:
        """Whether the store itself was asked, and the answer. Raises NotACounter."""
        self._settle_in()
        if self._problem is None or self._try_again():
            try:
                if self._debt:
                    self._debt.pay(self._store)
                answer = question(self._store)
            except NotACounter:
                self._worked()
                raise
            except StoreError as error:
                self._failed(error)
            else:
                self._worked()
                return True, answer
        return False, question(self._fallback)

    def _try_again(self) -> bool:
        """Whether it is time to, and for this thread; the others do not wait for how it ends."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._retry_at:
                return False
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._retry_at = now + self._pause
            return True

    def _failed(self, error: StoreError) -> None:
        with self._lock:
            known = self._problem is not None
            self._problem = str(error)
            if not known:
                self._since, self._pause = self._clock.time(), FIRST_PAUSE
            self._retry_at = self._clock.monotonic() + self._pause
        if not known:
            _log.warning("the shared state is out of reach, so this process goes on alone: %s", error)

    def _worked(self) -> None:
        if self._problem is None:
            return
        with self._lock:
            since, self._since, self._problem = self._since, None, None
        if since is not None:
            _log.info("the shared state is back after %.1f s", self._clock.time() - since)
