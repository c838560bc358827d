"""The border to Pillow: whatever a decoder raises becomes `InvalidImage`, whatever it warns stays inside."""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from PIL import Image, UnidentifiedImageError

from ocrgate.errors import InvalidImage

_thread = threading.local()


class _WhileDecoding:
    """Stands where a warnings filter has its message pattern; matches only in a thread that is decoding."""

    def match(self, _text: str) -> bool:
        return getattr(_thread, "depth", 0) > 0


_FILTER = ("ignore", _WhileDecoding(), Warning, None, 0)


def _install_filter() -> None:
    # catch_warnings() swaps the process-wide list of filters and so disturbs other threads; this one entry stays
    # there and is inert outside of decoding. It must come first, or a host's "error" filter would win.
    filters = cast("list[Any]", warnings.filters)
    if not filters or filters[0] is not _FILTER:
        filters.insert(0, _FILTER)
        while filters.count(_FILTER) > 1:
            filters.reverse()
            filters.remove(_FILTER)
            filters.reverse()


def _plain(error: Exception) -> str:
    match error:
        case MemoryError():
            return "there is not enough memory to decode it; make it smaller"
        case Image.DecompressionBombError():
            return "it holds an image that is far too large; make it smaller"
        case UnidentifiedImageError():
            return "its content is damaged or of a kind that cannot be read"
        case OSError() | SyntaxError() | ValueError() | EOFError() if str(error).strip():
            return f"its content is damaged or cut short ({str(error).strip().splitlines()[0][:200]})"
        case struct.error() | zlib.error():
            return f"its content is damaged or cut short ({error})"
        case _:
            return f"its content is damaged ({type(error).__name__})"


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Run a decoder.

    Args:
        what: starts the reason, `the JPEG image cannot be read`.

    Raises:
        InvalidImage: for any exception of the body.
    """
    _install_filter()
    _thread.depth = getattr(_thread, "depth", 0) + 1
    try:
        yield
    except InvalidImage:
        raise
    except Exception as error:
        raise InvalidImage(f"{what}: {_plain(error)}") from error
    finally:
        _thread.depth -= 1
