"""Whatever a caller hands in becomes a picture, or a reason."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.picture import open_document
from ocrgate.settings import ImageSettings
from tests.picture.samples import distance, encoded, opened, page

PNG = encoded(page())


def reason(source: Any, **settings: int) -> str:
    with pytest.raises(InvalidImage) as caught, open_document(source, ImageSettings(**settings)) as document:
        list(document.pages())
    return caught.value.reason


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_in_every_form_are_read(form: Any) -> None:
    assert distance(opened(form(PNG)).image, page()) == 0


def test_a_path_is_read_as_text_and_as_a_path(tmp_path: Path) -> None:
    path = tmp_path / "name.jpg"
    path.write_bytes(PNG)
    assert opened(path).digest == opened(str(path)).digest == opened(PNG).digest


def test_a_file_object_is_read_from_its_start_wherever_it_stands() -> None:
    file = io.BytesIO(PNG)
    file.seek(0, os.SEEK_END)
    assert opened(file).width == 240


def test_a_stream_that_cannot_seek_and_gives_little_at_a_time_is_read() -> None:
    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self.data = io.BytesIO(PNG)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.data.readinto(memoryview(buffer)[:7])

    assert distance(opened(Slow()).image, page()) == 0


def test_a_pillow_image_stays_usable_and_unchanged() -> None:
    image = page(mode="RGBA")
    before = image.tobytes()
    assert opened(image).image.mode == "RGB"
    assert image.tobytes() == before


def test_a_pillow_image_that_was_not_decoded_yet_is_turned_upright() -> None:
    with Image.open(io.BytesIO(turned_png())) as image:
        assert (opened(image).width, opened(image).height) == (240, 120)


def turned_png() -> bytes:
    from tests.picture.samples import turned

    return turned(page(), 6, "PNG")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "empty"),
        (io.BytesIO(), "empty"),
        ("https://example.org/a.png", "address"),
        ("data:image/png;base64,AAAA", "address"),
        ("no/such/file.png", "no file"),
        ("a\0b", "cannot be opened"),
        ("x" * 5000, "cannot be opened"),
        (io.StringIO("text"), "'rb'"),
        (None, "NoneType"),
        (3, "int"),
        (b"<!DOCTYPE html><p>Error 502", "HTML"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'<?xml version="1.0"?>\n<!-- x --><svg/>', "SVG"),
        (b'{"error_code": 110}', "JSON"),
        ("\ufeffGr\u00fc\u00dfe".encode(), "text"),
        ("Gr\u00fc\u00dfe".encode("utf-16"), "text"),
        (b"iVBORw0KGgoAAAANSUhEUgAA" * 20, "base64"),
        (b"PK\x03\x04" + bytes(40), "ZIP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"\0\0\0\x18ftypmp42" + bytes(20), "video"),
        (b"\xff\x0a" + bytes(40), "JXL"),
        (bytes(range(200, 256)) * 9, "no image of a known kind"),
    ],
)
def test_what_is_no_image_is_refused_with_what_it_is(source: Any, words: str) -> None:
    assert words in reason(source)


def test_heic_without_a_decoder_says_what_helps() -> None:
    assert "pillow-heif" in reason(b"\0\0\0\x18ftypheic" + bytes(40))


def test_a_directory_a_pipe_and_a_device_are_refused_without_reading(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "directory" in reason(tmp_path)
    assert "not a regular file" in reason(tmp_path / "pipe")
    assert "not a regular file" in reason("/dev/zero")


def test_too_many_bytes_are_refused_from_every_source(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    for source in (PNG, memoryview(PNG), path, io.BytesIO(PNG)):
        assert "image.max_bytes" in reason(source, max_bytes=len(PNG) - 1)
    assert opened(PNG, max_bytes=len(PNG)).width == 240


def test_an_endless_stream_is_read_no_further_than_the_limit() -> None:
    taken = 0

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            nonlocal taken
            taken += size
            return b"x" * size

    assert "image.max_bytes" in reason(Endless(), max_bytes=5000)
    assert taken <= 5001


def test_a_stream_that_fails_is_a_reason() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError("gone")

    assert "gone" in reason(Broken())
    closed = io.BytesIO(PNG)
    closed.close()
    assert "closed" in reason(closed)


def ends_well(data: bytes) -> bool:
    try:
        with open_document(data) as document:
            return all(picture.width > 0 and picture.height > 0 for picture in document.pages())
    except InvalidImage as error:
        return bool(error.reason)


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"GIF89a", b"BM"])
)
def test_any_bytes_end_in_a_picture_or_a_reason(tail: bytes, magic: bytes) -> None:
    assert ends_well(magic + tail)


@given(st.sampled_from(["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "PPM"]), st.data())
def test_a_file_with_a_damaged_byte_ends_in_a_picture_or_a_reason(kind: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(page((64, 40)), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert ends_well(bytes(whole))
