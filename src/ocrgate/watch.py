"""Has a file changed? Asked often, looked up seldom."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from ocrgate.clock import SYSTEM_CLOCK, Clock

Stamp = tuple[int, int, int]


class Watch:
    """One file; thread-safe.

    Args:
        path: of the file.
        interval: seconds between looks at the disk.
        clock: time.
    """

    def __init__(self, path: str | os.PathLike[str], interval: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self.path = Path(path)
        self.interval = interval
        self._clock = clock
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._next = clock.monotonic() + interval

    def changed(self) -> bool:
        """Whether the file is another one than at the last look; said once for each change, to one thread.

        A file that is not there has not changed: an editor may be replacing it.
        """
        if self._clock.monotonic() < self._next or not self._lock.acquire(blocking=False):
            return False
        try:
            self._next = self._clock.monotonic() + self.interval
            stamp = self._look()
            if stamp is None or stamp == self._stamp:
                return False
            self._stamp = stamp
            return True
        finally:
            self._lock.release()

    def _look(self) -> Stamp | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
