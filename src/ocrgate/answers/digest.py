"""What a call asks, as one text: two calls with the same text have the same answer."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ocrgate.revision import version
from ocrgate.settings import ImageSettings, ProviderSettings, RouteSettings

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_PIECE = 1 << 19
"""Bytes of pixels that are taken in at once: no large picture is copied as a whole, and small pieces are quick."""
_DECODERS = ("pillow", "pypdfium2")
"""Distributions that decide what an engine is shown."""
_ROUTE = frozenset({"name", "deadline", "budget", "languages"})
"""Of a route: what changes no answer. The languages are those of the call, which may be the route's."""
_IMAGE = frozenset({"max_bytes"})
"""Of what is accepted: what has been seen to when there is a digest."""
_SECRET = re.compile(
    r"(?i)(^|[_-]|api|access|auth|secret|private|client)"
    r"(keys?|secrets?|tokens?|passwords?|passwd|pwd|credentials?|authorization)$"
)
_LOGIN = re.compile(r"(://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Identified:
    """A picture, and what tells it from all others.

    Attributes:
        image: what to read; a file's bytes where a path or a file object was handed in, so nothing is read twice.
        digest: of all that `open_document` looks at; None when the picture could not be identified.
    """

    image: Any
    digest: str | None


def identify(image: Any, settings: ImageSettings) -> Identified:
    """Read a path or a file, and give the picture its digest.

    The same bytes have the same digest wherever they lie. Pixels have the digest of what an engine would be shown of
    them: a Pillow image upright, with palette and transparency applied; an array by type, shape and values. Classes
    derived from numpy's array have none, since nobody knows what else they hold.

    Args:
        image: path, bytes, binary file, Pillow image or numpy array; the latter two are not to be changed meanwhile.
        settings: what is accepted.

    Raises:
        InvalidImage: when it cannot be read or is too large.
    """
    from PIL import Image

    from ocrgate.picture.source import read_source

    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(image, numpy.ndarray):
        known = type(image) in (numpy.ndarray, numpy.memmap) and image.dtype.kind in "buif"
        return Identified(image, _array(image) if known and image.ndim in (2, 3) else None)
    if isinstance(image, Image.Image):
        return Identified(image, _pixels(image, settings))
    data = read_source(image, settings.max_bytes)
    assert isinstance(data, bytes)
    return Identified(data, f"file:{sha256(data).hexdigest()}")


def _array(array: np.ndarray[Any, Any]) -> str:
    import numpy as np

    told = sha256(f"{array.dtype.str} {array.shape}\n".encode())
    rows = _rows(array.nbytes // max(1, len(array)))
    for top in range(0, len(array), rows):
        told.update(np.ascontiguousarray(array[top : top + rows]).reshape(-1).view(np.uint8).data)
    return f"array:{told.hexdigest()}"


def _pixels(image: Image.Image, settings: ImageSettings) -> str:
    from ocrgate.picture.raster import decode

    shown = decode(image, "the image", settings.max_pixels, own=False)
    plain = shown.image
    told = sha256(f"{plain.mode} {plain.size} {shown.width} {shown.height} {shown.shrink}\n".encode())
    rows = _rows(plain.width * len(plain.getbands()))
    for top in range(0, plain.height, rows):
        told.update(plain.crop((0, top, plain.width, min(plain.height, top + rows))).tobytes())
    return f"pixels:{told.hexdigest()}"


def _rows(size: int) -> int:
    """How many rows of so many bytes are a piece."""
    return max(1, _PIECE // max(1, size))


class Questions:
    """What may be asked of one route: built once, then asked for the text of each call.

    In the text is everything that can change an answer: the engines in their order with their options and revisions,
    residency, what is acceptable, hedging, how images are taken, the versions of this library and of those that
    decode images. Not in it is what cannot (deadlines, lanes, breakers, rates, prices) and what is secret:
    entries of options called `key`, `token`, `password` and the like, also as the last part of a name, values that
    pydantic keeps secret, and logins in URLs.

    Args:
        route: that is asked.
        providers: those of the route, in its order, each with its revision (see `ocrgate.ability.Versioned`), None for
            an engine that knows of none.
        image: what is accepted.
    """

    def __init__(
        self, route: RouteSettings, providers: Sequence[tuple[ProviderSettings, str | None]], image: ImageSettings
    ) -> None:
        head = _written(
            lambda: {
                "ocrgate": [version(name) for name in ("ocrgate", *_DECODERS)],
                "route": _settings(route, _ROUTE),
                "providers": [
                    [settings.name, settings.type, _plain(settings.options, hide=True), revision]
                    for settings, revision in providers
                ],
                "image": _settings(image, _IMAGE),
            }
        )
        self._head = None if head is None else sha256(head).hexdigest()

    def ask(
        self, digest: str | None, languages: Sequence[str] = (), options: Mapping[str, Any] | None = None
    ) -> str | None:
        """The text for one picture: 64 hexadecimal digits, the same in every process; None when there is none.

        There is none for a picture without a digest, and for options, of the call or of an engine, that JSON does not
        know.

        Args:
            digest: of the picture.
            languages: asked for, most important first.
            options: of the call.
        """
        if digest is None or self._head is None:
            return None
        whole = _written(lambda: [self._head, digest, list(languages), _plain(options or {})])
        return None if whole is None else sha256(whole).hexdigest()


def question(
    digest: str | None,
    *,
    route: RouteSettings,
    providers: Sequence[tuple[ProviderSettings, str | None]],
    image: ImageSettings,
    languages: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> str | None:
    """What one call asks; see `Questions`, which is quicker for many."""
    return Questions(route, providers, image).ask(digest, languages, options)


def _settings(settings: RouteSettings | ImageSettings, without: frozenset[str]) -> dict[str, Any]:
    return {each.name: _plain(getattr(settings, each.name)) for each in fields(settings) if each.name not in without}


def _written(data: Callable[[], Any]) -> bytes | None:
    """Data as JSON in one way only, or None when JSON does not know them."""
    try:
        return json.dumps(data(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: Any, *, hide: bool = False) -> Any:
    """Data for JSON; with `hide`, without what is secret. Raises TypeError for what JSON does not know."""
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str:
        return _LOGIN.sub(r"\1", value) if hide else value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name), hide=hide) for each in fields(value)}
    if isinstance(value, Mapping):
        if not all(type(name) is str for name in value):
            raise TypeError("JSON has texts for names")
        shown = {name: each for name, each in value.items() if not (hide and _SECRET.search(name))}
        return {name: _plain(each, hide=hide) for name, each in shown.items()}
    if hide and hasattr(value, "get_secret_value"):
        return None
    if type(value) in (list, tuple):
        return [_plain(each, hide=hide) for each in value]
    raise TypeError(f"JSON knows no {type(value).__name__}")
