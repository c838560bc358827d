"""Every way to store a page shows the same page."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops

from tests.picture.samples import distance, encoded, opened, page, turned


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_a_pillow_image_of_any_mode_shows_the_page(mode: str) -> None:
    image = page(mode="L").convert(mode) if mode != "PA" else page().convert("P").convert("PA")
    picture = opened(image)
    assert picture.image.mode in {"L", "RGB"}
    assert distance(picture.image, page()) < 8


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_premultiplied_alpha_is_flattened(mode: str) -> None:
    assert distance(opened(page(mode=mode[:-1] + "A").convert(mode)).image, page()) < 2


def test_lab_colours_are_converted() -> None:
    image = Image.merge("LAB", (page(mode="L"), Image.new("L", (240, 120), 128), Image.new("L", (240, 120), 128)))
    assert distance(opened(image).image, page()) < 8


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
@pytest.mark.parametrize("full", [255, 4095, 65535])
def test_sixteen_bits_of_either_byte_order_are_neither_black_nor_washed_out(mode: str, full: int) -> None:
    order = ">H" if mode == "I;16B" else "<H"
    import struct

    levels = page(mode="L").tobytes()
    data = b"".join(struct.pack(order, level * full // 255) for level in levels)
    assert distance(opened(Image.frombytes(mode, (240, 120), data)).image, page()) < 1


def test_a_sixteen_bit_tiff_that_counts_from_white_is_inverted() -> None:
    image = page(mode="L").convert("I").point(lambda level: level * 257).convert("I;16")
    inverted = Image.frombytes("I;16", image.size, bytes(255 - byte for byte in image.tobytes()))
    data = encoded(inverted, "TIFF", tiffinfo={262: 0})
    assert distance(opened(data).image, page()) < 1


@pytest.mark.parametrize("scale", [1 / 255, 1.0, 1000.0])
def test_floats_of_any_range_show_the_page(scale: float) -> None:
    image = page(mode="F").point(lambda level: level * scale + 0)
    assert distance(opened(encoded(image, "TIFF")).image, page()) < 1


def test_a_float_that_is_no_number_spoils_nothing_else() -> None:
    image = page(mode="F")
    for x, value in enumerate((float("nan"), float("inf"), float("-inf"))):
        image.putpixel((x, 0), value)
    assert distance(opened(image).image, page()) < 1


def test_constant_images_keep_their_level() -> None:
    for mode, value in (("F", 255.0), ("I", 255), ("I;16", 65535)):
        assert opened(Image.new(mode, (9, 9), value)).image.getextrema() == (255, 255)


def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (240, 120), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), mask=ImageChops.invert(page(mode="L")))
    for data in (encoded(image), encoded(image, "WEBP", lossless=True), encoded(image, "TIFF")):
        assert distance(opened(data).image, page()) < 2


def test_white_writing_on_transparency_is_not_lost() -> None:
    image = Image.new("RGBA", (240, 120), (255, 255, 255, 0))
    image.putalpha(ImageChops.invert(page(mode="L")))
    picture = opened(image)
    assert not picture.blank
    assert distance(picture.image, ImageChops.invert(page(mode="L"))) < 2


def test_a_transparent_colour_is_white() -> None:
    red = Image.new("RGB", (30, 30), (200, 0, 0))
    red.paste((0, 0, 0), (5, 5, 9, 20))
    for data in (encoded(red, transparency=(200, 0, 0)), encoded(red.quantize(4), "GIF", transparency=0)):
        picture = opened(data)
        assert (255, 255, 255) in {picture.image.getpixel(at) for at in ((0, 0), (6, 6))}


def test_cmyk_jpegs_are_not_inverted() -> None:
    assert distance(opened(encoded(page(mode="CMYK"), "JPEG", quality=95)).image, page()) < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    picture = opened(turned(page(), orientation, kind))
    assert (picture.width, picture.height) == (240, 120) == picture.image.size
    assert distance(picture.image, page()) < 6


def test_damaged_exif_data_is_ignored() -> None:
    data = encoded(page(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(64)))
    assert distance(opened(data).image, page()) < 6


def test_an_exif_orientation_that_is_nonsense_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert opened(encoded(page(), "JPEG", exif=exif)).image.size == (240, 120)


def test_animations_show_their_first_frame() -> None:
    frames = [page(), page(text="another")]
    for kind in ("GIF", "PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        with Image.open(io.BytesIO(data)) as image:
            assert getattr(image, "n_frames", 1) == 2
        assert distance(opened(data).image, page()) < 2
