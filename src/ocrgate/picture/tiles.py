"""The pieces of a page that an engine is shown, and the way back to the caller's pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ocrgate.page import Line, Page, Point
from ocrgate.picture.join import Piece, join

if TYPE_CHECKING:
    from ocrgate.picture.picture import Picture


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a page, encoded within an engine's limits.

    Attributes:
        data: the image in `format`.
        format: `RAW` or a Pillow format name.
        width, height: in pixels, as the engine sees it.
        box: left, top, right, bottom of what it shows, in the caller's pixels.
        offset: where the page begins in the tile, right and below of which there is made-up white.
        scale: the tile's pixels per caller's pixel, across and down.
    """

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    box: tuple[int, int, int, int]
    offset: tuple[int, int] = (0, 0)
    scale: tuple[float, float] = (1.0, 1.0)

    def to_caller(self, point: Point) -> Point:
        """A place on the tile as a place on the page, in the caller's pixels; never outside of what the tile shows."""
        left, top, right, bottom = self.box
        return Point(
            min(max(left + (point.x - self.offset[0]) / self.scale[0], left), right),
            min(max(top + (point.y - self.offset[1]) / self.scale[1], top), bottom),
        )

    def to_page(self, line: Line) -> Line:
        """A line on the tile as a line on the page; see `to_caller`."""
        if self.scale == (1.0, 1.0) and self.offset == (0, 0) == self.box[:2] and self._shows(line):
            return line
        return line.map(self.to_caller)

    def _shows(self, line: Line) -> bool:
        _left, _top, right, bottom = self.box
        polygons = (line.polygon, *(word.polygon for word in line.words))
        return all(0 <= x <= right and 0 <= y <= bottom for polygon in polygons if polygon for x, y in polygon)

    def from_caller(self, point: Point) -> Point:
        """A place on the page, in the caller's pixels, as a place on the tile."""
        return Point(
            (point.x - self.box[0]) * self.scale[0] + self.offset[0],
            (point.y - self.box[1]) * self.scale[1] + self.offset[1],
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A page as an engine takes it.

    Attributes:
        picture: the page.
        tiles: at least one, in reading order; neighbours overlap.
        along: the axis the page is cut along, 0 for x and 1 for y; None for a single tile.
    """

    picture: Picture = field(repr=False)
    tiles: tuple[Tile, ...]
    along: int | None = None

    def join(self, pages: Sequence[Page]) -> Page:
        """What an engine read on the tiles, as one page in the caller's pixels.

        Lines seen twice in an overlap are kept once, as the tile has them that shows them whole; what a cut divides
        is put together again. Of equal fields and notes the first tile's count.

        Args:
            pages: one for each tile, in their order, each in the pixels of its tile.

        Raises:
            ValueError: when there is not one page for each tile.
        """
        if len(pages) != len(self.tiles):
            raise ValueError(f"there are {len(self.tiles)} tiles, but {len(pages)} pages")
        pieces = [
            Piece(tile.box, tuple(tile.to_page(line) for line in page.lines))
            for tile, page in zip(self.tiles, pages, strict=True)
        ]
        fields: Mapping[str, str] = pages[0].fields
        notes: Mapping[str, Any] = pages[0].notes
        for page in pages[1:]:
            fields, notes = {**page.fields, **fields}, {**page.notes, **notes}
        picture = self.picture
        lines = join(pieces, self.along)
        return Page(
            lines=lines,
            width=picture.width,
            height=picture.height,
            fields=fields,
            number=picture.number,
            # A page on which something was read is not blank; only the others are worth a look at the pixels.
            blank=False if lines else picture.blank,
            notes=notes,
        )
