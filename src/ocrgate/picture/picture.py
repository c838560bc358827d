"""One page, opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from PIL import Image

from ocrgate.picture.blank import is_blank
from ocrgate.picture.encode import STRIP
from ocrgate.picture.fit import fit
from ocrgate.picture.tiles import Fitted
from ocrgate.provider import Limits


@dataclass(frozen=True)
class Original:
    """The file a picture came from, where its bytes show just this picture.

    Attributes:
        data: the whole file.
        format: Pillow's name of it.
    """

    data: bytes = field(repr=False)
    format: str


@dataclass(frozen=True, eq=False)
class Picture:
    """A page as an upright image with nothing but pixels.

    Attributes:
        image: mode `L` or `RGB`. Not to be changed.
        width, height: the page in the caller's pixels, after its EXIF orientation.
        number: of the page, from 1.
        shrink: how many of the caller's pixels one of the image's is wide and high; above 1 only for a page so large
            that it is held at a fraction of its size.
        original: the file, when it can be sent as it is.
    """

    image: Image.Image
    width: int
    height: int
    number: int = 1
    shrink: int = 1
    original: Original | None = field(default=None, repr=False)

    @cached_property
    def blank(self) -> bool:
        """Whether the pixels show nothing to read; False when that is not certain."""
        return is_blank(self.image)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of size and pixels, hexadecimal: equal for equal pages however they were stored."""
        digest = hashlib.sha256(f"{self.width}x{self.height} {self.image.mode}\n".encode())
        for top in range(0, self.image.height, STRIP):
            box = (0, top, self.image.width, min(self.image.height, top + STRIP))
            digest.update(self.image.crop(box).tobytes())
        return digest.hexdigest()

    def fit(self, limits: Limits) -> Fitted:
        """The page as one or more tiles that an engine takes.

        Raises:
            InvalidImage: when no image of this shape can be within the limits.
        """
        return fit(self, limits)
