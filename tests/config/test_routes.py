from __future__ import annotations

import pytest

from ocrgate.config import parse
from ocrgate.settings import RuleSettings
from tests.config.problems import problem, problems


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ("{providers: [acem]}", "no provider is called 'acem'; did you mean 'acme'?"),
        ("{providers: [zzz]}", "no provider is called 'zzz'; known: acme, paper"),
        ("{providers: [acme, acme]}", "'acme' is listed twice; an engine is asked once"),
        ("{providers: []}", "may not be empty; got a list"),
        ("{providers: acme}", "expected a list; got 'acme'"),
        ("{providers: [no]}", "expected text, but YAML reads no as false: write it in quotes ('no')"),
        ("{languages: [en, no]}", "expected text, but YAML reads no as false: write it in quotes ('no')"),
        ("{residency: locl}", "expected one of any, local; got 'locl'; did you mean 'local'?"),
        (
            "{deadline: soon}",
            "expected a duration such as 200ms, 5s, 2m, 24h or 7d, or a number of seconds; got 'soon'",
        ),
        ("{enhance: [gray]}", "expected one of grey, upscale, binarise, denoise; got 'gray'; did you mean 'grey'?"),
        ("{consensus: {providers: [acme, akme], quorum: 2}}", "no provider is called 'akme'; did you mean 'acme'?"),
        (
            "{consensus: {providers: [acme, paper], quorum: 3}}",
            "only 2 providers are listed; the quorum cannot be reached",
        ),
        ("{consensus: {providers: [acme, paper], quorum: 1}}", "expected at least 2; got 1"),
        ("{consensus: {providers: [acme], quorum: 2}}", None),
        ("{hedge: {after: p100}}", "expected a percentile such as p95, or a duration such as 800ms; got 'p100'"),
        ("{hedge: {floor: 1s}}", "this setting is missing"),
        ("{budget: {retry_ratio: 2}}", "expected at most 1; got 2"),
        ("{accept: {min_confidence: 60}}", "expected at most 1; got 60"),
        ("{accept: {on_invalid: rase}}", "expected one of raise, best; got 'rase'; did you mean 'raise'?"),
        ("{min_confidence: 0.5}", "unknown key 'min_confidence' here; it belongs below `accept`"),
        ("{accept: {rules: {name: a}}}", "expected a list; got a mapping"),
    ],
)
def test_what_is_wrong_with_a_route_is_told_with_its_line(route: str, message: str | None) -> None:
    found = problems(f"providers: {{acme: , paper: }}\nroutes:\n  default: {route}\n")
    assert {one.line for one in found} == {3}
    if message is not None:
        assert [one.message for one in found] == [message]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("[{name: a, pattern: '('}]", "this pattern is not a regular expression: missing ) at position 1"),
        ("[{name: a, pattern: ''}]", "may not be empty; got ''"),
        ("[{name: a}]", "this setting is missing"),
        ("[{name: a, pattern: a}, {name: a, pattern: b}]", "the same name as rules[0]; give each rule its own"),
        (
            "[{name: a, pattern: '(?P<x>a)'}, {name: b, pattern: '(?P<x>b)'}]",
            "'x' is also a group of rules[0]; a field comes from one rule",
        ),
        ("[{name: a, pattern: a, check: cn.rik}]", "python-stdnum has no check 'cn.rik'; did you mean 'cn.ric'?"),
        ("[{name: a, pattern: a, check: cn}]", "python-stdnum has no check 'cn'"),
        ("[{name: a, pattern: a, check: util}]", "python-stdnum has no check 'util'"),
        ("[{name: a, pattern: a, check: ../os}]", "python-stdnum has no check '../os'"),
        ("[{name: a, pattern: a, chek: luhn}]", "unknown key 'chek'; did you mean 'check'?"),
        ("[{name: a, pattern: a, required: 1}]", "expected true or false; got 1"),
    ],
)
def test_a_rule_that_could_not_be_applied_is_refused(rules: str, message: str) -> None:
    found = problem(f"providers: {{acme: }}\nroutes:\n  r:\n    accept:\n      rules: {rules}\n")
    assert found.message.startswith(message)
    assert found.line == 5


def test_patterns_are_those_of_the_module_that_will_apply_them() -> None:
    # `re` knows neither possessive quantifiers on 3.10 nor \p{Han}.
    text = (
        r"providers: {acme: }"
        "\n"
        r"routes: {r: {accept: {rules: [{name: a, pattern: '\p{Han}++(?P<n>\d+)', check: luhn}]}}}"
    )
    assert parse(text).routes["r"].accept.rules == (RuleSettings("a", r"\p{Han}++(?P<n>\d+)", False, "luhn"),)


def test_two_routes_may_use_the_same_names_for_their_rules_and_fields() -> None:
    rules = "{accept: {rules: [{name: total, pattern: '(?P<total>x)'}]}}"
    assert len(parse(f"providers: {{acme: }}\nroutes: {{a: {rules}, b: {rules}}}").routes) == 2


def test_the_same_group_may_stand_twice_in_one_pattern() -> None:
    text = "providers: {acme: }\nroutes: {r: {accept: {rules: [{name: a, pattern: '(?P<x>a)|(?P<x>b)'}]}}}"
    assert parse(text).routes["r"].accept.rules[0].name == "a"


def test_a_route_without_providers_asks_all_in_order() -> None:
    text = "providers: {paper: , acme: }\nroutes: {r: {deadline: 3}, s: }"
    routes = parse(text).routes
    assert routes["r"].providers == routes["s"].providers == ("paper", "acme")


def test_no_route_is_added_to_those_that_are_written() -> None:
    # A route `default` that nobody wrote could send pixels abroad that every written route keeps here.
    assert list(parse("providers: {paper: }\nroutes: {private: {residency: local}}").routes) == ["private"]
