"""Where a long page is cut, so that no line of it is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ocrgate.provider import Limits

_STRIP = 2.5  # longer side over shorter side from which a page that is too long is cut rather than scaled
_MOST = 64  # tiles; a page that would need more is made up with white, or scaled
_LEAST = 32  # pixels; shorter pieces would hold no character, so there the page is scaled
_SHORT = 1024  # pixels; what is not longer stays in one piece, made up with white where it is too narrow


@dataclass(frozen=True, slots=True)
class Layout:
    """Pieces of a page, in order.

    Attributes:
        boxes: left, top, right, bottom of each in pixels of the image; neighbours overlap.
        along: the axis the page is cut along, 0 for x and 1 for y; None when there is one piece.
    """

    boxes: tuple[tuple[int, int, int, int], ...]
    along: int | None = None


def lay_out(width: int, height: int, limits: Limits) -> Layout:
    """One piece, unless the page is a long strip that would have to be shrunk much, or is too long for its width."""
    whole = Layout(((0, 0, width, height),))
    long, short = max(width, height), min(width, height)
    breadth = max(short, limits.min_side)
    # the size at which the shorter side fits; the length is then in pixels of the image
    scale = min(1.0, limits.max_side / breadth)
    length = limits.max_side / scale
    if limits.max_pixels is not None:
        length = min(length, max(limits.max_pixels / (breadth * scale**2), breadth))
    too_long = long > 1.5 * length and long > _STRIP * breadth
    if limits.max_aspect is not None:
        most = breadth * max(1.0, limits.max_aspect)
        if long > most:
            too_long = too_long or long > _SHORT
            length = min(length, max(most, _SHORT))
    if not too_long:
        return whole
    piece = max(1, min(long, math.floor(length)), math.ceil(long / _MOST * 2))
    if piece < _LEAST:
        return whole
    along = 0 if width > height else 1
    starts = _starts(long, piece, _overlap(piece, breadth, along))
    if len(starts) < 2:
        return whole
    spans = [(start, min(long, start + piece)) for start in starts]
    if along == 0:
        return Layout(tuple((start, 0, end, height) for start, end in spans), along)
    return Layout(tuple((0, start, width, end) for start, end in spans), along)


def _overlap(piece: int, breadth: int, along: int) -> int:
    """Enough to show a line whole (cut across lines), or a long word (cut along them), at every border."""
    wanted = max(breadth, 256) if along == 0 else max(breadth // 6, 128)
    return min(piece // 2, wanted)


def _starts(long: int, piece: int, overlap: int) -> list[int]:
    if piece >= long:
        return [0]
    count = math.ceil((long - overlap) / (piece - overlap))
    return [round(index * (long - piece) / (count - 1)) for index in range(count)]
