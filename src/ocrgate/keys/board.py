"""What all who share a store have agreed on about the keys of one provider."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ocrgate.state.name import join
from ocrgate.state.store import Store


class Board:
    """The entries of one provider, read anew only after a change. Thread-safe, and usable after a fork.

    Every change leaves a new stamp behind, so a look that finds the stamp it knows costs one read. A process killed
    between a change and its stamp leaves the others with what they knew, until the next change.

    Args:
        store: shared by those who are to agree.
        provider: configured name.
    """

    def __init__(self, store: Store, provider: str) -> None:
        self.store = store
        self._stamp = join("board", provider)
        self._prefixes = {kind: join(kind, provider) + "/" for kind in ("bench", "trial")}
        self._seen: tuple[str | None, Mapping[str, str]] | None = None

    def name(self, kind: str, *parts: str) -> str:
        """The name of an entry of a kind: `bench` or `trial`."""
        return self._prefixes[kind] + join(*parts)

    def entries(self) -> Mapping[str, str]:
        """Every entry by name; the same object as long as nothing has changed."""
        stamp = self.store.get(self._stamp)
        seen = self._seen
        if seen is not None and seen[0] == stamp:
            return seen[1]
        found: dict[str, str] = {}
        for prefix in self._prefixes.values():
            found.update(self.store.scan(prefix))
        # The stamp is older than the entries, never newer: what came between is looked at again.
        self._seen = (stamp, found)
        return found

    def change(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        """Replace an entry as `Store.swap` does, for all to see; whether it still was `old`."""
        changed = self.store.swap(name, old, new, ttl)
        if changed:
            # Never a count: a store that was away may come back with an old one.
            self.store.put(self._stamp, os.urandom(8).hex())
        else:
            self._seen = None
        return changed

    def clear(self, kind: str) -> None:
        """Remove every entry of a kind, for all to see."""
        for name, text in self.store.scan(self._prefixes[kind]).items():
            self.change(name, text, None)
