"""Spoils a reply below its JSON: the bytes it is written in, and the HTTP around it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping

TEXTS = (
    *("", " ", "\n", "\x00", "\r\n\f\v", "\ud800", "x\udfff", "\ud83d", "😀", "\u202eabc", "\u2028", "\ufeff", "无"),
    *("\x1b[31m", "0", "-1", "1e999", "NaN", "Infinity", "١٢", "1_000", " 7 ", "true", "null", "{}", "[1]", "a" * 5000),
    *("non_idcard", "blurred", "normal", "110", "17", "SDK108", "../..", "%s%n", "\ud800" * 300, "\n" * 500, "𝟙"),
)
NAMES = (
    *("words_result", "words", "word", "location", "left", "width", "probability", "average", "vertexes_location", "x"),
    *("chars", "char", "result", "data", "ret", "error_code", "errno", "error", "image_status", "log_id", "message"),
    *("paragraphs_result", "words_result_idx", "number", "codes_result", "text", "type", "姓名", "a.b", "access_token"),
)
STATUSES = (
    *(
        100,
        200,
        201,
        204,
        206,
        301,
        302,
        304,
        400,
        401,
        403,
        404,
        407,
        408,
        413,
        418,
        429,
        499,
        500,
        502,
        503,
        504,
        599,
    ),
    *(0, 42, 999),
)
HEADERS: Mapping[str, tuple[str, ...]] = {
    "retry-after": (
        *("7", "0", "-1", "1e9", "9" * 40, "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "Mon, 01 Jan 0001 00:00:00 +2359"),
        *("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 99999999999 Jan 2026 00:00:00 GMT", "١٢", "", "1 1 1", "²"),
    ),
    "location": ("http://evil.example/x", "/elsewhere", "http://[", "//[::1", "http://h:99999999", "\x00", "https://ä"),
    "content-type": ("text/html", "application/json; charset=utf-16", "", ";", "x" * 3000, "\xff\xfe", "image/png"),
    "content-encoding": ("gzip",),
}


def _flip(chance: random.Random, body: bytes) -> bytes:
    spoilt = bytearray(body)
    for _ in range(chance.randint(1, 8)):
        if spoilt:
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def _cut(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randint(0, len(body))]


def _drop(chance: random.Random, body: bytes) -> bytes:
    start = chance.randint(0, len(body))
    return body[:start] + body[start + chance.randint(1, 20) :]


def _insert(chance: random.Random, body: bytes) -> bytes:
    start = chance.randint(0, len(body))
    return body[:start] + chance.randbytes(chance.randint(1, 12)) + body[start:]


def _double_key(chance: random.Random, body: bytes) -> bytes:
    name = chance.choice(NAMES)
    value = json.dumps(chance.choice((*TEXTS, None, 1, [], {})))
    return body.replace(b"{", b'{"%s": %s, ' % (name.encode(), value.encode()), 1)[:-1] + b', "log_id": [] }'


def _encode(chance: random.Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    return text.encode(chance.choice(("gb18030", "utf-16", "utf-32", "big5", "latin-1", "utf-7")), "replace")


def _mark(chance: random.Random, body: bytes) -> bytes:
    return chance.choice((b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"\xff\xfe", b"\x00", b"\n\n ", b")]}',\n")) + body


def _page(chance: random.Random, body: bytes) -> bytes:
    title = body[: chance.randint(0, 200)]
    return b"<html><head><title>" + title + b"</title></head><body>502 Bad Gateway</body></html>"


def _deep(chance: random.Random, _body: bytes) -> bytes:
    depth = chance.choice((50, 900, 20_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"words_result":', b"}"), (b'{"a":[', b"]}")))
    return b'{"words_result":' + opening * depth + b"1" + closing * depth + b"}"


def _other(chance: random.Random, _body: bytes) -> bytes:
    size = chance.randint(0, 400)
    return chance.choice((b"", b" ", b"null", b'"', b"\x00" * size, b"\x1f\x8b" + chance.randbytes(size), b"OK", b"-"))


BYTES: Mapping[str, Callable[[random.Random, bytes], bytes]] = {
    "flip": _flip,
    "cut": _cut,
    "drop": _drop,
    "insert": _insert,
    "double key": _double_key,
    "encode": _encode,
    "mark": _mark,
    "page": _page,
    "deep": _deep,
    "other": _other,
}
"""By name; each is called with the chance and the body."""
