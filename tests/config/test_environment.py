from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.config import parse
from ocrgate.errors import ConfigError
from tests.config.problems import problem, problems

SECRET = "s3cr3t-of-the-house"


def option(value: str, environ: dict[str, str]) -> object:
    """What an adapter is handed for a value."""
    return parse({"providers": {"paper": {"option": value}}}, environ=environ).providers["paper"].options["option"]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("${HOST}", "example"),
        ("https://${HOST}:${PORT}/", "https://example:80/"),
        ("${NONE:-plain}", "plain"),
        ("${NONE:-}", ""),
        ("${EMPTY:-plain}", "plain"),
        ("${EMPTY}", ""),
        ("${HOST:-plain}", "example"),
        ("${NONE:-a:-b}", "a:-b"),
        ("$${HOST}", "${HOST}"),
        ("$$${HOST}", "$${HOST}"),
        ("$HOST $ {HOST} }", "$HOST $ {HOST} }"),
    ],
)
def test_variables_are_replaced_within_values(value: str, result: str) -> None:
    handed = option(value, {"HOST": "example", "PORT": "80", "EMPTY": ""})
    assert handed == result
    assert type(handed) is str


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_value_from_the_environment_is_never_read_as_yaml_or_as_a_reference(value: str) -> None:
    assert parse("providers: {paper: {option: '${X}'}}", environ={"X": value}).providers["paper"].options == {
        "option": value
    }


def test_a_whole_variable_may_be_a_number_a_boolean_or_a_duration() -> None:
    text = """
providers:
  paper: {lanes: "${LANES}", timeout: "${TIME}", memory: "${MEMORY}", rate: {qps: "${QPS}"}}
  acme: {depth: "${LANES}", tls: "${FLAG}"}
routes: {default: {residency: "${WHERE}", accept: {rules: [{name: a, pattern: a, required: "${FLAG}"}]}}}
cache: ${CACHE:-off}
version: ${VERSION:-1}
"""
    environ = {"LANES": "8", "TIME": "2.5", "MEMORY": "1GB", "QPS": "0.5", "FLAG": "true", "WHERE": "local"}
    settings = parse(text, environ=environ)
    paper, acme = settings.providers["paper"], settings.providers["acme"]
    assert (paper.lanes, paper.timeout, paper.memory, paper.qps) == (8, 2.5, 10**9, 0.5)
    assert acme.options == {"depth": 8, "tls": True}
    assert settings.routes["default"].residency == "local"
    assert settings.routes["default"].accept.rules[0].required is True


def test_part_of_a_variable_is_text_and_no_number() -> None:
    assert problem("providers: {paper: {lanes: '1${N}'}}", {"N": "2"}).message.startswith("expected a whole number")


def test_a_variable_that_spells_a_boolean_stays_text_where_text_is_wanted() -> None:
    settings = parse("providers: {paper: }\nroutes: {a: {languages: ['${L}']}}", environ={"L": "no"})
    assert settings.routes["a"].languages == ("no",)


def test_every_unset_variable_is_named_and_nothing_else_is_said_of_its_value() -> None:
    found = problems("""\
        providers:
          acme:
            type: ${KIND}
            lanes: ${LANES}
          other:
            type: acme
            endpoint: idcard
            card_side: ${SIDE}
            keys: [{name: a, app_id: "${ID}", secret_key: "x"}]
        routes: {default: {providers: ["${FIRST}"], accept: {rules: [{name: a, pattern: "${P}", check: "${C}"}]}}}
        """)
    assert [one.line for one in found] == [3, 4, 8, 9, 10, 10, 10]
    assert all("is not set; set it, or write ${" in one.message for one in found)
    assert "environment variable SIDE" in found[2].message


@pytest.mark.parametrize("value", ["${", "${}", "${1X}", "${A B}", "${A-b}", "a ${A:+b}", "${A:-b"])
def test_a_malformed_reference_is_refused_with_the_three_right_ways(value: str) -> None:
    found = problem({"providers": {"paper": {"option": value}}}, {"A": SECRET})
    assert found.message == "`${` begins a variable: write ${NAME} or ${NAME:-default}, and $${ for a literal ${"


def told(text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, environ=environ or {})
    return f"{caught.value}{caught.value.problems!r}"


