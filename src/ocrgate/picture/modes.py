"""Pixels of every Pillow mode as 8-bit grey or RGB on white."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageMath

from ocrgate.picture.tone import tone

_STRIP_PIXELS = 2_000_000
_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
_GREY = {"1", "L", "LA", "La", "I", "F"}

Convert = Callable[[Image.Image], Image.Image]


def is_plain(image: Image.Image) -> bool:
    """Whether the pixels are 8-bit grey or RGB already."""
    return image.mode in {"L", "RGB"} and "transparency" not in image.info


def bytes_per_pixel(image: Image.Image) -> tuple[int, int]:
    """Memory a decoded pixel takes: as it is, and once it is plain."""
    own = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    return own, 1 if _is_grey(image) else 4


def to_plain(image: Image.Image, shrink: int = 1, *, invert: bool = False) -> Image.Image:
    """The image in mode `L` or `RGB`.

    It is converted in strips, so that beside source and target there is never a third whole copy.

    Args:
        shrink: whole factor by which both sides are averaged down.
        invert: whether the file counts from white to black although its mode does not say so.
    """
    if is_plain(image) and not invert:
        return image if shrink == 1 else image.reduce(shrink)
    convert = _converter(image, invert=invert)
    width, height = image.size
    mode = "L" if _is_grey(image) else "RGB"
    out = Image.new(mode, (math.ceil(width / shrink), math.ceil(height / shrink)))
    rows = max(shrink, _STRIP_PIXELS // width // shrink * shrink)
    for top in range(0, height, rows):
        part = image if rows >= height else image.crop((0, top, width, min(height, top + rows)))
        plain = convert(part)
        out.paste(plain if shrink == 1 else plain.reduce(shrink), (0, top // shrink))
    return out


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY or image.mode.startswith("I;16")


def _converter(image: Image.Image, *, invert: bool) -> Convert:
    mode = image.mode
    if mode == "F" or mode == "I" or mode.startswith("I;16"):
        return _wide(image, invert=invert)
    if mode in _ALPHA or "transparency" in image.info:
        return _flattener(image)
    if mode == "LAB":
        return _lab
    target = "L" if _is_grey(image) else "RGB"
    return lambda part: part.convert(target)


def _lab(part: Image.Image) -> Image.Image:
    try:
        return part.convert("RGB")
    except (ImportError, ValueError):  # a Pillow built without colour management; lightness is what is read anyway
        return part.getchannel("L").convert("RGB")


def _with_alpha(part: Image.Image) -> Image.Image:
    return part.convert("LA" if part.mode in {"1", "L", "LA", "La"} else "RGBA")


def _flattener(image: Image.Image) -> Convert:
    background = 0 if _is_white_on_nothing(image) else 255

    def flatten(part: Image.Image) -> Image.Image:
        layered = _with_alpha(part)
        alpha = layered.getchannel("A")
        plain = layered.convert("L" if layered.mode == "LA" else "RGB")
        ground = Image.new(plain.mode, plain.size, background if plain.mode == "L" else (background,) * 3)
        ground.paste(plain, mask=alpha)
        return ground

    return flatten


def _is_white_on_nothing(image: Image.Image) -> bool:
    """Whether all that is drawn is white on transparency, so that on white it would vanish."""
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    hidden = shown = False
    for top in range(0, height, rows):
        layered = _with_alpha(image.crop((0, top, width, min(height, top + rows))))
        alpha = layered.getchannel("A")
        drawn = layered.convert("L").histogram(alpha)
        if any(drawn[:245]):
            return False
        shown = shown or any(drawn[245:])
        hidden = hidden or alpha.getextrema() != (255, 255)
    return hidden and shown


def _wide(image: Image.Image, *, invert: bool) -> Convert:
    whole = image.mode != "F"
    clean: Convert = _finite if image.mode == "F" else _as_real
    low, high = math.inf, -math.inf
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        part = clean(image.crop((0, top, width, min(height, top + rows))))
        least, most = part.getextrema()
        low, high = min(low, float(least)), max(high, float(most))  # type: ignore[arg-type]
    black, white = tone(low, high, whole=whole)
    if invert:
        black, white = white, black
    factor = 255.0 / (white - black)
    return lambda part: clean(part).point(lambda value: value * factor + (0.5 - black * factor)).convert("L")


def _as_real(part: Image.Image) -> Image.Image:
    # the byte orders of 16-bit modes know no arithmetic; I does, and holds all of them
    return (part if part.mode == "I" else part.convert("I")).convert("F")


def _finite(part: Image.Image) -> Image.Image:
    """Floats with every not-a-number and infinity replaced by the largest number of the strip."""
    usable = ImageMath.lambda_eval(lambda args: args["convert"](abs(args["x"]) < 3.0e38, "L"), x=part)
    mask = usable.point(lambda value: 255 if value else 0)
    if mask.getextrema() == (255, 255):
        return part
    ground = Image.new("F", part.size, 0.0)
    ground.paste(part, mask=mask)
    most = ground.getextrema()[1]
    ground.paste(most, mask=mask.point(lambda value: 255 - value))
    return ground
