"""Where something stands and how sure Baidu is of it, in each of the ways that the endpoints say so. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ocrgate.page import Point, Polygon

Frame = tuple[int, int]
"""Width and height of the image in pixels, 0 where they are unknown."""

_SIDES = ("left", "top", "width", "height")
_CORNERS = ("vertexes_location", "min_finegrained_vertexes_location", "poly_location", "cell_location")
"""Best first: the rotated rectangle around a line, the tightest one (which no page of Baidu's describes), then those of
other endpoints."""
_RECTANGLES = ("location", "words_location", "form_location")
# Averages of rounded values reach a hair beyond.
_SLACK = 1e-6


class NoPage(ValueError):
    """An answer has another shape than the documented ones."""


def confidence(entry: Mapping[str, Any]) -> float | None:
    """Of an entry with `probability` (or `line_probability`): an average or a number, 0–1; None when there is none.

    Raises:
        NoPage: for a number that is no probability.
    """
    return sureness(entry.get("probability", entry.get("line_probability")))


def sureness(probability: object) -> float | None:
    """`{"average": …}` or a number, as a number from 0 to 1; None when none was given.

    Raises:
        NoPage: for a number that is no probability.
    """
    value = probability.get("average") if isinstance(probability, dict) else probability
    if value is None or isinstance(value, (list, dict, bool)):
        return None
    found = _number(value)
    if not -_SLACK <= found <= 1 + _SLACK:
        raise NoPage(f"a probability of {found}")
    return min(1.0, max(0.0, found))


def place(entry: Mapping[str, Any], frame: Frame) -> Polygon | None:
    """Where an entry stands: the corners when they were asked for, else the rectangle, else nowhere.

    Returns:
        The polygon, cut down to the image; None for an entry without a place, with one of zeros or minus ones (that is
        how what was not found is reported), or with one beside the image.

    Raises:
        NoPage: for a place that is not made of numbers.
    """
    points = next(filter(None, (_four(entry[name]) for name in _CORNERS if name in entry)), None)
    if points is None:
        others = (_rectangle(entry[name]) or _four(entry[name]) for name in _RECTANGLES if name in entry)
        points = next(filter(None, others), None)
    if points is None:
        return None
    clipped = Polygon(*(_clip(point, frame) for point in points))
    box = clipped.box
    return clipped if box.right > box.left and box.bottom > box.top else None


def is_place(value: object) -> bool:
    """Whether a value says where something stands, whatever it is called; a text or a list of words does not."""
    if isinstance(value, dict):
        return {"left", "top"} <= value.keys() or _is_list_of_corners(value.get("points"))
    return _is_list_of_corners(value)


def _is_list_of_corners(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(p, dict) and {"x", "y"} <= p.keys() for p in value)
    )


def _four(corners: object) -> list[Point] | None:
    if isinstance(corners, dict):
        corners = corners.get("points")
    if not isinstance(corners, list) or len(corners) != 4:
        return None
    return [_point(corner) for corner in corners]


def _point(corner: object) -> Point:
    if not isinstance(corner, dict):
        raise NoPage("a corner is no object")
    return Point(_number(corner.get("x")), _number(corner.get("y")))


def _rectangle(location: object) -> list[Point] | None:
    if not isinstance(location, dict) or not location.keys() >= set(_SIDES):
        return None
    left, top, width, height = (_number(location[name]) for name in _SIDES)
    return list(Polygon.from_box(left, top, width, height)) if width > 0 and height > 0 else None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise NoPage(f"a number was expected, got {type(value).__name__}")
    try:
        found = float(value)
    except OverflowError as error:
        raise NoPage("a number beyond all bounds") from error
    except ValueError as error:
        raise NoPage("a text where a number was expected") from error
    if not math.isfinite(found):
        raise NoPage("a number that is none")
    return found


def _clip(point: Point, frame: Frame) -> Point:
    width, height = frame
    x = min(max(point.x, 0.0), float(width)) if width else max(point.x, 0.0)
    y = min(max(point.y, 0.0), float(height)) if height else max(point.y, 0.0)
    return Point(x, y)
