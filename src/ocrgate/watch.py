"""Has a file changed? Asked often, looked up seldom."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from ocrgate import fork
from ocrgate.clock import SYSTEM_CLOCK, Clock

Stamp = tuple[int, int, int]

SETTLED = 0.25
"""Seconds that a file was left alone for, before it is taken for whole; somebody may still be writing."""


class Watch:
    """One file; thread-safe.

    Args:
        path: of the file.
        interval: seconds between looks at the disk.
        clock: time.
        seen: what `stamp` said when the file was read.
    """

    def __init__(
        self, path: str | os.PathLike[str], interval: float, clock: Clock = SYSTEM_CLOCK, *, seen: Stamp | None
    ) -> None:
        self.path = Path(path)
        self.interval = interval
        self._clock = clock
        self._stamp = seen
        self._next = clock.monotonic() + interval
        self.after_fork()
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def changed(self) -> bool:
        """Whether the file is another one than at the last look; said once for each change, to one thread.

        A file that is not there has not changed: an editor may be replacing it.
        """
        if self._clock.monotonic() < self._next or not self._lock.acquire(blocking=False):
            return False
        try:
            now = self._clock.monotonic()
            self._next = now + self.interval
            stamp = self.stamp(self.path)
            if stamp is None or stamp == self._stamp:
                return False
            if abs(self._clock.time() - stamp[0] / 1e9) < SETTLED:
                self._next = now + min(self.interval, SETTLED)
                return False
            self._stamp = stamp
            return True
        finally:
            self._lock.release()

    @staticmethod
    def stamp(path: str | os.PathLike[str]) -> Stamp | None:
        """What tells one state of a file from another; None when it is not there."""
        try:
            found = Path(path).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
