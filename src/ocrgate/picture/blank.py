"""Whether a page shows nothing to read.

The verdict is a claim about the page, so it is made only when the pixels bear it out; in doubt a page is not blank.
What differs from the smooth background by more than the page's own noise is a mark; marks that lie close together
form one stroke. Writing has strokes as large as a letter; grains of dust have not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from PIL import Image, ImageChops, ImageFilter

_LEAST = 8  # levels between ink and paper; paler is not told from compression noise
_NOISE = 8.0  # levels; above it the page is a texture, about which nothing is claimed
_MARKS = 4000  # marks above which the page surely shows something
_LETTER = 7  # pixels, the least height or width of a stroke that may be a letter
_GAP = 2  # pixels between marks of one stroke
_CELL = 16  # pixels, side of the squares whose mean is the background
_BAND = 512  # rows looked at together
_MEDIAN_OF_TWO = 1.05  # standard deviation over median difference of two pixels, for noise: 1 / (0.6745 * 2 ** 0.5)
_FRINGE = 0.4  # share of a stroke's own contrast below which it is the ringing of compression
_MARK_RUN = re.compile(rb"\xff+")


class _Run(NamedTuple):
    """Marks next to each other in a row, with their differences from the background."""

    row: int
    start: int
    levels: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.levels)


def is_blank(image: Image.Image) -> bool:
    """Whether nothing on the image can be writing.

    Args:
        image: mode `L` or `RGB`, of any size; fewer than 4 pixels on a side are too few for a letter.
    """
    if min(image.size) < 4:
        return True
    return all(_is_blank_plane(plane, shrink, min(image.size)) for plane, shrink in _planes(image))


def _planes(image: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    """What to look at, and how many pixels one of it stands for on a side.

    Grey comes first and settles nearly every page; colours of equal lightness matter only when it shows nothing.
    """
    yield image, 1
    if image.mode != "L":
        colours = image.reduce(2).convert("YCbCr")
        yield colours.getchannel("Cb"), 2
        yield colours.getchannel("Cr"), 2


def _is_blank_plane(plane: Image.Image, shrink: int, side: int) -> bool:
    runs: list[_Run] = []
    marks = 0
    for top in range(0, plane.height, _BAND):
        band = plane.crop((0, top, plane.width, min(plane.height, top + _BAND))).convert("L")
        difference = _difference(band)
        threshold = _threshold(band, difference)
        if threshold is None:
            return False
        mask = difference.point([255 if level > threshold else 0 for level in range(256)])
        marks += mask.histogram()[255]
        if marks > _MARKS:
            return False
        runs += _runs(mask, difference, top)
    letter = max(3, min(_LETTER, side // 2) // shrink)
    return not any(_extent(stroke) >= letter for stroke in _strokes(runs))


def _difference(band: Image.Image) -> Image.Image:
    """How far each pixel is from its background."""
    cells = band.reduce(_CELL)
    if min(cells.size) > 2:
        cells = cells.filter(ImageFilter.MedianFilter(3))
    # a cell at the border may be cut; the image it stands for is then larger than the band
    box = (0, 0, band.width / _CELL, band.height / _CELL)
    return ImageChops.difference(band, cells.resize(band.size, Image.Resampling.BILINEAR, box))


def _threshold(band: Image.Image, difference: Image.Image) -> int | None:
    """The difference up to which a pixel may be noise, or None when the band is too uneven to tell."""
    spread = _quantile(difference, 0.68)
    # neighbours have paper and ink in common, but not the noise
    noise = _quantile(ImageChops.difference(band, ImageChops.offset(band, 2, 0)), 0.5) * _MEDIAN_OF_TWO
    if max(noise, spread) > _NOISE or spread > 2 * noise + 3:
        return None
    return max(_LEAST, round(5 * max(noise, spread)))


def _quantile(difference: Image.Image, share: float) -> float:
    """The level below which `share` of the pixels are."""
    wanted, seen = share * difference.width * difference.height, 0
    for level, count in enumerate(difference.histogram()):
        if count and seen + count >= wanted:
            return max(0.0, level + (wanted - seen) / count - 0.5)
        seen += count
    return 255.0


def _runs(mask: Image.Image, difference: Image.Image, top: int) -> Iterator[_Run]:
    """Every run of marks in a row."""
    box = mask.getbbox()
    if box is None:
        return
    marks, levels, width = mask.crop(box).tobytes(), difference.crop(box).tobytes(), box[2] - box[0]
    for row in range(box[3] - box[1]):
        for run in _MARK_RUN.finditer(marks, row * width, (row + 1) * width):
            yield _Run(top + box[1] + row, run.start() - row * width + box[0], levels[run.start() : run.end()])


def _strokes(runs: list[_Run]) -> Iterable[list[_Run]]:
    """The runs in groups that are at most `_GAP` apart."""
    parent = list(range(len(runs)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first = 0
    for index, run in enumerate(runs):
        while runs[first].row < run.row - _GAP:
            first += 1
        for other in range(first, index):
            if runs[other].start <= run.end + _GAP and run.start <= runs[other].end + _GAP:
                parent[root(other)] = root(index)
    groups: dict[int, list[_Run]] = {}
    for index, run in enumerate(runs):
        groups.setdefault(root(index), []).append(run)
    return groups.values()


def _extent(stroke: list[_Run]) -> int:
    """The longer side of a stroke, without the fringe that compression leaves around it."""
    least = max(max(run.levels) for run in stroke) * _FRINGE
    places = [(run.row, run.start + at) for run in stroke for at, level in enumerate(run.levels) if level >= least]
    rows, columns = [row for row, _ in places], [column for _, column in places]
    return max(max(rows) - min(rows), max(columns) - min(columns)) + 1
