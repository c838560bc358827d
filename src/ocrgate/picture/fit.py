"""A page made to fit what an engine takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.picture.encode import encode, fits
from ocrgate.picture.layout import lay_out
from ocrgate.picture.tiles import Fitted, Tile
from ocrgate.provider import Limits

if TYPE_CHECKING:
    from ocrgate.picture.picture import Picture

_Box = tuple[int, int, int, int]


def fit(picture: Picture, limits: Limits) -> Fitted:
    """The page as tiles within the limits; see `Picture.fit`.

    Nothing is done without need: the file itself if it fits, else its pixels without loss, else JPEG, else fewer
    pixels. An image that is too small is made up with white: that keeps its pixels as they are, while enlarging would
    invent some, and an engine that profits from it enlarges by itself.

    Raises:
        InvalidImage: when no image of this shape can be within the limits.
    """
    if tile := _as_it_is(picture, limits):
        return Fitted(picture, (tile,))
    layout = lay_out(picture.image.width, picture.image.height, limits)
    return Fitted(picture, tuple(_tile(picture, box, limits) for box in layout.boxes), layout.along)


def _as_it_is(picture: Picture, limits: Limits) -> Tile | None:
    original = picture.original
    width, height = picture.width, picture.height
    if original is None or original.format not in limits.formats or not _within(width, height, limits):
        return None
    if not fits(original.data, limits):
        return None
    return Tile(original.data, original.format, width, height, box=(0, 0, width, height))


def _within(width: int, height: int, limits: Limits) -> bool:
    short, long = sorted((width, height))
    return (
        limits.min_side <= short
        and long <= limits.max_side
        and (limits.max_pixels is None or width * height <= limits.max_pixels)
        and (limits.max_aspect is None or long <= short * max(1.0, limits.max_aspect))
    )


def _tile(picture: Picture, box: _Box, limits: Limits) -> Tile:
    size = (box[2] - box[0], box[3] - box[1])
    scale = 1.0
    while True:
        inner, outer = _target(size, scale, limits)
        image, offset = _render(picture.image, box, inner, outer)
        if found := encode(image, limits):
            data, name = found
            shrink = picture.shrink
            return Tile(
                data,
                name,
                *outer,
                box=(
                    box[0] * shrink,
                    box[1] * shrink,
                    min(box[2] * shrink, picture.width),
                    min(box[3] * shrink, picture.height),
                ),
                offset=offset,
                scale=(inner[0] / (size[0] * shrink), inner[1] / (size[1] * shrink)),
            )
        if inner == (1, 1):
            raise InvalidImage(
                f"no image is as small as the engine wants it (max_bytes {limits.max_bytes}, max_encoded_bytes "
                f"{limits.max_encoded_bytes}, min_side {limits.min_side}); raise the engine's limits"
            )
        scale = _smaller(scale, size, inner)


def _smaller(scale: float, size: tuple[int, int], inner: tuple[int, int]) -> float:
    # by the longer side, as it really was: the shorter one may be a single pixel, which no scale makes smaller
    return min(scale, max(inner) / max(size)) * 0.8


def _target(size: tuple[int, int], scale: float, limits: Limits) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size to which a piece is scaled, and the size to which it is then made up with white.

    Raises:
        InvalidImage: when the limits exclude each other.
    """
    least = limits.min_side
    if limits.max_pixels is not None and least * least > limits.max_pixels:
        raise InvalidImage(
            f"the engine's limits exclude each other: min_side {least} makes more than max_pixels {limits.max_pixels}"
        )
    scale = min(scale, limits.max_side / max(size))
    while True:
        inner = (max(1, math.floor(size[0] * scale)), max(1, math.floor(size[1] * scale)))
        outer = _made_up(inner, limits)
        pixels = outer[0] * outer[1]
        if max(outer) <= limits.max_side and (limits.max_pixels is None or pixels <= limits.max_pixels):
            return inner, outer
        if inner == (1, 1):
            raise InvalidImage(
                f"a page of {size[0]} x {size[1]} cannot be within min_side {least}, max_side {limits.max_side} and "
                f"max_pixels {limits.max_pixels}"
            )
        wanted = 1.0 if limits.max_pixels is None else math.sqrt(limits.max_pixels / pixels)
        scale = max(inner) / max(size) * min(0.999, max(0.5, wanted))


def _made_up(inner: tuple[int, int], limits: Limits) -> tuple[int, int]:
    width, height = (max(side, limits.min_side) for side in inner)
    if limits.max_aspect is not None:
        least = math.ceil(max(width, height) / max(1.0, limits.max_aspect))
        width, height = max(width, least), max(height, least)
    return width, height


def _render(
    image: Image.Image, box: _Box, inner: tuple[int, int], outer: tuple[int, int]
) -> tuple[Image.Image, tuple[int, int]]:
    """The piece, scaled and in the middle of white; and where its own pixels begin."""
    if box != (0, 0, *image.size) or inner != image.size:
        if inner == (box[2] - box[0], box[3] - box[1]):
            # like crop(), which however has a limit of its own
            image = image.resize(inner, Image.Resampling.NEAREST, box)
        else:
            image = image.resize(inner, Image.Resampling.LANCZOS, box, reducing_gap=3.0)
    if inner == outer:
        return image, (0, 0)
    offset = ((outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2)
    ground = Image.new(image.mode, outer, 255 if image.mode == "L" else (255, 255, 255))
    ground.paste(image, offset)
    return ground, offset
