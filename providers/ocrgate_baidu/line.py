"""One entry of an answer as a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocrgate.page import Line, Polygon, Word
from ocrgate_baidu.place import Frame, NoPage, confidence, place, sureness

_TEXTS = ("words", "word", "text", "form_words")


def text(entry: Mapping[str, Any]) -> str | None:
    """What an entry says, under whichever name its endpoint gives it; None when it is no text."""
    found = next((entry[name] for name in _TEXTS if name in entry), None)
    return found if isinstance(found, str) else None


def line(entry: object, frame: Frame, around: Polygon | None = None) -> Line:
    """An entry with words as a line; its characters, or the pieces of a table's cell, become words.

    Args:
        entry: of the answer.
        frame: of the image.
        around: place of what holds the entry, for an entry that has none of its own.

    Raises:
        NoPage: when it is no such entry.
    """
    if not isinstance(entry, dict):
        raise NoPage("an entry of words_result is no object")
    said = text(entry)
    if said is None:
        raise NoPage("an entry of words_result has no words")
    said = " ".join(said.split("\n")) if "\n" in said else said
    return Line(said, place(entry, frame) or around, confidence(entry), _words(entry, frame))


def _words(entry: Mapping[str, Any], frame: Frame) -> tuple[Word, ...]:
    chars = entry.get("chars") or entry.get("contents") or ()
    if not isinstance(chars, (list, tuple)):
        raise NoPage("chars is no list")
    words = []
    for char in chars:
        found = char.get("char", char.get("word")) if isinstance(char, dict) else None
        if not isinstance(found, str):
            raise NoPage("an entry of chars has no char")
        words.append(Word(found, place(char, frame), sureness(char.get("char_prob"))))
    return tuple(words)
