"""How much was called, what it cost and what is left, for one key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ocrgate.billing.counter import number
from ocrgate.billing.money import units

_REMEMBERED = 16
"""Names: those of a day and a month, and of the next."""


@dataclass(frozen=True, slots=True)
class Total:
    """The calls of one day or month.

    Attributes:
        billed: calls that the provider bills.
        uncertain: calls of which that is not known, after a timeout for example.
        amount: of the billed ones, in units of the currency; None when no price is known.
        uncertain_amount: what the uncertain ones cost if they were billed; None when no price is known.
    """

    billed: int = 0
    uncertain: int = 0
    amount: float | None = None
    uncertain_amount: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """One key, or an engine without keys; over all processes and hosts that share the store.

    Attributes:
        account: whose quota its calls are taken from.
        today, month: calls and money of the day and month of Asia/Shanghai.
        currency: of the amounts, ISO 4217; None when no price is known.
        left_today, left_month: calls that the account's quota leaves, calls in flight counted as made; None without
            such a quota.
    """

    account: str
    today: Total
    month: Total
    currency: str | None = None
    left_today: int | None = None
    left_month: int | None = None


class Totals:
    """The names under which the calls of one key are counted in the store.

    Args:
        prefix: that they begin with.
        currency: of the money, or None; sums of another currency are kept apart.
    """

    __slots__ = ("_currency", "_names", "_prefix")

    def __init__(self, prefix: str, currency: str | None) -> None:
        self._prefix = prefix
        self._currency = currency
        self._names: dict[tuple[str, bool], str] = {}

    def calls(self, label: str, *, certain: bool) -> str:
        """Of the number of calls in a day or month."""
        name = self._names.get((label, certain))
        if name is None:
            if len(self._names) >= _REMEMBERED:
                self._names.clear()
            name = self._names[label, certain] = f"{self._prefix}/{label}/{'billed' if certain else 'uncertain'}"
        return name

    def money(self, label: str, *, certain: bool) -> str:
        """Of their cost in millionths."""
        return f"{self.calls(label, certain=certain)}-{self._currency}"

    def total(self, texts: Mapping[str, str], label: str) -> Total:
        """What the store has for a day or month, read out of a scan of it. Raises StoreError."""

        def read(name: str) -> int:
            return number(name, texts.get(name))

        billed, uncertain = (read(self.calls(label, certain=certain)) for certain in (True, False))
        if self._currency is None:
            return Total(billed, uncertain)
        amounts = (units(read(self.money(label, certain=certain))) for certain in (True, False))
        return Total(billed, uncertain, *amounts)
