"""Whether a page shows nothing to read.

The verdict is a claim about the page, so it is made only when the pixels bear it out; in doubt a page is not blank.
What differs from the smooth background by more than the page's own noise is a mark; marks that lie close together
form one stroke. Writing has strokes as large as a letter; grains of dust have not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from PIL import Image, ImageChops, ImageFilter

_LEAST = 11  # levels between ink and paper; paler is not told from compression noise
_NOISE = 8.0  # levels; above it the page is a texture, about which nothing is claimed
_MARKS = 4000  # marks above which the page surely shows something
_LETTER = 7  # pixels, the least height or width of a stroke that may be a letter
_GAP = 3  # pixels between marks of one stroke
_CELL = 16  # pixels, side of the squares whose mean is the background
_BAND = 512  # rows looked at together
_MARK_RUN = re.compile(rb"\xff+")


def is_blank(image: Image.Image) -> bool:
    """Whether nothing on the image can be writing.

    Args:
        image: mode `L` or `RGB`, of any size; fewer than 4 pixels on a side are too few for a letter.
    """
    if min(image.size) < 4:
        return True
    # grey first: it settles nearly every page; colours of equal lightness are looked at only when it finds nothing
    return all(_is_blank_plane(image, plane) for plane in (("L",) if image.mode == "L" else ("L", "Cb", "Cr")))


def _is_blank_plane(image: Image.Image, plane: str) -> bool:
    runs: list[tuple[int, int, int]] = []
    marks = 0
    shrink = 1 if plane == "L" else 2
    for top, band in _bands(image, plane, shrink):
        mask = _marks(band)
        if mask is None:
            return False
        marks += mask.histogram()[255]
        if marks > _MARKS:
            return False
        runs += _runs(mask, top)
    letter = max(3, min(_LETTER, min(image.size) // 2) // shrink)
    return not any(max(width, height) >= letter for width, height in _strokes(runs))


def _bands(image: Image.Image, plane: str, shrink: int) -> Iterator[tuple[int, Image.Image]]:
    for top in range(0, image.height, _BAND):
        part = image.crop((0, top, image.width, min(image.height, top + _BAND)))
        if plane == "L":
            yield top, part.convert("L")
        else:
            yield top // shrink, part.reduce(shrink).convert("YCbCr").getchannel(plane)


def _marks(band: Image.Image) -> Image.Image | None:
    """255 where the band differs from its background, or None when it is too uneven to tell."""
    cells = band.reduce(_CELL)
    if min(cells.size) > 2:
        cells = cells.filter(ImageFilter.MedianFilter(3))
    # a cell at the border may be cut; the image it stands for is then larger than the band
    box = (0, 0, band.width / _CELL, band.height / _CELL)
    difference = ImageChops.difference(band, cells.resize(band.size, Image.Resampling.BILINEAR, box))
    counts = difference.histogram()
    noise = _noise(counts, band.width * band.height)
    if noise > _NOISE:
        return None
    threshold = max(_LEAST, round(5 * noise))
    return difference.point([255 if level > threshold else 0 for level in range(256)])


def _noise(counts: list[int], total: int) -> float:
    """Standard deviation of the differences, as most of them show it: two thirds are below it."""
    seen = 0
    for level, count in enumerate(counts):
        if seen + count >= 0.68 * total:
            return level + (0.68 * total - seen) / count - 0.5
        seen += count
    return 0.0


def _runs(mask: Image.Image, top: int) -> Iterator[tuple[int, int, int]]:
    """Row, start and end of every run of marks."""
    box = mask.getbbox()
    if box is None:
        return
    part = mask.crop(box)
    pixels, width = part.tobytes(), part.width
    for row in range(part.height):
        for run in _MARK_RUN.finditer(pixels, row * width, (row + 1) * width):
            start = run.start() - row * width + box[0]
            yield top + box[1] + row, start, start + run.end() - run.start()


def _strokes(runs: list[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """Width and height of every group of runs that are at most `_GAP` apart."""
    parent = list(range(len(runs)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first = 0
    for index, (row, start, end) in enumerate(runs):
        while runs[first][0] < row - _GAP:
            first += 1
        for other in range(first, index):
            if runs[other][1] <= end + _GAP and start <= runs[other][2] + _GAP:
                parent[root(other)] = root(index)
    groups: dict[int, list[tuple[int, int, int]]] = {}
    for index, run in enumerate(runs):
        groups.setdefault(root(index), []).append(run)
    for members in groups.values():
        left, right = min(run[1] for run in members), max(run[2] for run in members)
        yield right - left, members[-1][0] - members[0][0] + 1
