"""Images from anything a caller may hold, and back: opened, verified, upright, fitted to an engine."""

from ocrgate.picture.document import Document, open_document
from ocrgate.picture.picture import Picture
from ocrgate.picture.tiles import Fitted, Tile

__all__ = ["Document", "Fitted", "Picture", "Tile", "open_document"]
