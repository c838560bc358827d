"""Baidu's answer, once judged to be one, as a page. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ocrgate.page import Line, Page, Polygon
from ocrgate_baidu.card import DEPTH, Card
from ocrgate_baidu.endpoints import Kind
from ocrgate_baidu.fields import both
from ocrgate_baidu.line import line, text
from ocrgate_baidu.notes import CONTENT, check_depth, notes
from ocrgate_baidu.place import Frame, NoPage, place

__all__ = ["NoPage", "parse"]


def parse(reply: object, kind: Kind, width: int, height: int) -> Page:
    """The page that an endpoint's answer describes.

    Args:
        reply: decoded JSON.
        kind: what sort of endpoint answered.
        width, height: of the image that was sent, pixels; 0 when unknown. Polygons are cut down to it.

    Returns:
        `text`: lines. `card`: `fields` under Baidu's names and stable ones, and a line for every field with text.
        `other`: a line for every piece of text, in order. No lines when the endpoint saw nothing. For the notes see
        `ocrgate_baidu.notes`.

    Raises:
        NoPage: when the answer has another shape than the documented ones.
    """
    if not isinstance(reply, dict):
        raise NoPage(f"an answer is an object, got {type(reply).__name__}")
    frame = (width, height)
    if kind == "card":
        card = Card(frame)
        card.read(_content(reply))
        told = {**notes(reply, {}), **card.asides}
        if card.documents:
            told["documents"] = tuple(card.documents)
        check_depth(told)
        return Page(tuple(card.lines), width, height, both(card.fields), notes=told)
    if kind == "text":
        entries = reply.get("words_result")
        if not isinstance(entries, list):
            raise NoPage("words_result is no list")
        read = [line(entry, frame) for entry in entries]
    else:
        found = [reply[name] for name in CONTENT if name in reply]
        read = list(_walk(found or [reply.get("formula_result")], frame))
    written = [number for number, each in enumerate(read) if each.text.strip()]
    kept = {number: index for index, number in enumerate(written)} if kind == "text" else {}
    told = notes(reply, kept)
    if kind == "other" and isinstance(reply.get("result"), list):
        # What an endpoint says that sorts documents and reads none, and of seals besides their text.
        told["documents"] = tuple(each for each in reply["result"] if isinstance(each, dict))
    check_depth(told)
    return Page(tuple(read[number] for number in written), width, height, notes=told)


def _content(reply: Mapping[str, Any]) -> Any:
    """The first part of an answer that holds something, else the first that is there."""
    parts = [reply[name] for name in CONTENT if reply.get(name) is not None]
    return next((part for part in parts if part), parts[0] if parts else None)


def _walk(values: Sequence[object], frame: Frame, around: Polygon | None = None, depth: int = 0) -> Iterator[Line]:
    """Every piece of text in an answer whose shape is its endpoint's own.

    A piece without a place of its own has that of what holds it: the text of a seal stands where the seal does.
    """
    if depth > DEPTH:
        raise NoPage("the answer is nested too deeply")
    for value in values:
        if isinstance(value, dict):
            if text(value) is not None:
                yield line(value, frame, around)
                continue
            inner = [each for each in value.values() if isinstance(each, (dict, list))]
            if inner:
                yield from _walk(inner, frame, place(value, frame) or around, depth + 1)
        elif isinstance(value, list):
            pieces = [{"words": item} if isinstance(item, str) else item for item in value]
            yield from _walk(pieces, frame, around, depth + 1)
