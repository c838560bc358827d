"""One line of text from its two halves, which share some of their characters."""

from __future__ import annotations

from difflib import SequenceMatcher

from ocrgate.page import Line, Polygon, Word

_ALIKE = 0.8


def alike(one: str, other: str) -> bool:
    """Whether two texts are the same but for white space and a misread character here and there."""
    one, other = "".join(one.split()).casefold(), "".join(other.split()).casefold()
    if one == other:
        return True
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE if one and other else False


def stitch(left: Line, right: Line, overlap: tuple[float, float]) -> Line:
    """The line of which `left` shows the beginning and `right` the end.

    Args:
        left, right: lines with polygons, in the same pixels, reading from left to right.
        overlap: x from which to which both pictures show the page.
    """
    assert left.polygon is not None
    assert right.polygon is not None
    seam = (overlap[0] + overlap[1]) / 2
    words = _words(left, right, seam)
    if words:
        spaced = any(" " in line.text for line in (left, right))
        text = (" " if spaced else "").join(word.text for word in words)
    else:
        text = _text(left, right, seam)
    a, b = left.polygon, right.polygon
    polygon = Polygon(a.top_left, b.top_right, b.bottom_right, a.bottom_left)
    return Line(text, polygon, _confidence(left, right), words)


def _words(left: Line, right: Line, seam: float) -> tuple[Word, ...]:
    """The words left of the seam as the left half has them, and those right of it as the right half has them."""
    if not (left.words and right.words and all(word.polygon for word in (*left.words, *right.words))):
        return ()
    return (
        *(word for word in left.words if _middle(word.polygon) < seam),
        *(word for word in right.words if _middle(word.polygon) >= seam),
    )


def _middle(polygon: Polygon | None) -> float:
    assert polygon is not None
    return (polygon.box.left + polygon.box.right) / 2


def _text(left: Line, right: Line, seam: float) -> str:
    """Both texts over the longest run of characters that they share about the seam; without one, cut at the seam."""
    head, tail = _near_seam(left, seam), _near_seam(right, seam)
    shared = len(left.text) - head[0], tail[1]
    ending, beginning = left.text[-shared[0] :] if shared[0] else "", right.text[: shared[1]]
    match = SequenceMatcher(None, ending, beginning, autojunk=False).find_longest_match(
        0, len(ending), 0, len(beginning)
    )
    if match.size >= 2 or (match.size == 1 and min(len(ending), len(beginning)) <= 2):
        keep = len(left.text) - len(ending) + match.a
        return left.text[:keep] + right.text[match.b :]
    return (
        left.text[: head[2]].rstrip() + (" " if " " in left.text + right.text else "") + right.text[tail[2] :].lstrip()
    )


def _near_seam(line: Line, seam: float) -> tuple[int, int, int]:
    """Characters of the line: from where, and up to where, it may be in the other half too; and where the seam is."""
    assert line.polygon is not None
    box = line.polygon.box
    per_pixel = len(line.text) / max(1.0, box.right - box.left)
    at = min(len(line.text), max(0, round((seam - box.left) * per_pixel)))
    behind, ahead = len(line.text) - at, at
    return max(0, at - behind - 4), min(len(line.text), at + ahead + 4), at


def _confidence(left: Line, right: Line) -> float | None:
    if left.confidence is None or right.confidence is None:
        return None
    one, other = len(left.text) or 1, len(right.text) or 1
    return (left.confidence * one + right.confidence * other) / (one + other)
