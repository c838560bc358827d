"""The ledger: a line for every use of a key and every switch of engines, each chained to the one before."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ocrgate import fork
from ocrgate.audit import head as heads
from ocrgate.audit import tail as tails
from ocrgate.audit import volume
from ocrgate.audit.error import LedgerError
from ocrgate.audit.head import Head
from ocrgate.audit.line import GENESIS, HEADLESS, TORN, checked, written
from ocrgate.audit.lock import FileLock
from ocrgate.audit.seal import Seal
from ocrgate.audit.tail import Tail
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.settings import AuditSettings

PATIENCE = 2.0
"""Seconds that a line waits for its turn at most."""

_REASONS = {
    errno.ENOENT: "the directory is gone; create it",
    errno.ENOTDIR: "the directory is none; name another path",
    errno.EACCES: "this user may not write it; see to the permissions of the file and its directory",
    errno.EPERM: "this user may not write it; see to the permissions of the file and its directory",
    errno.EROFS: "its file system is read-only; name another path",
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "the quota of this user on the disk is spent; make room",
    errno.EFBIG: "the file has reached the size limit of this process; raise it, or lower audit.max_bytes",
    errno.EMFILE: "this process has too many files open",
}


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    """How a ledger is doing.

    Attributes:
        path: of the file that is written now.
        ok: whether the last line could be written; before the first, whether nothing is seen to stand in the way.
        lines: that this process has written.
        problem: what stands in the way; may be set although lines can be written, when a full file cannot be put aside.
    """

    path: str
    ok: bool
    lines: int
    problem: str = ""


class Ledger:
    """Appends to one ledger. Thread-safe, shared by any number of processes of one host, usable after a fork.

    Nothing is opened until the first line, and nothing stays open.

    Args:
        settings: of the ledger; its path is set.
        clock: its `time()` is written, its `monotonic()` bounds the wait for a turn.

    Raises:
        ValueError: when there is no path, or an empty key.
    """

    def __init__(self, settings: AuditSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        if not settings.path:
            raise ValueError("a ledger needs a path")
        # Absolute, so that a program that changes its directory goes on with the same ledger.
        self._path = Path(settings.path).absolute()
        self._settings = settings
        self._clock = clock
        self._seal = Seal(settings.key)
        self._host = socket.gethostname()
        self._lock = FileLock(volume.lock_path(self._path))
        self._left: tuple[Tail, tuple[int, int, int]] | None = None
        self._lines = 0
        self._problem: str | None = None
        self._aside = ""
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock.forget()

    def append(self, record: Mapping[str, object]) -> None:
        """Write one line: the record, with its number, time (UTC), host, process and place in the chain.

        When it raises, the line is not in the ledger, unless the process was interrupted or the disk refused its very
        last byte.

        Args:
            record: texts, finite numbers, booleans and None by name.

        Raises:
            ValueError: when the record holds something else, is too long, or uses a name of the ledger's own.
            LedgerError: when the line cannot be written; after `PATIENCE` seconds at most.
        """
        fields = checked(record)
        try:
            with self._turn():
                self._append(fields)
        except LedgerError as error:
            self._problem = error.reason
            raise
        except OSError as error:
            self._problem = self._explained(error)
            raise LedgerError(str(self._path), self._problem) from error
        self._problem = ""

    def health(self) -> LedgerHealth:
        """How the ledger is doing, from its last line; nothing is written for it."""
        problem = volume.obstacle(self._path) if self._problem is None else self._problem
        return LedgerHealth(str(self._path), not problem, self._lines, problem or self._aside)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(Deadline.after(PATIENCE, self._clock)):
            raise LedgerError(
                str(self._path), f"another writer has held it for {PATIENCE:g} s; look for a process that is stopped"
            )
        try:
            yield
        finally:
            self._lock.release()

    def _append(self, fields: Mapping[str, object]) -> None:
        with (
            volume.opened(self._path, volume.APPEND) as ledger,
            volume.opened(volume.head_path(self._path), volume.UPDATE) as head,
        ):
            state = volume.state(ledger)
            if self._left is not None and self._left[1] == state:
                tail = self._left[0]
            else:
                tail = self._found(ledger, state[2], head)
            data, after = self._text(tail, fields)
            whole = tail.loose == 0 and tail.ended and tail.after is None
            if not (whole and state[2] + len(data) > self._settings.max_bytes and self._put_aside(tail)):
                self._write(ledger, head, data, after)
                return
            tail = Tail(tail.seq, tail.hash, tail.algorithm, after=volume.aside(self._path, tail.seq).name)
            with volume.opened(self._path, volume.APPEND | os.O_EXCL) as fresh:
                self._write(fresh, head, *self._text(tail, fields))

    def _found(self, ledger: int, size: int, head: int) -> Tail:
        """Where to chain on, when others have written since this process did, or nobody has yet."""
        known = Head.parse(os.read(head, heads.SIZE), self._seal)
        found = tails.of_file(ledger, size, self._path)
        if found.after is not None:
            found = self._before(found)
        tail = tails.agreed(found, known, None if self._left is None else self._left[0])
        hindrance = tails.foreign(tail, self._seal)
        if hindrance:
            raise LedgerError(str(self._path), hindrance)
        if tail.seq == 0:
            # The room is taken before the first line, so that a full disk cannot part a line from its head.
            heads.write(head, self._seal, 0, GENESIS)
        return tail

    def _before(self, empty: Tail) -> Tail:
        """The end of the newest full file, for a file without a line."""
        full = volume.full(self._path)
        if not full:
            return empty
        with volume.opened(full[-1], volume.APPEND & ~os.O_CREAT) as descriptor:
            last = tails.of_file(descriptor, os.fstat(descriptor).st_size, full[-1])
        return Tail(last.seq, last.hash, last.algorithm, empty.loose, empty.digest, empty.ended, after=full[-1].name)

    def _text(self, tail: Tail, fields: Mapping[str, object]) -> tuple[bytes, Tail]:
        """What is written behind the tail, and the tail that it leaves."""
        now = dt.datetime.fromtimestamp(self._clock.time(), dt.timezone.utc)
        stamp: dict[str, object] = {
            "time": f"{now:%Y-%m-%dT%H:%M:%S.%f}Z",
            "host": self._host,
            "pid": os.getpid(),
        }
        records: list[Mapping[str, object]] = [fields]
        if tail.headless:
            records.insert(0, {"event": HEADLESS})
        if tail.loose:
            records.insert(0, {"event": TORN, "bytes": tail.loose, "sha256": tail.digest})
        parts = [] if tail.ended else [b"\n"]
        seq, last, after = tail.seq, tail.hash, tail.after
        for record in records:
            seq += 1
            begins = {} if after is None else {"after": after or None}
            raw, last = written(self._seal, seq, last, {**stamp, **begins, **record})
            parts.append(raw)
            after = None
        return b"".join(parts), Tail(seq, last, self._seal.algorithm)

    def _write(self, ledger: int, head: int, data: bytes, after: Tail) -> None:
        rest = memoryview(data)
        while rest:  # one write, unless the disk takes a part only: then the next says why
            rest = rest[os.write(ledger, rest) :]
        if self._settings.sync:
            os.fsync(ledger)
        self._left = after, volume.state(ledger)
        self._lines += 1
        heads.write(head, self._seal, after.seq, after.hash)
        if self._settings.sync:
            os.fsync(head)
            volume.sync_directory(self._path.parent)

    def _put_aside(self, tail: Tail) -> bool:
        """Whether the full file has its own name now; when it cannot be renamed, it goes on growing."""
        target = volume.aside(self._path, tail.seq)
        try:
            if target.exists():  # renaming would replace it
                raise FileExistsError(errno.EEXIST, f"{target.name} is there already")
            self._path.rename(target)
        except OSError as error:
            self._aside = f"the full file cannot be put aside, so it goes on growing: {error.strerror or error}"
            return False
        self._aside = ""
        return True

    def _explained(self, error: OSError) -> str:
        reason = volume.obstacle(self._path)
        if not reason and error.errno is not None:
            reason = _REASONS.get(error.errno, "")
        return reason or f"cannot be written: {error.strerror or error}"
