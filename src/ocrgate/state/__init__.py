"""What threads, processes or hosts share."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.state.guarded import Guarded
from ocrgate.state.health import StoreHealth
from ocrgate.state.memory import MemoryStore
from ocrgate.state.store import NotACounter, Store, StoreError

if TYPE_CHECKING:
    from ocrgate.state.sqlite import SQLiteStore

_REDIS = ("redis://", "rediss://", "unix://")

__all__ = [
    "Guarded",
    "MemoryStore",
    "NotACounter",
    "SQLiteStore",
    "Store",
    "StoreError",
    "StoreHealth",
    "open_store",
]


def open_store(url: str, clock: Clock = SYSTEM_CLOCK) -> Guarded | MemoryStore:
    """The store that the configuration names; it raises no StoreError, and no file or connection is opened yet.

    Args:
        url: `memory`, `sqlite:FILE`, or the address of a Redis, for which this release keeps to memory.
        clock: for the ends of lives.

    Raises:
        ValueError: for anything else; the message does not quote the address, which may hold a password.
    """
    if url == "memory" or (url.startswith(_REDIS) and not url.endswith("://")):
        return MemoryStore(clock)
    kind, colon, path = url.partition(":")
    if kind == "sqlite" and colon and path:
        from ocrgate.state.sqlite import SQLiteStore

        return Guarded(SQLiteStore(path, clock), clock)
    raise ValueError("state is memory, sqlite:FILE or redis://HOST:PORT/NUMBER")


def __getattr__(name: str) -> Any:
    # sqlite3 is loaded for those who use it.
    if name == "SQLiteStore":
        return import_module("ocrgate.state.sqlite").SQLiteStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
