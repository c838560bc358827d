"""From pieces of text in any order to lines in reading order.

Engines that detect text piece by piece give "TOTAL" and "12.30" of one receipt row as two answers, in an order of
their own. Rules are written for rows, so pieces on one baseline become one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ocrgate.page import Box, Line, Polygon, Word

_SAME_ROW = 0.5
"""Two pieces share a row when their middles differ by less than this share of the smaller height."""
_BESIDE = 0.3
"""They stand beside each other when they overlap by less than this share of the narrower one."""
_COLUMN = 5.0
"""Pieces of a column of prose are this many text heights wide; amounts and labels are shorter."""
_GUTTER = 1.5
"""That is so where the gap between two columns is this many text heights wide."""
_CLOSE_COLUMN = 12.0
"""Where it is narrower, prose has to be this wide: the columns of a printed page."""
_COLUMN_PIECES = 4
_HEADINGS = 0.2
"""At most this share of the pieces lies across the columns."""


@dataclass(frozen=True, slots=True)
class _Piece:
    line: Line
    box: Box
    height: float
    slope: float

    @property
    def width(self) -> float:
        return self.box.right - self.box.left


def arrange(pieces: Iterable[Line]) -> tuple[Line, ...]:
    """Lines in reading order: columns of prose from the left, in each the rows from the top.

    Pieces on one baseline are joined by a space to one line, whose words are those pieces (or the words they have),
    whose polygon is the upright box around them and whose confidence is the mean weighted by length. The slope of a
    tilted page is allowed for. Pieces without a polygon keep their order and come last.
    """
    placed, rest = [], []
    for line in pieces:
        if line.polygon is None:
            rest.append(line)
        else:
            placed.append(_piece(line, line.polygon))
    slope = _slope(placed)
    ordered = [_join(row) for column in _columns(placed) for row in _rows(column, slope)]
    return (*ordered, *rest)


def _piece(line: Line, polygon: Polygon) -> _Piece:
    box = polygon.box
    left, right = polygon.top_left, polygon.top_right
    run, rise = right.x - left.x, right.y - left.y
    flat = abs(rise) < abs(run) / 2
    height = (math.dist(left, polygon.bottom_left) + math.dist(right, polygon.bottom_right)) / 2
    return _Piece(line, box, height if flat and height > 0 else box.bottom - box.top, rise / run if flat else 0.0)


def _slope(pieces: Sequence[_Piece]) -> float:
    """Of the page, from the pieces that are long enough to have one."""
    slopes = [piece.slope for piece in pieces if piece.width > 4 * piece.height]
    return median(slopes) if slopes else 0.0


def _columns(pieces: Sequence[_Piece]) -> list[Sequence[_Piece]]:
    """Pieces in groups to be read one after the other: columns of prose, and the headings across them."""
    edge = _gutter(pieces)
    if edge is None:
        return [pieces]
    left, right, across = _divide(pieces, *edge)
    groups: list[Sequence[_Piece]] = []
    upper = -math.inf
    for heading in (*sorted(across, key=_middle), None):
        lower = math.inf if heading is None else _middle(heading)
        for column in (left, right):
            band = [piece for piece in column if upper <= _middle(piece) < lower]
            if band:
                groups += _columns(band)
        if heading is not None:
            groups.append([heading])
        upper = lower
    return groups


def _gutter(pieces: Sequence[_Piece]) -> tuple[float, float] | None:
    """Where the second column begins, and by how much a piece may reach over; None where there is one column."""
    if len(pieces) < 2 * _COLUMN_PIECES:
        return None
    height = median(piece.height for piece in pieces)
    best: tuple[tuple[int, float], float] | None = None
    for edge in sorted({height * (piece.box.left // height + 1) for piece in pieces if height > 0}):
        left, right, across = _divide(pieces, edge, height)
        if len(across) > _HEADINGS * len(pieces) or min(len(left), len(right)) < _COLUMN_PIECES:
            continue
        ends = sorted(piece.box.right for piece in left)
        gap = median(piece.box.left for piece in right) - ends[len(ends) * 9 // 10]
        wide = _COLUMN if gap > _GUTTER * height else _CLOSE_COLUMN
        if _prose(left, wide) and _prose(right, wide) and _beside(left, right):
            rank = (len(across), -gap)
            if best is None or rank < best[0]:
                best = rank, edge
    return None if best is None else (best[1], height)


def _divide(pieces: Sequence[_Piece], edge: float, slack: float) -> tuple[list[_Piece], list[_Piece], list[_Piece]]:
    """Pieces to the left and to the right of an edge, and those that lie across it."""
    left: list[_Piece] = []
    right: list[_Piece] = []
    across: list[_Piece] = []
    for piece in pieces:
        if piece.box.right <= edge + slack:
            left.append(piece)
        elif piece.box.left >= edge - slack:
            right.append(piece)
        else:
            across.append(piece)
    return left, right, across


def _prose(pieces: Sequence[_Piece], wide: float) -> bool:
    return median(piece.width for piece in pieces) > wide * median(piece.height for piece in pieces)


def _beside(left: Sequence[_Piece], right: Sequence[_Piece]) -> bool:
    """Whether two groups share most of the height of the shorter one."""
    tops = [min(piece.box.top for piece in group) for group in (left, right)]
    bottoms = [max(piece.box.bottom for piece in group) for group in (left, right)]
    shared = min(bottoms) - max(tops)
    return shared > 0.5 * min(bottom - top for top, bottom in zip(tops, bottoms, strict=True))


def _middle(piece: _Piece) -> float:
    return (piece.box.top + piece.box.bottom) / 2


def _rows(pieces: Sequence[_Piece], slope: float) -> list[list[_Piece]]:
    def level(piece: _Piece) -> float:
        return (piece.box.top + piece.box.bottom) / 2 - slope * (piece.box.left + piece.box.right) / 2

    rows: list[list[_Piece]] = []
    for piece in sorted(pieces, key=level):
        # A row further up than the last few cannot be on the same baseline.
        for row in reversed(rows[-4:]):
            near = abs(level(piece) - sum(map(level, row)) / len(row))
            if near < _SAME_ROW * min(piece.height, *(other.height for other in row)) and _fits(piece, row):
                row.append(piece)
                break
        else:
            rows.append([piece])
    for row in rows:
        row.sort(key=lambda piece: piece.box.left)
    return rows


def _fits(piece: _Piece, row: Sequence[_Piece]) -> bool:
    for other in row:
        overlap = min(piece.box.right, other.box.right) - max(piece.box.left, other.box.left)
        if overlap > _BESIDE * min(piece.width, other.width):
            return False
    return True


def _join(row: Sequence[_Piece]) -> Line:
    if len(row) == 1:
        return row[0].line
    left, top = min(piece.box.left for piece in row), min(piece.box.top for piece in row)
    right, bottom = max(piece.box.right for piece in row), max(piece.box.bottom for piece in row)
    words: list[Word] = []
    total: float | None = 0.0
    for piece in row:
        line = piece.line
        words += line.words or [Word(line.text, line.polygon, line.confidence)]
        total = None if total is None or line.confidence is None else total + line.confidence * len(line.text)
    length = sum(len(piece.line.text) for piece in row)
    return Line(
        text=" ".join(piece.line.text for piece in row),
        polygon=Polygon.from_box(left, top, right - left, bottom - top),
        confidence=None if total is None or not length else min(1.0, total / length),
        words=tuple(words),
    )
