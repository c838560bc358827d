"""RapidOCR's answers as pages: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ocrgate.layout import arrange
from ocrgate.page import Line, Page, Polygon

UNSURE = "dropped_lines"
"""Note that says how many lines were below the least score."""


def parse(
    boxes: Iterable[Any] | None,
    texts: Sequence[Any] | None,
    scores: Sequence[Any] | None,
    width: int,
    height: int,
    min_score: float = 0.5,
) -> Page:
    """The page of an answer with detection.

    RapidOCR answers one box a run of text, sorted by a fixed distance of ten pixels. `arrange` puts them in reading
    order and joins those on one baseline, which measured better than leaving them apart: on 29 receipts the character
    error fell from 0.044 to 0.040, and a rule such as `TOTAL\\D*(\\d+\\.\\d{2})` finds its row. The runs of a joined
    line are its words; a line of one run has none, because RapidOCR only estimates where words stand.

    Args:
        boxes: of four `(x, y)` points each, clockwise from the top left; None when nothing was found.
        texts: one a box, or None.
        scores: one a box, 0-1, or None.
        width, height: of the image in pixels; polygons are clipped to it.
        min_score: lines below are dropped and counted in the note `dropped_lines`.

    Raises:
        ValueError: when the answer is not of this shape.
    """
    if texts is None:
        return Page(width=width, height=height)
    try:
        corners = [] if boxes is None else [[(float(x), float(y)) for x, y in box] for box in boxes]
        values = [] if scores is None else [float(score) for score in scores]
        count = len(texts)
    except TypeError as error:
        raise ValueError(f"an answer of another shape: {error}") from error
    if not len(corners) == len(values) == count:
        raise ValueError(f"{len(corners)} boxes, {count} texts and {len(values)} scores")
    lines, dropped = [], 0
    for points, text, score in zip(corners, texts, values, strict=True):
        line = Line(_text(text), Polygon.from_points(points).within(width, height), _score(score))
        if not line.text:
            continue
        if score < min_score:
            dropped += 1
        else:
            lines.append(line)
    return Page(lines=arrange(lines), width=width, height=height, notes={UNSURE: dropped} if dropped else {})


def parse_line(
    text: Any, score: Any, width: int, height: int, *, upside_down: bool = False, min_score: float = 0.5
) -> Page:
    """The page of an image that was read as one line: the line's polygon is the image.

    Raises:
        ValueError: when text is no text or the score is not from 0 to 1.
    """
    written, value = _text(text), _score(score)
    if not written:
        return Page(width=width, height=height)
    if value < min_score:
        return Page(width=width, height=height, notes={UNSURE: 1})
    whole = Polygon.from_box(0, 0, width, height)
    if upside_down:
        whole = Polygon(whole.bottom_right, whole.bottom_left, whole.top_left, whole.top_right)
    return Page(lines=(Line(written, whole, value),), width=width, height=height)


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError(f"a text of type {type(text).__name__}")  # noqa: TRY004 - one error for any bad answer
    return " ".join(text.split())


def _score(score: Any) -> float:
    try:
        value = float(score)
    except TypeError as error:
        raise ValueError(f"a score of type {type(score).__name__}") from error
    if not -1e-6 <= value <= 1 + 1e-3:
        raise ValueError(f"a score of {value}")
    return min(max(value, 0.0), 1.0)
