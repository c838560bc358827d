"""What the file of a cache holds, and the room it takes: one transaction's view of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

# Rows have ascending numbers in the order they were written, and `used` in the order they were last asked for.
_ANSWERS = """
CREATE TABLE IF NOT EXISTS ocrgate_answer (
    number INTEGER PRIMARY KEY, question TEXT NOT NULL UNIQUE, text BLOB NOT NULL,
    size INTEGER NOT NULL, made REAL NOT NULL, used INTEGER NOT NULL UNIQUE
)
"""
_SUMS = """
CREATE TABLE IF NOT EXISTS ocrgate_answers (one INTEGER PRIMARY KEY, entries INTEGER, bytes INTEGER, turn INTEGER)
"""
SCHEMA = (
    "PRAGMA secure_delete=ON",
    _ANSWERS,
    _SUMS,
)
OVERHEAD = 256
"""Bytes that an answer takes beside its text."""

_Rows = list[tuple[int, int]]


def find(connection: sqlite3.Connection, question: str) -> tuple[bytes, float] | None:
    """Text of the answer, and the Unix time at which it was written."""
    found: tuple[bytes, float] | None = connection.execute(
        "SELECT text, made FROM ocrgate_answer WHERE question = ?", (question,)
    ).fetchone()
    return found


def sums(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many answers there are, and the bytes they take."""
    entries, size, _turn = _sums(connection)
    return entries, size


def _sums(connection: sqlite3.Connection) -> tuple[int, int, int]:
    # Opening the file must not write: while another process does, it could not be read.
    row: tuple[int, int, int] | None = connection.execute("SELECT entries, bytes, turn FROM ocrgate_answers").fetchone()
    if row is None:
        count = "SELECT count(*), CAST(total(size) AS INTEGER), coalesce(max(used), 0) FROM ocrgate_answer"
        row = connection.execute(count).fetchone()
    assert row is not None
    return row


class Book:
    """Changes what the file holds, and keeps its sums right; all within one transaction, ended by `close`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute
        self._entries, self._bytes, self._turn = _sums(connection)

    def use(self, questions: Iterable[str]) -> None:
        """These were asked for just now, the last one last."""
        for question in questions:
            self._turn += 1
            self._run("UPDATE ocrgate_answer SET used = ? WHERE question = ?", (self._turn, question))

    def drop(self, question: str) -> None:
        """Remove one answer, if it is there."""
        self._remove(self._run("SELECT number, size FROM ocrgate_answer WHERE question = ?", (question,)).fetchall())

    def expire(self, is_young: Callable[[float], bool], most: int) -> None:
        """Of the first `most` in the order of writing, remove those that were written too long ago."""
        rows = self._run("SELECT number, size, made FROM ocrgate_answer ORDER BY number LIMIT ?", (most,)).fetchall()
        self._remove([(number, size) for number, size, made in rows if not is_young(made)])

    def make_room(self, size: int, limit: int | None, most: int) -> bool:
        """Remove up to `most` of those that were not asked for longest; whether `size` bytes more keep to the limit."""
        if limit is None:
            return True
        if self._bytes + size > limit:
            rows = self._run("SELECT number, size FROM ocrgate_answer ORDER BY used LIMIT ?", (most,)).fetchall()
            self._remove(_first(rows, self._bytes + size - limit))
        return self._bytes + size <= limit

    def add(self, question: str, text: bytes, made: float) -> None:
        """Write an answer that is not there."""
        self._turn += 1
        size = len(text) + OVERHEAD
        self._run(
            "INSERT INTO ocrgate_answer (question, text, size, made, used) VALUES (?, ?, ?, ?, ?)",
            (question, text, size, made, self._turn),
        )
        self._entries += 1
        self._bytes += size

    def clear(self) -> None:
        """Remove all."""
        self._run("DELETE FROM ocrgate_answer")
        self._entries = self._bytes = 0

    def close(self) -> None:
        """Write the sums down."""
        self._run(
            "INSERT OR REPLACE INTO ocrgate_answers VALUES (1, ?, ?, ?)", (self._entries, self._bytes, self._turn)
        )

    def _remove(self, rows: _Rows) -> None:
        for number, size in rows:
            self._run("DELETE FROM ocrgate_answer WHERE number = ?", (number,))
            self._entries -= 1
            self._bytes -= size


def _first(rows: _Rows, wanted: int) -> _Rows:
    """As many of the first rows as take so many bytes."""
    for count, (_number, size) in enumerate(rows, 1):
        wanted -= size
        if wanted <= 0:
            return rows[:count]
    return rows
