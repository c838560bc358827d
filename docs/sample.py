"""Draws docs/sample.png, the receipt of the examples: `python docs/sample.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.drawing import Drawing, columns  # noqa: E402 - found only now when this runs as a program

PLACE = ROOT / "docs" / "sample.png"
ROWS = (
    ("CORNER BAKERY", ""),
    ("12 MARKET STREET", ""),
    ("RECEIPT", "20417"),
    ("BREAD", "2.40"),
    ("COFFEE", "3.10"),
    ("ORANGE JUICE", "2.75"),
    ("TOTAL", "8.25"),
    ("CASH", "10.00"),
    ("CHANGE", "1.75"),
)
"""A label and a value in each row; close enough together that every engine takes them for one line."""


TEXT = "\n".join(" ".join(filter(None, row)) for row in ROWS)
"""What an engine should read."""


def draw() -> Drawing:
    """The receipt, always the same."""
    return columns(ROWS, width=460, font_size=30, margin=32)


if __name__ == "__main__":
    draw().image.convert("L").save(PLACE, optimize=True)
