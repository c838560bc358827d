"""Numpy arrays as pictures."""

from __future__ import annotations

from typing import Any

import pytest

from ocrgate.errors import InvalidImage
from ocrgate.picture import open_document
from tests.picture.samples import distance, opened, page

pytestmark = pytest.mark.engines  # numpy comes with the engines


def pixels(mode: str = "L") -> Any:
    import numpy as np

    return np.asarray(page(mode=mode))


def test_eight_bit_arrays_of_every_channel_count_show_the_page() -> None:
    for array in (pixels(), pixels()[..., None], pixels("RGB"), pixels("RGBA"), pixels("RGB")[:, ::-1][:, ::-1]):
        assert distance(opened(array).image, page()) == 0


def test_channels_are_red_green_blue() -> None:
    import numpy as np

    assert opened(np.full((9, 9, 3), (250, 100, 50), np.uint8)).image.getpixel((0, 0)) == (250, 100, 50)


@pytest.mark.parametrize("full", [255, 1023, 4095, 16383, 65535])
def test_sixteen_bit_arrays_keep_their_tones_whatever_part_of_the_bits_they_use(full: int) -> None:
    import numpy as np

    array = (pixels().astype(np.float64) * full / 255).round().astype(np.uint16)
    assert distance(opened(array).image, page()) < 1


@pytest.mark.parametrize("full", [1.0, 255.0])
def test_float_arrays_keep_their_tones(full: float) -> None:
    import numpy as np

    array = (pixels("RGB") / 255 * full).astype(np.float32)
    assert distance(opened(array).image, page()) < 1


def test_arrays_of_another_range_are_stretched_to_black_and_white() -> None:
    array = pixels().astype(float)
    for shown in (array / 255 * 2 - 1, array * 1e6, array / 255 * 0.2 + 0.4):
        assert distance(opened(shown).image, page()) < 1


def test_the_noise_of_an_empty_sixteen_bit_page_is_not_blown_up() -> None:
    import numpy as np

    noise = np.random.default_rng(1).integers(64500, 65500, (300, 300)).astype(np.uint16)
    picture = opened(noise)
    assert picture.blank
    assert picture.image.getextrema()[0] > 245  # type: ignore[operator]


def test_numbers_that_are_none_are_white() -> None:
    import numpy as np

    array = (pixels() / 255).astype(np.float32)
    array[:3] = np.nan
    array[-3:] = np.inf
    assert distance(opened(array).image, page()) < 1


def test_bools_are_black_and_white() -> None:
    assert opened(pixels() > 128).image.getextrema() == (0, 255)


def test_transparent_pixels_of_an_array_are_white() -> None:
    import numpy as np

    array = np.zeros((20, 20, 4), np.uint16)
    assert opened(array).image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        ((9,), "uint8", "shape 9"),
        ((9, 9, 2), "uint8", "shape 9 x 9 x 2"),
        ((1, 9, 9, 3), "uint8", "shape"),
        ((0, 9), "uint8", "no pixels"),
        ((), "uint8", "no dimension"),
        ((9, 9), "int32", "int32"),
        ((9, 9), "complex64", "complex64"),
        ((9, 9), "object", "object"),
    ],
)
def test_other_arrays_are_refused_with_what_is_wrong(shape: tuple[int, ...], kind: str, words: str) -> None:
    import numpy as np

    with pytest.raises(InvalidImage, match=words):
        open_document(np.zeros(shape, kind))
