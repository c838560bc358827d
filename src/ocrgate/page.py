"""What an engine saw on one page: words in lines, and where they stand.

All coordinates are pixels with the origin at the top left, x to the right and y downwards. Which image the pixels
belong to is said by whoever hands the page out: an adapter answers in the pixels of the image it was given, the
gateway in the pixels of the image its caller handed in, after EXIF orientation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place on the page, in pixels."""

    x: float
    y: float


class Box(NamedTuple):
    """An upright rectangle, in pixels; `right` and `bottom` are exclusive."""

    left: float
    top: float
    right: float
    bottom: float


class Polygon(NamedTuple):
    """The four corners of a word or line, clockwise from the text's own top left."""

    top_left: Point
    top_right: Point
    bottom_right: Point
    bottom_left: Point

    @classmethod
    def from_box(cls, left: float, top: float, width: float, height: float) -> Polygon:
        """An upright rectangle as a polygon."""
        right, bottom = left + width, top + height
        return cls(Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom))

    @classmethod
    def from_points(cls, points: Iterable[Iterable[float]]) -> Polygon:
        """Four `(x, y)` pairs as a polygon.

        Raises:
            ValueError: when there are not exactly four pairs.
        """
        corners = [Point(float(x), float(y)) for x, y in points]
        if len(corners) != 4:
            raise ValueError(f"a polygon has four corners, got {len(corners)}")
        return cls(*corners)

    @property
    def box(self) -> Box:
        """The smallest upright rectangle around the polygon."""
        xs, ys = [point.x for point in self], [point.y for point in self]
        return Box(min(xs), min(ys), max(xs), max(ys))

    def within(self, width: int, height: int) -> Polygon:
        """The polygon cut down to an image of `width` × `height`, into which engines at times reach out a little.

        Raises:
            ValueError: when a corner is not finite, or no part of the polygon lies on the image.
        """
        if not all(math.isfinite(x) and math.isfinite(y) for x, y in self):
            raise ValueError(f"a box that is not finite: {self}")
        left, top, right, bottom = self.box
        if left > width or top > height or right < 0 or bottom < 0:
            raise ValueError(f"a box outside the image: {self}")
        return self.map(lambda point: Point(min(max(point.x, 0.0), width), min(max(point.y, 0.0), height)))

    def map(self, move: Callable[[Point], Point]) -> Polygon:
        """The polygon with each corner moved."""
        return Polygon(*(move(point) for point in self))


def _check_confidence(confidence: float | None) -> None:
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        raise ValueError(f"confidence is a number from 0 to 1 or None, got {confidence!r}")


@dataclass(frozen=True, slots=True)
class Word:
    """One word (or one run of characters, for scripts without spaces).

    Attributes:
        text: as the engine wrote it.
        polygon: where it stands, or None when the engine does not say.
        confidence: 0 to 1, or None when the engine gives none; never invented.
    """

    text: str
    polygon: Polygon | None = None
    confidence: float | None = None

    def __post_init__(self) -> None:
        _check_confidence(self.confidence)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; see `Word` for what the attributes mean."""

    text: str
    polygon: Polygon | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        _check_confidence(self.confidence)

    def map(self, move: Callable[[Point], Point]) -> Line:
        """The line, and its words, with every corner moved."""
        words = tuple(replace(word, polygon=word.polygon and word.polygon.map(move)) for word in self.words)
        return replace(self, polygon=self.polygon and self.polygon.map(move), words=words)


@dataclass(frozen=True, slots=True)
class Page:
    """One page as one engine read it, lines in reading order.

    Attributes:
        lines: may be empty; an empty page is an answer, not a failure.
        width, height: size in pixels of the image the polygons refer to, 0 when unknown.
        fields: what a card or invoice endpoint returned by name.
        number: 1 for the first page of a document.
        blank: whether the pixels show nothing to read; None when nobody has looked.
        notes: what the engine said about the page besides its text (`direction`, `language`, `image_status` …).
    """

    lines: tuple[Line, ...] = ()
    width: int = 0
    height: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)
    number: int = 1
    blank: bool | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The lines, joined by newlines."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float | None:
        """Mean confidence over the lines, weighted by their length; None when any line's is unknown or none exist."""
        total = weight = 0.0
        known = []
        for line in self.lines:
            if line.confidence is None:
                return None
            length = len(line.text) or 1
            total += line.confidence * length
            weight += length
            known.append(line.confidence)
        # Rounding must not push a page of lines that all just reach a threshold below it.
        return min(max(total / weight, min(known)), max(known)) if known else None

    def map(self, move: Callable[[Point], Point], width: int, height: int) -> Page:
        """The page in the pixels of another image of `width` × `height`."""
        return replace(self, lines=tuple(line.map(move) for line in self.lines), width=width, height=height)
