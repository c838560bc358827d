"""What an engine is shown is within its limits, and leads back to the caller's pixels."""

from __future__ import annotations

import base64
import io
from itertools import pairwise
from urllib.parse import quote_plus

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.page import Line, Page, Point, Polygon
from ocrgate.picture import Fitted, Tile
from ocrgate.picture.encode import encoded_size
from ocrgate.provider import RAW, Limits
from tests.picture.samples import encoded, opened, page, turned


def shown(tile: Tile) -> Image.Image:
    if tile.format == RAW:
        return Image.frombytes("RGB", (tile.width, tile.height), tile.data)
    image = Image.open(io.BytesIO(tile.data))
    image.load()
    assert image.format == tile.format
    return image


def assert_within(tile: Tile, limits: Limits) -> None:
    image = shown(tile)
    assert image.size == (tile.width, tile.height)
    assert tile.format in limits.formats
    assert limits.min_side <= min(image.size)
    assert max(image.size) <= limits.max_side
    assert limits.max_pixels is None or tile.width * tile.height <= limits.max_pixels
    assert limits.max_aspect is None or max(image.size) <= min(image.size) * limits.max_aspect
    assert limits.max_bytes is None or len(tile.data) <= limits.max_bytes
    if limits.max_encoded_bytes is not None:
        assert len(quote_plus(base64.b64encode(tile.data))) <= limits.max_encoded_bytes


def assert_covers(fitted: Fitted) -> None:
    picture = fitted.picture
    boxes = [tile.box for tile in fitted.tiles]
    assert boxes[0][:2] == (0, 0)
    assert boxes[-1][2:] == (picture.width, picture.height)
    for before, box in pairwise(boxes):
        assert fitted.along is not None
        assert before[fitted.along] < box[fitted.along] < before[fitted.along + 2]
        assert before[1 - fitted.along] == box[1 - fitted.along] == 0


sides = st.one_of(st.integers(1, 60), st.integers(1, 900), st.integers(1, 6000))
optional_bytes = st.none() | st.integers(1500, 60_000)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    least = draw(st.integers(1, 40))
    return Limits(
        formats=tuple(draw(st.lists(st.sampled_from([RAW, "PNG", "JPEG", "BMP"]), min_size=1, unique=True))),
        min_side=least,
        max_side=draw(st.integers(least, least + 3000)),
        max_pixels=draw(st.none() | st.integers(least * least, 1_000_000)),
        max_aspect=draw(st.none() | st.floats(1, 60)),
        max_bytes=draw(optional_bytes),
        max_encoded_bytes=draw(optional_bytes),
    )


@pytest.mark.thorough
@settings(deadline=None, max_examples=150)
@given(sides, sides, limits(), st.sampled_from(["L", "RGB"]))
@example(1, 6000, Limits(max_aspect=2.0), "L")
@example(1, 3, Limits(max_side=1), "L")
@example(1, 700, Limits(min_side=30, max_side=800, max_pixels=900), "L")
@example(6000, 200, Limits(("PNG",), max_side=1000, max_aspect=4.0), "RGB")
def test_every_tile_of_every_image_is_within_every_limit(width: int, height: int, wanted: Limits, mode: str) -> None:
    assume(width * height < 3_000_000)
    picture = opened(Image.linear_gradient("L").resize((width, height)).convert(mode))
    try:
        fitted = picture.fit(wanted)
    except InvalidImage:
        # only so small a number of bytes can be impossible
        assert wanted.max_bytes is not None or wanted.max_encoded_bytes is not None
        return
    for tile in fitted.tiles:
        assert_within(tile, wanted)
    assert_covers(fitted)


@pytest.mark.thorough
@settings(deadline=None, max_examples=100)
@given(sides, sides, limits(), st.floats(0, 1), st.floats(0, 1))
def test_a_place_on_the_page_is_found_again_through_the_tile_that_shows_it(
    width: int, height: int, wanted: Limits, across: float, down: float
) -> None:
    assume(width * height < 3_000_000)
    try:
        fitted = opened(Image.new("L", (width, height), 128)).fit(wanted)
    except InvalidImage:
        return
    place = Point(across * width, down * height)
    tiles = [
        tile for tile in fitted.tiles if tile.box[0] <= place.x <= tile.box[2] and tile.box[1] <= place.y <= tile.box[3]
    ]
    assert tiles
    for tile in tiles:
        seen = tile.from_caller(place)
        assert -1e-6 <= seen.x <= tile.width + 1e-6
        assert -1e-6 <= seen.y <= tile.height + 1e-6
        assert tile.to_caller(seen) == pytest.approx(place, abs=1e-6)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_what_an_engine_sees_in_the_made_up_border_is_led_back_onto_the_page(x: float, y: float) -> None:
    (tile,) = opened(Image.new("L", (30, 4))).fit(Limits(min_side=50)).tiles
    back = tile.to_caller(Point(x, y))
    assert 0 <= back.x <= 30
    assert 0 <= back.y <= 4


def test_a_marked_pixel_lands_where_the_map_says_after_turning_scaling_and_padding() -> None:
    image = Image.new("RGB", (900, 40), "white")
    image.paste((255, 0, 0), (600, 10, 620, 30))
    picture = opened(turned(image, 6, "PNG"))
    for wanted in (Limits(), Limits(min_side=100, max_side=500), Limits(max_aspect=3.0), Limits(max_side=300)):
        for tile in picture.fit(wanted).tiles:
            place = tile.from_caller(Point(610, 20))
            if 0 <= place.x < tile.width:
                red, green, _ = shown(tile).getpixel((int(place.x), int(place.y)))  # type: ignore[misc]
                assert red > 200
                assert green < 60


