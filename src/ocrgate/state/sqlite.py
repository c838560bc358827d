"""The store of the processes of one host: a file."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.state.counter import added
from ocrgate.state.file import DatabaseFile, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ocrgate_state (name BLOB PRIMARY KEY, text BLOB NOT NULL, ends REAL) WITHOUT ROWID
"""
_READ = "SELECT text, ends FROM ocrgate_state WHERE name = ? AND (ends IS NULL OR ends > ?)"
_WRITE = "INSERT OR REPLACE INTO ocrgate_state VALUES (?, ?, ?)"
_REMOVE = "DELETE FROM ocrgate_state WHERE name = ?"
_SCAN = "SELECT name, text FROM ocrgate_state WHERE name >= ? AND name < ? AND (ends IS NULL OR ends > ?)"
_SWEEP = "DELETE FROM ocrgate_state WHERE ends <= ?"
_SWEEP_EVERY = 512
"""Writes of one process from one removal of what has outlived its time to the next; the first write is one."""


class SQLiteStore:
    """Values shared by the processes of one host through a file on a local disk.

    Building it opens nothing. The file is created with mode 0600 at first use; what was acknowledged survives the
    sudden death of any process. No operation waits longer than a quarter of a second for others. After an error the
    file is opened anew, so the store works again as soon as the cause is gone.

    Args:
        path: of the file, `-wal` and `-shm` files appear beside it; relative to the working folder of this moment.
        clock: for the ends of lives, whose `time()` counts, and for waiting.

    Raises:
        ValueError: when no file can have that name.
    """

    kind = "sqlite"
    shared = True

    def __init__(self, path: str | os.PathLike[str], clock: Clock = SYSTEM_CLOCK) -> None:
        name = os.fspath(path)
        if not name or "\0" in name:
            raise ValueError("the state needs the name of a file, as in sqlite:ocrgate.db")
        # The name of a file may hold anything, `..` and `~` included; only its start is settled here.
        self.path = Path(os.path.abspath(name))  # noqa: PTH100
        self._clock = clock
        self._file = DatabaseFile(self.path, _SCHEMA, clock)
        self._writes = 0

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

    @property
    def place(self) -> str:
        return str(self.path)

    def time(self) -> float:
        return self._clock.time()

    def get(self, name: str) -> str | None:
        key = _bytes(name)

        def read(connection: sqlite3.Connection) -> str | None:
            return self._entry(connection, key)[0]

        return self._file.run(read)

    def put(self, name: str, text: str, ttl: float | None = None) -> None:
        key, value = _bytes(name), _bytes(text)

        def write(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                self._sweep(connection)
                connection.execute(_WRITE, (key, value, self._end(ttl)))

        self._file.run(write)

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        key = _bytes(name)
        value = None if new is None else _bytes(new)

        def exchange(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                if self._entry(connection, key)[0] != old:
                    return False
                self._sweep(connection)
                if value is None:
                    connection.execute(_REMOVE, (key,))
                else:
                    connection.execute(_WRITE, (key, value, self._end(ttl)))
                return True

        return self._file.run(exchange)

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        key = _bytes(name)

        def count(connection: sqlite3.Connection) -> int | None:
            with transaction(connection):
                text, end = self._entry(connection, key)
                total = added(name, text, amount, limit)
                if total is not None:
                    self._sweep(connection)
                    end = self._end(ttl) if text is None else end
                    connection.execute(_WRITE, (key, _bytes(str(total)), end))
                return total

        return self._file.run(count)

    def scan(self, prefix: str) -> Mapping[str, str]:
        first = _bytes(prefix)
        # No byte of a text is 255, so this comes after every name that begins with the prefix, and before all others.
        after = first + b"\xff"

        def read(connection: sqlite3.Connection) -> dict[str, str]:
            rows = connection.execute(_SCAN, (first, after, self._clock.time())).fetchall()
            return {_text(name): _text(text) for name, text in rows}

        return self._file.run(read)

    def close(self) -> None:
        """Close the file; whoever still uses the store opens it anew."""
        self._file.close()

    def _entry(self, connection: sqlite3.Connection, key: bytes) -> tuple[str | None, float | None]:
        row = connection.execute(_READ, (key, self._clock.time())).fetchone()
        return (None, None) if row is None else (_text(row[0]), row[1])

    def _end(self, ttl: float | None) -> float | None:
        return None if ttl is None or ttl == math.inf else self._clock.time() + ttl

    def _sweep(self, connection: sqlite3.Connection) -> None:
        # Within the transaction of a write: tried again after that, a write would count twice.
        if self._writes % _SWEEP_EVERY == 0:
            connection.execute(_SWEEP, (self._clock.time(),))
        self._writes += 1


def _bytes(text: str) -> bytes:
    # Any text is taken, halves of surrogate pairs included, and told apart and sorted by its bytes.
    return text.encode("utf-8", "surrogatepass")


def _text(value: bytes | str) -> str:
    # A text where bytes were written is the work of somebody's editor.
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")
