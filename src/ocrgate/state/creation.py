"""The first moment of a database file: who may read it, and what of an earlier one is in its way."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def create(path: Path) -> None:
    """Make an empty file of mode 0600 when there is none.

    What SQLite left beside a file that was removed goes, too: processes that have not noticed yet would lead those
    who begin the new file astray. No other process gets at the new file before that is done.

    Raises:
        BlockingIOError: when another process is at it right now.
        OSError: when the folder is not there or takes no file.
    """
    real = Path(os.path.realpath(path))
    with _alone(real.parent):
        try:
            descriptor = os.open(real, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except FileExistsError:
            return
        try:
            for ending in ("-wal", "-shm", "-journal"):
                real.with_name(real.name + ending).unlink(missing_ok=True)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:
        # Where there is no fcntl, a file in use cannot be removed, so nothing is left beside it.
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            # Some network file systems lock no folder; creation is then as safe as it can be.
            pass
        yield
    finally:
        os.close(descriptor)