@pytest.mark.parametrize(
    "text",
    [
        "providers: {acme: {lanes: '${X}', timeout: '${X}', memory: '${X}', rate: {qps: '${X}'}, endpoint: '${X}'}}",
        "providers: {acme: {type: '${X}'}}",
        "providers: {acme: {tls: {verify: '${X}'}, depth: 'a${X}', languages: '${X}'}}",
        "providers: {acme: {price: {currency: '${X}'}, quota: {per_day: '${X}'}}}",
        "providers: {paper: }\nroutes: {a: {providers: ['${X}', '${X}'], residency: '${X}', deadline: '${X}'}}",
        "providers: {paper: }\nroutes: {a: {hedge: {after: '${X}'}, enhance: ['${X}'], consensus: '${X}'}}",
        "providers: {paper: }\nroutes: {a: {accept: {rules: [{name: '${X}', pattern: '(${X}', check: '${X}'}]}}}",
        "providers: {paper: }\nroutes: {a: {accept: {rules: [{name: a, pattern: '(?P<${X}', check: 'a${X}'}]}}}",
        "providers: {paper: }\nversion: ${X}\nstate: ${X}\ncache: ${X}\nlogging: {level: '${X}', format: '${X}'}",
        "providers: ${X}\nroutes: ${X}\nimage: ${X}",
    ],
)
def test_a_value_from_the_environment_appears_in_no_message(text: str) -> None:
    assert SECRET not in told(text, {"X": SECRET})


@pytest.mark.parametrize(
    "keys",
    [
        f"{SECRET}",
        f"{{{SECRET}: 1}}",
        f"[{SECRET}]",
        f"[{{{SECRET}}}]",
        f"[{{{SECRET}: a}}]",
        f"[{{app_id{SECRET}: a, secret_key {SECRET}: b}}]",
        f"[{{name: a, app_id: '{SECRET}', secret_key: {{a: {SECRET}}}}}]",
        f"[{{name: a, app_id: [{SECRET}], secret_key: '{SECRET}', canary: {SECRET}}}]",
        f"[{{name: a, app_id: '{SECRET}', secret_key: '{SECRET}'}}]",
        f"[{{name: {SECRET}, app_id: a, secret_key: b}}, {{name: {SECRET}, app_id: a, secret_key: b}}]",
        f"[{{name: a, app_id: x, secret_key: *{SECRET}}}]",
        f"[{{name: a, app_id: x, secret_key: !{SECRET} }}]",
        f"[{{name: a, app_id: x, secret_key: !{SECRET}!x }}]",
        f"[{{name: a, app_id: x, secret_key: %{SECRET}}}]",
        f"[{{name: a, app_id: x, secret_key: '${{{SECRET}}}'}}]",
        f"[{{name: a, app_id: x, secret_key: '${{A {SECRET}'}}]",
        f"[{{name: a, name: {SECRET}, {SECRET}: a, {SECRET}: b}}]",
        f'[{{name: a, app_id: x, secret_key: "\\q{SECRET}"}}]',
        f"[{{name: a, app_id: x, secret_key: &{SECRET} &{SECRET} x}}]",
    ],
)
def test_nothing_below_keys_appears_in_a_message(keys: str) -> None:
    assert SECRET not in told(f"providers:\n  acme:\n    keys: {keys}\n")


def test_the_words_of_an_adapter_are_told_unless_they_hold_a_secret() -> None:
    assert problem("providers: {acme: {endpoint: idcard}}").message == "the endpoint idcard needs card_side"
    twice = f"providers: {{acme: {{keys: [{{name: a, app_id: '{SECRET}', secret_key: '{SECRET}'}}]}}}}"
    assert problem(twice).message == "this value is not accepted"


@pytest.mark.parametrize("state", [f"redis:/user:{SECRET}@host", f"[{SECRET}]", f"postgres://{SECRET}@host"])
def test_the_address_of_a_store_appears_in_no_message(state: str) -> None:
    assert SECRET not in told(f"providers: {{paper: }}\nstate: {state}\n")


def test_a_key_with_a_short_name_does_not_silence_an_adapter() -> None:
    found = problem("providers: {acme: {endpoint: idcard, keys: [{name: a, app_id: x, secret_key: id}]}}")
    assert found.message == "the endpoint idcard needs card_side"
    found = problem("providers: {acme: {keys: [{name: a, app_id: xyz, secret_key: xyz}]}}")
    assert found.message == "this value is not accepted"


def test_a_misspelt_key_below_keys_is_still_helped_with() -> None:
    found = problems("providers:\n  acme:\n    keys:\n      - {name: a, app_id: x, secret_kye: y}\n")
    assert [(one.key, one.message) for one in found] == [
        ("providers.acme.keys[0].secret_key", "this setting is missing"),
        ("providers.acme.keys[0]", "unknown key; did you mean 'secret_key'?"),
    ]
    assert (found[1].line, found[1].column) == (4, 30)
