from __future__ import annotations

import subprocess
import sys

import pytest

from ocrgate.config import parse
from tests.config.problems import problem, problems


def test_the_gateway_s_settings_and_the_adapter_s_options_are_told_apart() -> None:
    engine = parse("providers: {e: {type: acme, lanes: 2, timeout: 1m, endpoint: general, depth: 4}}").providers["e"]
    assert (engine.name, engine.type, engine.lanes, engine.timeout) == ("e", "acme", 2, 60.0)
    assert engine.options == {"endpoint": "general", "depth": 4}


def test_options_that_are_not_written_are_not_handed_on() -> None:
    assert parse("providers: {acme: {tls: {ca_bundle: ca.pem}}}").providers["acme"].options == {
        "tls": {"ca_bundle": "ca.pem"}
    }


def test_an_option_is_handed_on_by_its_python_name() -> None:
    assert parse("providers: {acme: {card_side: front}}").providers["acme"].options == {"side": "front"}


def test_options_of_an_adapter_without_a_model_pass_unchanged() -> None:
    options = {"a": [1, {"b": None}], "languages": ["en"]}
    assert parse({"providers": {"paper": {**options, "lanes": 1}}}).providers["paper"].options == options


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("{timout: 3}", "unknown key 'timout'; did you mean 'timeout'?"),
        ("{endpiont: x}", "unknown key 'endpiont'; did you mean 'endpoint'?"),
        ("{side: front}", "unknown key 'side'; did you mean 'card_side'?"),
        ("{qps: 3}", "unknown key 'qps' here; it belongs below `rate`"),
        ("{tls: {verfy: true}}", "unknown key 'verfy'; did you mean 'verify'?"),
        ("{retry: {atempts: 3}}", "unknown key 'atempts'; did you mean 'attempts'?"),
        ("{retry: {open_for: 3}}", "unknown key 'open_for'; known: attempts, base, cap, throttle_base"),
        ("{endpoint: acurate}", "expected one of accurate, general, idcard; did you mean 'accurate'?"),
        ("{languages: [no]}", "expected text, but YAML reads no as false: write it in quotes ('no')"),
        ("{tls: 3.5}", "expected a mapping of settings, or true or false"),
        ("{mode: auot}", "expected a whole number, or one of auto, fast; did you mean 'auto'?"),
        ("{depth: deep}", "expected a whole number"),
        ("{languages: en}", "expected a list"),
        ("{retry: {base: 10s}}", "may not be above `cap`, which is 5 unless set"),
        ("{retry: {cap: 100ms}}", "may not be below `base`, which is 0.2 unless set"),
        ("{retry: {base: 6s, cap: 5s}}", "may not be above `cap`"),
        ("{breaker: {window: 4}}", "may not be below `minimum`, which is 5 unless set"),
        ("{breaker: {minimum: 30, window: 20}}", "may not be above `window`"),
        ("{breaker: {failure_rate: 0}}", "expected more than 0; got 0"),
        ("{breaker: {failure_rate: .nan}}", "expected a finite number; got nan"),
        ("{breaker: {open_for: 0}}", "a duration above 0; got 0"),
        ("{rate: {qps: 0}}", "expected more than 0; got 0"),
        ("{rate: {qps: .inf}}", "expected a finite number; got inf"),
        ("{timeout: 400d}", "a duration is from 0 to 366 days; got '400d'"),
        ("{timeout: [1s]}", "expected a duration such as 200ms, 5s, 2m, 24h or 7d, or a number of seconds; got a list"),
        ("{price: {amount: -1}}", "expected at least 0; got -1"),
        ("{price: {currency: yuan}}", "expected an ISO 4217 code such as CNY; got 'yuan'"),
        ("{price: {amount: 1, tiers: [{amount: 1}]}}", "either one amount for all calls, or tiers"),
        ("{price: {tiers: [{up_to: 9, amount: 1}]}}", "the last tier is for all further calls: leave it out"),
        ("{price: {tiers: [{amount: 2}, {amount: 1}]}}", "only the last tier may leave `up_to` out"),
        (
            "{price: {tiers: [{up_to: 9, amount: 3}, {up_to: 9, amount: 2}, {amount: 1}]}}",
            "tiers are in ascending order",
        ),
        ("{quota: {reset: week}}", "expected one of day, month; got 'week'"),
        ("{lanes: 1.5}", "expected a whole number; got 1.5"),
        ("{memory: 0}", "expected more than 0; got 0"),
        ("{type: 3}", "expected text, but YAML reads a number: write it in quotes; got 3"),
        ("{type: acne}", "no adapter is installed for the type 'acne'; did you mean 'acme'?"),
        ("3", "expected a mapping of settings; write {} for none"),
    ],
)
def test_what_is_wrong_with_a_provider_is_told_with_its_line(provider: str, message: str) -> None:
    found = problem(f"providers:\n  acme: {provider}\n")
    assert found.message == message
    assert found.line == 2


