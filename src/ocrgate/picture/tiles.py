"""The pieces of a page that an engine is shown, and the way back to the caller's pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ocrgate.page import Line, Page, Point
from ocrgate.picture.join import Piece, join

if TYPE_CHECKING:
    from ocrgate.picture.picture import Picture


class Tile(NamedTuple):
    """A piece of a page, encoded within an engine's limits.

    Attributes:
        data: the image in `format`.
        format: `RAW` or a Pillow format name.
        width, height: in pixels, as the engine sees it.
        box: left, top, right, bottom of what it shows, in the caller's pixels.
        offset: where the page begins in the tile, right and below of which there is made-up white.
        scale: the tile's pixels per caller's pixel, across and down.
    """

    data: bytes
    format: str
    width: int
    height: int
    box: tuple[int, int, int, int]
    offset: tuple[int, int] = (0, 0)
    scale: tuple[float, float] = (1.0, 1.0)

    def __repr__(self) -> str:
        return f"Tile({self.format}, {self.width}x{self.height}, box={self.box})"  # and not its bytes

    def to_caller(self, point: Point) -> Point:
        """A place on the tile as a place on the page, in the caller's pixels; never outside of what the tile shows."""
        left, top, right, bottom = self.box
        return Point(
            min(max(left + (point.x - self.offset[0]) / self.scale[0], left), right),
            min(max(top + (point.y - self.offset[1]) / self.scale[1], top), bottom),
        )

    def to_page(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """Lines on the tile as lines on the page; see `to_caller`."""
        if self.scale == (1.0, 1.0) and self.offset == (0, 0) == self.box[:2] and all(map(self._shows, lines)):
            return tuple(lines)
        return tuple(line.map(self.to_caller) for line in lines)

    def _shows(self, line: Line) -> bool:
        _left, _top, right, bottom = self.box
        for polygon in (line.polygon, *(word.polygon for word in line.words)):
            for x, y in polygon or ():
                if not (0 <= x <= right and 0 <= y <= bottom):
                    return False
        return True

    def from_caller(self, point: Point) -> Point:
        """A place on the page, in the caller's pixels, as a place on the tile."""
        return Point(
            (point.x - self.box[0]) * self.scale[0] + self.offset[0],
            (point.y - self.box[1]) * self.scale[1] + self.offset[1],
        )


class Fitted(NamedTuple):
    """A page as an engine takes it.

    Attributes:
        picture: the page.
        tiles: at least one, in reading order; neighbours overlap.
        along: the axis the page is cut along, 0 for x and 1 for y; None for a single tile.
    """

    picture: Picture
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
        seen = [tile.to_page(page.lines) for tile, page in zip(self.tiles, pages, strict=True)]
        fields: Mapping[str, str] = pages[0].fields
        notes: Mapping[str, Any] = pages[0].notes
        for page in pages[1:]:
            fields, notes = {**page.fields, **fields}, {**page.notes, **notes}
        picture = self.picture
        lines = seen[0]
        if self.along is not None:
            lines = join([Piece(tile.box, found) for tile, found in zip(self.tiles, seen, strict=True)], self.along)
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
