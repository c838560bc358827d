"""An image as bytes within byte limits."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.picture.guard import decoding
from ocrgate.provider import RAW, Limits

STRIP = 256
"""Rows that are copied at once where a whole copy would cost too much memory."""

_LOSSLESS: dict[str, dict[str, object]] = {
    "PNG": {"compress_level": 4},
    "BMP": {},
    "TIFF": {"compression": "tiff_deflate"},
}
_LOSSY = ("JPEG", "WEBP")
_QUALITIES = (95, 90, 85)
_SAMPLE = 64  # rows


def encoded_size(data: bytes) -> int:
    """Length of the bytes after base64 and percent-encoding (`quote_plus`), exactly."""
    text = base64.b64encode(data)
    return len(text) + 2 * sum(text.count(sign) for sign in (b"+", b"/", b"="))


def fits(data: bytes, limits: Limits) -> bool:
    """Whether the bytes are within both byte limits."""
    if limits.max_bytes is not None and len(data) > limits.max_bytes:
        return False
    most = limits.max_encoded_bytes
    return most is None or (len(data) * 4 / 3 <= most and encoded_size(data) <= most)


def encode(image: Image.Image, limits: Limits) -> tuple[bytes, str] | None:
    """The image in the best of the allowed formats: lossless, else as good as the byte limits allow.

    Args:
        image: mode `L` or `RGB`.

    Returns:
        (data, format), or None when it fits in no way at this size.

    Raises:
        InvalidImage: when none of the allowed formats can be written.
    """
    for name, options in _ways(limits):
        if _is_hopeless(image, name, options, limits):
            continue
        data = _pixels(image) if name == RAW else _save(image, name, options)
        if fits(data, limits):
            return data, name
    return None


def _ways(limits: Limits) -> Iterator[tuple[str, dict[str, object]]]:
    allowed = [name.upper() for name in limits.formats]
    if RAW in allowed:
        yield RAW, {}
    for name in (*_LOSSLESS, *(name for name in allowed if name not in {RAW, *_LOSSLESS, *_LOSSY})):
        if name in allowed:
            yield name, _LOSSLESS.get(name, {})
    for quality in _QUALITIES:
        for name in _LOSSY:
            if name in allowed:
                # full colour resolution at the best quality keeps thin coloured strokes
                yield name, {"quality": quality, **({"subsampling": 0} if name == "JPEG" and quality == 95 else {})}


def _most_bytes(limits: Limits) -> float | None:
    known = [limits.max_bytes, limits.max_encoded_bytes and limits.max_encoded_bytes * 3 / 4]
    return min((value for value in known if value is not None), default=None)


def _is_hopeless(image: Image.Image, name: str, options: dict[str, object], limits: Limits) -> bool:
    """Whether the image would surely be far too large, found out without encoding all of it."""
    most = _most_bytes(limits)
    pixels = image.width * image.height
    if most is None:
        return False
    if name == RAW:
        return pixels * 3 > most
    if pixels < 500_000 or image.height < 8 * _SAMPLE:
        return False
    parts = [image.crop((0, top, image.width, top + _SAMPLE)) for top in range(0, image.height, image.height // 4)][:4]
    sample = sum(len(_save(part, name, options)) for part in parts)
    return sample * image.height / sum(part.height for part in parts) > 3 * most


def _save(image: Image.Image, name: str, options: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    with decoding(f"the image cannot be written as {name}"):
        if name.upper() not in Image.SAVE:
            Image.init()
        if name.upper() not in Image.SAVE:
            raise InvalidImage(f"no image can be written as {name}; let the engine take PNG, JPEG or RAW")
        image.save(buffer, name, **options)
    return buffer.getvalue()


def _pixels(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    for top in range(0, image.height, STRIP):
        part = image.crop((0, top, image.width, min(image.height, top + STRIP)))
        buffer.write(part.convert("RGB").tobytes())
    return buffer.getvalue()