def test_problems_that_do_not_depend_on_each_other_are_told_together() -> None:
    found = problems("providers: {acme: {retry: {attempts: 0, base: 2s, cap: 1s}, endpoint: x, keys: [{}]}}")
    assert [one.key.removeprefix("providers.acme.") for one in found] == [
        "retry.attempts",
        "retry.base",
        "endpoint",
        "keys[0].name",
        "keys[0].app_id",
        "keys[0].secret_key",
    ]


def test_limits_may_be_equal() -> None:
    text = "providers: {paper: {retry: {base: 1s, cap: 1s}, breaker: {minimum: 7, window: 7}}}"
    assert parse(text).providers["paper"].breaker.minimum == 7


def test_an_unknown_type_does_not_hide_the_gateway_s_part() -> None:
    found = problems("providers: {zzz: {lanes: 0}}")
    assert [one.key for one in found] == ["providers.zzz", "providers.zzz.lanes"]
    assert "known: acme, baidu, broken," in found[0].message


def test_two_keys_of_one_name_are_refused() -> None:
    found = problem("""\
        providers:
          acme:
            keys:
              - {name: one, app_id: a, secret_key: b}
              - {name: two, app_id: a, secret_key: b}
              - {name: one, app_id: a, secret_key: b}
        """)
    assert str(found) == "6:16: providers.acme.keys[2].name: the same name as keys[0]; give each key its own"


def test_an_option_that_a_careless_model_would_drop_is_refused() -> None:
    assert parse("providers: {careless: {colour: red}}").providers["careless"].options == {"colour": "red"}
    assert problem("providers: {careless: {color: red}}").message == "unknown key 'color'; did you mean 'colour'?"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("broken", "RuntimeError: no such thing"),
        ("gone", "ModuleNotFoundError: No module named 'tests.config.nowhere'"),
    ],
)
def test_an_adapter_that_cannot_be_loaded_is_a_problem_of_the_configuration(kind: str, why: str) -> None:
    found = problem(f"providers:\n  e: {{type: {kind}}}\n")
    assert found.message.endswith(f"cannot be loaded: {why}")
    assert (found.line, found.key) == (2, "providers.e.type")


def test_an_adapter_that_is_not_used_is_not_loaded() -> None:
    code = (
        "import sys; from ocrgate.config import parse; parse('providers: {tesseract: {lanes: 1}}', environ={});"
        "print([name for name in sys.modules if name.partition('.')[0] in"
        " ('ocrgate_baidu', 'ocrgate_easyocr', 'ocrgate_rapidocr', 'aip', 'requests', 'numpy', 'PIL', 'pytesseract')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_importing_the_configuration_loads_neither_pydantic_nor_yaml() -> None:
    code = "import sys, ocrgate.config; print(sorted({'pydantic', 'yaml', 'regex'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
