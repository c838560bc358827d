"""Writes the table of Baidu's endpoints from the adapter's own: `python docs/endpoints.py`.

`docs/baidu.md` gets the endpoints, the calls of the SDK that are none, and the stable names of fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ocrgate_baidu.endpoints import BOOLEAN, ENDPOINTS, NUMBER, PAGE, UNSERVED, Endpoint
from ocrgate_baidu.fields import documents

PAGE_OF_BAIDU = Path(__file__).resolve().parent / "baidu.md"
TABLE = re.compile(r"(<!-- (?P<name>endpoints|unserved|values|fields) -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)
_PLACES = {"yes": "yes", "no": "no", "asked": "with `location`"}


def endpoints() -> Iterator[Iterable[str]]:
    """One row for each endpoint."""
    yield "endpoint", "Baidu's name", "answers with", "inputs", "limits", "options", "places", "read in"
    for each in ENDPOINTS.values():
        limits = f"{each.max_encoded // 1_000_000} MB, {each.max_side} px" + ("" if each.limited else " (assumed)")
        title = f"{each.title}; retired, use {each.retired}" if each.retired else each.title
        yield (
            *(f"`{each.name}`", title, {"text": "lines", "card": "fields", "other": "its own"}[each.kind]),
            *(" ".join(each.inputs), limits, _options(each), _PLACES[each.places], _linked(each.source)),
        )


def unserved() -> Iterator[Iterable[str]]:
    """One row for each call that is no endpoint."""
    yield "call", "methods of the SDK", "why it is no endpoint here", "use"
    for each in UNSERVED.values():
        methods = ", ".join(f"`{name}`" for name in each.methods)
        yield f"`{each.name}`", methods, each.reason, f"`{each.use}`" if each.use else "—"


def values() -> Iterator[Iterable[str]]:
    """One row for each option that is more than true or false."""
    yield "option", "values"
    told: dict[str, dict[tuple[str, ...] | None, list[str]]] = {}
    for each in ENDPOINTS.values():
        for name in each.params or ():
            if each.values(name) != BOOLEAN:
                told.setdefault(name, {}).setdefault(each.values(name), []).append(each.name)
    for name, kinds in sorted(told.items(), key=lambda item: item[0].lower()):
        for allowed, where in kinds.items():
            scope = "" if len(kinds) == 1 else f" ({', '.join(f'`{each}`' for each in where)})"
            yield f"`{name}`{scope}", _allowed(allowed)


def fields() -> Iterator[Iterable[str]]:
    """One row for each kind of document."""
    yield "document", "Baidu's name: stable name"
    for document, names in documents().items():
        yield document.replace("_", " "), ", ".join(f"{name}: `{stable}`" for name, stable in names.items())


def _options(each: Endpoint) -> str:
    if each.params is None:
        return "unknown, any goes through"
    names = [name for name in each.params if name not in PAGE.values()]
    told = [f"**`{name}`**" if name in each.required else f"`{name}`" for name in names]
    return " ".join(told) or "none"


def _allowed(allowed: tuple[str, ...] | None) -> str:
    if allowed is None:
        return "any text"
    return NUMBER[0] if allowed == NUMBER else " ".join(f"`{value}`" for value in allowed)


def _linked(source: str) -> str:
    return re.sub(r"https://\S+?(?=;|$)", lambda found: f"[page]({found[0]})", source)


TABLES: Mapping[str, Callable[[], Iterator[Iterable[str]]]] = {
    "endpoints": endpoints,
    "unserved": unserved,
    "values": values,
    "fields": fields,
}


def written(text: str) -> str:
    """The page with every table anew."""

    def anew(found: re.Match[str]) -> str:
        head, *rows = ["| " + " | ".join(row) + " |" for row in map(list, TABLES[found["name"]]())]
        return found[1] + "\n".join((head, "|" + "---|" * (head.count(" | ") + 1), *rows)) + "\n" + found[3]

    return TABLE.sub(anew, text)


if __name__ == "__main__":
    PAGE_OF_BAIDU.write_text(written(PAGE_OF_BAIDU.read_text(encoding="utf-8")), encoding="utf-8")
