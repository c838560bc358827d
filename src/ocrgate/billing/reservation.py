"""What was taken for one call before it was sent, until it is known whether the call is billed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ocrgate.result import Cost

Ending = Literal["billed", "unbilled", "unknown"]


class Reservation:
    """One call's part of the quota and of the money. Thread-safe.

    The first of `billed`, `unbilled` and `unknown` decides; whatever comes after it changes nothing. When none is ever
    called, because the process was killed for instance, what was taken stays taken until its day and month are over: a
    call too few rather than one too many. It is then in no total.

    Attributes:
        cost: of the call if it is billed, at the price that was reserved; None when no price is known.
    """

    __slots__ = ("_pending", "cost")

    def __init__(self, cost: Cost | None = None, settle: Callable[[Ending], None] | None = None) -> None:
        self.cost = cost
        self._pending = [] if settle is None else [settle]

    def billed(self) -> None:
        """The provider bills the call: all that was taken stays taken, and the totals of the key count it."""
        self._end("billed")

    def unbilled(self) -> None:
        """The provider does not bill the call: all is given back, to the day and month it was taken from."""
        self._end("unbilled")

    def unknown(self) -> None:
        """The call may have been billed: all that was taken stays taken, and the totals count it as uncertain."""
        self._end("unknown")

    def _end(self, ending: Ending) -> None:
        try:
            settle = self._pending.pop()  # atomic: of two threads only one gets it
        except IndexError:
            return
        settle(ending)


NOTHING = Reservation()
"""Of a call that neither costs nor counts."""
