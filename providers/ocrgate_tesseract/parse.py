"""Tesseract's table of words (TSV) as a page: a pure function."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ocrgate.page import Box, Line, Page, Polygon, Word

_HEADER = "level page_num block_num par_num line_num word_num left top width height conf text"
COLUMNS = tuple(_HEADER.split())
_WORD = "5"
# Han, kana, their punctuation and full-width forms: scripts that put no space between words.
_UNSPACED = re.compile(r"[\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")


def parse(tsv: str, width: int, height: int) -> Page:
    """The page that a table describes, lines in Tesseract's reading order.

    A line is what the table numbers as one (same block, paragraph and line). Its confidence is the mean of its words',
    weighted by their length, or None when Tesseract gives a word none (-1). Polygons are clipped to the image.

    Args:
        tsv: as the program writes it, with its header.
        width, height: of the image the program was given, in pixels.

    Raises:
        ValueError: when this is no such table, or a word has no place on the image.
    """
    rows = tsv.split("\n")
    if tuple(rows[0].rstrip("\r").split("\t")) != COLUMNS:
        raise ValueError(f"not a table of words: {rows[0][:80]!r}")
    grouped: dict[tuple[str, ...], list[tuple[Word, Box]]] = {}
    for row in rows[1:]:
        cells = row.rstrip("\r").split("\t", len(COLUMNS) - 1)
        if cells[0] != _WORD:
            continue
        # The last cell is missing where its text is empty.
        if len(cells) not in (len(COLUMNS), len(COLUMNS) - 1):
            raise ValueError(f"a row of {len(cells)} cells: {row[:80]!r}")
        text = cells[-1].strip() if len(cells) == len(COLUMNS) else ""
        if text:
            grouped.setdefault(tuple(cells[1:5]), []).append(_word(text, cells, width, height))
    return Page(lines=tuple(map(_line, grouped.values())), width=width, height=height)


def _word(text: str, cells: Sequence[str], width: int, height: int) -> tuple[Word, Box]:
    left, top, wide, high = (int(cell) for cell in cells[6:10])
    if wide < 0 or high < 0:
        raise ValueError(f"a word of negative size: {text!r}")
    right, bottom = min(left + wide, width), min(top + high, height)
    left, top = max(left, 0), max(top, 0)
    if left > right or top > bottom:
        raise ValueError(f"a word outside the image: {text!r}")
    box = Box(left, top, right, bottom)
    return Word(text, Polygon.from_box(left, top, right - left, bottom - top), _confidence(float(cells[10]))), box


def _confidence(percent: float) -> float | None:
    if percent == -1:
        return None
    if not math.isfinite(percent) or not 0 <= percent <= 100.5:
        raise ValueError(f"a confidence of {percent}")
    return min(percent, 100.0) / 100


def _line(words: Sequence[tuple[Word, Box]]) -> Line:
    boxes = [box for _, box in words]
    left, top = min(box.left for box in boxes), min(box.top for box in boxes)
    right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
    text = ""
    total: float | None = 0.0
    for word, _ in words:
        if text and not (_UNSPACED.match(text[-1]) and _UNSPACED.match(word.text[0])):
            text += " "
        text += word.text
        total = None if total is None or word.confidence is None else total + word.confidence * len(word.text)
    confidence = None if total is None else min(1.0, total / sum(len(word.text) for word, _ in words))
    polygon = Polygon.from_box(left, top, right - left, bottom - top)
    return Line(text, polygon, confidence, tuple(word for word, _ in words))
