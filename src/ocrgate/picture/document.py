"""What a caller hands in, as pages."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.picture.guard import decoding
from ocrgate.picture.pdf import Pdf
from ocrgate.picture.picture import Original, Picture
from ocrgate.picture.raster import Raster, check_size, complete_jpeg, count_pages, decode, open_raster
from ocrgate.picture.sniff import PDF, sniff
from ocrgate.picture.source import read_source
from ocrgate.settings import ImageSettings

if TYPE_CHECKING:
    from ocrgate.picture.source import Source

# What every decoder agrees upon, so that a file of this kind can be sent as it is.
_COMMON = {"JPEG", "PNG", "BMP"}


class Document:
    """An image or a document, opened; its pages are decoded one at a time. May be used from several threads.

    Attributes:
        page_count: at least 1.
    """

    def __init__(self, content: bytes | Image.Image | Pdf, name: str, page_count: int, settings: ImageSettings) -> None:
        self._content: bytes | Image.Image | Pdf | None = content
        self._name = name
        self._settings = settings
        self.page_count = page_count

    def pages(self) -> Iterator[Picture]:
        """The pages from the first; only the current one is held.

        Raises:
            InvalidImage: (while iterating) naming the page that cannot be read.
        """
        for number in range(1, self.page_count + 1):
            yield self.page(number)

    def page(self, number: int) -> Picture:
        """One page, decoded now; a page that cannot be read spoils no other.

        Args:
            number: from 1 to `page_count`.

        Raises:
            InvalidImage: naming the page that cannot be read.
        """
        match self._content:
            case Pdf() as pdf:
                image = pdf.render(number, self._settings.dpi, self._settings.max_pixels)
                return Picture(image, image.width, image.height, number)
            case Image.Image() as image:
                return self._picture(decode(image, "the image", self._settings.max_pixels, own=False), 1)
            case bytes() as data:
                return self._decoded(data, number)
            case _:
                raise InvalidImage("the document is closed; open it again")

    def close(self) -> None:
        """Give the memory back; may be called twice. A Pillow image handed in stays open."""
        content, self._content = self._content, None
        if isinstance(content, Pdf):
            content.close()

    def __enter__(self) -> Document:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decoded(self, data: bytes, number: int) -> Picture:
        limit = self._settings.max_pixels
        what = f"the {self._name} image" if self.page_count == 1 else f"page {number} of {self.page_count}"
        # The file is opened anew for each page: so threads share nothing, and a broken page spoils no other.
        with open_raster(data, self._name, limit) as image:
            if number > 1:
                _turn_to(image, number, what)
            again = (lambda: complete_jpeg(data, limit)) if self._name == "JPEG" else None
            raster = decode(image, what, limit, own=True, again=again)
            single = self._name in _COMMON and getattr(image, "n_frames", 1) == 1
        original = Original(data, self._name) if single and raster.unaltered and _is_whole(data, self._name) else None
        return self._picture(raster, number, original)

    @staticmethod
    def _picture(raster: Raster, number: int, original: Original | None = None) -> Picture:
        return Picture(raster.image, raster.width, raster.height, number, raster.shrink, original)


def _turn_to(image: Image.Image, number: int, what: str) -> None:
    with decoding(f"{what} cannot be found"):
        image.seek(number - 1)


def _is_whole(data: bytes, name: str) -> bool:
    """Whether the file ends where it should: other decoders may be less forgiving than the one used here."""
    match name:
        case "JPEG":
            return data.endswith(b"\xff\xd9")
        case "PNG":
            return data[-8:-4] == b"IEND"
        case _:
            return True


def open_document(source: Source, settings: ImageSettings = ImageSettings()) -> Document:  # noqa: B008 - it is frozen
    """Open an image or a document; its pages are decoded later, one at a time.

    Args:
        source: a path (`str` or `os.PathLike`), the bytes of a file, a binary file object, a Pillow image (its current
            frame), or a numpy array of height x width or height x width x 1, 3 (RGB) or 4 (RGBA) channels, of bool,
            uint8, uint16 or float. A Pillow image or an array must not be changed while the document is in use.

    Raises:
        InvalidImage: when it cannot be read, with the reason in plain words.
    """
    content = read_source(source, settings.max_bytes)
    if isinstance(content, Image.Image):
        check_size(content.size, settings.max_pixels)
        return Document(content, "Pillow", 1, settings)
    name = sniff(content)
    if name == PDF:
        pdf = Pdf(content)
        if pdf.page_count > settings.max_pages:
            pdf.close()
            raise InvalidImage(
                f"the PDF has {pdf.page_count} pages, more than {settings.max_pages}; split it or raise image.max_pages"
            )
        return Document(pdf, name, pdf.page_count, settings)
    with open_raster(content, name, settings.max_pixels) as image:
        pages = count_pages(image, name, settings.max_pages)
    return Document(content, name, pages, settings)
