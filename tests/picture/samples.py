"""Images for these tests, and what is true of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ocrgate.picture import Picture, open_document
from ocrgate.settings import ImageSettings

A4 = (1654, 2339)


def page(
    size: tuple[int, int] = (240, 120), text: str = "Total 12.50", *, mode: str = "RGB", ink: int = 0, paper: int = 255
) -> Image.Image:
    """Text in the upper left quarter, so that turning the page shows."""
    image = Image.new("L", size, paper)
    ImageDraw.Draw(image).text((10, 10), text, fill=ink, font=ImageFont.load_default(16))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """A file that shows `image` upright only when its EXIF orientation is applied."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image.transpose(back[orientation]) if orientation in back else image
    return encoded(stored, kind, exif=exif, **({"quality": 95} if kind in {"JPEG", "WEBP"} else {}))


def opened(source: Any, **settings: int) -> Picture:
    with open_document(source, ImageSettings(**settings)) as document:
        (picture,) = document.pages()
        return picture


def all_pages(source: Any, **settings: int) -> Sequence[Picture]:
    with open_document(source, ImageSettings(**settings)) as document:
        return list(document.pages())


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two images in grey levels; 255 when their sizes differ."""
    from PIL import ImageChops, ImageStat

    if one.size != other.size:
        return 255.0
    return float(ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).mean[0])
