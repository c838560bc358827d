"""A store that may fail, and the memory of this process, which stands in for it meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from ocrgate import fork
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.state.debt import Debt
from ocrgate.state.health import StoreHealth
from ocrgate.state.lookout import Lookout
from ocrgate.state.memory import MemoryStore
from ocrgate.state.store import NotACounter, Store, StoreError

T = TypeVar("T")

_REMEMBERED = 60.0
"""Seconds for which a text that was only read, whose end is not known, can still be had without the store."""
_LOOK = "look"
"""Name of the entry that a look writes and removes: a full or read-only store can still be read."""

_log = logging.getLogger("ocrgate.state")

__all__ = ["Guarded", "StoreHealth"]


class Guarded:
    """A store that never raises StoreError: while the one it guards is out of reach, this process goes on alone.

    The calls that are at the store when it fails wait as long as that store lets them; from then on none waits for it,
    until a thread beside them has found it back. What this process wrote, counted or read lately is known to the
    stand-in. Additions made meanwhile are made up for in the store before it is used again, and so are those of which
    it is not known whether it took them; texts written meanwhile stay with this process and are forgotten then.
    Thread-safe, usable after a fork.

    Args:
        store: the one that is guarded.
        clock: for pauses and the ends of lives.
        fallback: stands in; a new one when None.
        beside: whether a thread of its own looks for the store during an outage; else calls do, when a look is due.
    """

    def __init__(
        self, store: Store, clock: Clock = SYSTEM_CLOCK, fallback: MemoryStore | None = None, *, beside: bool = True
    ) -> None:
        self._store = store
        self._clock = clock
        self._fallback = fallback or MemoryStore(clock)
        self._problem: str | None = None
        self._since: float | None = None
        self._outages = 0
        self._lookout = Lookout(self._look, clock, beside=beside)
        self._lock = threading.Lock()
        self._debt = Debt(clock)
        fork.renew(self)

    def __repr__(self) -> str:
        return f"Guarded({self._store!r})"

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        # The parent makes up for what it owes; done by both, it would count twice.
        self._debt = Debt(self._clock)
        self._lookout.after_fork()

    @property
    def kind(self) -> str:
        return self._store.kind

    @property
    def shared(self) -> bool:
        return self._store.shared and self._problem is None

    @property
    def place(self) -> str:
        return self._store.place

    def health(self) -> StoreHealth:
        """How the guarded store is, as far as is known without asking it."""
        if self._problem is not None:
            self._lookout.passing()
        with self._lock:
            ok, problem = self._problem is None, self._problem or ""
            return StoreHealth(self.kind, self._store.shared and ok, ok, self._since, problem, self.place)

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
        """Make up for what is owed, if the store is back, and close it; waits no longer than one call would."""
        self._lookout.close()
        try:
            self._debt.pay(self._store)
        except StoreError as error:
            _log.warning("additions to %d counters are lost with this process: %s", len(self._debt), error)
        self._store.close()
        self._fallback.close()

    def _ask(self, question: Callable[[Store], T]) -> tuple[bool, T]:
        """Whether the store itself was asked, and the answer. Raises NotACounter."""
        if self._problem is not None:
            self._lookout.passing()
        outages = self._outages
        if self._problem is None:
            try:
                if self._debt:
                    # Noted by a call that was still without the store when it came back.
                    self._debt.pay(self._store)
                return True, question(self._store)
            except NotACounter:
                raise
            except StoreError as error:
                self._failed(error, outages)
        return False, question(self._fallback)

    def _look(self) -> None:
        try:
            self._store.put(_LOOK, "", ttl=1.0)
            self._store.swap(_LOOK, "", None)
            self._debt.pay(self._store)
        except StoreError as error:
            with self._lock:
                self._problem = str(error) if self._problem is not None else None
            return
        self._recovered()

    def _failed(self, error: StoreError, outages: int) -> None:
        with self._lock:
            if self._problem is not None or outages != self._outages:
                # Asked before the outage that is known, or that has ended since: nothing new.
                return
            self._problem, self._since = str(error), self._clock.time()
            self._outages += 1
            self._lookout.begin()
        _log.warning("the shared state is out of reach, so this process goes on alone: %s", error)

    def _recovered(self) -> None:
        with self._lock:
            since, self._since, self._problem = self._since, None, None
            self._lookout.end()
        if since is not None:
            _log.info("the shared state is back after %.1f s", self._clock.time() - since)
