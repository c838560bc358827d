"""Images for tests, drawn with the font that Pillow ships.

Everything is black on white RGB unless told otherwise, and the same call always draws the same pixels. The font is
scalable and Latin: text outside Latin-1 is refused, because it would be drawn as empty boxes.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ocrgate.page import Box
from ocrgate.provider import RAW, Request

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

RECEIPT = (
    "CORNER BAKERY",
    "12 MARKET STREET",
    "INVOICE 20417",
    "BREAD 2.40",
    "COFFEE 3.10",
    "TOTAL 5.50",
)
"""Lines of a plain receipt, easy for every engine."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """An image and what was drawn on it.

    Attributes:
        image: mode RGB.
        lines: the texts, in reading order.
        boxes: around the ink of each line, in pixels of `image`.
    """

    image: Image.Image
    lines: tuple[str, ...]
    boxes: tuple[Box, ...] = field(default=())

    @property
    def text(self) -> str:
        """The lines, joined by newlines."""
        return "\n".join(self.lines)

    def request(self, *, languages: Sequence[str] = (), **options: object) -> Request:
        """The image as an engine on this host is handed it."""
        return request(self.image, languages=languages, **options)

    def encoded(self, kind: str = "PNG", **options: object) -> bytes:
        """The image as a file of a Pillow format."""
        return encoded(self.image, kind, **options)


@cache
def font(size: float = 28) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable font; `size` in pixels."""
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType, so it has no scalable font")
    return found


def page(
    lines: str | Sequence[str] = RECEIPT,
    *,
    size: tuple[int, int] | None = None,
    font_size: float = 28,
    margin: int = 24,
    spacing: float = 1.6,
    ink: Colour = BLACK,
    paper: Colour = WHITE,
) -> Drawing:
    """Lines of text below each other.

    Args:
        lines: one text a line; a string is taken apart at its newlines.
        size: width and height in pixels; as large as the text needs when left out.
        font_size: in pixels.
        margin: of paper around the text, in pixels.
        spacing: distance of two baselines, in font sizes.
        ink, paper: colours.

    Raises:
        ValueError: when the text does not fit into `size`, or is not Latin-1.
    """
    texts = tuple(lines.split("\n") if isinstance(lines, str) else lines)
    for text in texts:
        if not _drawable(text):
            raise ValueError(f"the default font cannot draw {text!r}")
    face, step = font(font_size), round(font_size * spacing)
    wanted = (
        2 * margin + max((round(face.getlength(text)) for text in texts), default=0),
        2 * margin + step * max(len(texts), 1),
    )
    if size is not None and (size[0] < wanted[0] - margin or size[1] < wanted[1] - margin):
        raise ValueError(f"the text needs {wanted}, got {size}")
    image = Image.new("RGB", size or wanted, paper)
    draw = ImageDraw.Draw(image)
    boxes = []
    for number, text in enumerate(texts):
        place = (margin, margin + number * step)
        draw.text(place, text, font=face, fill=ink)
        left, top, right, bottom = draw.textbbox(place, text, font=face)
        boxes.append(Box(left, top, right, bottom))
    return Drawing(image, texts, tuple(boxes))


def crop(text: str, *, font_size: float = 28, margin: int = 4, ink: Colour = BLACK, paper: Colour = WHITE) -> Drawing:
    """One line cut out tightly, as labels and number plates arrive."""
    whole = page([text], font_size=font_size, ink=ink, paper=paper)
    left, top, right, bottom = whole.boxes[0]
    frame = (int(left) - margin, int(top) - margin, int(right) + margin, int(bottom) + margin)
    box = Box(left - frame[0], top - frame[1], right - frame[0], bottom - frame[1])
    return Drawing(whole.image.crop(frame), (text,), (box,))


def columns(rows: Sequence[tuple[str, str]], *, width: int = 640, font_size: float = 28, margin: int = 24) -> Drawing:
    """A label at the left and a value at the right of each row, far apart, as on receipts."""
    face, step = font(font_size), round(font_size * 1.6)
    image = Image.new("RGB", (width, 2 * margin + step * len(rows)), WHITE)
    draw = ImageDraw.Draw(image)
    boxes = []
    for number, (label, value) in enumerate(rows):
        top = margin + number * step
        draw.text((margin, top), label, font=face, fill=BLACK)
        place = (width - margin - face.getlength(value), top)
        draw.text(place, value, font=face, fill=BLACK)
        _, upper, _, lower = draw.textbbox((margin, top), f"{label}{value}", font=face)
        boxes.append(Box(margin, upper, width - margin, lower))
    return Drawing(image, tuple(f"{label} {value}" for label, value in rows), tuple(boxes))


def blank(size: tuple[int, int] = (320, 240), paper: Colour = WHITE) -> Image.Image:
    """Nothing to read."""
    return Image.new("RGB", size, paper)


def noisy(image: Image.Image, share: float = 0.2, blur: float = 0.6, seed: int = 7) -> Image.Image:
    """The image as a poor scanner sees it: blurred, then mixed with a `share` of random grey."""
    pixels = random.Random(seed).randbytes(image.width * image.height)
    grain = Image.frombytes("L", image.size, pixels).convert("RGB")
    return Image.blend(image.filter(ImageFilter.GaussianBlur(blur)), grain, share)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The image as a file of a Pillow format (`PNG`, `JPEG`, `TIFF` …)."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def request(image: Image.Image, *, languages: Sequence[str] = (), **options: object) -> Request:
    """An image as an engine on this host is handed it: raw RGB pixels."""
    upright = image.convert("RGB")
    return Request(
        data=upright.tobytes(),
        format=RAW,
        width=upright.width,
        height=upright.height,
        languages=tuple(languages),
        options=options,
    )


def _drawable(text: str) -> bool:
    return all(character.isprintable() and ord(character) < 256 for character in text)
