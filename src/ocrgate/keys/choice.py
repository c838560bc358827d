"""Which key a call tries next, and which one a second call may use beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ocrgate.errors import ProviderError, ProviderRefused
from ocrgate.keys.ring import Ring


class Choice:
    """Chooses among a provider's keys for one call after the other; thread-safe.

    Args:
        provider: configured name.
        ring: its keys, or None for an engine that needs none.
    """

    def __init__(self, provider: str, ring: Ring | None) -> None:
        self._provider = provider
        self._ring = ring
        self._accounts = {} if ring is None else {key.name: key.account or key.name for key in ring.keys}

    def first(self, tried: Sequence[str]) -> str | None:
        """The key to ask with, or None for an engine that needs none.

        Args:
            tried: names that are not to be used.

        Raises:
            ProviderRefused: `no_key`, when there is none left.
        """
        if self._ring is None:
            return None
        key = self._ring.pick(tried)
        if key is None:
            raise ProviderRefused(self._provider, "no_key", "every key is benched")
        return key

    def next(self, key: str | None, error: ProviderError | ProviderRefused, tried: Sequence[str]) -> list[str] | None:
        """The keys not to be tried any more after a call with `key` ended in `error`; None when no other would help."""
        if key is None or not _concerns_key(error):
            return None
        tried = [*tried, *self._spoilt(key, error)]
        return tried if self._usable(tried) else None

    def spare(self, key: str | None, wait: Callable[[str], float]) -> Sequence[str] | None:
        """For a second call beside one that uses `key`: the keys it is to avoid; None when none is left for it.

        A key of another account comes first, because keys of one account share what makes them slow.

        Args:
            key: in use, or None.
            wait: seconds until a call with the key of that name would have its turn.
        """
        if key is None:
            return None
        for avoided in (self._fellows(key), [key]):
            if any(wait(name) <= 0 for name in self._usable(avoided)):
                return avoided
        return None

    def _usable(self, avoided: Sequence[str]) -> list[str]:
        if self._ring is None:
            return []
        return [status.name for status in self._ring.status() if status.usable and status.name not in avoided]

    def _fellows(self, key: str) -> list[str]:
        """The keys of its account."""
        return [name for name, account in self._accounts.items() if account == self._accounts[key]]

    def _spoilt(self, key: str, error: ProviderError | ProviderRefused) -> list[str]:
        """Where the account is to blame, all of its keys."""
        if isinstance(error, ProviderRefused):
            return [key] if error.reason == "rate_limit" else self._fellows(key)
        return [key] if error.diagnosis.category == "auth" else self._fellows(key)


def _concerns_key(error: ProviderError | ProviderRefused) -> bool:
    """Whether another key might do better."""
    if isinstance(error, ProviderRefused):
        return error.reason in ("quota", "rate_limit")
    return error.diagnosis.fault == "key"
