"""What an answer says besides its text. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ocrgate.language import tag
from ocrgate_baidu.fields import spellings
from ocrgate_baidu.place import NoPage
from ocrgate_baidu.table import codes, formulas, tables

CONTENT = ("words_result", "result", "results", "codes_result", "tables_result", "forms_result", "data")
"""Where the endpoints put what they read; the first that holds something counts."""

_BULK = frozenset(
    (
        *CONTENT,
        *("words_result_num", "paragraphs_result", "paragraphs_result_num", "formula_result"),
        *("error_code", "error_msg", "errno", "err_no", "msg"),
    )
)
DEPTH = 64
"""Levels of a note; those that Baidu documents have less than five."""
_SIZES = ("pdf_file_size", "ofd_file_size")
_LANGUAGES: Mapping[int, str] = {0: "en", 1: "ja", 2: "ko", 3: "zh"}


def notes(reply: Mapping[str, Any], kept: Mapping[int, int]) -> dict[str, Any]:
    """The notes of a page.

    Args:
        reply: decoded and judged.
        kept: number of the page's line by number of the entry in `words_result`, both from 0.

    Returns:
        Everything beside the text under Baidu's names, and besides:
        `log_id` as a text · `direction` as a number, and `rotation`: degrees, 0 to 359, by which the image has to be
        turned clockwise to stand upright · `language` as a number, and `language_tag` · `page_count` of a document ·
        `paragraphs`: tuples of numbers of lines of the page · `tables`, `codes`, `formulas` · `card_quality` under
        both spellings of each name.
    """
    told = {name: value for name, value in reply.items() if name not in (*_BULK, *_SIZES) and value is not None}
    if "log_id" in told:
        told["log_id"] = str(told["log_id"])
    for name in ("direction", "language"):
        number = _whole(told.get(name))
        if number is not None:
            told[name] = number
    direction, language = told.get("direction"), told.get("language")
    if type(direction) is int and 0 <= direction <= 3:
        # 1: the image lies 90° counter-clockwise, so 90° clockwise set it upright.
        told["rotation"] = 90 * direction
    if type(language) is int and language in _LANGUAGES:
        told["language_tag"] = tag(_LANGUAGES[language])
    for name in _SIZES:
        if name in reply:
            count = _whole(reply[name])
            told.update({name: reply[name]} if count is None or count < 1 else {"page_count": count})
    for name in ("card_quality", "quality_propobility"):
        if isinstance(told.get(name), dict):
            told[name] = spellings(told[name])
    _lists(told, reply, kept)
    return told


def _lists(told: dict[str, Any], reply: Mapping[str, Any], kept: Mapping[int, int]) -> None:
    if isinstance(reply.get("paragraphs_result"), list):
        told["paragraphs"] = paragraphs(reply["paragraphs_result"], kept)
    found = {"tables": tables(reply), "codes": codes(reply), "formulas": formulas(reply)}
    told.update({name: entries for name, entries in found.items() if entries})


def paragraphs(entries: Sequence[object], kept: Mapping[int, int]) -> tuple[tuple[int, ...], ...]:
    """Paragraphs as numbers of lines; lines that the page has not, and paragraphs without any, are left out."""
    found = []
    for entry in entries:
        numbers = entry.get("words_result_idx") if isinstance(entry, dict) else None
        lines = [kept[n] for n in numbers if type(n) is int and n in kept] if isinstance(numbers, list) else []
        if lines:
            found.append(tuple(dict.fromkeys(lines)))
    return tuple(found)


def check_depth(told: Mapping[str, Any]) -> None:
    """Whatever is noted as it came can be written and read again by anybody.

    Raises:
        NoPage: when it is nested too deeply for that.
    """
    level: list[Any] = [told]
    for _ in range(DEPTH):
        level = [
            each
            for values in level
            for each in (values.values() if isinstance(values, dict) else values)
            if isinstance(each, (dict, list, tuple))
        ]
        if not level:
            return
    raise NoPage("the answer is nested too deeply")


def _whole(value: object) -> int | None:
    """A whole number that is one, or is written as one in a text."""
    if type(value) is int:
        return value
    text = value.strip() if isinstance(value, str) else ""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None
