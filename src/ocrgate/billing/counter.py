"""Whole numbers in the store that everybody who shares it adds to, one for each day or month."""

from __future__ import annotations

import logging
from typing import NamedTuple

from ocrgate.period import Period
from ocrgate.state.store import Store, StoreError

MARGIN = 86_400.0
"""Seconds that a counter outlives its day or month, so that a call begun before midnight is still settled in it."""

_log = logging.getLogger("ocrgate.billing")


def number(name: str, text: str | None) -> int:
    """The sum that a store has under a name, 0 for none. Raises StoreError when it is no number."""
    try:
        return int(text or "0")
    except ValueError as error:
        raise StoreError(f"{name} is no counter") from error


class Counter(NamedTuple):
    """One number.

    Attributes:
        store: where it is.
        name: there.
        ends: Unix time in seconds at which its day or month is over.
    """

    store: Store
    name: str
    ends: float

    def read(self) -> int:
        """The sum so far. Raises StoreError."""
        return number(self.name, self.store.get(self.name))

    def take(self, amount: int, limit: int, now: float) -> bool:
        """Add an amount above 0, unless that would go above the limit; whether it was added. Raises StoreError."""
        return self.store.add(self.name, amount, limit=limit, ttl=self.ends + MARGIN - now) is not None

    def tally(self, amount: int, now: float) -> None:
        """Add to a sum that decides nothing; a store that fails is told of in the log."""
        self._add(amount, now)

    def give_back(self, amount: int, now: float) -> None:
        """Take away what `take` added; a store that fails is told of in the log, and it stays taken."""
        total = self._add(-amount, now)
        if total is not None and total < 0:
            # The store has lost what was taken; below zero it would let more through than the limit.
            self._add(min(amount, -total), now)

    def _add(self, amount: int, now: float) -> int | None:
        life = self.ends + MARGIN - now
        if life <= 0:  # gone with its day or month
            return None
        try:
            return self.store.add(self.name, amount, ttl=life)
        except StoreError as error:
            _log.warning("%s was not changed by %+d: %s", self.name, amount, error)
            return None


class Allowance(NamedTuple):
    """A sum that must not pass its limit.

    Attributes:
        counter: of what was taken.
        limit: that it stays at or below.
        period: that it is counted in.
    """

    counter: Counter
    limit: int
    period: Period

    def left(self, taken: int) -> int:
        """What may still be taken, never below 0."""
        return max(0, self.limit - taken)
