"""The same picture is the same question, whoever holds it and however; another picture is another."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from ocrgate.answers import identify
from ocrgate.errors import InvalidImage
from ocrgate.settings import ImageSettings
from tests import drawing
from tests.houses import picture

LIMITS = ImageSettings()
EXIF = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".encode("latin-1")


def digest(image: Any, limits: ImageSettings = LIMITS) -> str | None:
    return identify(image, limits).digest


def test_the_bytes_of_a_file_are_the_same_picture_wherever_they_lie(tmp_path: Path) -> None:
    data = picture()
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        held = [data, bytearray(data), memoryview(data), path, str(path), io.BytesIO(data), file]
        found = [identify(each, LIMITS) for each in held]
    assert {each.digest for each in found} == {digest(data)}
    assert all(each.image == data for each in found)


def test_a_file_object_is_read_once() -> None:
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

    source = Once(picture())
    found = identify(source, LIMITS)
    assert (found.image, source.read()) == (picture(), b"")


def test_what_cannot_be_read_is_refused_as_ever(tmp_path: Path) -> None:
    for source in (tmp_path / "none.png", b"", 7, io.StringIO("text")):
        with pytest.raises(InvalidImage):
            identify(source, LIMITS)


def test_the_limit_of_bytes_holds() -> None:
    with pytest.raises(InvalidImage, match="more than the 10 bytes allowed"):
        identify(picture(), ImageSettings(max_bytes=10))


@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_other_bytes_are_another_picture(one: bytes, other: bytes) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def drawn(width: int = 200_000, height: int = 3) -> Image.Image:
    """Larger than what is taken in at once, and different in each row."""
    return Image.frombytes(
        "RGB", (width, height), np.arange(width * height * 3, dtype=np.uint32).astype(np.uint8).tobytes()
    )


def test_equal_pixels_are_the_same_picture() -> None:
    image = drawn()
    found = identify(image, LIMITS)
    assert found.image is image
    assert found.digest == digest(image.copy()) == digest(image.crop((0, 0, 200_000, 3)))


@pytest.mark.parametrize("place", [(0, 0), (199_999, 0), (0, 1), (199_999, 2)])
def test_one_pixel_makes_another_picture(place: tuple[int, int]) -> None:
    image = drawn()
    red, green, blue = image.getpixel(place)  # type: ignore[misc]
    image.putpixel(place, (red, green, blue ^ 1))
    assert digest(image) != digest(drawn())


def test_the_same_bytes_in_another_shape_are_another_picture() -> None:
    data = bytes(range(24))
    shapes = [("RGB", (4, 2)), ("RGB", (2, 4)), ("L", (6, 4)), ("L", (24, 1))]
    images = [Image.frombytes(mode, size, data) for mode, size in shapes]
    pixels = [
        np.frombuffer(data, np.uint8).reshape(shape) for shape in [(2, 4, 3), (4, 2, 3), (4, 6), (6, 4), (6, 4, 1)]
    ]
    assert len({digest(each) for each in [*images, *pixels]}) == len(images) + len(pixels)


def test_a_palette_is_part_of_the_picture() -> None:
    image = Image.new("P", (2, 2))
    image.putpalette([0, 0, 0])
    other = image.copy()
    other.putpalette([9, 9, 9])
    assert digest(image) != digest(other)


def test_transparency_is_part_of_the_picture() -> None:
    image, other = Image.new("L", (2, 2), 9), Image.new("L", (2, 2), 9)
    other.info["transparency"] = 9
    assert digest(image) != digest(other)
    clear = Image.new("RGBA", (2, 2), (9, 9, 9, 0))
    assert digest(clear) != digest(Image.new("RGBA", (2, 2), (9, 9, 9, 255)))


def test_which_way_up_an_image_is_belongs_to_it() -> None:
    upright = drawn(40, 30)
    turned = upright.copy()
    turned.info["exif"] = EXIF
    assert digest(turned) != digest(upright)
    assert digest(turned) == digest(upright.transpose(Image.Transpose.ROTATE_270))


def test_the_frame_that_is_shown_counts() -> None:
    first, second = Image.new("L", (4, 4), 0), Image.new("L", (4, 4), 255)
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=[second])
    with Image.open(buffer) as image:
        before = digest(image)
        image.seek(1)
        assert digest(image) != before


def test_a_decompression_bomb_is_not_decoded_to_be_identified() -> None:
    with Image.open(io.BytesIO(drawing.encoded(Image.new("1", (400, 400))))) as image:
        with pytest.raises(InvalidImage, match="decompression bomb"):
            identify(image, ImageSettings(max_pixels=1000))
        assert not getattr(image, "_im", None)


def test_a_broken_image_is_refused() -> None:
    data = drawing.encoded(drawing.noisy(drawn(400, 300)))
    with Image.open(io.BytesIO(data[: len(data) // 2])) as image:
        with pytest.raises(InvalidImage, match="the image cannot be decoded"):
            identify(image, LIMITS)


def test_an_image_that_threads_open_together_is_decoded_in_turn() -> None:
    whole = drawing.encoded(drawn(400, 600))
    for _ in range(5):
        with Image.open(io.BytesIO(whole)) as image:
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(digest, [image] * 8))
        assert found == [digest(drawn(400, 600))] * 8


some: st.SearchStrategy[Any] = arrays.arrays(
    st.sampled_from([np.dtype(name) for name in ("u1", "u2", ">u2", "?", "f4", "f8")]),
    st.sampled_from([(2, 3), (3, 2), (2, 3, 1), (1, 2, 3), (1, 2, 4)]),
    elements={"min_value": 0, "max_value": 2},
)


@given(some, some)
def test_arrays_are_told_apart_by_type_shape_and_values(one: Any, other: Any) -> None:
    same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    assert (digest(one) == digest(other)) == same


@given(some)
def test_how_an_array_lies_in_memory_is_no_matter(array: Any) -> None:
    assert digest(array) == digest(np.asfortranarray(array)) == digest(np.flip(np.flip(array, 0).copy(), 0))


@pytest.mark.parametrize("row", [0, 1, 2, 3, 6])
def test_every_row_of_an_array_counts(row: int) -> None:
    array = np.zeros((7, 200_000), np.uint8)
    before = digest(array)
    array[row, 199_999] = 1
    assert digest(array) != before


def test_an_array_stays_what_it_is() -> None:
    array = np.zeros((4, 4), np.uint8)
    assert identify(array, LIMITS).image is array


def test_an_array_of_a_derived_class_has_no_digest() -> None:
    masked = np.ma.masked_array(np.zeros((2, 2)), mask=[[True, False], [False, False]])
    for array in (masked, np.zeros((2, 2), object), np.zeros((2, 2), "M8[s]"), np.zeros(4, np.uint8)):
        assert digest(array) is None


def test_an_array_in_a_file_is_as_good_as_one_in_memory(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "a", np.uint8, "w+", shape=(4, 4))
    assert digest(mapped) == digest(np.zeros((4, 4), np.uint8))
