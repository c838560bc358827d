from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
import yaml

from ocrgate.config import parse
from ocrgate.config.document import MAX_DEPTH, MAX_VALUES
from ocrgate.config.text import read
from tests.config.problems import problem, problems

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def loader(request: pytest.FixtureRequest) -> type[Any]:
    chosen: type[Any] = request.param
    return chosen


def finding(text: str, loader: type[Any]) -> tuple[str, int, int]:
    """Message and place of the only thing wrong with a text."""
    document = read(dedent(text), loader)
    (found,) = document.findings
    place = found.place or document.place(found.path)
    assert place is not None
    return found.message, place.line, place.column


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [1, 2\n", 1, 9, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, 1, "indent with spaces, not tabs"),
        ("a: b: c\n", 1, 5, "quote a text that contains `: `"),
        ("a: @x\n", 1, 4, "quote a text that begins with this character"),
        ("a: 'x\n\n\n", 1, 6, "not YAML"),
        ("a: 1\n  b: 2\n", 2, 4, "not YAML"),
        ("a: \x00\n", 1, 4, "U+0000 is not allowed"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here"),
        ("a: *b\n", 1, 4, "names an anchor that is not defined"),
        ("a: &b [*b]\n", 1, 8, "contains itself"),
        ("a: !!python/object:os.system x\n", 1, 4, "this tag"),
        ("a: !secret x\n", 1, 4, "this tag"),
        ("a: !!int word\n", 1, 4, "not what its tag"),
        ("[a]: b\n", 1, 1, "a key is a word"),
        ("{a: b}: c\n", 1, 1, "a key is a word"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "written twice, first in line 1"),
        ("a: &a {}\nb: {<<: *a, <<: *a}\n", 2, 13, "written twice, first in line 2"),
        ("a: {<<: 3}\n", 1, 5, "`<<` takes an alias of a mapping"),
    ],
)
def test_what_is_not_usable_yaml_is_told_with_its_place(
    text: str, line: int, column: int, message: str, loader: type[Any]
) -> None:
    told, *place = finding(text, loader)
    assert message in told
    assert place == [line, column]


def test_lines_are_counted_as_editors_count_them(loader: type[Any]) -> None:
    # YAML also ends lines at U+0085 and U+2028; editors do not.
    assert finding("a: 'x\u2028y\x85z'\r\nb: 1\rb: 2\n", loader)[1:] == (3, 1)


def test_columns_count_characters_not_bytes(loader: type[Any]) -> None:
    assert finding("{发票: 收据😀, 发票: 2}\n", loader)[1:] == (1, 11)


def test_a_byte_order_mark_is_not_part_of_the_first_key(loader: type[Any]) -> None:
    assert read("\ufeffa: 1", loader).data == {"a": 1}
    assert finding("\ufeffa: @x", loader)[1:] == (1, 4)


@pytest.mark.parametrize(
    "written", ["!hidden!x y", "!<hidden", "*hidden!", "&hidden! x", "!!hidden y", "!hidden", "%hidden"]
)
def test_what_may_be_a_secret_with_an_odd_first_character_is_not_repeated(written: str, loader: type[Any]) -> None:
    assert "hidden" not in finding(f"a: {written}\n", loader)[0]


def test_anchors_and_merge_keys_share_settings(loader: type[Any]) -> None:
    text = """\
        slow: &slow {timeout: 60s, lanes: 1}
        small: &small {lanes: 2, queue: 3}
        one: {<<: *slow, lanes: 4}
        both: {<<: [*small, *slow]}
        same: *slow
        """
    data = read(dedent(text), loader).data
    assert data["one"] == {"timeout": "60s", "lanes": 4}
    assert data["both"] == {"timeout": "60s", "lanes": 2, "queue": 3}
    assert data["same"] == data["slow"]


