"""An answer of a card or invoice endpoint as named fields and lines. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ocrgate.page import Line, Polygon
from ocrgate_baidu.fields import spellings
from ocrgate_baidu.line import text
from ocrgate_baidu.place import Frame, NoPage, confidence, is_place, place, sureness

DEPTH = 24
_MISSING = "无"
_INNER = ("result", "card_result", "words_result", "ret")
_LABELS = ("type", "card_type", "templateSign")
_NAMES = ("word_name", "name", "key")
_SURENESS = ("probability", "line_probability")
_QUALITY = ("card_quality", "quality_propobility")
_PICTURES = ("card_image", "photo", "image")
"""Cut-outs in base64, which the caller asked for; text they are not."""
_PART = "_location"
_ROWS = 1000


@dataclass
class Card:
    """What is being collected.

    Attributes:
        frame: of the image.
        fields: under Baidu's names.
        lines: one for every field with text, and every row of one.
        asides: what the answer says of the card besides its fields.
        documents: what it says of each of several documents besides its fields.
    """

    frame: Frame
    fields: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    asides: dict[str, Any] = field(default_factory=dict)
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    _labelled: Counter[str] = field(default_factory=Counter)

    def read(self, content: object) -> None:
        """Take the answer's content: an object of fields, a list of documents, or a list of named fields.

        Raises:
            NoPage: when it is nothing of that.
        """
        if isinstance(content, dict) and isinstance(content.get("ret"), list):
            self.documents.append({name: value for name, value in content.items() if name != "ret"})
            content = content["ret"]
        if isinstance(content, dict):
            self._group(content, "", 0)
        elif isinstance(content, list):
            number = 0
            for entry in content:
                if not isinstance(entry, dict):
                    raise NoPage("an entry of the answer is no object")
                if self._named(entry, "", 0):
                    continue
                number += 1
                self._document(entry, "" if number == 1 else f"{number}.")
        else:
            raise NoPage("the answer of a card endpoint holds no fields")

    def _document(self, document: Mapping[str, Any], prefix: str) -> None:
        """One of several documents on the page."""
        if text(document) is not None:
            self._field(f"{prefix}words", document, 0)
            return
        inner = next((name for name in _INNER if isinstance(document.get(name), (dict, list))), None)
        if inner is None:
            self._group(document, prefix, 0)
            return
        about = {name: value for name, value in document.items() if name != inner}
        card = about.pop("card_info", None)
        self.documents.append({**about, **(card if isinstance(card, dict) else {})})
        for name in _LABELS:
            if isinstance(self.documents[-1].get(name), str):
                self.fields[f"{prefix}{name}"] = self.documents[-1][name]
        content = document[inner]
        if isinstance(content, dict):
            self._group(content, prefix, 0)
        else:
            self._rows(f"{prefix}{inner}", content, 0, prefix)

    def _group(self, content: Mapping[str, Any], prefix: str, depth: int) -> None:
        if self._plate(content, prefix):
            return
        for name, value in content.items():
            where = content.get(f"{name}{_PART}")
            around = place({"location": where}, self.frame) if isinstance(where, dict) else None
            self._field(f"{prefix}{name}", value, depth, around)

    def _plate(self, content: Mapping[str, Any], prefix: str) -> bool:
        """A licence plate: one place for the whole, a probability for each sign, a colour that is told, not read."""
        number, where = content.get("number"), place(content, self.frame)
        if not isinstance(number, str) or where is None:
            return False
        self.fields[f"{prefix}number"] = number
        if number.strip():
            self.lines.append(Line(number, where, _mean(content.get("probability"))))
        for name, value in content.items():
            if isinstance(value, (str, int, float)):
                self.fields.setdefault(f"{prefix}{name}", str(value))
            elif value is not None and not is_place(value) and name not in _SURENESS:
                self.asides[f"{prefix}{name}"] = value
        return True

    def _field(self, name: str, value: object, depth: int, around: Polygon | None = None) -> None:
        """One field, whatever shape this endpoint gives it: a text, a number, an object with words, or rows."""
        if depth > DEPTH:
            raise NoPage("the answer is nested too deeply")
        plain = name.rpartition(".")[2]
        if value is None or is_place(value) or (plain in _SURENESS and not isinstance(value, str)):
            return
        if plain in _QUALITY and isinstance(value, dict):
            self.asides[name] = spellings(value)
        elif plain in _PICTURES and isinstance(value, str) and len(value) > 200:
            self.asides[name] = value
        elif isinstance(value, dict):
            self._entry(name, value, depth, around)
        elif isinstance(value, list):
            self._rows(name, value, depth)
        else:
            self.fields[name] = ("true" if value else "false") if isinstance(value, bool) else str(value)
            # A number says something about the card; what was read of it comes as a text.
            if isinstance(value, str):
                self._write(value, around, None)

    def _entry(self, name: str, value: Mapping[str, Any], depth: int, around: Polygon | None) -> None:
        said = next((value[key] for key in ("words", "word") if key in value), value)
        if isinstance(said, dict):
            self._group(said, f"{name}.", depth + 1)
            return
        if isinstance(said, list):
            self._rows(name, said, depth + 1)
            return
        where = place(value, self.frame) or around
        missing = said is None or (said == _MISSING and where is None and "location" in value)
        self.fields[name] = "" if missing else str(said)
        self._write(self.fields[name], where, confidence(value))

    def _rows(self, name: str, rows: Sequence[object], depth: int, prefix: str | None = None) -> None:
        if depth > DEPTH:
            raise NoPage("the answer is nested too deeply")
        if rows and all(isinstance(row, dict) and self._label(row) for row in rows):
            for row in rows:
                self._named(row, f"{name}." if prefix is None else prefix, depth)
            return
        if all(_is_row(row) for row in rows):
            texts = [_said(row) for row in rows]
            self.fields[name] = "\n".join(_aligned(rows, texts))
            for row, said in zip(rows, texts, strict=True):
                entry = row if isinstance(row, dict) else {}
                self._write(said, place(entry, self.frame), confidence(entry))
            return
        for number, row in enumerate(rows, start=1):
            self._field(f"{name}.{number}", row, depth + 1)

    def _named(self, row: object, prefix: str, depth: int) -> bool:
        """A row that brings the name of its field along; whether it is one."""
        label = self._label(row)
        if label is None or not isinstance(row, dict):
            return False
        name, entry = f"{prefix}{label}", {key: value for key, value in row.items() if key not in _NAMES}
        self._labelled[name] += 1
        again = f".{self._labelled[name]}" if self._labelled[name] > 1 else ""
        self._field(f"{name}{again}", entry, depth + 1)
        return True

    @staticmethod
    def _label(row: object) -> str | None:
        if not isinstance(row, dict) or not ("word" in row or "words" in row):
            return None
        return next((row[name] for name in _NAMES if isinstance(row.get(name), str) and row[name]), None)

    def _write(self, said: str, where: Polygon | None, sure: float | None) -> None:
        self.lines += [Line(row, where, sure) for row in said.split("\n") if row.strip()]


def _is_row(row: object) -> bool:
    if not isinstance(row, dict):
        return isinstance(row, str)
    said = row.get("word", row.get("words", row))
    return said is None or isinstance(said, (str, int, float))


def _said(row: object) -> str:
    said = row.get("word", row.get("words")) if isinstance(row, dict) else row
    return "" if said is None else " ".join(str(said).split("\n"))


def _aligned(rows: Sequence[object], texts: Sequence[str]) -> list[str]:
    """Texts by the row of the table that they stand in, with empty ones for rows without; as they come where that is
    not told, or twice the same."""
    numbers = [_row_number(row) for row in rows]
    known = [number for number in numbers if number is not None]
    if not rows or len(known) < len(rows) or len(set(known)) < len(rows) or not 1 <= min(known) <= max(known) <= _ROWS:
        return list(texts)
    aligned = [""] * max(known)
    for number, said in zip(known, texts, strict=True):
        aligned[number - 1] = said
    return aligned


def _row_number(row: object) -> int | None:
    number = row.get("row") if isinstance(row, dict) else None
    if type(number) is int:
        return number
    digits = isinstance(number, str) and number.isascii() and number.isdecimal() and len(number) < 6
    return int(str(number)) if digits else None


def _mean(values: object) -> float | None:
    if not isinstance(values, list) or not values:
        return sureness(values)
    numbers = [sureness(value) for value in values]
    known = [number for number in numbers if number is not None]
    return sum(known) / len(known) if len(known) == len(numbers) else None
