"""What was read on the tiles of a page is the page, nothing doubled and nothing lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocrgate.page import Line, Page, Polygon, Word
from ocrgate.picture import Fitted, Tile
from ocrgate.provider import Limits
from tests.picture.samples import opened

Row = tuple[str, float, float, float, float]
CHAR = 12.0


def fitted(width: int, height: int, wanted: Limits) -> Fitted:
    return opened(Image.new("L", (width, height), 255)).fit(wanted)


def read_rows(tile: Tile, rows: Sequence[Row], *, words: bool = False) -> Page:
    """What a faultless engine reads of rows of text (left, top, width, height): a cut row shows a part of itself."""
    lines = []
    for text, left, top, wide, high in rows:
        x0, y0 = max(left, tile.box[0]), max(top, tile.box[1])
        x1, y1 = min(left + wide, tile.box[2]), min(top + high, tile.box[3])
        if x1 - x0 < 2 or y1 - y0 < 2:
            continue
        per = wide / len(text)
        seen = text[round((x0 - left) / per) : round((x1 - left) / per)]
        if y1 - y0 < high - 0.01:
            seen = "~" * len(seen)  # half a letter is read as anything
        if not seen.strip():
            continue
        polygon = Polygon.from_box(x0, y0, x1 - x0, y1 - y0).map(tile.from_caller)
        parts: tuple[Word, ...] = ()
        if words:
            found, at = [], 0
            for part in seen.split(" "):
                if part:
                    box = Polygon.from_box(x0 + at * per, y0, len(part) * per, y1 - y0).map(tile.from_caller)
                    found.append(Word(part, box, 0.9))
                at += len(part) + 1
            parts = tuple(found)
        lines.append(Line(seen, polygon, 0.9, parts))
    return Page(tuple(lines), tile.width, tile.height)


def column(count: int, pitch: float, high: float, left: float = 10) -> list[Row]:
    return [(f"row {i:03d} of it", left, 5 + i * pitch, 13 * CHAR, high) for i in range(count)]


@settings(deadline=None, max_examples=40)
@given(st.integers(20, 60), st.floats(20, 60), st.integers(300, 800), st.floats(1.6, 4.0))
def test_rows_of_a_long_page_are_read_once_each_and_in_order(
    count: int, pitch: float, width: int, aspect: float
) -> None:
    rows = column(count, pitch, pitch * 0.7)
    pages = fitted(width, int(count * pitch) + 20, Limits(max_aspect=aspect, max_side=4000))
    joined = pages.join([read_rows(tile, rows) for tile in pages.tiles])
    assert [line.text for line in joined.lines] == [row[0] for row in rows]
    for line, (_, left, top, wide, high) in zip(joined.lines, rows, strict=True):
        assert line.polygon is not None
        assert line.polygon.box == pytest.approx((left, top, left + wide, top + high), abs=0.01)


def test_scaled_tiles_join_in_the_callers_pixels() -> None:
    rows = column(80, 60, 40)
    pages = fitted(1400, 5000, Limits(max_side=700))
    assert pages.tiles[0].scale[0] == 0.5
    joined = pages.join([read_rows(tile, rows) for tile in pages.tiles])
    assert [line.text for line in joined.lines] == [row[0] for row in rows]
    assert (joined.width, joined.height) == (1400, 5000)


@pytest.mark.parametrize("words", [False, True])
def test_a_row_across_many_tiles_is_put_together_again(words: bool) -> None:
    text = " ".join(f"item{i:03d}" for i in range(60))
    rows = [(text, 10, 20 + i * 50, len(text) * CHAR, 30) for i in range(3)]
    pages = fitted(int(len(text) * CHAR) + 20, 170, Limits(max_aspect=8.0))
    assert len(pages.tiles) > 3
    joined = pages.join([read_rows(tile, rows, words=words) for tile in pages.tiles])
    assert [line.text for line in joined.lines] == [text] * 3
    assert joined.lines[1].polygon is not None
    assert joined.lines[1].polygon.box == pytest.approx((10, 70, 10 + len(text) * CHAR, 100), abs=0.01)
    assert joined.lines[1].confidence == pytest.approx(0.9)
    if words:
        assert [word.text for word in joined.lines[2].words] == text.split()


def test_columns_side_by_side_stay_whole() -> None:
    rows = [row for left in range(10, 2900, 300) for row in column(4, 40, 25, left)]
    pages = fitted(3000, 180, Limits(max_aspect=6.0))
    joined = pages.join([read_rows(tile, rows) for tile in pages.tiles])
    assert sorted(line.text for line in joined.lines) == sorted(row[0] for row in rows)


def test_a_fragment_at_a_cut_gives_way_to_the_line_that_is_whole() -> None:
    pages = fitted(400, 3000, Limits(max_aspect=3.0))
    first, second = pages.tiles[:2]
    cut = first.box[3]
    rows = [("whole line", 10, cut - 10, 120, 30)]
    read = [read_rows(tile, rows) for tile in pages.tiles]
    assert [line.text for line in read[0].lines] == ["~" * 10]
    assert second.box[1] < cut - 10
    assert [line.text for line in pages.join(read).lines] == ["whole line"]


def test_a_fragment_that_no_other_tile_shows_is_kept() -> None:
    pages = fitted(400, 3000, Limits(max_aspect=3.0))
    cut = pages.tiles[0].box[3]
    read = [Page() for _ in pages.tiles]
    read[0] = Page((Line("only here", Polygon.from_box(10, cut - 12, 90, 12)),))
    assert pages.join(read).text == "only here"


def test_two_different_lines_at_one_height_are_both_kept() -> None:
    pages = fitted(400, 3000, Limits(max_aspect=3.0))
    top = pages.tiles[1].box[1] + 60
    rows = [("left", 10, top, 60, 20), ("right", 200, top, 70, 20)]
    read = [read_rows(tile, rows) for tile in pages.tiles]
    assert sorted(line.text for line in pages.join(read).lines) == ["left", "right"]


def test_equal_lines_at_different_places_are_both_kept() -> None:
    pages = fitted(400, 3000, Limits(max_aspect=3.0))
    rows = [("total", 10, float(top), 60, 20) for top in range(20, 2900, 30)]
    read = [read_rows(tile, rows) for tile in pages.tiles]
    assert len(pages.join(read).lines) == len(rows)


def test_lines_without_a_place_are_told_apart_by_their_text() -> None:
    pages = fitted(400, 2000, Limits(max_aspect=3.0))
    assert len(pages.tiles) == 2
    read = [Page((Line("a"), Line("b one"), Line("c two"))), Page((Line("b one"), Line("c  two"), Line("d")))]
    assert [line.text for line in pages.join(read).lines] == ["a", "b one", "c two", "d"]


def test_fields_and_notes_are_merged_and_the_first_tile_has_the_last_word() -> None:
    pages = fitted(400, 2000, Limits(max_aspect=3.0))
    read = [Page(fields={"a": "1"}, notes={"x": 1}), Page(fields={"a": "2", "b": "3"}, notes={"x": 2, "y": 3})]
    joined = pages.join(read)
    assert joined.fields == {"a": "1", "b": "3"}
    assert joined.notes == {"x": 1, "y": 3}
    assert joined.blank is True


def test_one_page_for_each_tile_is_asked_for() -> None:
    with pytest.raises(ValueError, match="1 tiles, but 2 pages"):
        fitted(40, 40, Limits()).join([Page(), Page()])
