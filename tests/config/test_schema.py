from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from ocrgate.config import example, parse, schema
from ocrgate.errors import ConfigError
from tests.config.test_parse import CONTRACT, KEYS


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def accepts(validator: Draft202012Validator, source: Any) -> bool:
    return not list(validator.iter_errors(source))


def test_the_schema_is_valid_and_says_its_dialect() -> None:
    built = schema()
    Draft202012Validator.check_schema(built)
    assert built["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert built["additionalProperties"] is False


@pytest.mark.parametrize("text", [example(), CONTRACT], ids=["example", "contract"])
def test_the_schema_accepts_what_loads(validator: Draft202012Validator, text: str) -> None:
    parse(text, environ=KEYS)
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "{providers: {acme: , other: {type: acme, depth: 3}}}",
        "{providers: {acme: {tls: true, card_side: x}}}",
        "{providers: {acme: {type: paper, anything: [1]}}}",
        "{providers: {acme: {lanes: '${LANES}', timeout: '${T:-3s}', tls: {verify: '${V:-true}'}}}}",
        "{providers: {acme: {rate: {qps: null}, memory: 1GiB}}, cache: {path: a, ttl: 1h}}",
        "{providers: {acme: }, routes: {r: {hedge: {after: 800ms}, languages: [en]}}, cache: 'off'}",
    ],
)
def test_schema_and_parser_agree_on_what_is_right(validator: Draft202012Validator, text: str) -> None:
    parse(text, environ={"LANES": "3"})
    assert accepts(validator, yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "{providers: {}}",
        "{routes: {}}",
        "{providers: {acme: {timout: 3}}}",
        "{providers: {acme: {tls: {verfy: true}}}}",
        "{providers: {acme: {endpoint: acurate}}}",
        "{providers: {acme: {keys: [{name: a, app_id: b}]}}}",
        "{providers: {other: {depth: 3}}}",
        "{providers: {other: {type: acne}}}",
        "{providers: {acme: {timeout: soon}}}",
        "{providers: {acme: {lanes: 0}}}",
        "{providers: {acme: {lanes: '8'}}}",
        "{providers: {acme: {memory: 1XB}}}",
        "{providers: {acme: {retry: {attempt: 3}}}}",
        "{providers: {acme: }, routes: {r: {residency: locl}}}",
        "{providers: {acme: }, routes: {r: {accept: {rules: [{name: a}]}}}}",
        "{providers: {acme: }, routes: {r: {enhance: [gray]}}}",
        "{providers: {acme: }, cache: on}",
        "{providers: {acme: }, version: 2}",
        "{providers: {acme: }, state: nowhere}",
        "{providers: {acme: }, logging: {level: LOUD}}",
    ],
)
def test_schema_and_parser_agree_on_what_is_wrong(validator: Draft202012Validator, text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, environ={})
    assert not accepts(validator, yaml.safe_load(text))


def test_every_setting_of_the_gateway_is_described() -> None:
    built = schema()
    sections = {name: one for name, one in built["$defs"].items() if "." not in name} | {"": built}
    bare = [
        f"{name}.{key}"
        for name, one in sections.items()
        for key, setting in one.get("properties", {}).items()
        if "description" not in setting and "$ref" not in setting
    ]
    assert bare == []


def test_an_adapter_s_own_words_are_in_the_schema() -> None:
    built = schema()
    assert built["$defs"]["provider.acme"]["description"] == "Options of the engine that the tests configure."
    assert set(built["$defs"]["provider.acme"]["properties"]) >= {"endpoint", "card_side", "lanes", "retry", "type"}
    assert "acme.Key" in built["$defs"]


def test_an_adapter_that_cannot_be_loaded_leaves_its_options_open(validator: Draft202012Validator) -> None:
    assert accepts(validator, {"providers": {"gone": {"whatever": 1}}})
    assert not accepts(validator, {"providers": {"gone": {"whatever": 1, "lanes": "many"}}})
