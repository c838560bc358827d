"""Pages are decoded one at a time; what is damaged, cut short or far too large is refused."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.picture import open_document
from ocrgate.settings import ImageSettings
from tests.picture.samples import all_pages, distance, encoded, opened, page, turned

PAGES = [page(text="first"), page((100, 200), "second", mode="L"), page(text="third", mode="1")]
TIFF = encoded(PAGES[0], "TIFF", save_all=True, append_images=PAGES[1:])


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_all_pages_of_a_tiff_are_given_in_order() -> None:
    pictures = all_pages(TIFF)
    assert [picture.number for picture in pictures] == [1, 2, 3]
    assert [(picture.width, picture.height) for picture in pictures] == [image.size for image in PAGES]
    assert all(distance(picture.image, image) < 1 for picture, image in zip(pictures, PAGES, strict=True))


def test_a_page_that_fails_is_named_and_the_pages_before_it_are_given() -> None:
    compressed = encoded(PAGES[0], "TIFF", save_all=True, append_images=PAGES[:1], compression="tiff_lzw")
    half = len(compressed) // 2
    broken = compressed[: half + 40] + b"\xff" * 60 + compressed[half + 100 :]
    with open_document(broken) as document:
        assert document.page_count == 2
        pages = document.pages()
        assert next(pages).number == 1
        with pytest.raises(InvalidImage, match="page 2 of 2"):
            next(pages)


def test_more_pages_than_allowed_are_refused_at_once() -> None:
    assert len(all_pages(TIFF, max_pages=3)) == 3
    with pytest.raises(InvalidImage, match=r"image\.max_pages"):
        open_document(TIFF, ImageSettings(max_pages=2))


def test_a_closed_document_says_so() -> None:
    document = open_document(TIFF)
    document.close()
    document.close()
    with pytest.raises(InvalidImage, match="closed"):
        list(document.pages())


def test_pages_can_be_read_twice_and_by_several_threads_at_once() -> None:
    with open_document(TIFF) as document, ThreadPoolExecutor(4) as pool:
        digests = list(pool.map(lambda _: [picture.digest for picture in document.pages()], range(12)))
    assert all(found == digests[0] for found in digests)
    assert len(set(digests[0])) == 3


def test_a_pillow_image_shared_by_several_threads_is_decoded_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("shared") / "a.png"
    path.write_bytes(encoded(page((900, 900))))
    with Image.open(path) as image, ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: opened(image).digest, range(16)))) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_half_a_file_is_refused(kind: str) -> None:
    whole = encoded(Image.effect_noise((200, 150), 60).convert("RGB"), kind)
    with pytest.raises(InvalidImage):
        opened(whole[: len(whole) // 2])


def test_a_jpeg_that_lacks_only_its_end_marker_is_read_and_one_that_lacks_pixels_is_not() -> None:
    whole = encoded(Image.effect_noise((200, 150), 60).convert("RGB"), "JPEG", quality=90)
    assert opened(whole[:-2]).digest == opened(whole).digest
    with pytest.raises(InvalidImage, match="the end of the image is missing"):
        opened(whole[:-40])


def test_a_header_that_promises_too_many_pixels_is_refused_before_decoding() -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    with pytest.raises(InvalidImage, match=r"60000 x 60000.*max_pixels"):
        open_document(bomb)


def test_the_limit_of_pixels_is_the_settings_own_and_warns_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(page())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert opened(data).image.size == (240, 120)
    assert opened(data, max_pixels=240 * 120).width == 240
    with pytest.raises(InvalidImage, match="max_pixels"):
        opened(data, max_pixels=240 * 120 - 1)


def test_the_pages_of_a_document_are_measured_one_by_one() -> None:
    small_first = encoded(PAGES[1], "TIFF", save_all=True, append_images=[page((900, 900))])
    with open_document(small_first, ImageSettings(max_pixels=100 * 200)) as document:
        pages = document.pages()
        next(pages)
        with pytest.raises(InvalidImage, match="max_pixels"):
            next(pages)


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(InvalidImage, match="no pixels"):
        opened(Image.new("RGB", (0, 10)))


def test_a_text_chunk_that_unpacks_to_very_much_is_a_reason() -> None:
    whole = encoded(page())
    bomb = whole[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000))) + whole[33:]
    with pytest.raises(InvalidImage, match="PNG image cannot be read"):
        opened(bomb)


def test_what_a_decoder_warns_of_stays_inside_and_other_warnings_do_not() -> None:
    # tag 282 states a resolution of two numbers where one is due, which Pillow warns of
    noisy = encoded(page(), "TIFF", tiffinfo={282: 72.0})
    at = noisy.index(struct.pack("<HHI", 282, 5, 1))
    noisy = noisy[:at] + struct.pack("<HHI", 282, 5, 2) + noisy[at + 8 :]
    with pytest.warns(UserWarning, match="tag 282"):
        Image.open(io.BytesIO(noisy)).close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened(noisy).width == 240
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


def test_the_file_itself_is_kept_only_when_it_shows_just_the_picture() -> None:
    plain = encoded(page(), "JPEG")
    for data in (plain, encoded(page()), encoded(page(), "BMP"), encoded(page(mode="L"))):
        kept = opened(data).original
        assert kept is not None
        assert kept.data == data
    for data in (
        turned(page(), 6),
        encoded(page(mode="RGBA")),
        encoded(page(mode="P")),
        encoded(page(mode="CMYK"), "JPEG"),
        encoded(page(), "TIFF"),
        encoded(page(), save_all=True, append_images=[page(text="b")]),
        plain + b"garbage",
    ):
        assert opened(data).original is None


def test_equal_pages_have_equal_digests_however_they_were_stored() -> None:
    digests = {opened(source).digest for source in (page(), encoded(page()), encoded(page(), "BMP"))}
    assert len(digests) == 1
    assert opened(page(text="other")).digest not in digests
    assert opened(Image.new("L", (20, 10))).digest != opened(Image.new("L", (10, 20))).digest


def test_a_page_too_large_to_convert_whole_is_held_smaller_in_the_callers_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ocrgate.picture import raster

    monkeypatch.setattr(raster, "MEMORY", 240 * 121 * 6)
    for data in (
        encoded(page((241, 121), mode="RGBA")),
        turned(page((241, 121)), 6),
        encoded(page((241, 121), mode="CMYK"), "JPEG"),
    ):
        picture = opened(data)
        assert (picture.width, picture.height, picture.shrink) == (241, 121, 2)
        assert picture.image.size == (121, 61)
        assert picture.original is None
