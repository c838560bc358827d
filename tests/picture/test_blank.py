"""A page is blank only when the pixels bear that out."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from ocrgate.picture.blank import is_blank
from tests.picture.samples import A4, encoded, opened


def noise(sigma: float, mean: int) -> Image.Image:
    return Image.effect_noise(A4, sigma).point(lambda level: max(0, min(255, level - 128 + mean)))


def word(
    text: str, size: int, ink: int | tuple[int, ...], paper: int | tuple[int, ...], mode: str = "L"
) -> Image.Image:
    image = Image.new(mode, A4, paper)
    ImageDraw.Draw(image).text((900, 1500), text, fill=ink, font=ImageFont.load_default(size))
    return image


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("colour", ["white", "black", "grey", "beige"])
def test_a_single_colour_is_blank(mode: str, colour: str) -> None:
    assert is_blank(Image.new(mode, A4, colour))


@pytest.mark.parametrize("sigma", [1, 2, 4])
def test_the_noise_of_a_scanner_is_blank(sigma: float) -> None:
    assert is_blank(noise(sigma, 245))
    assert is_blank(noise(sigma, 20).convert("RGB"))


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_the_noise_of_compression_is_blank(quality: int) -> None:
    assert opened(encoded(noise(2, 245).convert("RGB"), "JPEG", quality=quality)).blank


def test_shade_from_one_side_to_the_other_is_blank() -> None:
    shade = Image.linear_gradient("L").resize(A4).point(lambda level: level // 3 + 150)
    assert is_blank(shade)
    assert is_blank(ImageChops.add(shade, noise(2, 8)))
    assert is_blank(Image.radial_gradient("L").resize(A4))


def test_grains_of_dust_are_blank() -> None:
    page, chance = Image.new("L", A4, 250), random.Random(3)
    draw = ImageDraw.Draw(page)
    for row in range(8):
        for column in range(6):
            x, y, size = 100 + column * 250, 100 + row * 270, chance.randrange(4)
            draw.ellipse((x, y, x + size, y + size), fill=chance.randrange(200))
    assert is_blank(page)
    assert opened(encoded(page, "JPEG", quality=80)).blank


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 400)])
def test_an_image_too_small_for_a_letter_is_blank(size: tuple[int, int]) -> None:
    assert is_blank(Image.effect_noise(size, 90))


@pytest.mark.parametrize(("ink", "paper"), [(200, 255), (55, 0), (235, 255), (120, 150)])
@pytest.mark.parametrize("text", ["word", "7", "Total 12.50"])
def test_one_faint_word_is_not_blank(text: str, ink: int, paper: int) -> None:
    assert not is_blank(word(text, 12, ink, paper))


def test_a_word_in_a_colour_as_light_as_the_paper_is_not_blank() -> None:
    assert not is_blank(word("word", 14, (255, 0, 0), (0, 130, 0), "RGB"))
    assert not is_blank(word("word", 12, (255, 255, 0), (255, 255, 255), "RGB"))


def test_a_word_under_noise_blur_or_compression_is_not_blank() -> None:
    assert not is_blank(ImageChops.add(word("word", 12, 160, 240), noise(4, 128), 1, -128))
    assert not is_blank(word("word", 12, 200, 255).filter(ImageFilter.GaussianBlur(1)))
    assert not opened(encoded(word("word", 12, 200, 255), "JPEG", quality=50)).blank


def test_a_page_full_of_faint_text_is_not_blank() -> None:
    page = Image.new("L", (600, 300), 223)
    draw = ImageDraw.Draw(page)
    for row in range(9):
        draw.text((5, 5 + row * 32), "MMMM WWWW HHHH " * 6, fill=203, font=ImageFont.load_default(30))
    assert not is_blank(page)


@pytest.mark.parametrize("size", [60, 300, 900])
def test_one_large_letter_is_not_blank(size: int) -> None:
    assert not is_blank(word("A", size, 225, 255))


def test_a_texture_is_not_claimed_to_be_blank() -> None:
    assert not is_blank(noise(30, 128))


def test_one_letter_on_a_tiny_image_is_not_blank() -> None:
    image = Image.new("L", (8, 8), 255)
    ImageDraw.Draw(image).line((3, 1, 3, 6), fill=0)
    assert not is_blank(image)
