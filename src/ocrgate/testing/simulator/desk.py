"""What the platform would answer: the token endpoint, and the checks an image goes through before it is read."""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from ocrgate.testing.simulator import reply
from ocrgate.testing.simulator.account import Books, SimulatedKey
from ocrgate.testing.simulator.endpoints import ENDPOINTS, PATHS, SimulatedEndpoint
from ocrgate.testing.simulator.image import sniff
from ocrgate.testing.simulator.papers import SHAPES
from ocrgate.testing.simulator.reply import Reader

_log = logging.getLogger(__name__)

MIN_SIDE = 15
MAX_BODY = 12_000_000
MAX_URL = 1024
SCOPE = "public vis-ocr_ocr brain_ocr_scope brain_ocr_general brain_all_scope wise_adapt"


@dataclass(frozen=True, slots=True)
class Arrived:
    """One HTTP request, taken apart.

    Attributes:
        path: as sent, without the query.
        query, fields: decoded; `fields` leaves the three large inputs out.
        inputs: `image`, `pdf_file`, `ofd_file`, still percent-encoded.
        size: of the body in bytes.
    """

    path: str
    query: Mapping[str, str]
    fields: Mapping[str, str]
    inputs: Mapping[str, str]
    size: int

    @classmethod
    def parse(cls, target: str, body: bytes) -> Arrived:
        """From the request line's target and the form in the body."""
        path, _, query = target.partition("?")
        fields: dict[str, str] = {}
        inputs: dict[str, str] = {}
        for part in body.decode("latin-1").split("&"):
            name, _, value = part.partition("=")
            if name in ("image", "pdf_file", "ofd_file"):
                inputs[name] = value
            elif name:
                fields[unquote_plus(name)] = unquote_plus(value)
        return cls(path, dict(parse_qsl(query, keep_blank_values=True)), fields, inputs, len(body))

    @property
    def endpoint(self) -> str:
        """`token`, the name of the OCR endpoint, or empty for a path that nobody serves."""
        if self.path == "/oauth/2.0/token":
            return "token"
        if self.path in PATHS:
            return PATHS[self.path]
        prefix, _, name = self.path.rpartition("/")
        elsewhere = name in PATHS.values()
        return name if prefix == "/rest/2.0/ocr/v1" and name in ENDPOINTS and not elsewhere else ""


class Refused(Exception):
    """The platform answers with an error code."""

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = message
        super().__init__(code)


def token(books: Books, arrived: Arrived, scope: str = SCOPE) -> tuple[int, dict[str, Any]]:
    """Status and answer of the token endpoint; credentials may come in the query or in the body."""
    given = {**arrived.query, **arrived.fields}
    if given.get("grant_type") != "client_credentials":
        return 400, {"error": "unsupported_grant_type", "error_description": "The grant_type is not supported"}
    if not given.get("client_id") or not given.get("client_secret"):
        return 400, {"error": "invalid_request", "error_description": "client_id and client_secret are required"}
    try:
        granted = books.grant(given["client_id"], given["client_secret"])
    except LookupError as refusal:
        return 401, {"error": "invalid_client", "error_description": str(refusal.args[0])}
    return 200, {
        "access_token": granted,
        "expires_in": int(books.life),
        "refresh_token": f"25.{granted}",
        "scope": scope,
        "session_key": "9mzdCy4r",
        "session_secret": "c7a1e1a4",
    }


def caller(books: Books, arrived: Arrived) -> tuple[SimulatedKey | None, int]:
    """Whose call it is, and 0 or the code its token deserves; a call signed with an application's key gets 14."""
    if "access_token" not in arrived.query:
        return None, 14
    return books.holder(arrived.query["access_token"])


def answer(books: Books, arrived: Arrived, reader: Reader) -> dict[str, Any]:
    """The answer of an OCR endpoint.

    Raises:
        Refused: with the code that the platform gives.
    """
    if not arrived.endpoint:
        raise Refused(3)
    key, code = caller(books, arrived)
    if key is None or code:
        raise Refused(code)
    if key.endpoints is not None and arrived.endpoint not in key.endpoints:
        raise Refused(6)
    if code := books.charge(key):
        raise Refused(code)
    if arrived.size > MAX_BODY:
        raise Refused(216202, "input oversize")
    endpoint = ENDPOINTS[arrived.endpoint]
    _check_options(endpoint, arrived.fields)
    image, extra = _input(arrived)
    if not endpoint.text:
        return {"log_id": reply.log_id(), **SHAPES[arrived.endpoint](arrived.fields), **extra}
    try:
        lines = reader(image) if image else reply.canned(b"")
    except Exception as error:
        _log.warning("the simulator's reader failed: %s: %s", type(error).__name__, error)
        raise Refused(282000) from error
    return {**reply.text(arrived.endpoint, lines, arrived.fields), **extra}


def _check_options(endpoint: SimulatedEndpoint, fields: Mapping[str, str]) -> None:
    given = [fields[name] for name in endpoint.required if fields.get(name)]
    if endpoint.required and not given:
        raise Refused(216101)
    if endpoint.values and given[0] not in endpoint.values:
        raise Refused(216100)


def _input(arrived: Arrived) -> tuple[bytes, dict[str, Any]]:
    """The image, or nothing where it lies behind a URL or in a document; an image wins over a URL over a PDF."""
    limits = ENDPOINTS[arrived.endpoint]
    if "image" in arrived.inputs:
        return _image(arrived.inputs["image"], limits.max_bytes, limits.max_side), {}
    if "url" in limits.inputs and "url" in arrived.fields:
        url = arrived.fields["url"]
        if not 0 < len(url.encode()) <= MAX_URL:
            raise Refused(282114)
        if not re.match(r"https?://[^/\s]+", url):
            raise Refused(282111)
        return b"", {}
    for name in ("pdf_file", "ofd_file"):
        if name in limits.inputs and name in arrived.inputs:
            pages = _pages(name, _decoded(arrived.inputs[name], limits.max_bytes))
            wanted = arrived.fields.get(f"{name}_num", "1")
            if not wanted.isdecimal() or not 1 <= int(wanted) <= pages:
                raise Refused(216308)
            return b"", {f"{name}_size": str(pages)}
    raise Refused(216101, "param image not exist")


def _decoded(value: str, max_bytes: int) -> bytes:
    if len(value) > max_bytes:
        raise Refused(216202)
    text = unquote_plus(value)
    if text.startswith("data:"):
        raise Refused(216201)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(216203) from None


def _image(value: str, max_bytes: int, max_side: int) -> bytes:
    if not value:
        raise Refused(216200)
    image = _decoded(value, max_bytes)
    found = sniff(image)
    if found is None:
        raise Refused(216201)
    _, width, height = found
    if min(width, height) < MIN_SIDE or max(width, height) > max_side:
        raise Refused(216202)
    return image


def _pages(name: str, document: bytes) -> int:
    if not document.startswith(b"%PDF" if name == "pdf_file" else b"PK"):
        raise Refused(216201)
    return max(1, len(re.findall(rb"/Type\s*/Page(?![a-zA-Z])", document))) if name == "pdf_file" else 1
