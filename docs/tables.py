"""Writes the tables of the documentation from what they document: `python docs/tables.py`.

`docs/configuration.md` gets the settings from the configuration's schema, `docs/errors.md` the gateway's own codes, and
`docs/codes.md` with its Chinese twin the whole knowledge base.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ocrgate.catalog import factories
from ocrgate.config import schema
from ocrgate.config.notices import WITHOUT_EFFECT
from ocrgate.diagnosis import Diagnosis, table
from ocrgate.diagnosis.book import Class, book
from ocrgate.diagnosis.words import ACTIONS, CATEGORIES, CERTAINTIES, FAULTS, Language, Words

HERE = Path(__file__).resolve().parent
PAGES = (HERE / "configuration.md", HERE / "errors.md", HERE / "codes.md", HERE / "zh-CN" / "codes.md")
TABLE = re.compile(
    r"(<!-- (?P<kind>settings|codes|rows|ranges|words)(?P<chinese>-zh)?: (?P<name>\S+) -->\n).*?"
    r"(<!-- /(?P=kind)(?:-zh)? -->)",
    re.DOTALL,
)
SHIPPED = ("baidu", "tesseract", "easyocr", "rapidocr")
MANY = 12

Node = dict[str, Any]


class Tables:
    """The settings of a schema, as Markdown tables."""

    def __init__(self) -> None:
        self._schema = schema()
        self._definitions: dict[str, Node] = self._schema["$defs"]

    def table(self, name: str) -> str:
        """One table: `root`, `provider` (what every engine has), `route`, or the options of one type of engine."""
        lines = ["| setting | value | default | meaning |", "|---|---|---|---|"]
        for path, node, required in self._rows(name):
            cells = [f"`{path}`", self._value(node), _default(node, self._parts(node)), self._meaning(node)]
            if (name, path) == ("provider", "type"):
                cells[1:] = ["text", "the provider's name", "The kind of engine: an entry point of `ocrgate.providers`"]
            if required:
                cells[2] = "required"
            if self._without_effect(name, path):
                cells[3] += ". **No effect in this version**"
            lines.append(_row(cells))
        return "\n".join(lines) + "\n"

    def names(self, name: str) -> list[str]:
        """The settings of one table, as they are written below its root."""
        return [path for path, _node, _required in self._rows(name)]

    def _rows(self, name: str) -> Iterator[tuple[str, Node, bool]]:
        if name == "root":
            node, skipped = self._schema, {"providers", "routes"}
        elif name == "route":
            node, skipped = self._definitions["Route"], set()
        else:
            own = self._own()
            kind = SHIPPED[0] if name == "provider" else name
            node = self._definitions[f"provider.{kind}"]
            skipped = set(node["properties"]) - own if name == "provider" else own
        yield from self._walk(node, "", skipped)

    def _own(self) -> set[str]:
        """What every type of engine may be told."""
        properties = [set(self._definitions[f"provider.{kind}"]["properties"]) for kind in SHIPPED]
        return set.intersection(*properties)

    def _walk(self, node: Node, prefix: str, skipped: set[str]) -> Iterator[tuple[str, Node, bool]]:
        for key, child in node["properties"].items():
            if key in skipped:
                continue
            path = f"{prefix}{key}"
            inner = [self._resolved(part) for part in self._parts(child)]
            item = next((self._resolved(part["items"]) for part in inner if "items" in part), None)
            below = next((part for part in inner if "properties" in part), None)
            if below is None or any(part.get("type") == "null" for part in inner) or "enum" in inner[0]:
                yield path, child, key in node.get("required", ())
            if below is not None:
                yield from self._walk(below, f"{path}.", set())
            if item is not None and "properties" in item:
                yield from self._walk(item, f"{path}[].", set())

    def _resolved(self, node: Node) -> Node:
        reference = node.get("$ref")
        return self._definitions[reference.rpartition("/")[2]] if reference else node

    def _parts(self, node: Node) -> list[Node]:
        """What a value may be, `${NAME}` left aside because every value may be that."""
        if "anyOf" not in node:
            return [node]
        parts = [part for one in node["anyOf"] for part in self._parts(one)]
        return [part for part in parts if part.get("$ref") != "#/$defs/Variable"]

    def _value(self, node: Node) -> str:
        texts = [_text(self._resolved(part)) for part in self._parts(node)]
        if any(text.endswith(("duration", "percentile", "size")) for text in texts):
            texts = [text for text in texts if text in ("duration", "duration or percentile", "size", "`null`")]
        return " or ".join(dict.fromkeys(texts))

    def _meaning(self, node: Node) -> str:
        text = str(node.get("description") or self._resolved(node).get("description", "")).rstrip(".")
        values = {"off", *(str(value) for part in self._parts(node) for value in part.get("enum", ()))}
        return text if re.split(r"\W", text)[0] in values else text[:1].upper() + text[1:]

    def _without_effect(self, name: str, path: str) -> bool:
        root = {"root": (), "route": ("routes", "*")}.get(name, ("providers", "*"))
        place = (*root, *path.replace("[]", ".*").split("."))
        return any(len(pattern) <= len(place) and all(map(fnmatchcase, place, pattern)) for pattern in WITHOUT_EFFECT)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _text(node: Node) -> str:
    """What one kind of value is, in words."""
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        names = [f"`{str(one).lower() if isinstance(one, bool) else one}`" for one in node["enum"]]
        return " or ".join(names) if len(names) <= MANY else f"one of {len(names)} names"
    if "(ms|s|m|h|d)" in node.get("pattern", ""):
        return "duration or percentile" if "p([" in node["pattern"] else "duration"
    if "[KMGT]" in node.get("pattern", ""):
        return "size"
    kind = str(node.get("type", ""))
    if kind in ("integer", "number"):
        return _number(node)
    if kind == "array":
        return f"list of {_plural(_text(node['items']))}" if "type" in node["items"] else "list"
    return {"boolean": "`true` or `false`", "string": "text", "object": "mapping", "null": "`null`"}.get(kind, kind)


def _plural(text: str) -> str:
    return "texts" if text == "text" else text


def _number(node: Node) -> str:
    name = "whole number" if node["type"] == "integer" else "number"
    least, above, most = node.get("minimum"), node.get("exclusiveMinimum"), node.get("maximum")
    span = f" above {above}" if above is not None else f" from {least}" if least is not None else ""
    # Limits that only keep out what makes no sense are not worth a reader's time.
    return f"{name}{span}" + (f" to {most}" if most is not None and most <= 100_000 else "")


def _default(node: Node, parts: list[Node]) -> str:
    value = node.get("default")
    patterns = " ".join(part.get("pattern", "") for part in parts)
    if value in ([], {}, ""):
        return "none"
    if value is None or isinstance(value, bool):
        return f"`{'null' if value is None else str(value).lower()}`"
    if "(ms|s|m|h|d)" in patterns and isinstance(value, (int, float)):
        return f"`{round(value * 1000)}ms`" if value < 1 else f"`{value:g}s`"
    if "[KMGT]" in patterns and isinstance(value, int):
        return f"`{value >> 30}GiB`" if value % (1 << 30) == 0 else f"`{value // 10**6}MB`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def codes(provider: str) -> str:
    """The codes of a provider's table."""
    lines = ["| code | category | counts against | what the gateway does | meaning |", "|---|---|---|---|---|"]
    for code, row in table(provider).items():
        lines.append(_row((f"`{code}`", row.category, row.fault, row.action, row.meaning)))
    return "\n".join(lines) + "\n"


