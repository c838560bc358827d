"""Images that say which one they are: in print, for engines that read, and in pale squares, for those that do not."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MOST = 1 << 16
"""Images that can be told apart."""
WIDTH, HEIGHT = 384, 136

_BITS = 24
_CELL = 12
_TOP, _LEFT = 6, 24
_PALE = 222
_BETWEEN = (_PALE + 255) / 2
_STEP, _CODES = 7919, 900_000


def text(number: int) -> str:
    """What stands on an image: two lines, the first of which is unlike that of any other by several digits.

    Args:
        number: of the image, from 0 and below `MOST`.
    """
    return f"DRILL {100_000 + number * _STEP % _CODES}\nIMAGE {number:05d}"


@lru_cache(maxsize=4096)
def draw(number: int) -> bytes:
    """The image of that number, as a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    pen.multiline_text((_LEFT, 30), text(number), "black", ImageFont.load_default(36), spacing=10)
    for place, bit in enumerate(_bits(number)):
        if bit:
            left = _LEFT + place * _CELL
            pen.rectangle((left, _TOP, left + _CELL - 1, _TOP + _CELL - 1), (_PALE, _PALE, _PALE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def number(image: Image.Image) -> int:
    """Which image it is, by its pixels; at any size, and after lossy compression.

    Raises:
        ValueError: when it is none of ours, or too spoilt to tell.
    """
    grey = image.convert("L").resize((WIDTH, HEIGHT)) if image.size != (WIDTH, HEIGHT) else image.convert("L")
    found = 0
    for place in range(_BITS):
        left = _LEFT + place * _CELL
        middle = grey.crop((left + 3, _TOP + 3, left + _CELL - 3, _TOP + _CELL - 3))
        level = sum(middle.tobytes()) / (middle.width * middle.height)
        found = found << 1 | (level < _BETWEEN)
    value, check = found >> 8, found & 0xFF
    if _check(value) != check:
        raise ValueError("no image of a drill, or one too spoilt to tell its number")
    return value


def _bits(value: int) -> list[int]:
    if not 0 <= value < MOST:
        raise ValueError(f"images are numbered from 0 to {MOST - 1}, got {value}")
    whole = value << 8 | _check(value)
    return [whole >> place & 1 for place in reversed(range(_BITS))]


def _check(value: int) -> int:
    # Never 0 together with the value, so that white paper is no image.
    return (value * 197 + (value >> 8) * 31 + 90) & 0xFF
