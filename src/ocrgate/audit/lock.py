"""One writer at a time, over threads and processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from ocrgate.audit.volume import MODE, UPDATE
from ocrgate.clock import Deadline

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FIRST_PAUSE = 0.00005
_LONGEST_PAUSE = 0.002


_turns: WeakValueDictionary[tuple[int, Path], Lock] = WeakValueDictionary()


def _turn_of_threads(path: Path) -> Lock:
    """One for all locks of a file in this process: threads that only asked the system would starve each other."""
    return _turns.setdefault((os.getpid(), path), Lock())


class FileLock:
    """A lock on a file that is never removed. The system lets it go when its holder dies, however it dies.

    `flock` is called directly: `filelock` takes fourteen times as long for a turn that nobody contests, and where
    `flock` is missing it goes over to a lock that outlives a killed holder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = _turn_of_threads(path)
        self._descriptor: int | None = None

    def acquire(self, deadline: Deadline, *, create: bool = True) -> bool:
        """Wait for the turn until the deadline; whether it came.

        Args:
            deadline: of the wait.
            create: the file when it is missing.

        Raises:
            OSError: when the file cannot be opened or locked.
        """
        if not self._threads.acquire(timeout=deadline.remaining):
            return False
        try:
            self._descriptor = self._locked(deadline, create)
        finally:
            if self._descriptor is None:
                self._threads.release()
        return self._descriptor is not None

    def release(self) -> None:
        """End the turn."""
        descriptor, self._descriptor = self._descriptor, None
        assert descriptor is not None, "not acquired"
        try:
            # A child forked meanwhile has the same open file, so closing it here would not be enough.
            _unlock(descriptor)
        finally:
            os.close(descriptor)
            self._threads.release()

    def forget(self) -> None:
        """In a forked child: let go of a turn that a thread of the parent has."""
        descriptor, self._descriptor = self._descriptor, None
        self._threads = _turn_of_threads(self._path)
        if descriptor is not None:
            os.close(descriptor)

    def _locked(self, deadline: Deadline, create: bool) -> int | None:
        pause = _FIRST_PAUSE
        while True:
            descriptor = os.open(self._path, UPDATE if create else UPDATE & ~os.O_CREAT, MODE)
            try:
                # Somebody may have removed the file between the two calls, and others lock a new one.
                if _lock(descriptor) and os.fstat(descriptor).st_nlink > 0:
                    kept, descriptor = descriptor, -1
                    return kept
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
            if deadline.expired:
                return None
            deadline.clock.sleep(min(pause, deadline.remaining))
            pause = min(2 * pause, _LONGEST_PAUSE)


if sys.platform == "win32":

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