ROWS = {
    "en": ("code", "the provider's words", "meaning", "to blame", "action", "what to do", "how sure", "source", "note"),
    "zh": ("错误码", "原文", "含义", "责任", "动作", "处理", "可信度", "来源", "说明"),
}
RANGES = {
    "en": ("codes", "read as", "to blame", "action", "note"),
    "zh": ("错误码", "判断", "责任", "动作", "说明"),
}
WORDS: dict[str, Words] = {"category": CATEGORIES, "fault": FAULTS, "action": ACTIONS, "certainty": CERTAINTIES}


def rows(provider: str, language: Language) -> str:
    """All that is known of a provider's codes; the readings of one code each in a row of their own."""
    known = book(provider)
    lines = _head(ROWS[language])
    for code, row in known.rows.items():
        lines.append(_row(_cells(row, row.message, provider, language)))
        for case in known.cases.get(code, ()):
            said = case.diagnosis.message if case.diagnosis.message != row.message else case.says[0]
            lines.append(_row(_cells(case.diagnosis, said, provider, language)))
    return "\n".join(lines) + "\n"


def ranges(provider: str, language: Language) -> str:
    """What is made of codes that have no row."""
    lines = [_row((_span(each), *_reading(provider, each, language))) for each in book(provider).classes]
    return "\n".join([*_head(RANGES[language]), *lines]) + "\n"


def words(name: str, language: Language) -> str:
    """What the values of one field of a diagnosis mean."""
    head = {"en": (name, "meaning"), "zh": (name, "含义")}[language]
    lines = [_row((f"`{value}`", texts[language])) for value, texts in WORDS[name].items()]
    return "\n".join([*_head(head), *lines]) + "\n"


def _head(names: tuple[str, ...]) -> list[str]:
    return [_row(names), "|" + "---|" * len(names)]


def _cells(row: Diagnosis, said: str, provider: str, language: Language) -> Iterator[str]:
    chinese = language == "zh"
    yield f"`{row.code}`"
    yield said
    yield row.meaning_zh if chinese else row.meaning
    yield row.fault
    yield row.action
    yield row.remedy_zh if chinese else row.remedy
    yield row.certainty
    source = book(provider).chinese.get(row.source, row.source) if chinese else row.source
    yield re.sub(r"^(https://\S+?) ?[(（](.+)[)）]$", r"[\2](\1)", source)
    yield row.note_zh if chinese else row.note


def _span(each: Class) -> str:
    return f"`{each.fits.pattern}`" if isinstance(each.fits, re.Pattern) else f"{each.fits[0]}–{each.fits[1]}"


def _reading(provider: str, each: Class, language: Language) -> tuple[str, str, str, str]:
    place = "{code}"
    if each.like:
        like = table(provider)[each.like]
        return {"en": f"as `{each.like}`", "zh": f"同 `{each.like}`"}[language], like.fault, like.action, ""
    row = Diagnosis(**{"code": place, **each.values})
    meaning, note = (row.meaning_zh, row.note_zh) if language == "zh" else (row.meaning, row.note)
    return meaning.replace(place, "N"), row.fault, row.action, note.replace(place, "N")


def written(text: str) -> str:
    """The page with every table anew."""
    tables = Tables()

    def anew(found: re.Match[str]) -> str:
        name, kind = found["name"], found["kind"]
        language: Language = "zh" if found["chinese"] else "en"
        if kind in ("settings", "codes"):
            made = tables.table(name) if kind == "settings" else codes(name)
        else:
            made = {"rows": rows, "ranges": ranges, "words": words}[kind](name, language)
        return f"{found[1]}{made}{found[5]}"

    return TABLE.sub(anew, text)


if __name__ == "__main__":
    missing = [kind for kind in SHIPPED if kind not in factories()]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}")
    for page in PAGES:
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
