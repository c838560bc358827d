"""Images that say which one they are, whatever is done to them on the way."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocrgate.drill import image
from tests.drawing import page

NUMBERS = st.integers(0, image.MOST - 1)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@settings(max_examples=60, deadline=None)
@given(NUMBERS, st.sampled_from(["PNG", "JPEG", "WEBP"]), st.sampled_from([0.5, 1.0, 1.7]))
def test_a_number_survives_compression_and_scaling(number: int, kind: str, scale: float) -> None:
    drawn = opened(image.draw(number))
    size = (round(drawn.width * scale), round(drawn.height * scale))
    buffer = io.BytesIO()
    drawn.resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    assert image.number(opened(buffer.getvalue())) == number


@given(NUMBERS, NUMBERS)
def test_no_two_images_have_a_line_in_common(one: int, other: int) -> None:
    lines = set(image.text(one).splitlines()) & set(image.text(other).splitlines())
    assert bool(lines) == (one == other)


@pytest.mark.parametrize("size", [(image.WIDTH, image.HEIGHT), (100, 40)])
@pytest.mark.parametrize("colour", ["white", (225, 225, 225), "black"])
def test_paper_of_any_colour_is_no_image_of_a_drill(size: tuple[int, int], colour: str) -> None:
    with pytest.raises(ValueError, match="no image of a drill"):
        image.number(Image.new("RGB", size, colour))


def test_nor_is_a_receipt() -> None:
    with pytest.raises(ValueError, match="no image of a drill"):
        image.number(page(["TOTAL 5.50" * 3] * 6, margin=2).image)


@pytest.mark.parametrize("number", [-1, image.MOST])
def test_there_are_only_so_many(number: int) -> None:
    with pytest.raises(ValueError, match="images are numbered from 0 to 65535"):
        image.draw(number)
