"""Answers in the shapes that Baidu documents, from lines of text or from a fixed document."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ocrgate.testing.simulator.endpoints import ENDPOINTS
from ocrgate.testing.simulator.image import sniff

Reader = Callable[[bytes], list[dict[str, Any]]]
"""Reads an image file: a list of lines `{"words": str, "location": {"left", "top", "width", "height"},
"vertexes": [[x, y] × 4], "probability": 0–1}`; all but `words` may be left out.
What it raises is answered with 282000, an internal error."""

_serial = itertools.count(1803053124329552748, 7919)


Fields = Mapping[str, str]


def log_id() -> int:
    """A reference, different for every answer."""
    return next(_serial)


def canned(image: bytes) -> list[dict[str, Any]]:
    """A reader that sees the same two lines in every image, placed inside of it."""
    found = sniff(image)
    _, width, height = found or ("", 400, 100)
    left, line_height = width // 10, max(1, height // 4)
    return [
        {
            "words": words,
            "location": {"left": left, "top": top, "width": max(1, width - 2 * left), "height": line_height},
            "probability": probability,
        }
        for words, top, probability in (
            ("百度文字识别 SIMULATED", height // 8, 0.9987),
            ("TOTAL 12.30", height // 2, 0.9731),
        )
    ]


def error(code: int | str, message: str | None = None) -> dict[str, Any]:
    """An error as the platform words it; `log_id` is a text there."""
    return {
        "log_id": str(log_id()),
        "error_code": code,
        "error_msg": message or MESSAGES.get(str(code), "unknown error"),
    }


def text(endpoint: str, lines: Sequence[Mapping[str, Any]], fields: Fields) -> dict[str, Any]:
    """The answer of a text endpoint for the lines a reader saw and the options the client asked with."""
    located = ENDPOINTS[endpoint].located
    reply: dict[str, Any] = {
        "log_id": log_id(),
        "words_result_num": len(lines),
        "words_result": [_line(line, located, fields) for line in lines],
    }
    if _asked(fields, "detect_direction"):
        reply["direction"] = 0 if lines else -1
    if _asked(fields, "detect_language") and endpoint in ("general_basic", "general", "webimage"):
        reply["language"] = 3 if lines else -1
    if _asked(fields, "paragraph"):
        reply["paragraphs_result"] = [{"words_result_idx": list(range(len(lines)))}] if lines else []
        reply["paragraphs_result_num"] = len(reply["paragraphs_result"])
    return reply


def _asked(fields: Fields, name: str) -> bool:
    return fields.get(name) == "true"


def _line(line: Mapping[str, Any], located: bool, fields: Fields) -> dict[str, Any]:
    entry: dict[str, Any] = {"words": line["words"]}
    probability = line.get("probability")
    if _asked(fields, "probability") and probability is not None:
        entry["probability"] = {"average": probability, "variance": 0.000139, "min": max(0.0, probability - 0.02)}
    place, corners = line.get("location"), line.get("vertexes")
    if not located:
        return entry
    if place is None and corners is not None:
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        place = {"left": min(xs), "top": min(ys), "width": max(xs) - min(xs), "height": max(ys) - min(ys)}
    if place is None:
        return entry
    box = {name: round(place[name]) for name in ("left", "top", "width", "height")}
    entry["location"] = box
    for name in ("vertexes_location", "poly_location"):
        if _asked(fields, name):
            entry[name] = [{"x": round(x), "y": round(y)} for x, y in corners or _corners(box)]
    if fields.get("recognize_granularity") == "small":
        entry["chars"] = _chars(line["words"], box, probability if _asked(fields, "char_probability") else None)
    return entry


def _corners(box: Mapping[str, int]) -> list[tuple[int, int]]:
    left, top = box["left"], box["top"]
    right, bottom = left + box["width"], top + box["height"]
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _chars(words: str, box: Mapping[str, int], probability: float | None) -> list[dict[str, Any]]:
    width = box["width"] / max(1, len(words))
    chars: list[dict[str, Any]] = []
    for index, char in enumerate(words):
        if char.isspace():
            continue
        place = {**box, "left": round(box["left"] + index * width), "width": max(1, round(width))}
        chars.append({"char": char, "location": place})
        if probability is not None:
            chars[-1]["char_prob"] = probability
    return chars


MESSAGES: Mapping[str, str] = {
    "1": "Unknown error",
    "2": "Service temporarily unavailable",
    "3": "Unsupported openapi method",
    "4": "Open api request limit reached",
    "6": "No permission to access data",
    "13": "Get service token failed",
    "14": "IAM Certification failed",
    "17": "Open api daily request limit reached",
    "18": "Open api qps request limit reached",
    "19": "Open api total request limit reached",
    "100": "Invalid parameter",
    "110": "Access token invalid or no longer valid",
    "111": "Access token expired",
    "216100": "invalid param",
    "216101": "not enough param",
    "216200": "empty image",
    "216201": "image format error",
    "216202": "image size error",
    "216203": "image size error",
    "216308": "pdf page number error",
    "216630": "recognize error",
    "216633": "recognize idcard error",
    "282000": "internal error",
    "282103": "target recognize error",
    "282111": "url format illegal",
    "282112": "url download timeout",
    "282114": "url size error",
}
