"""What a request hands over: an image, the address of one, or a page of a document; checked before it is sent."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

from ocrgate.provider import Request
from ocrgate_baidu.endpoints import ENDPOINTS, FORMATS, MAX_URL, Endpoint, Input
from ocrgate_baidu.failure import failed

_KINDS: Mapping[str, Input] = {**dict.fromkeys(FORMATS, "image"), "URL": "url", "PDF": "pdf", "OFD": "ofd"}
_SHOWN: Mapping[Input, str] = {"image": ", ".join(FORMATS), "url": "URL", "pdf": "PDF", "ofd": "OFD"}
_MAGIC: Mapping[Input, bytes] = {"pdf": b"%PDF-", "ofd": b"PK"}
_HEAD = 1024
"""Readers of PDF accept this many bytes in front of its mark."""


def checked(endpoint: Endpoint, request: Request) -> Input:
    """The kind of input that a request hands to an endpoint.

    Args:
        endpoint: that will be asked.
        request: its `format` is that of an image, `URL` (then `data` is an address of http or https, in ASCII, up to
            1024 bytes), `PDF` or `OFD` (then `page` says which page is read).

    Raises:
        Failed: when Baidu would refuse it, after megabytes have been sent; `fix_request` all of them.
    """
    kind = _KINDS.get(request.format.upper())
    if kind is None or kind not in endpoint.inputs:
        raise failed("SDK109", _instead(endpoint, request.format, kind))
    if request.page != 1 and kind in ("image", "url"):
        raise failed("216308", f"page {request.page} of {_article(kind)}, which has one")
    if request.page < 1:
        raise failed("216308", f"pages are counted from 1, got {request.page}")
    if kind == "url":
        _address(request.data)
        return kind
    if not request.data:
        raise failed("216200", f"the {'image' if kind == 'image' else 'document'} is empty")
    mark = _MAGIC.get(kind)
    if mark is not None and mark not in request.data[:_HEAD]:
        raise failed("216201", f"the document is no {request.format.upper()}")
    size = encoded(request.data, endpoint.max_encoded)
    if size > endpoint.max_encoded:
        raise failed(
            "SDK100",
            f"{len(request.data):,} bytes are at least {size:,} once encoded, {endpoint.name} takes"
            f" {endpoint.max_encoded:,}",
        )
    return kind


def encoded(data: bytes, limit: int) -> int:
    """Bytes after base64 and percent-encoding; less than that where the length alone says on which side of `limit`."""
    least = (len(data) + 2) // 3 * 4
    if least > limit or 3 * least <= limit:
        return least
    text = base64.b64encode(data)
    return least + 2 * sum(text.count(each) for each in (b"+", b"/", b"="))


def _article(kind: Input) -> str:
    return "an image" if kind == "image" else "the image behind a URL"


def _address(data: bytes) -> None:
    try:
        address = data.decode("ascii")
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise failed("282111", "the URL is none, or has characters beyond ASCII; percent-encode those") from error
    if not 0 < len(data) <= MAX_URL:
        raise failed("282114", f"a URL has 1 to {MAX_URL} bytes, got {len(data)}")
    plain = address.isprintable() and " " not in address
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not plain:
        raise failed("282111", "a URL of an image begins with http:// or https:// and a host")


def _instead(endpoint: Endpoint, given: str, kind: Input | None) -> str:
    """That the endpoint does not take this, and the nearest that would work."""
    takes = f"{endpoint.name} takes {', '.join(_SHOWN[each] for each in endpoint.inputs)}, not {given[:20]}"
    if kind is None:
        return f"{takes}; convert it to one of those"
    near = [name for name, other in ENDPOINTS.items() if kind in other.inputs and other.kind == endpoint.kind]
    render = {
        "url": "download the image and send its bytes",
        "pdf": "render the page and send it as an image",
        "ofd": "render the page and send it as an image",
    }
    return f"{takes}; {render.get(kind, 'send an image')}" + (f", or ask {near[0]}" if near else "")
