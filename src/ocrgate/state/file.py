"""A database file as one process uses it: opened when needed, closed before a fork, opened anew after trouble."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ocrgate.clock import Clock
from ocrgate.state.creation import create
from ocrgate.state.store import StoreError

T = TypeVar("T")

PATIENCE = 0.25
"""Seconds that an operation waits for other threads and processes, unless told otherwise."""
_FORK_PATIENCE = 1.0
_PAUSES = (0.0002, 0.002)

_BUSY = ("database is locked", "database table is locked", "database schema is locked")
# Python 3.10 does not give SQLite's result code, only these fixed texts.
_ADVICE = (
    ("file is not a database", "it is no SQLite file; move it away, or name another one in `{setting}`"),
    ("malformed", "it is damaged; move it away with its -wal and -shm files, and a new one is begun"),
    ("readonly", "it may not be written; let this user write the file and its folder"),
    ("is full", "the disk is full; free some space"),
    ("unable to open", "it cannot be opened; check that it is a file and that this user may read and write it"),
    ("disk I/O error", "the disk refuses to read or write; see whether it is full, over quota or broken"),
)

_opening = threading.Lock()
_files: weakref.WeakSet[DatabaseFile] = weakref.WeakSet()
_inherited: list[sqlite3.Connection] = []
"""Connections of a parent process: closing one here would damage the parent's."""


class _Slot:
    """The connection of one process, if it has one."""

    __slots__ = ("connection", "identity", "pid")

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.identity: tuple[int, int] | None = None
        self.pid = os.getpid()

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is None:
            return
        if self.pid != os.getpid():
            _inherited.append(connection)
            return
        with contextlib.suppress(sqlite3.Error):
            connection.close()


class DatabaseFile:
    """The file at a path, which is created with mode 0600. Thread-safe, usable after a fork.

    Args:
        path: of the file; its folder must exist when it is first used.
        schema: statements of each new connection, above all those that make the tables if they are not there.
        clock: for waiting.
        patience: seconds that an operation waits for other threads and processes.
        setting: what the configuration calls the path.
    """

    def __init__(
        self, path: Path, schema: Sequence[str], clock: Clock, patience: float = PATIENCE, setting: str = "state"
    ) -> None:
        self.path = path
        self._schema = (schema,) if isinstance(schema, str) else tuple(schema)
        self._clock = clock
        self._patience = patience
        self._setting = setting
        self._lock = threading.Lock()
        self._slot = _Slot()
        self._orphaned = False
        with _opening:
            _files.add(self)
        weakref.finalize(self, self._slot.close)

    def run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Have the connection to oneself for one operation, which is repeated while other processes lock the file.

        Raises:
            StoreError: when the file cannot be used, or is not free in time.
        """
        until = self._clock.monotonic() + self._patience
        pause, longest = _PAUSES
        while True:
            try:
                return self._once(operation, until)
            except (sqlite3.OperationalError, BlockingIOError) as busy:
                if self._clock.monotonic() >= until:
                    raise StoreError(
                        f"{self.path}: locked by another process for {self._patience} s; see which one keeps it open"
                    ) from busy
            self._clock.sleep(pause)
            pause = min(2 * pause, longest)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            self._slot.close()

    def _once(self, operation: Callable[[sqlite3.Connection], T], until: float) -> T:
        """Run it once. Raises OperationalError or BlockingIOError when others are at the file, else StoreError."""
        if not self._lock.acquire(timeout=max(0.0, until - self._clock.monotonic())):
            raise StoreError(
                f"{self.path}: other threads here were at it for {self._patience} s; see whether the disk is slow"
            )
        try:
            return operation(self._opened())
        except (StoreError, BlockingIOError):
            raise
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.OperationalError) and str(error).startswith(_BUSY):
                raise
            self._slot.close()
            raise StoreError(f"{self.path}: {self._advice(error)}") from error
        except (OSError, UnicodeDecodeError) as error:
            self._slot.close()
            raise StoreError(f"{self.path}: {self._advice(error)}") from error
        except BaseException:
            # Interrupted at some point within the operation: a new connection is in no doubt about where.
            self._slot.close()
            raise
        finally:
            self._lock.release()

    def _opened(self) -> sqlite3.Connection:
        slot = self._slot
        if slot.connection is not None and slot.pid != os.getpid():
            slot.close()
            self._orphaned = True
        if self._orphaned:
            raise StoreError(f"{self.path}: this process was forked while its parent was using it; start it with spawn")
        identity = self._identity()
        if slot.connection is None:
            slot.connection, slot.pid = self._open(), os.getpid()
            slot.identity = self._identity()
        elif identity is None or identity != slot.identity:
            slot.close()
            raise StoreError(f"{self.path}: removed or replaced while in use; what it held is gone, a new one is begun")
        return slot.connection

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - asked before every operation, and Path is four times slower
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> sqlite3.Connection:
        # Not while another thread has the file open for its creation: that one's close would take away our locks.
        with _opening:
            create(self.path)
            connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", *self._schema):
                connection.execute(statement).close()
        except BaseException:
            connection.close()
            raise
        return connection

    def _advice(self, error: Exception) -> str:
        if not self.path.parent.is_dir():
            return f"the folder {self.path.parent} does not exist; create it, or name another file in `{self._setting}`"
        if self.path.is_dir():
            return f"it is a folder; name a file in `{self._setting}`"
        if isinstance(error, OSError):
            return f"{error.strerror or error}; let this user create and write files in {self.path.parent}"
        text = "malformed" if isinstance(error, UnicodeDecodeError) else str(error)
        found = next((advice for known, advice in _ADVICE if known in text), None)
        return text if found is None else found.format(setting=self._setting)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block, or nothing of it; no other process writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


# SQLite keeps one record of locks per process and file. A child that inherits it takes its parent's locks for its own,
# takes none itself, and loses what it writes as soon as the parent closes the file. So nothing is open during a fork.
_forking = threading.Lock()
_held: list[DatabaseFile] = []


def _before_fork() -> None:
    _forking.acquire()
    with _opening:
        files = list(_files)
    for file in files:
        if file._lock.acquire(timeout=_FORK_PATIENCE):
            _held.append(file)
            file._slot.close()
    _opening.acquire()


def _after_fork_in_parent() -> None:
    _opening.release()
    while _held:
        _held.pop()._lock.release()
    _forking.release()


def _after_fork_in_child() -> None:
    # The thread that took the locks is the one that came along.
    for file in set(_files).difference(_held):
        file._lock = threading.Lock()
        if file._slot.connection is not None:
            file._slot.close()
            file._orphaned = True
    _after_fork_in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
