"""Pages of a PDF, drawn by PDFium."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ocrgate import fork
from ocrgate.errors import InvalidImage
from ocrgate.picture.guard import decoding

if TYPE_CHECKING:
    from PIL import Image

_PIXELS = 60_000_000
# PDFium may be used by one thread at a time, whatever the document.
_lock = fork.Lock()


class Pdf:
    """An open PDF; may be used from several threads."""

    def __init__(self, data: bytes) -> None:
        """Open it.

        Raises:
            InvalidImage: when pypdfium2 is not installed, or the file is damaged, protected or without a page.
        """
        try:
            import pypdfium2
        except ImportError as error:
            raise InvalidImage('a PDF needs pypdfium2 to be read: pip install "ocrgate[pdf]"') from error
        with _lock:
            self._document: Any = self._open(pypdfium2, data)
            try:
                self.page_count = self._count()
                self._draw_forms(pypdfium2)
            except InvalidImage:
                self._document.close()
                raise

    @staticmethod
    def _open(pypdfium2: Any, data: bytes) -> Any:
        try:
            return pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
                raise InvalidImage("the PDF is protected by a password; save it without one") from error
            if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_SECURITY:
                raise InvalidImage(
                    "the PDF is encrypted in a way that cannot be read; print it to a new PDF"
                ) from error
            raise InvalidImage("the PDF is damaged or cut short; save it again") from error

    def _count(self) -> int:
        with decoding("the PDF cannot be read"):
            count = len(self._document)
        if count < 1:
            raise InvalidImage("the PDF has no pages; save it again")
        return count

    def _draw_forms(self, pypdfium2: Any) -> None:
        try:
            self._document.init_forms()
        except pypdfium2.PdfiumError:
            # the form is broken: its page is still drawn, only what was typed into fields may be missing
            return

    def render(self, number: int, dpi: int, max_pixels: int) -> Image.Image:
        """One page as an RGB image.

        Args:
            number: from 1.
            dpi: at most; less where the page would have more than `max_pixels`.

        Raises:
            InvalidImage: when the page is damaged.
        """
        with _lock, decoding(f"page {number} of the PDF cannot be drawn"):
            if self._document is None:
                raise InvalidImage("the document is closed; open it again")
            page = self._document[number - 1]
            try:
                width, height = (max(1.0, abs(side)) for side in page.get_size())
                scale = min(dpi / 72, math.sqrt(min(max_pixels, _PIXELS) / ((width + 1) * (height + 1))))
                bitmap = page.render(scale=scale, rev_byteorder=True)
                try:
                    image: Image.Image = bitmap.to_pil()
                    # one that only shows the bitmap's buffer would not outlive it
                    image = image.convert("RGB") if image.mode != "RGB" else image
                    return image.copy() if image.readonly else image
                finally:
                    bitmap.close()
            finally:
                page.close()

    def close(self) -> None:
        """Give the memory back; may be called twice."""
        with _lock:
            if self._document is not None:
                self._document.close()
                self._document = None
