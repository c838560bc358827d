"""Baidu's answer, once judged to be one, as a page. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ocrgate.page import Line, Page, Point, Polygon, Word
from ocrgate_baidu.endpoints import Kind
from ocrgate_baidu.fields import both

DEPTH = 24
_BULK = frozenset(
    {"words_result", "words_result_num", "paragraphs_result", "paragraphs_result_num", "result", "results", "data"}
    | {
        "codes_result",
        "tables_result",
        "forms_result",
        "photo",
        "card_image",
        "error_code",
        "error_msg",
        "errno",
        "msg",
    }
)
_CONTAINERS = ("words_result", "result", "results", "codes_result", "tables_result", "forms_result", "data")
_MISSING = "无"
Frame = tuple[int, int]


class NoPage(ValueError):
    """An answer has another shape than the documented ones."""


def parse(reply: object, kind: Kind, width: int, height: int) -> Page:
    """The page that an endpoint's answer describes.

    Args:
        reply: decoded JSON.
        kind: what sort of endpoint answered.
        width, height: of the image that was sent, pixels; 0 when unknown. Polygons are clipped to it.

    Returns:
        `text`: lines. `card`: `fields` under Baidu's names and stable ones, and a line for every field with text.
        `other`: a line for every piece of text, in order. No lines when the endpoint saw nothing.

    Raises:
        NoPage: when the answer has another shape than the documented ones.
    """
    if not isinstance(reply, dict):
        raise NoPage(f"an answer is an object, got {type(reply).__name__}")
    frame = (width, height)
    notes = _notes(reply)
    if kind == "card":
        fields, lines = _card(reply, frame)
        return Page(tuple(lines), width, height, both(fields), notes=notes)
    if kind == "text":
        entries = reply.get("words_result")
        if not isinstance(entries, list):
            raise NoPage("words_result is no list")
        read = [_line(entry, frame) for entry in entries]
    else:
        read = list(_walk([reply[name] for name in _CONTAINERS if name in reply], frame))
    return Page(tuple(line for line in read if line.text.strip()), width, height, notes=notes)


def _notes(reply: Mapping[str, Any]) -> dict[str, Any]:
    """What the answer says besides its text."""
    notes = {name: value for name, value in reply.items() if name not in _BULK and value is not None}
    if "log_id" in notes:
        notes["log_id"] = str(notes["log_id"])
    paragraphs = reply.get("paragraphs_result")
    if isinstance(paragraphs, list):
        indices = [entry.get("words_result_idx") if isinstance(entry, dict) else None for entry in paragraphs]
        notes["paragraphs"] = tuple(tuple(entry) for entry in indices if isinstance(entry, list))
    return notes


def _line(entry: object, frame: Frame) -> Line:
    if not isinstance(entry, dict):
        raise NoPage("an entry of words_result is no object")
    text = entry.get("words", entry.get("word"))
    if not isinstance(text, str):
        raise NoPage("an entry of words_result has no words")
    text = " ".join(text.split("\n")) if "\n" in text else text
    chars = entry.get("chars") or ()
    if not isinstance(chars, (list, tuple)):
        raise NoPage("chars is no list")
    return Line(text, _place(entry, frame), _confidence(entry.get("probability")), _words(chars, frame))


def _words(chars: Sequence[object], frame: Frame) -> tuple[Word, ...]:
    words = []
    for char in chars:
        if not isinstance(char, dict) or not isinstance(char.get("char"), str):
            raise NoPage("an entry of chars has no char")
        words.append(Word(char["char"], _place(char, frame), _confidence(char.get("char_prob"))))
    return tuple(words)


def _confidence(probability: object) -> float | None:
    """`{"average": …}` or a number, as a number from 0 to 1; None when none was given."""
    value = probability.get("average") if isinstance(probability, dict) else probability
    if value is None or isinstance(value, (list, bool)):
        return None
    number = _number(value)
    # Averages of rounded values reach a hair beyond.
    if not -1e-6 <= number <= 1 + 1e-6:
        raise NoPage(f"a probability of {number}")
    return min(1.0, max(0.0, number))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise NoPage(f"a number was expected, got {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError as error:
        raise NoPage("a number beyond all bounds") from error
    if not math.isfinite(number):
        raise NoPage("a number that is none")
    return number


def _place(entry: Mapping[str, Any], frame: Frame) -> Polygon | None:
    """Where it stands: the corners when they were asked for, else the rectangle, else nowhere."""
    corners = entry.get("vertexes_location")
    if isinstance(corners, list) and len(corners) == 4:
        points = [_point(corner) for corner in corners]
    else:
        location = entry.get("location", entry.get("words_location"))
        if not isinstance(location, dict):
            return None
        if not {"left", "top", "width", "height"} <= location.keys():
            return None
        left, top, width, height = (_number(location[name]) for name in ("left", "top", "width", "height"))
        if width <= 0 or height <= 0:
            # What was not found has a place of zeros, or of minus ones.
            return None
        points = list(Polygon.from_box(left, top, width, height))
    clipped = Polygon(*(_clip(point, frame) for point in points))
    box = clipped.box
    return clipped if box.right > box.left and box.bottom > box.top else None


def _point(corner: object) -> Point:
    if not isinstance(corner, dict):
        raise NoPage("a corner is no object")
    return Point(_number(corner.get("x")), _number(corner.get("y")))


def _clip(point: Point, frame: Frame) -> Point:
    width, height = frame
    x = min(max(point.x, 0.0), float(width)) if width else max(point.x, 0.0)
    y = min(max(point.y, 0.0), float(height)) if height else max(point.y, 0.0)
    return Point(x, y)


def _card(reply: Mapping[str, Any], frame: Frame) -> tuple[dict[str, str], list[Line]]:
    content = next((reply[name] for name in _CONTAINERS if reply.get(name) is not None), None)
    fields: dict[str, str] = {}
    lines: list[Line] = []
    if isinstance(content, dict) and isinstance(content.get("ret"), list):
        content = content["ret"]
    if isinstance(content, dict):
        _group(content, "", fields, lines, frame, 0)
    elif isinstance(content, list):
        for number, document in enumerate(content, start=1):
            _document(document, number, fields, lines, frame)
    else:
        raise NoPage("the answer of a card endpoint holds no fields")
    return fields, lines


def _document(document: object, number: int, fields: dict[str, str], lines: list[Line], frame: Frame) -> None:
    """One of several documents on the page, or one field of a list of named fields."""
    if not isinstance(document, dict):
        raise NoPage("an entry of the answer is no object")
    name = document.get("word_name")
    if isinstance(name, str):
        _field(name, {**document, "words": document.get("word")}, fields, lines, frame, 0)
        return
    prefix = "" if number == 1 else f"{number}."
    inner = next(
        (document[key] for key in ("result", "card_result", "words_result") if isinstance(document.get(key), dict)),
        None,
    )
    if inner is None and isinstance(document.get("words"), str):
        _field(f"{prefix}words", document, fields, lines, frame, 0)
        return
    if inner is not None:
        for key in ("type", "card_type"):
            if isinstance(document.get(key), str):
                fields[f"{prefix}{key}"] = document[key]
    _group(inner if inner is not None else document, prefix, fields, lines, frame, 0)


def _group(
    content: Mapping[str, Any], prefix: str, fields: dict[str, str], lines: list[Line], frame: Frame, depth: int
) -> None:
    for name, value in content.items():
        _field(f"{prefix}{name}", value, fields, lines, frame, depth)
    place = _place(content, frame) if "vertexes_location" in content else None
    number = content.get("number")
    if place is not None and isinstance(number, str) and lines and lines[-1].text == number:
        # A licence plate: one place for the whole.
        lines[-1] = Line(number, place, _mean(content.get("probability")))


def _mean(values: object) -> float | None:
    if not isinstance(values, list) or not values:
        return None
    numbers = [_confidence(value) for value in values]
    known = [number for number in numbers if number is not None]
    return sum(known) / len(known) if len(known) == len(numbers) else None


def _field(name: str, value: object, fields: dict[str, str], lines: list[Line], frame: Frame, depth: int) -> None:
    """One field, whatever shape this endpoint gives it: a text, a number, an object with words, or rows."""
    if depth > DEPTH:
        raise NoPage("the answer is nested too deeply")
    if name.rpartition(".")[2] in ("vertexes_location", "location", "probability", "card_quality", "card_location"):
        return
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, dict):
        text = value.get("words", value.get("word"))
        if text is None:
            _group(value, f"{name}.", fields, lines, frame, depth + 1)
            return
        place, confidence = _place(value, frame), _confidence(value.get("probability"))
        missing = text == _MISSING and place is None and "location" in value
    elif isinstance(value, list):
        if not all(isinstance(row, (str, dict)) for row in value):
            return
        if any(isinstance(row, dict) and "word" not in row and "words" not in row for row in value):
            for number, row in enumerate(value, start=1):
                _field(f"{name}.{number}", row, fields, lines, frame, depth + 1)
            return
        rows = [row if isinstance(row, str) else row.get("word", row.get("words")) for row in value]
        text = "\n".join("" if row is None else str(row) for row in rows)
        place, confidence, missing = None, None, False
    else:
        text, place, confidence, missing = value, None, None, False
    if not isinstance(text, (str, int, float)):
        raise NoPage(f"the field {name} holds no text")
    fields[name] = "" if missing else str(text)
    # The colour of a plate is told, not read.
    if isinstance(value, (dict, list, str)) and name.rpartition(".")[2] != "color":
        lines += [Line(row, place, confidence) for row in fields[name].split("\n") if row.strip()]


def _walk(values: Sequence[object], frame: Frame, depth: int = 0) -> Iterator[Line]:
    """Every piece of text in an answer whose shape is its endpoint's own."""
    if depth > DEPTH:
        raise NoPage("the answer is nested too deeply")
    for value in values:
        if isinstance(value, dict):
            words = value.get("words", value.get("word", value.get("text")))
            if isinstance(words, str):
                yield _line({**value, "words": words}, frame)
            else:
                yield from _walk(list(value.values()), frame, depth + 1)
        elif isinstance(value, list):
            yield from _walk([{"words": item} if isinstance(item, str) else item for item in value], frame, depth + 1)