def test_a_file_that_fits_is_handed_on_as_it_is() -> None:
    for data, kind in ((encoded(page()), "PNG"), (encoded(page(), "JPEG", quality=40), "JPEG")):
        (tile,) = opened(data).fit(Limits(formats=("PNG", "JPEG"), max_side=240)).tiles
        assert (tile.data, tile.format) == (data, kind)


def test_a_file_that_does_not_fit_is_encoded_without_loss_first() -> None:
    data = encoded(page(), "JPEG", quality=40)
    (tile,) = opened(data).fit(Limits(formats=("JPEG", "PNG"), max_side=240, min_side=130)).tiles
    assert tile.format == "PNG"
    assert shown(tile).crop((0, 5, 240, 125)).tobytes() == opened(data).image.tobytes()


def test_pixels_are_kept_as_long_as_a_lower_quality_is_enough() -> None:
    photo = Image.effect_noise((400, 300), 50).convert("RGB")
    picture = opened(photo)
    best = len(encoded(photo, "JPEG", quality=95, subsampling=0))
    (tile,) = picture.fit(Limits(("PNG", "JPEG"), max_bytes=best - 1)).tiles
    assert (tile.format, tile.width) == ("JPEG", 400)
    (tile,) = picture.fit(Limits(("PNG", "JPEG"), max_bytes=best // 4)).tiles
    assert tile.width < 400


def test_raw_pixels_are_rgb_row_by_row() -> None:
    image = Image.new("RGB", (3, 2), (1, 2, 3))
    image.putpixel((1, 0), (7, 8, 9))
    (tile,) = opened(image).fit(Limits()).tiles
    assert tile.data == bytes((1, 2, 3, 7, 8, 9, 1, 2, 3)) + bytes((1, 2, 3)) * 3
    (grey,) = opened(Image.new("L", (2, 1), 5)).fit(Limits()).tiles
    assert grey.data == bytes([5]) * 6


@given(st.binary(max_size=400))
def test_the_encoded_size_is_that_of_the_request(data: bytes) -> None:
    assert encoded_size(data) == len(quote_plus(base64.b64encode(data)))


def test_a_short_strip_is_made_up_with_white_rather_than_cut() -> None:
    (tile,) = opened(Image.new("L", (600, 20), 0)).fit(Limits(max_aspect=10.0)).tiles
    assert (tile.width, tile.height, tile.offset) == (600, 60, (0, 20))


def test_an_ordinary_page_is_scaled_rather_than_cut() -> None:
    fitted = opened(Image.new("L", (3000, 2000))).fit(Limits(max_side=1000))
    assert len(fitted.tiles) == 1
    assert (fitted.tiles[0].width, fitted.tiles[0].height) == (1000, 666)


def test_a_long_strip_keeps_its_size_in_tiles() -> None:
    fitted = opened(Image.new("L", (300, 9000))).fit(Limits(max_side=1000))
    assert fitted.along == 1
    assert len(fitted.tiles) > 9
    assert {(tile.width, tile.height) for tile in fitted.tiles} == {(300, 1000)}


@pytest.mark.parametrize(
    "wanted",
    [
        Limits(min_side=100, max_pixels=50),
        Limits(formats=("PNG",), max_bytes=20),
        Limits(formats=("JPEG",), max_encoded_bytes=30),
        Limits(min_side=200, max_bytes=1000),
        Limits(formats=("NOSUCH",)),
    ],
)
def test_limits_that_nothing_can_meet_are_a_reason(wanted: Limits) -> None:
    with pytest.raises(InvalidImage):
        opened(page()).fit(wanted)


def test_a_picture_held_smaller_leads_back_to_the_callers_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    from ocrgate.picture import raster

    monkeypatch.setattr(raster, "MEMORY", 241 * 121 * 6)
    fitted = opened(page((241, 121), mode="RGBA")).fit(Limits())
    (tile,) = fitted.tiles
    assert (tile.width, tile.height) == (121, 61)
    assert tile.to_caller(Point(60, 30)) == (120, 60)
    line = Line("x", Polygon.from_box(0, 0, 121, 61))
    joined = fitted.join([Page((line,))])
    assert joined.lines[0].polygon == Polygon.from_box(0, 0, 241, 121)


@pytest.mark.parametrize(("size", "least"), [((300, 9350), 128), ((9350, 300), 300)])
def test_neighbouring_tiles_share_enough_to_show_a_line_or_a_word_whole(size: tuple[int, int], least: int) -> None:
    for length in range(0, 900, 25):
        longer = (size[0], size[1] + length) if size[1] > size[0] else (size[0] + length, size[1])
        fitted = opened(Image.new("L", longer)).fit(Limits(max_side=1000))
        assert fitted.along is not None
        for before, tile in pairwise(fitted.tiles):
            assert before.box[fitted.along + 2] - tile.box[fitted.along] >= least - 1


def test_what_is_made_up_around_a_small_image_is_white() -> None:
    (tile,) = opened(Image.new("RGB", (4, 4), 0)).fit(Limits(("PNG",), min_side=10)).tiles
    image = shown(tile).convert("L")
    assert [image.getpixel((x, 5)) for x in range(10)] == [255] * 3 + [0] * 4 + [255] * 3


def test_the_limit_of_encoded_bytes_counts_what_percent_encoding_adds() -> None:
    photo = opened(Image.effect_noise((300, 300), 60).convert("RGB"))
    (tile,) = photo.fit(Limits(("PNG",))).tiles
    exact = encoded_size(tile.data)
    assert exact > len(base64.b64encode(tile.data))
    assert photo.fit(Limits(("PNG",), max_encoded_bytes=exact)).tiles[0].width == 300
    assert photo.fit(Limits(("PNG",), max_encoded_bytes=exact - 1)).tiles[0].width < 300
