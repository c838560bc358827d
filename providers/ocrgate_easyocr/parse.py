"""EasyOCR's answer as a page: a pure function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ocrgate.layout import arrange
from ocrgate.page import Line, Page, Polygon


def parse(answer: Iterable[Any], width: int, height: int) -> Page:
    """The page of `Reader.readtext`'s answer: a list of (four points, text, confidence).

    EasyOCR answers in no particular order; `arrange` puts its pieces in reading order and joins those on one baseline,
    whose pieces then are the words of the line.

    Args:
        answer: as EasyOCR gives it with `detail=1`.
        width, height: of the image in pixels; polygons are clipped to it.

    Raises:
        ValueError: when the answer is not of this shape.
    """
    lines = []
    try:
        for points, text, confidence in answer:
            line = _line([(float(x), float(y)) for x, y in points], text, float(confidence), width, height)
            if line.text:
                lines.append(line)
    except TypeError as error:
        raise ValueError(f"an answer of another shape: {error}") from error
    return Page(lines=arrange(lines), width=width, height=height)


def _line(points: list[tuple[float, float]], text: Any, confidence: float, width: int, height: int) -> Line:
    if not isinstance(text, str):
        raise ValueError(f"a text of type {type(text).__name__}")  # noqa: TRY004 - one error for any bad answer
    if not -1e-6 <= confidence <= 1 + 1e-3:
        raise ValueError(f"a confidence of {confidence}")
    clipped = Polygon.from_points(points).within(width, height)
    return Line(" ".join(text.split()), clipped, min(max(confidence, 0.0), 1.0))
