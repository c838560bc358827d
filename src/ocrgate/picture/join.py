"""Lines read on overlapping pieces of a page, as the lines of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ocrgate.page import Box, Line
from ocrgate.picture.stitch import alike, stitch

_TOUCH = 3.0  # pixels; a line that ends this close to a cut may go on beyond it
_SAME_ROW = 0.5  # share of the smaller extent across which two boxes have to overlap to be one line
_BEYOND = 0.3  # share of a line's height that may stick out of another that holds all of it (cut across lines)
_CHARACTER = 0.5  # part of a line's height that may stick out of another, less than a character (cut along lines)


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read on one piece of a page.

    Attributes:
        box: left, top, right, bottom of the piece.
        lines: in the same pixels, in the order the engine gave them.
    """

    box: tuple[int, int, int, int]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A line with its extent along the cut axis and across it, and how far from the cuts of its piece it ends."""

    line: Line
    start: float
    end: float
    low: float
    high: float
    to_start: float
    to_end: float


def join(pieces: Sequence[Piece], along: int) -> tuple[Line, ...]:
    """The lines of all pieces, each once, in reading order.

    Args:
        pieces: in the order of their boxes along the axis.
        along: 0 when the pieces lie side by side, 1 when one below the other.
    """
    lines = list(pieces[0].lines)
    for before, piece in pairwise(pieces):
        lines = _merge(lines, before, piece, along)
    return tuple(lines)


def _merge(lines: list[Line], before: Piece, piece: Piece, along: int) -> list[Line]:
    """The lines so far, and those of the next piece."""
    cut_end, cut_start = before.box[along + 2], piece.box[along]
    merged = list(lines)
    # lines without a place can only be told apart by what they say
    unplaced = _repeated([line for line in lines if not line.polygon], [x for x in piece.lines if not x.polygon])
    for line in piece.lines:
        if line.polygon is None:
            if unplaced > 0:
                unplaced -= 1
            else:
                merged.append(line)
            continue
        _place(merged, _found(line, cut_start, cut_end, along), cut_start, cut_end, along)
    return merged


def _place(merged: list[Line], new: _Found, cut_start: int, cut_end: int, along: int) -> None:
    """Put one line of the next piece where it belongs: nowhere, in another's place, onto its end, or behind."""
    olds = [
        (index, old)
        for index, line in enumerate(merged)
        if line.polygon and _meets(old := _found(line, cut_start, cut_end, along), new, along)
    ]
    replaced: list[int] = []
    for index, old in olds:
        match _verdict(old, new, along):
            case "old":
                return
            case "new":
                replaced.append(index)
            case "both":
                joined = stitch(old.line, new.line, (cut_start, cut_end))
                new = _found(joined, cut_start, cut_end, along)
                replaced.append(index)
            case _:
                pass
    if replaced:
        merged[replaced[0]] = new.line
        for index in reversed(replaced[1:]):
            del merged[index]
    else:
        merged.insert(_position(merged, new, along), new.line)


def _verdict(old: _Found, new: _Found, along: int) -> str:
    """Which of two that overlap is the line: `old`, `new`, `both` as its halves, or `neither`: they are two lines."""
    shared = min(old.end, new.end) - max(old.start, new.start)
    new_inside = (new.end - new.start) - shared <= _slack(new, along)
    old_inside = (old.end - old.start) - shared <= _slack(old, along)
    old_cut, new_cut = old.to_end <= _TOUCH, new.to_start <= _TOUCH
    if new_inside and old_inside:
        return "new" if (old_cut and not new_cut) or (old_cut == new_cut and new.to_start > old.to_end) else "old"
    if new_inside:
        return "old" if new_cut or not old_cut or along == 0 else "new"
    if old_inside:
        return "new"
    if along == 0 and (old_cut or new_cut):
        return "both"
    if alike(old.line.text, new.line.text):
        return "new" if old_cut else "old"
    return "neither"


def _slack(found: _Found, along: int) -> float:
    return _CHARACTER * (found.high - found.low) if along == 0 else _BEYOND * (found.end - found.start)


def _found(line: Line, cut_start: int, cut_end: int, along: int) -> _Found:
    assert line.polygon is not None
    start, end, low, high = _extents(line.polygon.box, along)
    return _Found(line, start, end, low, high, abs(start - cut_start), abs(cut_end - end))


def _extents(box: Box, along: int) -> tuple[float, float, float, float]:
    if along == 0:
        return box.left, box.right, box.top, box.bottom
    return box.top, box.bottom, box.left, box.right


def _meets(old: _Found, new: _Found, along: int) -> bool:
    """Whether two boxes could be one line: they overlap in the overlap of the pieces, and across it."""
    if min(old.end, new.end) <= max(old.start, new.start):
        return False
    return _share(old, new) >= (_SAME_ROW if along == 0 else 0.3)


def _share(old: _Found, new: _Found) -> float:
    shared = min(old.high, new.high) - max(old.low, new.low)
    return shared / max(1e-6, min(old.high - old.low, new.high - new.low))


def _position(merged: list[Line], new: _Found, along: int) -> int:
    """Side by side, behind the last line of the same row, if there is one; else at the end."""
    if along == 0:
        for index in range(len(merged) - 1, -1, -1):
            polygon = merged[index].polygon
            if polygon is None:
                continue
            start, end, low, high = _extents(polygon.box, along)
            row = _Found(merged[index], start, end, low, high, 0.0, 0.0)
            if start < new.start and _share(row, new) >= _SAME_ROW:
                return index + 1
    return len(merged)


def _repeated(old: list[Line], new: list[Line]) -> int:
    """How many of the first new lines say again what the last old ones said."""
    for count in range(min(len(old), len(new)), 0, -1):
        if all(alike(a.text, b.text) for a, b in zip(old[-count:], new[:count], strict=True)):
            return count
    return 0
