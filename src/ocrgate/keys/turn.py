"""Whose turn it is: keys in order or by weight, and a small share for those on trial."""

from __future__ import annotations

from collections.abc import Sequence

from ocrgate.key import Key


class Turns:
    """Chooses among the keys that may be used; the caller sees to it that one thread at a time does.

    A key that was away takes its turns from then on and catches nothing up, so it is not flooded when it comes back.

    Args:
        spread: give every trusted key its weight's share of the calls, instead of the first one all of them.
    """

    def __init__(self, *, spread: bool) -> None:
        self._spread = spread
        self._credit: dict[str, float] = {}
        self._offered: dict[str, int] = {}
        self._taken: dict[str, int] = {}

    def next(self, trusted: Sequence[Key], trying: Sequence[Key] = ()) -> Key | None:
        """The key of the next call, or None when there is none.

        Args:
            trusted: in order of preference; one of weight 0 only when there is no other.
            trying: keys on trial, each of which takes its canary's share of the calls; with nobody to share them with
                the first of them takes the rest too.
        """
        if not trusted:
            trusted, trying = trying[:1], trying[1:]
        if trying:
            due = self._due(trying)
            if due is not None:
                return due
        if not trusted:
            return None
        if self._spread and len(trusted) > 1:
            return self._by_weight(trusted)
        return next((key for key in trusted if key.weight > 0), trusted[0])

    def _due(self, trying: Sequence[Key]) -> Key | None:
        """The key whose share is furthest behind, if any is."""
        chosen, most = None, 0.0
        for key in trying:
            share = key.canary.share if key.canary is not None else 0.0
            offered = self._offered.get(key.name, 0)
            self._offered[key.name] = offered + 1
            # A whole share begins with the first call, any other with the second.
            behind = share * (offered + (share >= 1.0)) - self._taken.get(key.name, 0)
            if behind > most:
                chosen, most = key, behind
        if chosen is not None:
            self._taken[chosen.name] = self._taken.get(chosen.name, 0) + 1
        return chosen

    def _by_weight(self, keys: Sequence[Key]) -> Key:
        """Everybody earns its weight, and who has most pays for the turn: shares hold over any stretch of calls."""
        total = sum(key.weight for key in keys)
        if not total:
            return keys[0]
        for key in keys:
            self._credit[key.name] = self._credit.get(key.name, 0.0) + key.weight
        chosen = max((key for key in keys if key.weight > 0), key=lambda key: self._credit[key.name])
        self._credit[chosen.name] -= total
        return chosen
