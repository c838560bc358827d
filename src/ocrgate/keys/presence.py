"""Which processes of this host use a key: each says so in a file that is locked for as long as the process lives."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import logging
import os
import re
import secrets
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from ocrgate import fork
from ocrgate.keys.process import Process, own_name

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_log = logging.getLogger("ocrgate.keys")
_PLAIN = re.compile(r"[0-9A-Za-z_-]{1,64}")
_LOCK_AT = 1 << 20
"""Where the locked byte lies on Windows, beyond what is read there."""
_TRIES = 10
_MAX_BYTES = 4096


def folder() -> Path:
    """Where processes of this user announce themselves; it need not exist."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "ocrgate"
    who = str(os.getuid()) if hasattr(os, "getuid") else re.sub(r"\W", "_", os.environ.get("USERNAME", "user"))
    return Path(tempfile.gettempdir()) / f"ocrgate-{who}"


class _Announcements:
    """What this process has announced: open, locked files by fingerprint."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held: dict[str, tuple[int, Path] | None] = {}

    def after_fork(self) -> None:
        # The lock belongs to the open file, so the parent keeps it; the child has announced nothing yet.
        self.lock = threading.Lock()
        for entry in self.held.values():
            if entry is not None:
                with contextlib.suppress(OSError):
                    os.close(entry[0])
        self.held = {}


_ours = _Announcements()
fork.renew(_ours)


def announce(fingerprint: str) -> None:
    """Say that this process uses a key; does so once a process, and again after a fork. Thread-safe, raises nothing.

    Where the folder cannot be used the process stays unseen, which is logged at level DEBUG.

    Args:
        fingerprint: of the key, see `ocrgate.key.Key`; nothing happens when it is empty.
    """
    if fingerprint in _ours.held or not fingerprint:
        return
    with _ours.lock:
        if fingerprint in _ours.held:
            return
        try:
            _ours.held[fingerprint] = _write(_prepared(folder()), _stem(fingerprint))
        except OSError as error:
            _ours.held[fingerprint] = None
            _log.debug("the use of a key cannot be announced: %s", error)


def withdraw(fingerprint: str | None = None) -> None:
    """Take back what this process announced, of one key or of all; done by itself when the process ends."""
    with _ours.lock:
        names = list(_ours.held) if fingerprint is None else [fingerprint]
        entries = [_ours.held.pop(name, None) for name in names]
    for entry in entries:
        if entry is not None:
            descriptor, path = entry
            with contextlib.suppress(OSError):
                if sys.platform == "win32":
                    os.close(descriptor)  # an open file cannot be removed there
                    path.unlink()
                else:
                    path.unlink()
                    os.close(descriptor)


atexit.register(withdraw)


def others(fingerprint: str) -> tuple[Process, ...]:
    """Other processes of this user on this host that have announced the key, by pid; those that ended do not count.

    Files that ended processes left behind are removed. Raises nothing.
    """
    if not fingerprint:
        return ()
    found: list[Process] = []
    with contextlib.suppress(OSError):
        place = folder()
        _check(place)
        with _ours.lock:
            own = {entry[1] for entry in _ours.held.values() if entry is not None}
        for path in sorted(place.glob(f"{_stem(fingerprint)}.*")):
            if path not in own:
                found += _alive(path)
    return tuple(sorted(found, key=lambda process: process.pid))


def _stem(fingerprint: str) -> str:
    """The fingerprint as a part of a file name."""
    return fingerprint if _PLAIN.fullmatch(fingerprint) else hashlib.sha256(fingerprint.encode()).hexdigest()[:16]


def _prepared(place: Path) -> Path:
    place.mkdir(mode=0o700, exist_ok=True)
    _check(place)
    return place


def _check(place: Path) -> None:
    """A folder that others may write to could hold anything.

    Raises:
        OSError: when it is not there, or not this user's alone.
    """
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{place} is no folder")
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o077):
        raise PermissionError(f"{place} is open to other users")


def _write(place: Path, stem: str) -> tuple[int, Path]:
    told = json.dumps({"pid": os.getpid(), "command": own_name()}).encode()
    for _ in range(_TRIES):
        # Containers that share the folder have processes of the same number.
        path = place / f"{stem}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # Somebody who looked for leftovers in this very moment took it for one, and has removed it.
            if _locked(descriptor) and _same(descriptor, path):
                os.write(descriptor, told)
                return descriptor, path
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(f"no file in {place} could be locked")


def _alive(path: Path) -> Iterator[Process]:
    """The process that holds the file locked; a file that nobody holds is removed."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return
    stale = False
    try:
        if _locked(descriptor):
            stale = True
            if sys.platform != "win32" and _same(descriptor, path):
                path.unlink()
        else:
            told = json.loads(os.read(descriptor, _MAX_BYTES))
            yield Process(int(told["pid"]), str(told["command"])[:200])
    except (OSError, ValueError, KeyError, TypeError):
        return
    finally:
        os.close(descriptor)
        if stale and sys.platform == "win32":
            with contextlib.suppress(OSError):
                path.unlink()


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _locked(descriptor: int) -> bool:
    """Lock the file; whether it could be."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
