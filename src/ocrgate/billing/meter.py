"""What is taken before a call and settled after it: the account's quota, the route's money, the key's totals."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ocrgate.billing.basket import Basket
from ocrgate.billing.calendar import PERIODS, Calendar, Today
from ocrgate.billing.counter import Allowance, Counter, number
from ocrgate.billing.money import price_micros
from ocrgate.billing.reservation import NOTHING, Ending, Reservation
from ocrgate.billing.spend import Spend
from ocrgate.billing.usage import Totals, Usage
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.errors import ProviderRefused
from ocrgate.key import Key
from ocrgate.period import Period
from ocrgate.result import Cost, Tariff
from ocrgate.state.name import join
from ocrgate.state.store import Store, StoreError

_QUOTAS: Mapping[str, Period] = {"per_month": "month", "per_day": "day"}

_log = logging.getLogger("ocrgate.billing")


class _Purse(NamedTuple):
    """Where the calls of one key are counted."""

    account: str
    quota: str
    totals: Totals

    def used_up(self, allowance: Allowance) -> str:
        """Why a call is refused."""
        return f"account {self.account} has made the {allowance.limit} calls a {allowance.period} of its quota"


class Meter:
    """Counts the calls of one provider and what they cost. Thread-safe, usable after a fork.

    All counts are in the store, by the days and months of Asia/Shanghai, so processes and hosts that share the store
    share quotas and totals. An engine without keys counts under its own name, and only when it has a price or a quota.

    Args:
        provider: its configured name.
        keys: its credentials; those of one account share a quota and the steps of the tariff.
        quota: calls an account may make, by `per_day` and `per_month`.
        tariff: what a call costs, or None when that is not known.
        store: where it is counted.
        clock: its `time()` says which day it is.

    Raises:
        ValueError: for a quota of another name or one that is no whole number from 0, and for a price that is no
            finite number.
    """

    def __init__(
        self,
        provider: str,
        keys: Sequence[Key],
        *,
        quota: Mapping[str, int],
        tariff: Tariff | None,
        store: Store,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.provider = provider
        self.tariff = tariff
        self._limits = {_QUOTAS[name]: limit for name, limit in _checked(quota)}
        self._micros = {} if tariff is None else {tier.amount: price_micros(tier.amount) for tier in tariff.tiers}
        self._stepped = tariff is not None and len(tariff.tiers) > 1
        self._paid = bool(keys)
        self._counts = bool(keys) or bool(self._limits) or tariff is not None
        self._store = store
        self._calendar = Calendar(clock)
        owners: list[tuple[str | None, str, str]] = [(key.name, key.name, key.account or key.name) for key in keys]
        self._prefix = join("billing", provider)
        self._purses = {
            key: self._purse(name, account) for key, name, account in owners or [(None, provider, provider)]
        }

    def _purse(self, name: str, account: str) -> _Purse:
        currency = None if self.tariff is None else self.tariff.currency
        return _Purse(
            account=account,
            quota=f"{self._prefix}/{join('account', account)}",
            totals=Totals(f"{self._prefix}/{join('key', name)}", currency),
        )

    def reserve(self, key: str | None = None, spend: Spend | None = None) -> Reservation:
        """Take one call from the quota of the key's account, and its price from what the route may spend.

        The price is that of the account's next billed call of the month; calls in flight at once get the same one.
        Either all is taken or nothing.

        Args:
            key: name of the credential that the call will be made with, None for an engine without keys.
            spend: the limit of the route, or None.

        Raises:
            ProviderRefused: reason `quota` or `spend`, when the call would go above a limit, or when the route's limit
                cannot be kept (see `objection`). `retry_in` is the time to the end of the day or month; None when the
                call would be refused then, too.
            ValueError: for a key that the provider does not have.
        """
        purse = self._purses.get(key)
        if purse is None:
            known = ", ".join(str(name) for name in self._purses)
            raise ValueError(f"{self.provider} has no key {key!r}; there is: {known}")
        limited = spend is not None and spend.limited
        if limited and (objection := self.objection(spend)):
            raise ProviderRefused(self.provider, "spend", objection)
        if not self._counts:
            return NOTHING
        now, today = self._calendar.now()
        cost = self._cost(purse, today)
        micros = 0 if cost is None else self._micros[cost.amount]
        basket = Basket(self.provider, now)
        for allowance in self._allowances(purse, today):
            basket.take("quota", allowance, 1, purse.used_up)
        if spend is not None and limited and micros:
            for allowance in spend.allowances(today):
                basket.take("spend", allowance, micros, spend.used_up)
        return Reservation(cost, partial(self._settle, purse.totals, today, micros, basket))

    def objection(self, spend: Spend | None) -> str:
        """Why a route's limit could not be kept with this provider, so that its calls are refused; empty if it can.

        That is so when the price is in another currency, and when the provider has keys but no price is known.
        """
        if spend is None or not spend.limited:
            return ""
        if self.tariff is None and self._paid:
            return (
                f"route {spend.route} has a spending limit, but no price of {self.provider} is known; set its `price`"
            )
        if self.tariff is not None and not spend.accepts(self.tariff):
            return (
                f"route {spend.route} may spend {spend.currency}, but {self.provider} costs {self.tariff.currency};"
                " set `price` and `spend` in one currency"
            )
        return ""

    def usage(self) -> Mapping[str, Usage]:
        """Calls, money and quota by name of the key; an engine without keys under its own name, if it is counted.

        Raises:
            StoreError: when the store fails; a `Guarded` store never does.
        """
        if not self._counts:
            return {}
        _now, today = self._calendar.now()
        texts = self._store.scan(f"{self._prefix}/")
        currency = None if self.tariff is None else self.tariff.currency
        found = {}
        for name, purse in self._purses.items():
            left = {
                allowance.period: allowance.left(number(allowance.counter.name, texts.get(allowance.counter.name)))
                for allowance in self._allowances(purse, today)
            }
            found[name or self.provider] = Usage(
                account=purse.account,
                today=purse.totals.total(texts, today.day.label),
                month=purse.totals.total(texts, today.month.label),
                currency=currency,
                left_today=left.get("day"),
                left_month=left.get("month"),
            )
        return found

    def _cost(self, purse: _Purse, today: Today) -> Cost | None:
        """Of the account's next billed call of the month."""
        if self.tariff is None:
            return None
        return self.tariff.price(1 + (self._made(purse.account, today) if self._stepped else 0))

    def _made(self, account: str, today: Today) -> int:
        """Calls of an account in the month that were billed, or may have been."""
        label, ends = today.month.label, today.month.ends
        try:
            return sum(
                Counter(self._store, purse.totals.calls(label, certain=certain), ends).read()
                for purse in self._purses.values()
                if purse.account == account
                for certain in (True, False)
            )
        except StoreError as error:
            _log.warning("%s: the calls of the month are not known, so the first price counts: %s", account, error)
            return 0

    def _allowances(self, purse: _Purse, today: Today) -> Iterator[Allowance]:
        """What is left of the account's quota, the month first."""
        for period, limit in self._limits.items():
            span = today[period]
            yield Allowance(Counter(self._store, f"{purse.quota}/{span.label}", span.ends), limit, period)

    def _settle(self, totals: Totals, today: Today, micros: int, basket: Basket, ending: Ending) -> None:
        now, _today = self._calendar.now()
        if ending == "unbilled":
            basket.give_back(now)
            return
        certain = ending == "billed"
        for period in PERIODS:
            span = today[period]
            Counter(self._store, totals.calls(span.label, certain=certain), span.ends).tally(1, now)
            if micros:
                Counter(self._store, totals.money(span.label, certain=certain), span.ends).tally(micros, now)


def _checked(quota: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The quotas, the longer period first."""
    for name, limit in quota.items():
        if name not in _QUOTAS:
            raise ValueError(f"a quota is {' or '.join(_QUOTAS)}, got {name!r}")
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
            raise ValueError(f"quota {name} is a whole number from 0, got {limit!r}")
    return ((name, quota[name]) for name in _QUOTAS if name in quota)
