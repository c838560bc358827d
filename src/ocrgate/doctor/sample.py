"""A small picture with a text that every engine should read, and how much of it came back."""

from __future__ import annotations

import io
from difflib import SequenceMatcher

TEXT = "TOTAL 12.30"
ENOUGH = 0.7
"""Share of the characters from which the text counts as read."""

_SIZE = (420, 120)
_LOOK_ALIKE = str.maketrans("OILSZB", "011528")


def draw() -> bytes:
    """The picture: black on white, PNG."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", _SIZE, "white")
    try:
        font = ImageFont.load_default(size=56)
        ImageDraw.Draw(image).text((40, 24), TEXT, fill="black", font=font)
    except ImportError:
        # A Pillow without FreeType has one small font of pixels.
        small = Image.new("RGB", (_SIZE[0] // 5, _SIZE[1] // 5), "white")
        ImageDraw.Draw(small).text((6, 6), TEXT, fill="black")
        image = small.resize(_SIZE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def share(text: str) -> float:
    """How much of the picture's text is in what an engine read, 0 to 1; letters that look alike count as the same."""
    wanted = _folded(TEXT)
    matcher = SequenceMatcher(None, wanted, _folded(text), autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(wanted)


def _folded(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum()).translate(_LOOK_ALIKE)
