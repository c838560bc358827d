"""Whether a ledger is as it was written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ocrgate.audit import head as heads
from ocrgate.audit import volume
from ocrgate.audit.chain import MOST, Chain
from ocrgate.audit.error import LedgerError
from ocrgate.audit.flaw import Flaw, Kind, Verification
from ocrgate.audit.head import Head
from ocrgate.audit.line import LONGEST, Line
from ocrgate.audit.lock import FileLock
from ocrgate.audit.place import Gap, Place, Seen
from ocrgate.audit.seal import PLAIN, Seal
from ocrgate.clock import Deadline

_PATIENCE = 0.5


def verify(path: str | os.PathLike[str], key: str | None = None) -> Verification:
    """Walk along the whole chain, from the oldest file that is here to the line that was last when this began.

    May run while others append, and on a copy. Memory does not grow with the ledger.

    Args:
        path: of the file that is written now; the full ones beside it are found.
        key: that the chain was made with, or None.

    Raises:
        LedgerError: when there is nothing there, or it cannot be read.
        ValueError: when the key is empty.
    """
    seal = Seal(key)
    where = Path(path).absolute()
    try:
        with _snapshot(where) as snapshot:
            return _verified(snapshot, seal, volume.head_path(where).name)
    except LedgerError:
        raise
    except OSError as error:
        reason = volume.obstacle(where) or f"cannot be read: {error.strerror or error}"
        raise LedgerError(str(where), reason) from error


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What was there at one moment: the files, how far the last one went, and the head (None when it is missing)."""

    files: tuple[Path, ...]
    live: BinaryIO | None
    size: int
    head: bytes | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.files)

    def lines(self) -> Iterator[tuple[Place, bytes]]:
        """Every line with its end; one that is longer than a line can be comes in pieces."""
        for number, path in enumerate(self.files):
            if self.live is not None and number == len(self.files) - 1:
                self.live.seek(0)
                yield from _lines(self.live, number, self.size)
            else:
                with path.open("rb") as file:
                    yield from _lines(file, number, os.fstat(file.fileno()).st_size)


def _lines(file: BinaryIO, number: int, size: int) -> Iterator[tuple[Place, bytes]]:
    line = 1
    while size > 0:
        raw = file.readline(min(LONGEST, size))
        if not raw:
            return
        size -= len(raw)
        yield Place(number, line), raw
        line += raw.endswith(b"\n")


@contextlib.contextmanager
def _snapshot(path: Path) -> Iterator[_Snapshot]:
    if other := volume.no_file(path):
        raise LedgerError(str(path), other)
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as turn:
        lock = FileLock(volume.lock_path(path))
        # Without the lock (a copy, a file of another user) the order of reading is what makes it consistent: the head
        # first, then the file, which only grows, then the full ones, among which that file may be by now.
        with contextlib.suppress(OSError):
            if lock.acquire(Deadline.after(_PATIENCE), create=False):
                turn.callback(lock.release)
        head = _bytes(volume.head_path(path))
        live, size = None, 0
        with contextlib.suppress(FileNotFoundError):
            live = stack.enter_context(path.open("rb"))
            size = os.fstat(live.fileno()).st_size
        files = volume.full(path)
        turn.close()
        if live is not None:
            info = os.fstat(live.fileno())
            same = (place for place, file in enumerate(files) if os.path.samestat(info, file.stat()))
            files = [*files[: next(same, len(files))], path]
        if not files and head is None:
            raise LedgerError(str(path), "there is no ledger here")
        yield _Snapshot(tuple(files), live, size, head)


