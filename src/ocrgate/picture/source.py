"""The bytes of an image, wherever the caller keeps them."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeGuard

from PIL import Image

from ocrgate.errors import InvalidImage
from ocrgate.picture.array import from_array

if TYPE_CHECKING:
    import numpy as np

    Source: TypeAlias = (
        str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | np.ndarray[Any, Any]
    )

_ADDRESS = re.compile(r"(?i)(https?|ftp|s3|gs|file)://|data:")
_CHUNK = 1 << 20


def read_source(source: Source, max_bytes: int) -> bytes | Image.Image:
    """The file's bytes, or a Pillow image when the source is one or is an array.

    Args:
        source: path, bytes, binary file object (read from its start when it can seek), Pillow image, numpy array.
        max_bytes: more is refused; it is checked before all of it is read.

    Raises:
        InvalidImage: with the reason.
    """
    match source:
        case Image.Image():
            return source
        case bytes() | bytearray() | memoryview():
            data = _bytes(source, max_bytes)
        case str() | os.PathLike():
            data = _file(source, max_bytes)
        case array if _is_array(array):
            return from_array(array)
        case _ if callable(getattr(source, "read", None)):
            data = _stream(source, max_bytes)
        case _:
            kind = type(source).__name__
            raise InvalidImage(
                f"an image is a path, bytes, a binary file, a Pillow image or a numpy array, not {kind}; convert it"
            )
    if not data:
        raise InvalidImage("the image is empty (0 bytes); check that it was written completely")
    return data


def _is_array(source: object) -> TypeGuard[np.ndarray[Any, Any]]:
    # an array can only exist once numpy has been imported
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(source, numpy.ndarray)


def _too_large(size: int | None, max_bytes: int) -> InvalidImage:
    has = "more than" if size is None else f"{size} bytes, more than"
    return InvalidImage(f"the image has {has} the {max_bytes} bytes allowed; make it smaller or raise image.max_bytes")


def _bytes(source: bytes | bytearray | memoryview, max_bytes: int) -> bytes:
    size = source.nbytes if isinstance(source, memoryview) else len(source)
    if size > max_bytes:
        raise _too_large(size, max_bytes)
    return bytes(source)


def _file(source: str | os.PathLike[str], max_bytes: int) -> bytes:
    name = os.fsdecode(source)
    if _ADDRESS.match(name):
        raise InvalidImage(f"{name[:80]!r} is an address, not a path; download it and hand in the bytes")
    try:
        path = Path(name)
        state = path.stat()
        _check_regular(name, state, max_bytes)
        with path.open("rb") as file:
            return _stream(file, max_bytes)
    except FileNotFoundError as error:
        raise InvalidImage(f"there is no file {name!r}; check the path") from error
    except PermissionError as error:
        raise InvalidImage(f"{name!r} may not be read by this user; change its permissions") from error
    except InvalidImage:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidImage(f"{name[:80]!r} cannot be opened as a file ({reason}); check the path") from error


def _check_regular(name: str, state: os.stat_result, max_bytes: int) -> None:
    if stat.S_ISDIR(state.st_mode):
        raise InvalidImage(f"{name!r} is a directory; name a file in it")
    if not stat.S_ISREG(state.st_mode):
        # reading a pipe or a device may never end
        raise InvalidImage(f"{name!r} is not a regular file; read it and hand in the bytes")
    if state.st_size > max_bytes:
        raise _too_large(state.st_size, max_bytes)


def _stream(source: Any, max_bytes: int) -> bytes:
    data = bytearray()
    _rewind(source)
    while chunk := _chunk(source, min(_CHUNK, max_bytes + 1 - len(data))):
        data += chunk
        if len(data) > max_bytes:
            raise _too_large(None, max_bytes)
    return bytes(data)


def _rewind(source: Any) -> None:
    try:
        if callable(getattr(source, "seekable", None)) and source.seekable():
            source.seek(0)
    except Exception as error:
        raise _unreadable(error) from error


def _chunk(source: Any, size: int) -> bytes:
    try:
        chunk = source.read(size)
    except Exception as error:
        raise _unreadable(error) from error
    if isinstance(chunk, str):
        raise InvalidImage("the file was opened as text; open it with mode 'rb'")
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise InvalidImage(f"the file object gave {type(chunk).__name__} where bytes are due; hand in the bytes")
    return bytes(chunk)


def _unreadable(error: Exception) -> InvalidImage:
    return InvalidImage(f"the file object cannot be read ({type(error).__name__}: {error}); hand in the bytes")
