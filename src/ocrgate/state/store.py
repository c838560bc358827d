"""What threads, processes or hosts share: small values by name, each operation atomic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


class StoreError(Exception):
    """The store did not do what it was asked: it is gone, full, locked or not a store at all."""


class NotACounter(StoreError):
    """A name that is added to holds a text; the store itself is well."""


@runtime_checkable
class Store(Protocol):
    """Small texts and counters by name. Thread-safe, usable after a fork, and every operation is atomic.

    A name is a text such as `token/3fa9c1d2b4e6`; `/` parts it for `scan`. What has outlived its `ttl` is not there.

    Attributes:
        kind: `memory`, `sqlite` or `redis`.
        shared: whether other processes see what is written.
        place: the file, or the address without its password; empty for memory.
    """

    @property
    def kind(self) -> str: ...

    @property
    def shared(self) -> bool: ...

    @property
    def place(self) -> str: ...

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC by the clock that all who share the store agree on; never fails."""
        ...

    def get(self, name: str) -> str | None:
        """The text, or None when there is none. Raises StoreError."""
        ...

    def put(self, name: str, text: str, ttl: float | None = None) -> None:
        """Write a text that lives `ttl` seconds, or for good. Raises StoreError."""
        ...

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        """Replace the text when it still is `old`; whether it was.

        None stands for no text: `swap(name, None, "me", ttl=5)` takes a lease, `swap(name, "me", None)` gives it back.

        Raises:
            StoreError: when it cannot be known whether it was replaced.
        """
        ...

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        """Add to a counter, which begins at 0 and lives `ttl` seconds from its first addition.

        Returns:
            The new sum; None, and nothing is changed, when an addition above 0 would take it above `limit`.

        Raises:
            NotACounter: when the name holds a text that is no number.
            StoreError: when it cannot be known whether it was added.
        """
        ...

    def scan(self, prefix: str) -> Mapping[str, str]:
        """Every text, and every counter as a text, whose name begins with `prefix`. Raises StoreError."""
        ...

    def close(self) -> None:
        """Give back what the store holds; what was written stays. May be called twice."""
        ...
