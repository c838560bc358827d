"""Pieces of text become lines in reading order."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ocrgate.layout import arrange
from ocrgate.page import Line, Point, Polygon


def piece(text: str, left: float, top: float, width: float, height: float = 20, confidence: float | None = 0.9) -> Line:
    return Line(text, Polygon.from_box(left, top, width, height), confidence)


def texts(*pieces: Line) -> list[str]:
    return [line.text for line in arrange(pieces)]


def tilted(lines: list[Line], degrees: float) -> list[Line]:
    angle = math.radians(degrees)

    def move(point: Point) -> Point:
        return Point(
            point.x * math.cos(angle) - point.y * math.sin(angle) + 500,
            point.x * math.sin(angle) + point.y * math.cos(angle) + 500,
        )

    return [line.map(move) for line in lines]


def test_rows_are_read_from_the_top_and_in_a_row_from_the_left() -> None:
    assert texts(
        piece("5.50", 300, 62, 50), piece("BREAD", 10, 10, 80), piece("TOTAL", 10, 60, 70), piece("2.40", 300, 11, 50)
    ) == ["BREAD 2.40", "TOTAL 5.50"]


def test_a_joined_line_has_its_pieces_as_words_and_a_box_around_them() -> None:
    (line,) = arrange([piece("12.30", 300, 12, 50, 18, 0.5), piece("TOTAL", 10, 10, 70, 20, 1.0)])
    assert [word.text for word in line.words] == ["TOTAL", "12.30"]
    assert [word.confidence for word in line.words] == [1.0, 0.5]
    assert line.polygon is not None
    assert line.polygon.box == (10, 10, 350, 30)
    assert line.confidence == 0.75


def test_a_joined_line_claims_no_confidence_when_a_piece_has_none() -> None:
    (line,) = arrange([piece("TOTAL", 10, 10, 70, 20, None), piece("12.30", 300, 10, 50)])
    assert line.confidence is None


def test_a_line_of_one_piece_is_left_as_it_is() -> None:
    alone = piece("TOTAL 12.30", 10, 10, 200)
    assert arrange([alone]) == (alone,)


def test_close_rows_stay_apart() -> None:
    rows = [piece(f"row {number}", 10, 10 + 21 * number, 150) for number in range(5)]
    assert texts(*reversed(rows)) == [f"row {number}" for number in range(5)]


def test_pieces_above_each_other_are_never_one_row() -> None:
    assert len(arrange([piece("upper", 10, 10, 100, 40), piece("lower", 10, 24, 100, 40)])) == 2


def test_rows_of_a_tilted_page_are_found() -> None:
    rows = [
        part
        for number in range(6)
        for part in (piece(f"article {number}", 0, 40 * number, 300), piece(f"{number}.00", 700, 40 * number, 60))
    ]
    for degrees in (-6, -2, 2, 6):
        assert texts(*tilted(rows, degrees)) == [f"article {number} {number}.00" for number in range(6)]


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [piece(f"left {number}", 10, 30 * number, 280) for number in range(6)]
    right = [piece(f"right {number}", 400, 30 * number, 280) for number in range(6)]
    mixed = [part for pair in zip(left, right, strict=True) for part in pair]
    assert texts(*mixed) == [f"left {number}" for number in range(6)] + [f"right {number}" for number in range(6)]


def test_a_heading_across_close_columns_is_read_between_them() -> None:
    def columns(top: float, mark: str) -> list[Line]:
        left = [piece(f"{mark} left {number}", 10, top + 24 * number, 600) for number in range(5)]
        right = [piece(f"{mark} right {number}", 625, top + 24 * number + 9, 600) for number in range(5)]
        return [part for pair in zip(left, right, strict=True) for part in pair]

    heading, middle = piece("heading", 200, 0, 800, 40), piece("middle", 100, 240, 1000)
    found = texts(*columns(60, "a"), heading, middle, *columns(300, "b"))
    sides = [[f"{mark} {side} {number}" for number in range(5)] for mark in "ab" for side in ("left", "right")]
    assert found == ["heading", *sides[0], *sides[1], "middle", *sides[2], *sides[3]]


def test_labels_and_amounts_of_a_receipt_are_no_columns() -> None:
    labels = [piece(f"item number {number}", 10, 30 * number, 280) for number in range(6)]
    amounts = [piece(f"{number}.00", 500, 30 * number, 45) for number in range(6)]
    assert texts(*labels, *amounts) == [f"item number {number} {number}.00" for number in range(6)]


def test_pieces_without_a_place_come_last_in_their_order() -> None:
    assert texts(Line("b"), piece("placed", 0, 0, 10), Line("a")) == ["placed", "b", "a"]


boxes = st.tuples(*[st.floats(0, 2000, allow_nan=False) for _ in range(2)], *[st.floats(0, 500) for _ in range(2)])


@given(st.lists(st.tuples(boxes, st.one_of(st.none(), st.floats(0, 1))), max_size=30))
def test_no_piece_is_lost_doubled_or_moved_out(drawn: list[tuple[tuple[float, ...], float | None]]) -> None:
    pieces = [Line(f"w{number}", Polygon.from_box(*box), confidence) for number, (box, confidence) in enumerate(drawn)]
    lines = arrange(pieces)
    found = [text for line in lines for text in line.text.split(" ") if text]
    assert sorted(found) == sorted(line.text for line in pieces)
    by_text = {line.text: line for line in pieces}
    for line in lines:
        assert line.polygon is not None
        left, top, right, bottom = line.polygon.box
        for text in line.text.split(" "):
            polygon = by_text[text].polygon
            assert polygon is not None
            inner = polygon.box
            assert left <= inner.left
            assert top <= inner.top
            assert right >= inner.right - 1e-6
            assert bottom >= inner.bottom - 1e-6
