"""Walking along a chain, line by line, in memory that does not grow with it."""

from __future__ import annotations

from ocrgate.audit.flaw import Flaw, Kind
from ocrgate.audit.fragment import Fragment
from ocrgate.audit.line import GENESIS, HEADLESS, TORN, Line
from ocrgate.audit.place import Gap, Place, Seen
from ocrgate.audit.seal import PLAIN, Seal

MOST = 1000
"""Flaws of each sort that are kept."""
_DOUBTFUL = 64
"""Lines that wait to be told apart; beyond that, what is no line is called changed at once."""


class Chain:
    """What was walked so far. A line that does not follow is doubtful until the ones behind it tell what it is.

    Args:
        seal: with the key that the chain is said to be made with.
        names: of the files, oldest first.
    """

    def __init__(self, seal: Seal, names: tuple[str, ...]) -> None:
        self._seal = seal
        self._names = names
        self._at: Seen | None = None
        self._doubtful: list[Seen] = []
        self._torn = Fragment()
        self._ended = True
        self._named = 0
        self.flaws: list[Flaw] = []
        self.warnings: list[str] = []
        self.strays: list[Seen] = []
        self.gaps: list[Gap] = []
        self.lines = 0
        self.keyed = 0
        self.first_keyed: int | None = None
        self.foreign: list[Seen] = []
        self.first: int | None = None
        self.witness: tuple[int, str] | None = None

    @property
    def last(self) -> int | None:
        return None if self._at is None or self._at.line is None else self._at.line.seq

    @property
    def hash(self) -> str:
        return "" if self._at is None or self._at.line is None else self._at.line.hash

    def feed(self, place: Place, raw: bytes) -> None:
        """The next line, with its end if it has one."""
        self._ended = raw.endswith(b"\n")
        bare = raw[:-1] if self._ended else raw
        seen = self._looked_at(place, bare)
        if self._follows(seen):
            self._take(seen)
            return
        self._torn.add(bare, self._ended)
        self._doubt(seen)

    def end(self, head_seq: int | None) -> None:
        """No more lines come; the head remembers the line with this number as the last, or None."""
        while self._doubtful:
            if not self._settle():
                break
        left, self._doubtful = self._doubtful, []
        missing = max(0, (head_seq or 0) - (self.last or 0))
        here = all(seen.place.file == len(self._names) - 1 for seen in left)
        if left and here and not missing and not self._named and not self._ended:
            name, line = self._names[left[0].place.file], left[0].place.line
            self.warnings.append(
                f"{name}:{line}: the last {self._torn.count} bytes are a line that was torn off or is being written"
            )
            return
        named = self._named + self._explain(left, self.last, None if head_seq is None else head_seq + 1)
        if missing > named:
            self._miss(Gap((self.last or 0) + 1 + named, head_seq or 0, None))

    def flaw(self, place: Place, seq: int | None, kind: Kind, detail: str) -> None:
        if len(self.flaws) < MOST:
            self.flaws.append(Flaw(self._names[place.file], place.line, seq, kind, detail))

    def _looked_at(self, place: Place, raw: bytes) -> Seen:
        line = Line.parse(raw)
        if line is None:
            return Seen(place, None, {})
        if line.algorithm not in (PLAIN, self._seal.algorithm):
            seen = Seen(place, None, {}, line.seq)
            if len(self.foreign) < MOST:
                self.foreign.append(seen)
            return seen
        record = line.record() if line.holds(self._seal) else None
        # Anybody can make a line without a key; behind the first line with one, it proves nothing.
        if record is None or (self.keyed and line.algorithm == PLAIN):
            return Seen(place, None, {}, line.seq)
        return Seen(place, line, record, line.seq)

    def _follows(self, seen: Seen) -> bool:
        line = seen.line
        if line is None:
            return False
        if self._at is None or self._at.line is None:
            # The first line of the oldest file; one of another file is out of its place.
            return "after" in seen.record and seen.record["after"] not in self._names
        return line.seq == self._at.line.seq + 1 and line.prev == self._at.line.hash

    def _take(self, seen: Seen) -> None:
        """This line follows the last one, so whatever is between them is not of the chain."""
        assert seen.line is not None
        if seen.record.get("event") == TORN:
            self._check_torn(seen)
        else:
            self._explain(self._doubtful, seen.line.seq - 1, seen.line.seq)
        self._doubtful = []
        self._anchor(seen)

    def _anchor(self, seen: Seen) -> None:
        assert seen.line is not None
        line = seen.line
        if self.first is None:
            self._begin(seen, line)
        if line.algorithm != PLAIN:
            self.keyed += 1
            if self.first_keyed is None:
                self.first_keyed = line.seq
        if seen.record.get("event") == HEADLESS:
            self.warnings.append(
                f"{self._where(seen)}: the head was missing when this line was written, so lines that were dropped"
                " right before it cannot be missed"
            )
        if self.witness is not None and line.seq == self.witness[0] and line.hash != self.witness[1]:
            self.flaw(seen.place, line.seq, "changed", f"the head remembers another line with seq {line.seq}")
        self._at = seen
        self._named = 0
        self._torn = Fragment()
        self.lines += 1

    def _begin(self, seen: Seen, line: Line) -> None:
        """The first line that is known."""
        self.first = line.seq
        if "after" not in seen.record or seen.record["after"] in self._names:
            return
        after = seen.record["after"]
        if after is not None:
            self.warnings.append(f"the chain is known from seq {line.seq} on; {after}, which came before, is not here")
        elif line.seq != 1 or line.prev != GENESIS:
            self.flaw(seen.place, line.seq, "changed", "says that it is the first line of all, and is not")

    def _check_torn(self, seen: Seen) -> None:
        assert seen.line is not None
        named = (seen.record.get("bytes"), seen.record.get("sha256"))
        if named == (self._torn.count, self._torn.digest):
            self.warnings.append(f"{self._where(seen)}: names {self._torn.count} bytes before it that were torn off")
            return
        self.flaw(seen.place, seen.line.seq, "changed", "the torn bytes that it names are not those before it")
        self._explain([one for one in self._doubtful if one.line is not None], seen.line.seq - 1, seen.line.seq)

    def _doubt(self, seen: Seen) -> None:
        line = seen.line
        if line is not None and self.last is not None and line.seq <= self.last:
            self._stray(seen)
            return
        before = next((one.line for one in reversed(self._doubtful) if one.line is not None), None)
        follows = line is not None and before is not None and (line.seq, line.prev) == (before.seq + 1, before.hash)
        if len(self._doubtful) < _DOUBTFUL or line is not None:
            self._doubtful.append(seen)
        else:
            self._named += 1
            self.flaw(seen.place, seen.claimed, "changed", "is not as it was written")
        if follows or len(self._doubtful) > _DOUBTFUL:
            self._settle(before)

    def _settle(self, line: Line | None = None) -> bool:
        """Go on from a doubtful line, the given one or the first that can be; whether there was one."""
        index = self._next(line)
        if index is None:
            return False
        seen = self._doubtful[index]
        before, behind = self._doubtful[:index], self._doubtful[index + 1 :]
        self._doubtful = []
        self._bridge(before, seen)
        for one in behind:
            if self._follows(one):
                self._take(one)
            else:
                self._torn.spoil()
                self._doubt(one)
        return True

    def _next(self, wanted: Line | None) -> int | None:
        """The doubtful line to go on from: the first that is not behind the wanted one by its number."""
        for index, seen in enumerate(self._doubtful):
            if seen.line is not None and (wanted is None or seen.line.seq <= wanted.seq):
                return index
        return None

    def _bridge(self, between: list[Seen], seen: Seen) -> None:
        """Go on from a line that does not follow the last one."""
        assert seen.line is not None
        line, last = seen.line, self.last
        named = self._named + self._explain(between, last, line.seq)
        first = 1 if last is None else last + 1
        if last is None and not named:
            self._miss(Gap(first, line.seq - 1, seen.place))
        elif last is not None and first + named < line.seq:
            self._miss(Gap(first + named, line.seq - 1, seen.place))
        elif self._at is not None and first == line.seq:
            self.flaw(self._at.place, last, "changed", "is another line than the one that the next was chained to")
        if last is None and line.seq == 1 and not named:
            self.flaw(seen.place, 1, "changed", "is not as the first line of a ledger is written")
        self._anchor(seen)

    def _explain(self, lines: list[Seen], last: int | None, following: int | None) -> int:
        """Say what lines are that stand between two of the chain; how many of the numbers missing there they had."""
        room = 0 if following is None else max(0, following - 1 - (last or 0))
        named = 0
        for seen in lines:
            if seen.line is not None:
                self._stray(seen)
            elif named < room or following is None:
                named += 1
                self.flaw(seen.place, (last or 0) + named, "changed", "is not as it was written")
            else:
                self.flaw(seen.place, seen.claimed, "inserted", "was not written by the ledger")
        return min(named, room) if following is not None else named

    def _stray(self, seen: Seen) -> None:
        self._torn.spoil()
        if len(self.strays) < MOST:
            self.strays.append(seen)
        else:
            self.flaw(seen.place, seen.claimed, "duplicated", "is out of its place")

    def _miss(self, gap: Gap) -> None:
        if len(self.gaps) < MOST:
            self.gaps.append(gap)

    def _where(self, seen: Seen) -> str:
        return f"{self._names[seen.place.file]}:{seen.place.line}"