def _bytes(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(heads.SIZE + 1)
    except FileNotFoundError:
        return None


def _verified(snapshot: _Snapshot, seal: Seal, head_name: str) -> Verification:
    names = snapshot.names or (head_name,)
    chain = Chain(seal, names)
    head = None if snapshot.head is None else Head.parse(snapshot.head, seal)
    if head is not None:
        chain.witness = head.seq, head.hash
    for place, raw in snapshot.lines():
        chain.feed(place, raw)
    chain.end(None if head is None else head.seq)
    problems = _key_flaws(chain, seal, names)
    if not problems:
        found = [*chain.flaws, *_explained(chain, snapshot, names), *_head_flaws(chain, snapshot, head, head_name)]
        order = {name: place for place, name in enumerate(names)}
        problems = sorted(found, key=lambda flaw: (order.get(flaw.file, len(order)), flaw.line or 2**62))[:MOST]
    warnings = list(chain.warnings)
    if not snapshot.head:
        warnings.append(f"{head_name} is missing, so lines that were dropped from the end cannot be missed")
    if chain.first_keyed is not None and chain.first is not None and chain.first_keyed > chain.first:
        warnings.append(f"the lines before seq {chain.first_keyed} were made without a key")
    return Verification(
        ok=not problems,
        lines=chain.lines,
        files=snapshot.names,
        first=chain.first,
        last=chain.last,
        hash=chain.hash,
        problems=tuple(problems),
        warnings=tuple(warnings),
    )


def _key_flaws(chain: Chain, seal: Seal, names: tuple[str, ...]) -> list[Flaw]:
    """Whether it is the key that does not fit, rather than the lines."""
    if chain.keyed:
        return []
    if chain.foreign:
        seen = chain.foreign[0]
        detail = "was made with another key than the one given" if seal.keyed else "was made with a key; give it"
        return [Flaw(names[seen.place.file], seen.place.line, seen.claimed, "key", detail)]
    if seal.keyed and chain.lines:
        return [Flaw(names[0], 1, chain.first, "key", "a key was given, and no line was made with one")]
    return []


def _explained(chain: Chain, snapshot: _Snapshot, names: tuple[str, ...]) -> Iterator[Flaw]:
    """What became of lines that are missing, and what those are that stand where they do not belong."""
    gaps = list(chain.gaps)
    left: list[Seen] = []
    for seen in chain.strays:
        assert seen.line is not None
        if _filled(gaps, seen.line.seq):
            detail = f"seq {seen.line.seq} is not where it was written"
            yield Flaw(names[seen.place.file], seen.place.line, seen.line.seq, "moved", detail)
        else:
            left.append(seen)
    for gap in gaps:
        what = f"seq {gap.first} is" if gap.first == gap.last else f"seq {gap.first} to {gap.last} are"
        if gap.before is None:
            yield Flaw(names[-1], None, gap.first, "dropped", f"{what} missing at the end")
        elif gap.first <= gap.last:
            yield Flaw(
                names[gap.before.file], gap.before.line, gap.first, "dropped", f"{what} missing before this line"
            )
    twins = _twins(left, snapshot) if left else set()
    for seen in left:
        assert seen.line is not None
        kind: Kind = "duplicated" if seen.place in twins else "inserted"
        detail = f"seq {seen.line.seq} is there twice" if seen.place in twins else "is not of this chain"
        yield Flaw(names[seen.place.file], seen.place.line, seen.line.seq, kind, detail)


def _filled(gaps: list[Gap], seq: int) -> bool:
    """Take a number out of the gap that it is missing from; whether there was one."""
    for index, gap in enumerate(gaps):
        if gap.first <= seq <= gap.last:
            parts = (Gap(gap.first, seq - 1, gap.before), Gap(seq + 1, gap.last, gap.before))
            gaps[index : index + 1] = [part for part in parts if part.first <= part.last]
            return True
    return False


def _twins(strays: list[Seen], snapshot: _Snapshot) -> set[Place]:
    """Which lines stand somewhere else too, letter by letter."""
    wanted: dict[str, list[Place]] = {}
    for seen in strays:
        assert seen.line is not None
        wanted.setdefault(seen.line.hash, []).append(seen.place)
    found: set[Place] = set()
    for place, raw in snapshot.lines():
        line = Line.parse(raw.rstrip(b"\n"))
        if line is not None:
            found.update(other for other in wanted.get(line.hash, ()) if other != place)
    return found


def _head_flaws(chain: Chain, snapshot: _Snapshot, head: Head | None, name: str) -> Iterator[Flaw]:
    if snapshot.head and head is None:
        yield Flaw(name, 1, None, "changed", "the head is not as it was written")
    elif (
        head is not None and chain.first_keyed is not None and head.algorithm == PLAIN and head.seq >= chain.first_keyed
    ):
        yield Flaw(name, 1, head.seq, "changed", "the head was made without the key")