def test_a_problem_in_a_shared_section_is_told_where_it_is_written() -> None:
    found = problems("""\
        providers:
          one: &one {type: paper, lanes: none}
          two: *one
          three: {<<: *one, queue: 3}
        """)
    assert [(one.key, one.line, one.column) for one in found] == [
        ("providers.one.lanes", 2, 34),
        ("providers.two.lanes", 2, 34),
        ("providers.three.lanes", 2, 34),
    ]


def test_an_anchor_may_be_defined_again(loader: type[Any]) -> None:
    assert read("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", loader).data == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_aliases_cannot_multiply_without_bound(loader: type[Any]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases" in finding("\n".join(lines), loader)[0]


def test_aliases_cannot_nest_without_bound(loader: type[Any]) -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 500))]
    assert "deep once the aliases are resolved" in finding("\n".join(lines), loader)[0]


def test_merge_keys_cannot_multiply_without_bound(loader: type[Any]) -> None:
    shared = f"a: &a {{{', '.join(f'k{n}: 1' for n in range(200))}}}\n"
    told = finding(f"{shared}b: {{<<: [{', '.join(['*a'] * 2000)}]}}\n", loader)
    assert f"more than {MAX_VALUES} values" in told[0]
    message, line, _ = finding(f"{shared}b:\n" + "- {<<: *a}\n" * 2000, loader)
    assert f"more than {MAX_VALUES} values" in message
    assert 50 < line < 110


def test_brackets_cannot_nest_without_bound(loader: type[Any]) -> None:
    told, line, column = finding("[" * 100_000, loader)
    assert "nested more than" in told
    # libyaml may look a thousand brackets ahead and complain from there.
    ahead = [] if loader is yaml.SafeLoader else [(1, 1001)]
    assert (line, column) in [(1, MAX_DEPTH + 1), *ahead]


def test_values_cannot_be_listed_without_bound(loader: type[Any]) -> None:
    assert f"more than {MAX_VALUES} values" in finding("- x\n" * (MAX_VALUES + 1), loader)[0]


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("off", False),
        ("Yes", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("0123", "0123"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2024-01-31", "2024-01-31"),
        ("9" * 5000, "9" * 5000),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!float 12", 12),
        ("! 12", "12"),
        ("'no'", "no"),
    ],
)
def test_a_plain_word_means_what_people_expect(plain: str, value: Any, loader: type[Any]) -> None:
    read_back = read(f"a: {plain}\n", loader).data["a"]
    assert read_back == value
    assert type(read_back) is type(value)


def test_a_key_is_text_whatever_its_word_means_as_a_value(loader: type[Any]) -> None:
    assert list(read("{no: 1, 12: 2, 0x1F: 3}", loader).data) == ["no", "12", "0x1F"]


def test_a_repeated_key_does_not_hide_the_other_problems() -> None:
    found = problems("""\
        providers:
          paper: {lanes: 0}
          paper: {}
        routes: {default: {deadline: x}}
        """)
    assert [(one.key, one.line) for one in found] == [
        ("providers.paper.lanes", 2),
        ("providers.paper", 3),
        ("routes.default.deadline", 4),
    ]


def test_a_repeated_key_in_a_shared_section_is_told_once() -> None:
    found = problem("providers:\n  one: &one {type: paper, lanes: 1, lanes: 2}\n  two: *one\n  three: *one\n")
    assert (found.key, found.line, found.column) == ("providers.one.lanes", 2, 37)


def test_a_missing_setting_is_missed_at_the_key_of_its_section() -> None:
    found = problem("providers: {paper: }\nroutes:\n  r:\n    hedge:\n      floor: 1s\n")
    assert (found.key, found.line, found.column) == ("routes.r.hedge.after", 4, 5)


def test_a_place_at_the_end_of_the_text_is_taken_back_to_what_is_written() -> None:
    found = problem("providers: {paper: {}\n\n\n\n")
    assert (found.line, found.column) == (1, 22)


def test_text_within_quotes_stays_text() -> None:
    settings = parse("providers: {paper: {a: 'off', b: \"12\", c: 12, d: 0042}}")
    assert settings.providers["paper"].options == {"a": "off", "b": "12", "c": 12, "d": "0042"}
