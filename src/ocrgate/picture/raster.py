"""Raster files: the header is believed only as far as the limits go, then one page at a time is decoded."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFile

from ocrgate import fork
from ocrgate.errors import InvalidImage
from ocrgate.picture.guard import decoding
from ocrgate.picture.modes import bytes_per_pixel, is_plain, to_plain
from ocrgate.picture.upright import swaps_sides, turn_of

MEMORY = 560_000_000
"""Bytes that the pixels of one page may take while it is opened; a larger one is held at a fraction of its size."""

_PAGED = {"TIFF"}
# Bytes per pixel that their decoders take, all copies together.
_HUNGRY = {"WEBP": 16, "AVIF": 10, "JPEG2000": 20}
_MOST_MEMORY = 720_000_000
_PHOTOMETRIC = 262
_foreign = fork.Lock()


@dataclass(frozen=True, slots=True)
class Raster:
    """One decoded page.

    Attributes:
        image: upright, mode `L` or `RGB`.
        width, height: of the page in the file, upright.
        shrink: how many of the page's pixels one of the image's is wide and high.
        unaltered: whether the image shows just the pixels that any decoder gets from the file.
    """

    image: Image.Image
    width: int
    height: int
    shrink: int
    unaltered: bool


def open_raster(data: bytes, name: str, max_pixels: int) -> ImageFile.ImageFile:
    """The file's header, read; no pixel is decoded.

    Pillow's own `open` is left out: it would tell about its own limit by a warning, and try every format it knows.

    Raises:
        InvalidImage: when the header is damaged, or states no pixel or more than `max_pixels`.
    """
    factory = Image.OPEN[name][0]
    with decoding(f"the {name} image cannot be read"):
        image = factory(io.BytesIO(data), "")
    check_size(image.size, max_pixels)
    pixels = image.width * image.height
    if name != "JPEG2000" and pixels * _HUNGRY.get(name, 0) > _MOST_MEMORY:
        raise InvalidImage(f"a {name} image of {pixels} pixels takes too much memory to decode; convert it to JPEG")
    return image


def count_pages(image: Image.Image, name: str, max_pages: int) -> int:
    """Pages of the file: those of a TIFF; every other kind has one, its first frame.

    Raises:
        InvalidImage: when there are more than `max_pages`.
    """
    if name not in _PAGED:
        return 1
    pages = 1
    while pages <= max_pages:
        try:
            with decoding(f"page {pages + 1} cannot be found"):
                image.seek(pages)
        except InvalidImage as error:
            if not isinstance(error.__cause__, EOFError):
                # there is a page, but it is broken: whoever turns to it is told
                pages += 1
            break
        pages += 1
    if pages > max_pages:
        raise InvalidImage(f"the document has more than {max_pages} pages; split it or raise image.max_pages")
    return pages


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Refuse a size before anything is decoded.

    Raises:
        InvalidImage: for no pixels or more than `max_pixels`.
    """
    width, height = size
    if width < 1 or height < 1:
        raise InvalidImage(f"the image is {width} x {height}: it has no pixels; save it again")
    if width * height > max_pixels:
        raise InvalidImage(
            f"the image is {width} x {height}, more than the {max_pixels} pixels allowed (it could be a decompression "
            "bomb); make it smaller or raise image.max_pixels"
        )


def decode(
    image: Image.Image,
    what: str,
    max_pixels: int,
    *,
    own: bool,
    again: Callable[[], Image.Image] | None = None,
) -> Raster:
    """The current page of an image, upright and plain.

    Args:
        what: names the page in reasons.
        own: whether nobody else has the image, so that it may be decoded at a fraction of its size.
        again: gives an image that stands for this one when its end is missing but nothing else is.

    Raises:
        InvalidImage: when it is damaged or cut short.
    """
    check_size(image.size, max_pixels)
    with decoding(f"{what} cannot be decoded"):
        # an image the caller has opened but not decoded may be shared by several threads
        with nullcontext() if own else _foreign:
            width, height = image.size
            shrink = _draft(image, turned=turn_of(image) is not None) if own else 1
            try:
                image.load()
            except (OSError, SyntaxError):
                if again is None:
                    raise
                image, shrink = again(), 1
            turn = turn_of(image)
        if shrink == 1:
            # some plugins turn the image, or find its true size, only when they decode it
            width, height = image.size
            check_size(image.size, max_pixels)
        invert = image.mode.startswith("I;16") and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
        unaltered = is_plain(image) and turn is None and shrink == 1
        more = _shrink(image, width * height // shrink**2, turned=turn is not None)
        plain = to_plain(image, more, invert=invert)
        if turn is not None:
            plain = plain.transpose(turn)
            if swaps_sides(turn):
                width, height = height, width
        return Raster(plain, width, height, shrink * more, unaltered and more == 1)


def _draft(image: Image.Image, *, turned: bool) -> int:
    """Have a JPEG decoded at half its size or less when at its own it would take too much memory."""
    width, pixels = image.width, image.width * image.height
    shrink = _shrink(image, pixels, turned=turned)
    if image.format == "JPEG2000" and pixels * _HUNGRY["JPEG2000"] > _MOST_MEMORY:
        image.reduce = 1  # type: ignore[method-assign, assignment] # here it is the decoder's setting, a power of two
        return 2
    if shrink > 1 and image.format in {"JPEG", "MPO"}:
        image.draft(None, (image.width // shrink, image.height // shrink))
    return max(1, round(width / image.width))


def _shrink(image: Image.Image, pixels: int, *, turned: bool) -> int:
    own, plain = bytes_per_pixel(image)
    rest = 0 if is_plain(image) and not turned else plain
    shrink = 1
    while pixels * own + pixels * rest / shrink**2 * (2 if turned and not is_plain(image) else 1) > MEMORY:
        if shrink == 8:
            break
        shrink += 1
    return shrink


def complete_jpeg(data: bytes, max_pixels: int) -> Image.Image:
    """A JPEG whose end marker is missing, decoded, provided that no pixel is missing with it.

    A decoder invents what a cut stream does not hold. What it invents depends on what follows, so two different
    endings give one image only when neither was needed.

    Raises:
        OSError: when pixels are missing.
    """
    images = []
    for filler in (b"\0" * 64, b"\x5a\xa5" * 32):
        image = open_raster(data + filler + b"\xff\xd9", "JPEG", max_pixels)
        if image.width * image.height > MEMORY / 16:
            raise OSError("the end of the image is missing")
        image.load()
        images.append(image)
    if ImageChops.difference(images[0].convert("RGB"), images[1].convert("RGB")).getbbox() is not None:
        raise OSError("the end of the image is missing")
    return images[0]
