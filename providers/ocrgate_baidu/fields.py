"""Names of card and invoice fields: Baidu's own, and a stable one in snake_case beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_ENGLISH = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,80}")
_MISSPELT: Mapping[str, str] = {"propobility": "probability", "figuers": "figures", "recipts": "receipts"}
"""Words as Baidu writes them at times; answers with either spelling have been seen."""


@cache
def documents() -> Mapping[str, Mapping[str, str]]:
    """For each kind of document the stable names of its fields by Baidu's own, where no rule gives them."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = files("ocrgate_baidu").joinpath("fields.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Mapping[str, str]] = yaml.load(text, loader)  # noqa: S506 - either is the safe one
    return table


@cache
def _names() -> Mapping[str, str]:
    return {name: stable for names in documents().values() for name, stable in names.items()}


def snake(name: str) -> str | None:
    """The stable name of a field, or None for one that has none but Baidu's own."""
    known = _names().get(name)
    if known is not None:
        return known
    if not _ENGLISH.fullmatch(name):
        return None
    words = [word.lower() for word in _WORDS.findall(name)]
    return "_".join(_MISSPELT.get(word, word) for word in words)


def both(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields under Baidu's names, then again under the stable ones; a name that is taken stays as it is.

    Two come from a field's text besides: `card_number`, the number of a bank card without its spaces, and
    `valid_from` of a driving licence that writes its validity as a pair of dates.
    """
    named = dict(fields)
    for name, text in fields.items():
        prefix, plain = _split(name)
        stable = snake(plain)
        if stable is not None:
            named.setdefault(f"{prefix}{stable}", text)
        if plain == "bank_card_number":
            named.setdefault(f"{prefix}card_number", "".join(text.split()))
        elif plain == "有效期限" and f"{prefix}至" in fields:
            named.setdefault(f"{prefix}valid_from", text)
    return named


def spellings(named: Mapping[str, Any]) -> dict[str, Any]:
    """Values under Baidu's names, under those without its misspellings, and under the stable ones."""
    found = dict(named)
    for name, value in named.items():
        for wrong, right in _MISSPELT.items():
            for one, other in ((wrong, right), (right, wrong)):
                if one in name:
                    found.setdefault(name.replace(one, other), value)
        stable = snake(name)
        if stable is not None:
            found.setdefault(stable, value)
    return found


def _split(name: str) -> tuple[str, str]:
    """`2.Fare` is the field Fare of the second document."""
    prefix, dot, plain = name.rpartition(".")
    return f"{prefix}{dot}", plain
