"""What is taken for one call, counter by counter."""

from __future__ import annotations

from collections.abc import Callable

from ocrgate.billing.counter import Allowance, Counter
from ocrgate.errors import ProviderRefused
from ocrgate.state.store import StoreError


class Basket:
    """Collects what one call takes, so that it can be given back as a whole. For one thread at a time.

    Between taking and giving back another call may find a counter full that is not: it is refused although there was
    room, which is the safe side, and only while something else is used up.

    Args:
        provider: named in refusals.
        now: Unix time in seconds of the call.
    """

    __slots__ = ("_now", "_provider", "_taken")

    def __init__(self, provider: str, now: float) -> None:
        self._provider = provider
        self._now = now
        self._taken: list[tuple[Counter, int]] = []

    def take(self, reason: str, allowance: Allowance, amount: int, explain: Callable[[Allowance], str]) -> None:
        """Take an amount above 0, or give everything back and refuse.

        Args:
            reason: of the refusal, `quota` or `spend`.
            allowance: what it is taken from.
            amount: in what the allowance counts.
            explain: words the refusal.

        Raises:
            ProviderRefused: when it would go above the limit, or when the store fails, because then nobody knows.
        """
        counter, limit, _period = allowance
        try:
            done = counter.take(amount, limit, self._now)
        except StoreError as error:
            self.give_back(self._now)
            raise ProviderRefused(self._provider, reason, f"what was used so far is not known: {error}") from error
        if done:
            self._taken.append((counter, amount))
            return
        self.give_back(self._now)
        # What is above the limit by itself will be refused tomorrow, too.
        retry_in = counter.ends - self._now if amount <= limit else None
        raise ProviderRefused(self._provider, reason, explain(allowance), retry_in)

    def give_back(self, now: float) -> None:
        """Give back all that was taken, to the day and month that it was taken from."""
        while self._taken:
            counter, amount = self._taken.pop()
            counter.give_back(amount, now)
