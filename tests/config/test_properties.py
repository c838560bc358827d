from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example as including
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.config import parse
from ocrgate.errors import ConfigError
from ocrgate.settings import Settings

pytestmark = pytest.mark.thorough

SECRET = "zq9-hidden-zq9"
TEXT = """\
version: 1
providers:
  acme: &base {lanes: 2, timeout: 10s, keys: [{name: a, app_id: "${A:-b}", secret_key: c}], retry: {base: 200ms}}
  other: {<<: *base, type: acme, breaker: {window: 20, minimum: 5}, rate: {qps: 2}}
  paper:
    memory: 4GiB
    queue: ${S:-3}
    options: {a: [1, 2.5, off, null, 'text']}
routes:
  default:
    providers: [acme, paper]
    languages: [en]
    hedge: {after: p95}
    consensus: {providers: [acme, paper], quorum: 2}
    accept:
      rules:
        - {name: total, pattern: 'T\\D*(?P<total>\\d+)', required: true}
        - {name: id, pattern: '\\b(?P<id>\\d{17}[\\dXx])\\b', check: cn.ric}
cache: off
"""
KEYS = """
version state providers routes cache logging audit image acme paper other type lanes timeout rate qps quota
per_day price amount currency retry attempts base cap breaker window minimum failure_rate queue memory recycle
keys name app_id secret_key tls verify depth endpoint default deadline residency languages hedge after floor
budget enhance consensus quorum accept min_confidence rules pattern required check path ttl size level format dpi
"""
WORDS = """
acme paper baidu gone broken 10s 200ms p95 1GB off on yes no null ~ ${A} ${S} ${B:-1} $${ ${ luhn cn.ric . .. (?P<a>x)
( any local raise best memory sqlite:a redis://h grey CNY INFO json 1 0 -1 2.5 .nan .inf 1e400 'no' accurate idcard
"""
MARKS = [": ", "- ", "\n", "\n  ", "\t", "[", "]", "{", "}", "*base", "&b ", "!", "'", '"', "#", "|", "<<"]

keys = st.sampled_from(KEYS.split())
words = st.sampled_from(WORDS.split())
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    words,
    st.text(max_size=8),
    st.binary(max_size=2),
)
names = st.one_of(keys, keys, st.text(max_size=4), st.integers())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=6)),
    max_leaves=25,
)


def tried(source: Any) -> Settings | ConfigError:
    """What comes of a source; anything but these two is a defect."""
    try:
        return parse(source, environ={"A": "3", "S": SECRET})
    except ConfigError as error:
        outcome = error
    assert outcome.problems
    assert SECRET not in f"{outcome}{outcome.problems!r}"
    return outcome


def places_are_within(text: str, outcome: Settings | ConfigError) -> None:
    if isinstance(outcome, Settings):
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in outcome.problems:
        assert problem.line is not None
        assert problem.column is not None
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    assert list(outcome.problems) == sorted(outcome.problems, key=lambda one: (one.line or 0, one.column or 0))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(names, values, max_size=6))
def test_any_mapping_is_settings_or_a_config_error(source: dict[Any, Any]) -> None:
    tried(source)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {"providers": st.dictionaries(st.sampled_from(["acme", "paper", "x"]), values, max_size=2)},
        optional={"routes": st.dictionaries(st.just("default"), values, max_size=1), "cache": values, "image": values},
    )
)
def test_any_mapping_of_about_the_right_shape_is_settings_or_a_config_error(source: dict[str, Any]) -> None:
    tried(source)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
@including("\ud800")
@including("a: \x85\n\u2028b: [")
@including("? a\n: b\n? c")
@including("%YAML 3.0\n---\na: 1")
@including("a: &a &b c")
@including("---\n...\n---\n")
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    places_are_within(text, tried(text))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(TEXT)),
            st.integers(0, 12),
            st.one_of(words, keys, st.sampled_from(MARKS)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_configuration_with_slips_of_the_pen_is_settings_or_a_config_error(slips: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for start, length, written in slips:
        text = text[:start] + written + text[start + length :]
    places_are_within(text, tried(text))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.sampled_from(["pattern", "check", "name"]))
def test_any_rule_is_settings_or_a_config_error(text: str, field: str) -> None:
    rule = {"name": "a", "pattern": "b", field: text}
    tried({"providers": {"paper": {}}, "routes": {"r": {"accept": {"rules": [rule]}}}})


def test_the_text_that_is_mutated_is_right_as_it_stands() -> None:
    assert isinstance(tried(TEXT.replace("${S:-3}", "3")), Settings)
