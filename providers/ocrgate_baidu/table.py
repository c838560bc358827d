"""Tables, codes and formulas as notes beside the lines that they were read from. Pure functions, lenient ones: the
lines hold all the text already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ocrgate_baidu.line import text

_SPANS = ("row_start", "row_end", "col_start", "col_end")


def tables(reply: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Each table of `tables_result` or `forms_result`.

    Returns:
        Mappings with `header` and `footer` (tuples of texts) and `cells`, each cell with `text` and, counted from 0 and
        without the last, `row_start`, `row_end`, `col_start`, `col_end` as far as they are told.
    """
    found = []
    for table in _mappings(reply.get("tables_result", reply.get("forms_result"))):
        cells = tuple({"text": text(cell) or "", **_span(cell)} for cell in _mappings(table.get("body")))
        found.append({"header": _texts(table.get("header")), "cells": cells, "footer": _texts(table.get("footer"))})
    return tuple(found)


def codes(reply: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Each code of `codes_result`: `type`, such as `QR_CODE`, and `text`, a tuple of what it says."""
    return tuple(
        {"type": str(code.get("type", ""))[:80], "text": _strings(code.get("text"))}
        for code in _mappings(reply.get("codes_result"))
    )


def formulas(reply: Mapping[str, Any]) -> tuple[str, ...]:
    """The formulas of `formula_result`, in LaTeX."""
    return _texts(reply.get("formula_result"))


def _span(cell: Mapping[str, Any]) -> dict[str, int]:
    span = {name: cell[name] for name in _SPANS if type(cell.get(name)) is int}
    for name, start, end in (("row", "row_start", "row_end"), ("column", "col_start", "col_end")):
        # The older endpoint counts from 1 and lists every row and column that a cell covers.
        numbers = [number for number in _listed(cell.get(name)) if type(number) is int]
        if numbers:
            span.update({start: min(numbers) - 1, end: max(numbers)})
    return span


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    return (each for each in _listed(value) if isinstance(each, dict))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text(each) or "" for each in _mappings(value))


def _strings(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(each for each in _listed(value) if isinstance(each, str))
