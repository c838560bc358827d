from __future__ import annotations

import enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from ocrgate.config import parse
from tests.config.problems import problem, problems


class Colour(str, enum.Enum):
    GREY = "grey"


class Level(enum.IntEnum):
    TWO = 2


def handed(value: Any) -> Any:
    return parse({"providers": {"paper": {"option": value}}}, environ={}).providers["paper"].options["option"]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.GREY, "grey"),
        (Level.TWO, 2),
        (Path("a") / "b", str(Path("a") / "b")),
        ((1, (2,)), [1, [2]]),
        (MappingProxyType({"a": True}), {"a": True}),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_what_python_holds_becomes_what_yaml_would(value: Any, plain: Any) -> None:
    result = handed(value)
    assert result == plain
    assert type(result) is type(plain)


def test_the_settings_do_not_share_anything_with_the_mapping() -> None:
    source: dict[str, Any] = {"providers": {"paper": {"languages": ["en"]}}}
    settings = parse(source)
    source["providers"]["paper"]["languages"].append("de")
    assert settings.providers["paper"].options == {"languages": ["en"]}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j, ...])
def test_what_no_file_could_hold_is_refused(value: Any) -> None:
    found = problem({"providers": {"paper": {"option": value}}})
    assert found.key == "providers.paper.option"
    assert "cannot be a setting" in found.message


def test_a_number_beyond_all_settings_is_refused() -> None:
    assert "larger than any setting" in problem({"providers": {"paper": {"option": 10**5000}}}).message


def test_keys_are_text() -> None:
    found = problems({"providers": {"paper": {1: "a", None: "b"}}})
    assert [one.message for one in found] == ["a key is text, not a int", "a key is text, not a NoneType"]


def test_a_mapping_that_contains_itself_is_refused() -> None:
    source: dict[str, Any] = {"providers": {"paper": {}}}
    source["providers"]["paper"]["again"] = source
    assert "inside itself" in problem(source).message


def test_a_mapping_of_shared_parts_cannot_multiply_without_bound() -> None:
    part: list[Any] = ["x"] * 10
    for _ in range(12):
        part = [part] * 10
    assert "too large" in problem({"providers": {"paper": {"option": part}}}).message
