"""Numpy arrays as Pillow images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.picture.tone import tone

if TYPE_CHECKING:
    import numpy as np

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def from_array(array: np.ndarray[Any, Any]) -> Image.Image:
    """An array as an 8-bit image; channels are red, green, blue, alpha.

    Args:
        array: shape (height, width) or (height, width, 1 | 3 | 4); bool, uint8, uint16 or float. Values of bool are
            black and white; the range of uint16 and float is recognised (see `tone`), not-a-number is white.

    Raises:
        InvalidImage: for any other shape or type.
    """
    import numpy as np

    shape = " x ".join(map(str, array.shape)) or "no dimension"
    if array.ndim == 3 and array.shape[2] in _MODES:
        channels = array.shape[2]
    elif array.ndim == 2:
        channels = 1
    else:
        raise InvalidImage(
            f"an array of shape {shape} is no image; it has to be height x width, alone or x 1, 3 or 4 channels"
        )
    if 0 in array.shape:
        raise InvalidImage(f"an array of shape {shape} has no pixels; check how it was cut out")
    if array.dtype == np.bool_:
        pixels = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype == np.uint8:
        pixels = array
    elif array.dtype == np.uint16 or array.dtype.kind == "f":
        pixels = _toned(array, channels)
    else:
        raise InvalidImage(f"an array of {array.dtype} is no image; convert it to uint8, uint16, float or bool")
    if channels == 1:
        pixels = pixels.reshape(array.shape[:2])
    height, width = array.shape[:2]
    return Image.frombytes(_MODES[channels], (width, height), np.ascontiguousarray(pixels).tobytes())


def _toned(array: np.ndarray[Any, Any], channels: int) -> np.ndarray[Any, Any]:
    import numpy as np

    whole = array.dtype.kind == "u"
    out = np.empty(array.shape, np.uint8)
    if channels == 4:
        # alpha has the range of its type, whatever the colours show
        alpha = array[..., 3]
        full = 65535.0 if whole else (255.0 if np.nanmax(alpha, initial=0.0) > 1.0 else 1.0)
        out[..., 3] = np.nan_to_num(np.clip(alpha.astype(np.float64) / full, 0, 1) * 255 + 0.5, nan=255.0)
        array, target = array[..., :3], out[..., :3]
    else:
        target = out
    finite = None if whole else np.isfinite(array)
    known = array if finite is None or finite.all() else array[finite]
    if known.size == 0:
        raise InvalidImage("the array holds no number; check how it was computed")
    black, white = tone(float(known.min()), float(known.max()), whole=whole)
    for row in range(0, array.shape[0], 256):  # in strips, so that a large array is not copied as floats
        part = array[row : row + 256].astype(np.float64)
        level = np.clip((part - black) * (255.0 / (white - black)) + 0.5, 0, 255)
        target[row : row + 256] = np.where(np.isfinite(part), level, 255.0)
    return out
