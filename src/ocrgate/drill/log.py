"""The log of a drill, of every level, kept to be searched."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

_LOGS = ("ocrgate", "urllib3", "requests")


class KeptLog(logging.Handler):
    """Keeps what is logged, in memory: a disk that is full must not make it lose a line."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Listen to the library and to those it uses, whatever their level, and keep them from everybody else."""
        before = []
        for name in _LOGS:
            log = logging.getLogger(name)
            before.append((log, log.level, log.propagate))
            log.addHandler(self)
            log.setLevel(logging.DEBUG)
            log.propagate = False
        try:
            yield
        finally:
            for log, level, propagate in before:
                log.removeHandler(self)
                log.setLevel(level)
                log.propagate = propagate
