"""Answers kept in a file, for those who ask the same later, in this process or another."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ocrgate import fork
from ocrgate.answers.book import OVERHEAD, SCHEMA, Book, find, sums
from ocrgate.answers.outage import Outage
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.result import Cost, Result
from ocrgate.settings import CacheSettings
from ocrgate.state.file import DatabaseFile, transaction
from ocrgate.state.store import StoreError
from ocrgate.transcript import is_plain

T = TypeVar("T")

PATIENCE = 0.05
"""Seconds that a call waits for the file at most."""
_BOUND = 64
"""Answers that one writing removes at most for each reason, and uses that wait for one to be written down."""
_log = logging.getLogger("ocrgate.cache")


@dataclass(frozen=True, slots=True)
class CacheHealth:
    """How a cache is.

    Attributes:
        path: of the file.
        ok: whether it did what it was last asked.
        entries, bytes: what it holds, of all processes; None while the file cannot be read.
        hits, misses: of this process.
        since: Unix time in seconds at which it stopped working, None while it works.
        problem: what is wrong and what to do about it, or empty.
    """

    path: str
    ok: bool
    entries: int | None
    bytes: int | None
    hits: int
    misses: int
    since: float | None = None
    problem: str = ""


class Cache:
    """Answers by question. Thread-safe, shared by the processes of one host, usable after a fork.

    Building it opens nothing; the file is made with mode 0600 at first use. Nothing that becomes of the file breaks a
    call or holds it up for longer than `PATIENCE`: after an error it is left alone for a while, and told of once.

    Args:
        settings: where, for how long and how much.
        clock: `time()` for the age of answers, `monotonic()` for pauses.

    Raises:
        ValueError: when no file can have that name.
    """

    def __init__(self, settings: CacheSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        if not settings.path or "\0" in settings.path:
            raise ValueError("the cache needs the name of a file, as in ocrgate-cache.db")
        self._settings = settings
        self._clock = clock
        # The name of a file may hold anything, `..` and `~` included; only its start is settled here.
        self.path = Path(os.path.abspath(settings.path))  # noqa: PTH100
        self._file = DatabaseFile(self.path, SCHEMA, clock, PATIENCE, "cache.path")
        self._reading, self._writing = Outage(clock), Outage(clock)
        self._hits = self._misses = 0
        self._used: dict[str, None] = {}
        self._puts = 0
        self._lock = fork.Lock()

    @property
    def puts(self) -> int:
        """Answers that this process has written so far."""
        return self._puts

    def get(self, question: str) -> Result | None:
        """The answer, of origin `cache`, without attempts and cost; None when there is none that is young enough."""
        row = self._try(self._reading, lambda connection: find(connection, question))
        result = None
        if row is not None:
            try:
                result = _unpacked(row[0]) if self._is_young(row[1]) else None
            except Exception as error:  # noqa: BLE001 - whatever stands there, it is no answer
                _log.warning("an answer in %s cannot be read and is dropped: %s", self.path, error)
                self._change(lambda book: book.drop(question))
        with self._lock:
            if result is None:
                self._misses += 1
                return None
            self._hits += 1
            self._used.pop(question, None)
            self._used[question] = None
            many = len(self._used) >= _BOUND
        if many:
            self._change(lambda _book: None)
        return result

    def put(self, question: str, result: Result) -> bool:
        """Keep an answer; whether it is kept.

        Not kept is what is not valid, degraded, or not an engine's; what holds notes that cannot be written and read
        again; and what takes more room than there is, or than removing a few others makes.
        """
        text = _packed(result) if _is_worth_keeping(result) else None
        limit = self._settings.size
        size = len(text or b"") + OVERHEAD
        if text is None or (limit is not None and size > limit):
            return False

        def write(book: Book) -> bool:
            book.drop(question)
            book.expire(self._is_young, _BOUND)
            room = book.make_room(size, limit, _BOUND)
            if room:
                book.add(question, text, self._clock.time())
            return room

        kept = self._change(write) or False
        with self._lock:
            self._puts += kept
        return kept

    def clear(self) -> None:
        """Remove all answers, their bytes in the file included.

        Raises:
            StoreError: when that cannot be done, and why.
        """

        def remove(connection: sqlite3.Connection) -> None:
            _changed(connection, Book.clear)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        self._file.run(remove)

    def status(self) -> CacheHealth:
        """How it is."""
        entries, size = (self._try(self._reading, sums) or (None, None)) if self.path.exists() else (0, 0)
        with self._lock:
            hits, misses = self._hits, self._misses
        worst = self._reading if self._reading.problem else self._writing
        ok, since, problem = not worst.problem, worst.since, worst.problem
        return CacheHealth(str(self.path), ok, entries, size, hits, misses, since, problem)

    def close(self) -> None:
        """Write down what was used, and close the file; whoever still uses the cache opens it anew."""
        if self._used:
            self._change(lambda _book: None)
        self._file.close()

    def _is_young(self, made: float) -> bool:
        # An answer of the far future is one from before the clock was put back.
        ttl = self._settings.ttl
        return ttl is None or abs(self._clock.time() - made) < ttl

    def _change(self, step: Callable[[Book], T]) -> T | None:
        """Change what the file holds, and write down what was asked for meanwhile; None when that cannot be done."""
        with self._lock:
            used, self._used = self._used, {}

        def change(book: Book) -> T:
            book.use(used)
            return step(book)

        return self._try(self._writing, lambda connection: _changed(connection, change))

    def _try(self, outage: Outage, operation: Callable[[sqlite3.Connection], T]) -> T | None:
        """What the operation returns; None when the file does not let it, or is left alone for now."""
        if not outage.may_try():
            return None
        try:
            answer = self._file.run(operation)
        except (StoreError, TypeError, ValueError) as error:
            # Rows of other types than were written are somebody else's work.
            known = bool(self._reading.problem or self._writing.problem)
            if outage.failed(str(error)) and not known:
                _log.warning("the cache is out of use, so every image is read: %s", error)
            return None
        if outage.worked() and not (self._reading.problem or self._writing.problem):
            _log.info("the cache %s is in use again", self.path)
        return answer


def _changed(connection: sqlite3.Connection, step: Callable[[Book], T]) -> T:
    with transaction(connection):
        book = Book(connection)
        answer = step(book)
        book.close()
        return answer


def _is_worth_keeping(result: Result) -> bool:
    return (
        result.valid
        and not result.degraded
        and result.origin == "engine"
        and all(is_plain(page.notes) for page in result.pages)
    )


def _packed(result: Result) -> bytes | None:
    """The text that is kept; None for what could not be read again, an adapter's numbers in place of texts say."""
    # The story belongs to the call that was read for. Zlib's checksum tells of every byte that changed on the disk.
    bare = replace(result, attempts=(), cost=Cost(0.0, result.cost.currency), elapsed=0.0, request_id="")
    try:
        text = zlib.compress(bare.to_json().encode("utf-8", "surrogatepass"), 1)
        _unpacked(text)
    except Exception as error:  # noqa: BLE001 - whatever an adapter put in there
        _log.debug("an answer is not kept: %s", error)
        return None
    return text


def _unpacked(text: bytes) -> Result:
    result = Result.from_dict(json.loads(zlib.decompress(text).decode("utf-8", "surrogatepass")))
    return replace(result, origin="cache")
