"""Where a chain ends, found from the end of its file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from ocrgate.audit.error import LedgerError
from ocrgate.audit.head import Head
from ocrgate.audit.line import GENESIS, Line
from ocrgate.audit.seal import PLAIN, Seal

_WINDOWS = (4096, 131_072, 2_097_152, 16_777_216)
"""Bytes looked at, from the end, until a line of the chain is among them."""
_OPENING = b'{"seq":'


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a chain and of the file it is in.

    Attributes:
        seq, hash: of the last line; 0 and zeros before the first.
        algorithm: that its digest was made with; empty before the first.
        loose: bytes behind it that are no line of the chain: one that was torn off.
        digest: SHA-256 of these bytes.
        ended: whether the file ends with the end of a line, or is empty.
        after: when the file has no line yet, the name of the file that the chain comes from, empty for its very
            beginning; None when it has one.
        headless: whether nothing vouched for this being the end.
    """

    seq: int
    hash: str
    algorithm: str
    loose: int = 0
    digest: str = ""
    ended: bool = True
    after: str | None = None
    headless: bool = False


NOTHING = Tail(0, GENESIS, "", after="")
ELSEWHERE = "elsewhere"
"""Stands for the file that a chain comes from when that was taken away before it was full."""


def of_file(descriptor: int, size: int, path: Path) -> Tail:
    """The end of the chain in one file.

    Raises:
        LedgerError: when the file holds something else than a ledger.
        OSError: when it cannot be read.
    """
    for window in _WINDOWS:
        start = max(0, size - window)
        data = _read(descriptor, start, size)
        found = _last_line(data, start == 0)
        if found is not None:
            line, end = found
            return Tail(line.seq, line.hash, line.algorithm, *_loose(data[end:]))
        if start == 0:
            break
    if size == 0:
        return NOTHING
    # What a first line leaves that was torn off; a power cut may leave zeros.
    if start == 0 and (_OPENING.startswith(data) or data.startswith(_OPENING) or not any(data)):
        count, digest, ended = _loose(b"\n" + data)
        return replace(NOTHING, loose=count, digest=digest, ended=ended)
    raise LedgerError(str(path), "is no ledger, its end is no line of one; move the file away or name another path")


def agreed(found: Tail, head: Head | None, own: Tail | None) -> Tail:
    """Where to chain on: from the furthest line that the file, the head or this process itself knows of.

    A file that ends before that has lost lines. Chaining on from what was last in it would hide them for good.

    Args:
        found: what the files say.
        head: what the head says, or None.
        own: the last line that this process wrote, or None.
    """
    best = replace(found, headless=head is None and found.seq > 0)
    witnesses = [] if own is None else [(own.seq, own.hash, own.algorithm)]
    if head is not None:
        witnesses.append((head.seq, head.hash, head.algorithm))
    for seq, digest, algorithm in witnesses:
        if seq > best.seq or (seq == best.seq and digest != best.hash):
            after = None if best.after is None else ELSEWHERE
            best = replace(best, seq=seq, hash=digest, algorithm=algorithm, after=after)
    return best


def foreign(tail: Tail, seal: Seal) -> str:
    """Why a chain that ends so cannot be continued with this seal; empty when it can."""
    if tail.algorithm in ("", PLAIN, seal.algorithm):
        return ""
    if not seal.keyed:
        return "was made with a key; give the key, or name another path"
    return f"was made with another key ({tail.algorithm}); give that one, or name another path for this one"


def _read(descriptor: int, start: int, end: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    parts = []
    while start < end:
        part = os.read(descriptor, end - start)
        if not part:
            break
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def _last_line(data: bytes, whole: bool) -> tuple[Line, int] | None:
    """The last line in the bytes, and where it ends, its line end not included; `whole`: whether they begin a line."""
    end = len(data)
    while end >= 0:
        begin = data.rfind(b"\n", 0, end) + 1
        if begin == 0 and not whole:
            return None
        line = Line.parse(data[begin:end])
        if line is not None:
            return line, end
        end = begin - 1
    return None


def _loose(rest: bytes) -> tuple[int, str, bool]:
    """Length and digest of what stands behind the last line and its end, and whether the file ends with a line end."""
    if not rest:
        return 0, "", False
    torn = rest[1:]
    if not torn:
        return 0, "", True
    # The line end that is written before the next line is no part of what was torn off.
    ended = torn.endswith(b"\n")
    counted = torn[:-1] if ended else torn
    return len(counted), hashlib.sha256(counted).hexdigest(), ended
