"""The pages of codes are written from the tables, and hold all of them."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest

from ocrgate.diagnosis import table
from ocrgate.diagnosis.book import book
from tests import markdown

DOCS = markdown.ROOT / "docs"
PAGES = {"en": DOCS / "codes.md", "zh": DOCS / "zh-CN" / "codes.md"}
TABLES = ("baidu", "tesseract", "easyocr", "rapidocr", "gateway")


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tables", DOCS / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def part(language: str, kind: str, name: str) -> str:
    """The lines between the two marks of a table."""
    mark = kind if language == "en" else f"{kind}-zh"
    found = re.search(rf"<!-- {mark}: {name} -->\n(.*?)<!-- /{mark} -->", markdown.text(PAGES[language]), re.DOTALL)
    assert found is not None, f"no {mark}: {name} on {PAGES[language].name}"
    return found[1]


@pytest.mark.parametrize("language", PAGES)
def test_the_pages_are_what_the_tables_say(language: str, tables: ModuleType) -> None:
    page = PAGES[language]
    assert page in tables.PAGES
    assert markdown.text(page) == tables.written(markdown.text(page)), "out of date: python docs/tables.py"


@pytest.mark.parametrize("language", PAGES)
@pytest.mark.parametrize("name", TABLES)
def test_every_code_and_every_reading_of_it_has_its_row(language: str, name: str) -> None:
    shown = re.findall(r"^\| `([^`]+)` \|", part(language, "rows", name), re.MULTILINE)
    expected = [code for code in table(name) for _ in range(1 + len(book(name).cases.get(code, ())))]
    assert shown == expected


@pytest.mark.parametrize("name", TABLES)
def test_the_pages_show_meaning_remedy_source_and_note(name: str) -> None:
    english, chinese = (part(language, "rows", name).replace("\\|", "|") for language in PAGES)
    for row in table(name).values():
        assert row.meaning in english
        assert row.remedy in english
        assert row.note in english
        assert row.meaning_zh in chinese
        assert row.remedy_zh in chinese
        assert row.note_zh in chinese
        assert row.source.split(" (")[0] in english


def test_both_pages_have_the_same_parts() -> None:
    assert len(markdown.headings(PAGES["en"])) == len(markdown.headings(PAGES["zh"]))
    shapes = []
    for language, page in PAGES.items():
        marks = re.findall(r"<!-- (rows|ranges|words)(?:-zh)?: (\w+) -->", markdown.text(page))
        shapes.append([(kind, name, part(language, kind, name).count("\n")) for kind, name in marks])
    assert shapes[0] == shapes[1]
