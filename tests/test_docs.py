"""Pages that repeat what the code says, held against the code."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from importlib.metadata import version
from types import ModuleType
from typing import Any, get_args

import pytest
from PIL import Image, ImageChops

from ocrgate import Gateway, Line, Page, Polygon, Word
from ocrgate.config import schema
from ocrgate.diagnosis import Action, Category, Fault
from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.result import SCHEMA, Cost, Outcome
from ocrgate.testing import ScriptedProvider, fails
from ocrgate.testing.simulator.fault import KINDS, TOKEN_KINDS
from tests import markdown
from tests.houses import house, picture
from tests.markdown import ROOT
from tests.test_layers import LAYERS
from tests.test_readme import SAMPLE

DOCS = ROOT / "docs"


def script(name: str) -> ModuleType:
    """A program of the documentation, as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["configuration.md", "errors.md"])
def test_the_tables_are_those_of_the_code(page: str) -> None:
    shown = markdown.text(DOCS / page)
    assert shown == script("tables").written(shown), f"docs/{page} is out of date: python docs/tables.py"


def properties(node: Any) -> Iterator[str]:
    """Every name of a setting in a schema, at any depth."""
    if isinstance(node, dict):
        for name, child in node.items():
            if name == "properties":
                yield from child
            yield from properties(child)
    elif isinstance(node, list):
        for child in node:
            yield from properties(child)


def test_every_setting_of_the_schema_is_on_the_configuration_page() -> None:
    shown = re.findall(r"^\| `([\w.\[\]]+)` \|", markdown.text(DOCS / "configuration.md"), re.MULTILINE)
    parts = {part.removesuffix("[]") for name in shown for part in name.split(".")}
    assert parts | {"providers", "routes", "baidu", "easyocr", "rapidocr", "tesseract"} >= set(properties(schema()))


def test_the_adapter_shown_is_the_one_that_conforms() -> None:
    (block,) = (b for b in markdown.blocks(DOCS / "providers.md") if b.marker.startswith("file: "))
    assert block.code == (ROOT / block.marker.removeprefix("file: ")).read_text(encoding="utf-8")


def story() -> dict[str, Any]:
    """A result in which every key has something to show."""
    word = Word("TOTAL", Polygon.from_box(0, 0, 9, 9), 0.9)
    page = Page((Line("TOTAL", Polygon.from_box(0, 0, 9, 9), 0.9, (word,)),), 60, 40)
    cloud, local = ScriptedProvider("cloud", fails("282000")), ScriptedProvider("local", page)
    with house(cloud, local, settings={"local": {"price": Cost(0.04)}}) as gateway:
        return gateway.recognize(picture()).to_dict()


def test_the_keys_of_a_result_are_those_on_its_page() -> None:
    result = story()
    first = result["pages"][0]
    shown = {
        "result": result,
        "page": first,
        "line": first["lines"][0],
        "word": first["lines"][0]["words"][0],
        "attempt": result["attempts"][0],
        "diagnosis": result["attempts"][0]["diagnosis"],
        "cost": result["attempts"][1]["cost"],
    }
    for name, data in shown.items():
        assert markdown.table(DOCS / "result.md", f"keys: {name}") == list(data), name
    assert result["schema"] == SCHEMA
    assert f"`schema` is {SCHEMA}" in markdown.text(DOCS / "result.md")


def test_the_attributes_of_a_diagnosis_are_on_the_page_of_errors() -> None:
    whole = markdown.text(DOCS / "errors.md")
    for name in Diagnosis.__dataclass_fields__:
        assert f"`{name}`" in whole, name
    for value in (*get_args(Category), *get_args(Fault), *get_args(Action)):
        assert f"`{value}`" in whole, value


def test_every_outcome_of_an_attempt_is_on_the_page_of_results() -> None:
    shown = re.findall(r"^\| `(\w+)` \| [^|]*\|$", markdown.text(DOCS / "result.md"), re.MULTILINE)
    assert set(shown) >= set(get_args(Outcome))


def test_every_fault_of_the_simulator_is_on_the_page_of_testing() -> None:
    shown = markdown.table(DOCS / "testing.md", "kinds")
    kinds = [name for name in shown if name in KINDS]
    assert sorted(set(kinds)) == sorted(KINDS)
    assert set(kinds[-len(TOKEN_KINDS) :]) == TOKEN_KINDS  # "the last four", says the page


def test_the_layers_are_those_that_are_kept() -> None:
    (block,) = (b for b in markdown.blocks(DOCS / "architecture.md") if b.marker == "layers")
    assert [tuple(line.split()) for line in block.code.splitlines()] == list(LAYERS)


def test_every_module_named_in_the_architecture_exists() -> None:
    for name in re.findall(r"\b([a-z_]+\.py)\b", markdown.text(DOCS / "architecture.md")):
        assert (ROOT / "src" / "ocrgate" / name).exists(), name


def test_the_chinese_quickstart_shows_the_same_code() -> None:
    english, chinese = DOCS / "quickstart.md", DOCS / "zh-CN" / "quickstart.md"
    assert len(markdown.headings(english)) == len(markdown.headings(chinese))
    assert [block.code for block in markdown.blocks(english)] == [block.code for block in markdown.blocks(chinese)]


def test_the_changelog_has_the_version() -> None:
    assert f"\n## [{version('ocrgate')}]" in markdown.text(ROOT / "CHANGELOG.md")


def test_the_sample_is_what_its_program_draws() -> None:
    sample = script("sample")
    assert sample.TEXT == SAMPLE
    drawn = sample.draw().image.convert("L")
    with Image.open(DOCS / "sample.png") as shown:
        assert shown.size == drawn.size
        # Another release of Pillow may smooth letters a little differently.
        different = ImageChops.difference(shown.convert("L"), drawn).point(lambda level: 255 * (level > 64))
    assert different.histogram()[255] < 0.01 * drawn.width * drawn.height


@pytest.mark.engines
@pytest.mark.parametrize("engine", ["rapidocr", "tesseract", "easyocr"])
def test_every_local_engine_reads_the_sample_as_the_readme_shows(engine: str) -> None:
    settings = {"providers": {engine: {"timeout": "120s"}}, "routes": {"default": {"deadline": "120s"}}}
    with Gateway.from_dict(settings) as gateway:
        assert gateway.recognize(DOCS / "sample.png").text == SAMPLE
