"""Pictures that are all different and that anybody can read without an engine: a number as a row of black squares."""

from __future__ import annotations

import io
import re
import time

import PIL.Image

from ocrgate.clock import Deadline
from ocrgate.page import Line, Page, Polygon
from ocrgate.provider import Adapter, Capabilities, Request

COUNT = 1 << 20
"""As many pictures as there are."""

PATTERN = r"RECEIPT (?P<number>\d{7})\b"
_SQUARE = 8
_BITS = COUNT.bit_length()
_WIDTH, _HEIGHT = _SQUARE * (2 * _BITS + 1), 3 * _SQUARE


def picture(number: int) -> bytes:
    """The picture of a number below `COUNT`, a PNG."""
    image = PIL.Image.new("L", (_WIDTH, _HEIGHT), 255)
    shown = number % COUNT | COUNT  # the highest bit is always set, so that no picture is blank
    for bit in range(_BITS):
        if shown >> bit & 1:
            left = _SQUARE * (2 * bit + 1)
            image.paste(0, (left, _SQUARE, left + _SQUARE, 2 * _SQUARE))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def blank() -> bytes:
    """A picture of the same size with nothing on it."""
    file = io.BytesIO()
    PIL.Image.new("L", (_WIDTH, _HEIGHT), 255).save(file, "PNG")
    return file.getvalue()


def text(number: int) -> str:
    """What the picture of a number says."""
    return f"RECEIPT {number % COUNT:07d}"


def number_of(words: str | None) -> int | None:
    """The number in a text, or None."""
    found = re.search(PATTERN, words or "")
    return int(found["number"]) if found else None


def read(image: PIL.Image.Image) -> str:
    """The text of a picture, taken from its pixels."""
    grey = image.convert("L")
    middle = _SQUARE + _SQUARE // 2
    black = [grey.getpixel((_SQUARE * (2 * bit + 1) + _SQUARE // 2, middle)) == 0 for bit in range(_BITS)]
    return text(sum(1 << bit for bit, set_ in enumerate(black[:-1]) if set_))


class PixelReader(Adapter):
    """An engine on this host, in a worker process, that reads these pictures.

    Args:
        name: configured name.
        seconds: that it takes.
    """

    capabilities = Capabilities(isolation="process", lanes=2)

    def __init__(self, name: str = "pixels", seconds: float = 0.0) -> None:
        self.name = name
        self._seconds = seconds

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        time.sleep(self._seconds)
        line = Line(read(request.image()), Polygon.from_box(0, 0, request.width, request.height), 0.99)
        return Page((line,), request.width, request.height)
