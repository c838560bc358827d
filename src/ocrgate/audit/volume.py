"""The files that one ledger lies in: the one that is written now and those that were full."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_DIGITS = 12
_MOST_DIGITS = 18

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | _NOFOLLOW
APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | _FLAGS
UPDATE = os.O_RDWR | os.O_CREAT | _FLAGS
MODE = 0o600
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def head_path(path: Path) -> Path:
    """Of the file that remembers the last line."""
    return path.with_name(f"{path.name}.head")


def lock_path(path: Path) -> Path:
    """Of the file that writers lock."""
    return path.with_name(f"{path.name}.lock")


def aside(path: Path, seq: int) -> Path:
    """The name of a full file whose last line has this number: `audit.000000000512.jsonl` for `audit.jsonl`.

    The number comes from the chain, so that it is never given twice, whatever was taken away meanwhile.
    """
    return path.with_name(f"{path.stem}.{seq:0{_DIGITS}d}{path.suffix}")


def full(path: Path) -> list[Path]:
    """The full files of a ledger that are still here, oldest first. Raises OSError."""
    found = []
    with os.scandir(path.parent) as entries:
        for entry in entries:
            number = _number(entry.name, path)
            if number is not None and entry.is_file(follow_symlinks=False):
                found.append((number, path.with_name(entry.name)))
    return [one for _, one in sorted(found)]


def _number(name: str, path: Path) -> int | None:
    begin, end = f"{path.stem}.", path.suffix
    digits = name[len(begin) : len(name) - len(end)]
    known = name.startswith(begin) and name.endswith(end) and digits.isascii() and digits.isdigit()
    return int(digits) if known and _DIGITS <= len(digits) <= _MOST_DIGITS else None


def obstacle(path: Path) -> str:
    """What keeps a file from being a ledger, as far as looking at it can tell; empty when nothing does."""
    if other := no_file(path):
        return other
    if not path.parent.exists():
        return f"the directory {path.parent} does not exist; create it"
    if not path.parent.is_dir():
        return f"{path.parent} is no directory; name another path"
    return ""


def no_file(path: Path) -> str:
    """What lies there instead of a file; empty for a file and for nothing."""
    # One look, because a writer may put a full file aside between two.
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        if error.errno in _NOTHING:
            return ""
        raise
    if stat.S_ISLNK(mode):
        return "is a symbolic link; name the file itself, so that nobody can lead the ledger elsewhere"
    if stat.S_ISDIR(mode):
        return "is a directory; name a file in it"
    return "" if stat.S_ISREG(mode) else "is no regular file; name another path"


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """A descriptor of a regular file, closed at the end. Raises OSError."""
    descriptor = os.open(path, flags, MODE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def state(descriptor: int) -> tuple[int, int, int]:
    """Device, inode and size of a file: while these are what a writer left, nobody else has written."""
    info = os.fstat(descriptor)
    return info.st_dev, info.st_ino, info.st_size


def sync_directory(path: Path) -> None:
    """Force the names in a directory to the disk, where the system knows how. Raises OSError."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
