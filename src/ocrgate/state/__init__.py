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
    from ocrgate.state.redis import RedisStore
    from ocrgate.state.sqlite import SQLiteStore

_REDIS = ("redis:", "rediss:", "unix:")
_LAZY = {"RedisStore": "ocrgate.state.redis", "SQLiteStore": "ocrgate.state.sqlite"}

__all__ = [
    "Guarded",
    "MemoryStore",
    "NotACounter",
    "RedisStore",
    "SQLiteStore",
    "Store",
    "StoreError",
    "StoreHealth",
    "open_store",
]


def open_store(url: str, clock: Clock = SYSTEM_CLOCK) -> Guarded | MemoryStore:
    """The store that the configuration names; it raises no StoreError, and no file or connection is opened yet.

    Args:
        url: `memory`, `sqlite:FILE`, or the address of a Redis; see `RedisStore`.
        clock: for the ends of lives.

    Raises:
        ValueError: for anything else, and for a Redis when the package `redis` is missing; the message does not quote
            the address, which may hold a password.
    """
    if url == "memory":
        return MemoryStore(clock)
    kind, colon, path = url.partition(":")
    if kind == "sqlite" and colon and path:
        from ocrgate.state.sqlite import SQLiteStore

        return Guarded(SQLiteStore(path, clock), clock)
    if url.startswith(_REDIS):
        from ocrgate.state.redis import RedisStore

        return Guarded(RedisStore(url, clock), clock)
    raise ValueError("state is memory, sqlite:FILE or redis://HOST:PORT/NUMBER")


def __getattr__(name: str) -> Any:
    # sqlite3 and redis are loaded for those who use them.
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
