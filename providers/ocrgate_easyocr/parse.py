"""EasyOCR's answer as a page: a pure function."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ocrgate.layout import arrange
from ocrgate.page import Line, Page, Point, Polygon


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
    if not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
        raise ValueError(f"a box that is not finite: {points}")
    polygon = Polygon.from_points(points)
    left, top, right, bottom = polygon.box
    if left > width or top > height or right < 0 or bottom < 0:
        raise ValueError(f"a box outside the image: {points}")
    clipped = polygon.map(lambda point: Point(min(max(point.x, 0.0), width), min(max(point.y, 0.0), height)))
    return Line(" ".join(text.split()), clipped, min(max(confidence, 0.0), 1.0))
