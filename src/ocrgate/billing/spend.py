"""What a route may still spend today and this month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ocrgate.billing.calendar import PERIODS, Calendar, Today
from ocrgate.billing.counter import Allowance, Counter
from ocrgate.billing.money import limit_micros, text, units
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.period import Period
from ocrgate.result import Cost, Tariff
from ocrgate.settings import SpendSettings
from ocrgate.state.name import join
from ocrgate.state.store import Store


class Spend:
    """The spending limit of one route. Thread-safe.

    The money spent is counted in the store under the route's name and currency, so processes and hosts that share the
    store share the limit.

    Args:
        route: its name.
        settings: the limits; a route without any asks the store nothing.
        store: where the money is counted.
        clock: its `time()` says which day it is.

    Raises:
        ValueError: when a limit is no finite number from 0.
    """

    def __init__(self, route: str, settings: SpendSettings, store: Store, clock: Clock = SYSTEM_CLOCK) -> None:
        self.route = route
        self.settings = settings
        amounts: dict[Period, float | None] = {"day": settings.per_day, "month": settings.per_month}
        self._limits = {period: limit_micros(amount) for period in PERIODS if (amount := amounts[period]) is not None}
        self._store = store
        self._prefix = join("spend", route, settings.currency)
        self._calendar = Calendar(clock)

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self._limits)

    @property
    def currency(self) -> str:
        return self.settings.currency

    def accepts(self, tariff: Tariff | None) -> bool:
        """Whether what a call costs can be held against the limit; always true for a route without one, and of a
        provider without a price (see `Meter.objection` for one that has keys, and so a price that is not known).
        """
        return not self._limits or tariff is None or tariff.currency == self.settings.currency

    def left(self) -> Mapping[str, Cost]:
        """What may still be spent, by `per_day` and `per_month`; only those that are limited, empty without a limit.

        What calls in flight may cost counts as spent.

        Raises:
            StoreError: when the store fails; a `Guarded` store never does.
        """
        _now, today = self._calendar.now()
        return {
            f"per_{allowance.period}": Cost(units(allowance.left(allowance.counter.read())), self.settings.currency)
            for allowance in self.allowances(today)
        }

    def allowances(self, today: Today) -> Iterator[Allowance]:
        """The sums of a day and its month in millionths of the currency, those that are limited."""
        for period, limit in self._limits.items():
            span = today[period]
            yield Allowance(Counter(self._store, f"{self._prefix}/{span.label}", span.ends), limit, period)

    def used_up(self, allowance: Allowance) -> str:
        """Why a call is refused."""
        limit = f"{text(allowance.limit)} {self.settings.currency} a {allowance.period}"
        return f"route {self.route} may spend {limit}, and the call would go above that"
