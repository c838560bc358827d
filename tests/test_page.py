"""Pages, lines and polygons."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.page import Box, Line, Page, Point, Polygon, Word

numbers = st.floats(-1e6, 1e6)
points = st.builds(Point, numbers, numbers)
polygons = st.builds(Polygon, points, points, points, points)
confidences = st.one_of(st.none(), st.floats(0.0, 1.0))
words = st.builds(Word, st.text(max_size=8), st.one_of(st.none(), polygons), confidences)
lines = st.builds(
    Line, st.text(max_size=20), st.one_of(st.none(), polygons), confidences, st.lists(words, max_size=3).map(tuple)
)
pages = st.builds(Page, st.lists(lines, max_size=6).map(tuple))


@given(numbers, numbers, st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_rectangle_goes_clockwise_from_its_top_left(left: float, top: float, width: float, height: float) -> None:
    polygon = Polygon.from_box(left, top, width, height)
    assert polygon.top_left == (left, top)
    assert polygon.bottom_right == (left + width, top + height)
    assert polygon.top_right == (polygon.bottom_right.x, polygon.top_left.y)
    assert polygon.bottom_left == (polygon.top_left.x, polygon.bottom_right.y)
    assert polygon.box == Box(left, top, left + width, top + height)


@given(polygons)
def test_the_box_is_the_smallest_that_holds_every_corner(polygon: Polygon) -> None:
    box = polygon.box
    assert all(box.left <= x <= box.right and box.top <= y <= box.bottom for x, y in polygon)
    xs, ys = {point.x for point in polygon}, {point.y for point in polygon}
    assert {box.left, box.right} <= xs
    assert {box.top, box.bottom} <= ys


@given(polygons)
def test_a_polygon_of_its_points_is_itself(polygon: Polygon) -> None:
    assert Polygon.from_points(polygon) == polygon
    assert Polygon.from_points([list(point) for point in polygon]) == polygon


@pytest.mark.parametrize("corners", [[], [(0, 0)] * 3, [(0, 0)] * 5])
def test_a_polygon_has_four_corners(corners: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="four corners"):
        Polygon.from_points(corners)


@pytest.mark.parametrize("corner", [(1,), (1, 2, 3)])
def test_a_corner_has_two_numbers(corner: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        Polygon.from_points([corner] * 4)


@given(polygons, numbers, numbers)
def test_moving_there_and_back_is_standing_still(polygon: Polygon, dx: float, dy: float) -> None:
    there = polygon.map(lambda point: Point(point.x + dx, point.y + dy))
    back = there.map(lambda point: Point(point.x - dx, point.y - dy))
    assert all(
        math.isclose(a, b, abs_tol=1e-6) for p, q in zip(back, polygon, strict=True) for a, b in zip(p, q, strict=True)
    )


@given(pages)
def test_mapping_a_page_moves_every_corner_and_nothing_else(page: Page) -> None:
    def double(point: Point) -> Point:
        return Point(2 * point.x, 2 * point.y)

    moved = page.map(double, 640, 480)
    assert (moved.width, moved.height) == (640, 480)
    assert moved.text == page.text
    assert moved.confidence == page.confidence
    for before, after in zip(page.lines, moved.lines, strict=True):
        pairs: list[tuple[Line | Word, Line | Word]] = [(before, after), *zip(before.words, after.words, strict=True)]
        for old, new in pairs:
            assert (new.text, new.confidence) == (old.text, old.confidence)
            assert new.polygon == (old.polygon and old.polygon.map(double))


@given(pages)
def test_the_confidence_of_a_page_lies_between_those_of_its_lines_or_is_unknown(page: Page) -> None:
    known = [line.confidence for line in page.lines if line.confidence is not None]
    if not page.lines or len(known) < len(page.lines):
        assert page.confidence is None
    else:
        assert page.confidence is not None
        assert min(known) <= page.confidence <= max(known)


def test_long_lines_weigh_more_in_the_confidence() -> None:
    page = Page(lines=(Line("a" * 9, None, 1.0), Line("b", None, 0.0)))
    assert page.confidence == pytest.approx(0.9)


def test_an_empty_line_still_weighs_something() -> None:
    assert Page(lines=(Line("", None, 0.5),)).confidence == 0.5


@pytest.mark.parametrize("confidence", [-0.01, 1.01, 87.0, float("nan"), float("inf")])
def test_a_confidence_outside_nought_to_one_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        Word("x", None, confidence)
    with pytest.raises(ValueError, match="confidence"):
        Line("x", None, confidence)


def test_the_text_of_a_page_is_its_lines() -> None:
    assert Page(lines=(Line("a"), Line(""), Line("中文"))).text == "a\n\n中文"
    assert Page().text == ""
    assert Page().confidence is None
