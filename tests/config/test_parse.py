from __future__ import annotations

from dataclasses import asdict
from textwrap import dedent
from typing import Any

import pytest

from ocrgate.config import example, parse
from ocrgate.errors import ConfigError
from ocrgate.result import Cost, Tariff, Tier
from ocrgate.settings import (
    AcceptSettings,
    AuditSettings,
    BreakerSettings,
    BudgetSettings,
    HedgeSettings,
    ImageSettings,
    LoggingSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    RuleSettings,
    SpendSettings,
)
from tests.config.problems import problem, problems

CONTRACT = r"""
version: 1
state: memory                     # memory | sqlite:ocrgate.db | redis://127.0.0.1:6379/0
providers:
  baidu:
    type: baidu                   # the entry point; may be left out when it equals the name
    endpoint: accurate            # any OCR endpoint of the SDK
    base_url: https://aip.baidubce.com
    tls: {verify: true, ca_bundle: null}
    proxies: {https: "http://proxy.example:8080"}
    keys:                         # left out: the AIP_* environment variables
      - {name: primary, app_id: "${AIP_APP_ID}", api_key: "${AIP_API_KEY}", secret_key: "${AIP_SECRET_KEY}"}
      - name: backup
        app_id: "2"
        api_key: second
        secret_key: hush
        account: second
        canary: {share: 0.05, for: 24h, successes: 200}
    options: {language_type: CHN_ENG, detect_direction: true, probability: true}
    timeout: 10s                  # one attempt, whole: connect, send, read
    rate: {qps: 2}                # per key
    quota: {per_month: 1000}
    price: {amount: 0.04, currency: CNY}
    retry: {attempts: 3, base: 200ms, cap: 5s, throttle_base: 1s}
    breaker: {window: 20, minimum: 5, failure_rate: 0.5, slow_call: 5s, slow_rate: 0.9, open_for: 30s, probes: 1,
              successes: 2}
    lanes: 8                      # calls in flight at once
  tesseract: {languages: [chi_sim, eng], lanes: 2}
  easyocr: {languages: [en], model_dir: null}
  rapidocr: {}
routes:
  default:
    providers: [baidu, rapidocr, tesseract]
    deadline: 15s
    residency: any                # any | local: local never sends a pixel off this host
    hedge: {after: p95, floor: 1s, budget: 0.05}
    budget: {retry_ratio: 0.2, minimum: 3}
    enhance: [grey, upscale, binarise, denoise]
    consensus: {providers: [rapidocr, tesseract], quorum: 2}   # optional
    accept:
      min_confidence: 0.6         # unknown confidence does not pass unless unknown_confidence: accept
      min_characters: 1
      on_invalid: raise           # raise | best
      rules:
        - {name: total, pattern: 'TOTAL\D*(?P<total>\d+\.\d{2})', required: true}
        - {name: id_number, pattern: '\b(?P<id>\d{17}[\dXx])\b', check: cn.ric}       # a python-stdnum module
cache: off                        # off | {path: ocrgate-cache.db, ttl: 24h, size: 1GB}
logging: {level: INFO, format: json, file: null}
audit: {path: null}               # append-only ledger of every key use and every engine switch
"""
KEYS = {"AIP_APP_ID": "1", "AIP_API_KEY": "first", "AIP_SECRET_KEY": "quiet"}


def test_the_documented_configuration_loads_whole() -> None:
    settings = parse(CONTRACT, environ=KEYS)
    baidu = settings.providers["baidu"]
    assert list(settings.providers) == ["baidu", "tesseract", "easyocr", "rapidocr"]
    assert (baidu.timeout, baidu.qps, baidu.lanes, baidu.price) == (10.0, 2.0, 8, Cost(0.04, "CNY"))
    assert baidu.retry == RetrySettings(attempts=3, base=0.2, cap=5.0, throttle_base=1.0)
    assert baidu.breaker == BreakerSettings(20, 5, 0.5, 5.0, 0.9, 30.0, 1, 2)
    assert baidu.quota == {"per_month": 1000}
    assert baidu.options["endpoint"] == "accurate"
    assert baidu.options["options"] == {"language_type": "CHN_ENG", "detect_direction": True, "probability": True}
    assert [key["name"] for key in baidu.options["keys"]] == ["primary", "backup"]
    assert settings.logging == LoggingSettings("INFO", "json", None)
    assert settings.routes["default"] == RouteSettings(
        name="default",
        providers=("baidu", "rapidocr", "tesseract"),
        deadline=15.0,
        residency="any",
        budget=BudgetSettings(0.2, 3),
        hedge=HedgeSettings(0.95, True, 1.0, 0.05),
        accept=AcceptSettings(
            min_confidence=0.6,
            rules=(
                RuleSettings("total", r"TOTAL\D*(?P<total>\d+\.\d{2})", True),
                RuleSettings("id_number", r"\b(?P<id>\d{17}[\dXx])\b", False, "cn.ric"),
            ),
        ),
    )


def test_prices_come_flat_or_in_tiers() -> None:
    flat, tiers = "{amount: 0.05, currency: EUR}", "{tiers: [{up_to: 50, amount: 2}, {amount: 1}]}"
    providers = parse(f"providers: {{a: {{type: paper, price: {flat}}}, b: {{type: paper, price: {tiers}}}}}").providers
    assert providers["a"].price == Cost(0.05, "EUR")
    assert providers["b"].price == Tariff((Tier(50, 2.0), Tier(None, 1.0)), "CNY")


@pytest.mark.parametrize(
    ("quota", "reset"),
    [
        ("{}", "day"),
        ("{per_day: 5}", "day"),
        ("{per_month: 5}", "month"),
        ("{per_day: 5, per_month: 9}", "day"),
        ("{per_month: 5, reset: day}", "day"),
        ("{reset: month}", "month"),
    ],
)
def test_a_quota_comes_back_with_the_period_it_is_counted_in(quota: str, reset: str) -> None:
    assert parse(f"providers: {{paper: {{quota: {quota}}}}}").providers["paper"].reset == reset


@pytest.mark.parametrize(("written", "seconds"), [("off", None), ("'off'", None), ("5s", 5.0), ("500ms", 0.5)])
def test_the_file_is_watched_unless_that_is_switched_off(written: str, seconds: float | None) -> None:
    assert parse(f"watch: {written}\nproviders: {{paper: }}").watch == seconds
    assert parse("providers: {paper: }").watch == 2.0


def test_the_ledger_s_key_appears_in_no_message_and_no_repr() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("audit: {path: a.jsonl, key: [hush]}\nproviders: {paper: }")
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(parse("audit: {path: a.jsonl, key: hush}\nproviders: {paper: }"))


def test_settings_without_effect_are_named_once_each_with_their_line() -> None:
    notices = parse(CONTRACT, environ=KEYS).notices
    assert [notice.split(" ")[0] for notice in notices] == [
        "routes.default.enhance",
        "routes.default.consensus",
    ]
    assert notices[0] == "routes.default.enhance (line 38) is accepted but has no effect in this version"


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("state: redis://127.0.0.1:6379/0", None),
        ("cache: {path: cache.db}", None),
        ("routes: {a: {enhance: [grey]}}", "routes.a.enhance"),
        ("routes: {a: {enhance: []}}", None),
        ("routes: {a: {consensus: null}}", None),
    ],
)
def test_only_what_is_switched_on_is_noticed(setting: str, named: str | None) -> None:
    notices = parse(f"{setting}\nproviders: {{paper: }}\n").notices
    assert [notice.split(" ")[0] for notice in notices] == ([named] if named else [])


def test_what_is_left_out_has_the_defaults_of_the_settings() -> None:
    settings = parse("providers: {paper: }")
    assert settings.providers == {"paper": ProviderSettings("paper", "paper")}
    assert settings.routes == {"default": RouteSettings("default", ("paper",))}
    assert (settings.image, settings.logging, settings.notices) == (ImageSettings(), LoggingSettings(), ())


def test_empty_sections_leave_every_default() -> None:
    text = "providers: {paper: {retry: , breaker: , rate: }}\nroutes:\nimage:\nlogging:\naudit:\n"
    assert parse(text) == parse("providers: {paper: }")


def test_without_routes_every_provider_is_asked_in_the_order_of_the_text() -> None:
    settings = parse("providers: {second: {type: paper}, first: {type: acme}}")
    assert settings.routes["default"].providers == ("second", "first")


def test_a_mapping_means_the_same_as_its_text() -> None:
    import yaml

    assert parse(yaml.safe_load(CONTRACT), environ=KEYS).providers == parse(CONTRACT, environ=KEYS).providers


def test_languages_of_a_route_are_tags_whatever_they_are_called() -> None:
    text = "providers: {paper: }\nroutes: {r: {languages: [chi_sim, eng, CHN_ENG, 'no']}}"
    assert parse(text).routes["r"].languages == ("zh-Hans", "en", "no")


def test_every_problem_is_told_at_once_in_the_order_of_the_text() -> None:
    found = problems("""\
        state: nowhere
        providers:
          acme: {timout: 3s, lanes: many, depth: deep}
          acne: {}
        routes:
          default: {providers: [acne, akme], deadline: 0, accept: {rules: [{name: a, pattern: '('}]}}
        logging: {level: LOUD}
        imagine: {}
        """)
    assert [(one.line, one.column, one.key) for one in found] == [
        (1, 8, "state"),
        (3, 10, "providers.acme.timout"),
        (3, 29, "providers.acme.lanes"),
        (3, 42, "providers.acme.depth"),
        (4, 3, "providers.acne"),
        (6, 31, "routes.default.providers[1]"),
        (6, 48, "routes.default.deadline"),
        (6, 87, "routes.default.accept.rules[0].pattern"),
        (7, 18, "logging.level"),
        (8, 1, "imagine"),
    ]


def test_the_error_reads_like_a_compiler_s() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("providers: {paper: {}}\nversion: 2\n", path="ocr.yaml")
    assert str(caught.value) == "ocr.yaml:2:10: version: this release reads version 1; got 2"
    assert (caught.value.path, caught.value.line, caught.value.key) == ("ocr.yaml", 2, "version")


def test_problems_of_a_mapping_have_keys_and_no_lines() -> None:
    found = problem({"providers": {"paper": {"lanes": 0}}})
    assert (found.key, found.line, found.message) == ("providers.paper.lanes", None, "expected at least 1; got 0")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("provider: {}", "unknown key 'provider'; did you mean 'providers'?"),
        ("image: {maxPixels: 5}", "unknown key 'maxPixels'; did you mean 'max_pixels'?"),
        ("image: {max-pages: 5}", "unknown key 'max-pages'; did you mean 'max_pages'?"),
        ("image: {dpi: 1e3}", "expected a whole number; got 1000.0"),
        ("image: {dpi: true}", "expected a whole number; got true"),
        ("image: {dpi: }", "expected a whole number; got nothing"),
        ("image: {max_pages: '5'}", "expected a whole number; got '5'"),
        ("image: 3", "expected a mapping of settings; got 3"),
        ("image: {dpi: 10}", "expected at least 36; got 10"),
        (
            "image: {max_bytes: 3 miles}",
            "expected a size such as 512MB, 1GB or 4GiB, or a number of bytes; got '3 miles'",
        ),
        ("logging: {file: 3}", "expected text, but YAML reads a number: write it in quotes; got 3"),
        ("logging: {file: off}", "expected text, but YAML reads off as false: write it in quotes ('off')"),
        ("logging: {file: ''}", "may not be empty; got ''"),
        ("logging: {format: jsn}", "expected one of text, json; got 'jsn'; did you mean 'json'?"),
        ("cache: on", "expected off, or {path: FILE, ttl: 24h, size: 1GB}; got true"),
        ("cache: {path: a, ttl: 0s}", "a duration above 0; got '0s'"),
        ("version: yes", "this release reads version 1; got true"),
        ("audit: []", "expected a mapping of settings; got a list"),
        ("routes: [a]", "expected a mapping of settings; got a list"),
    ],
)
def test_a_wrong_value_is_told_with_what_to_write_instead(wrong: str, message: str) -> None:
    found = problem(f"providers: {{paper: }}\n{wrong}\n")
    assert found.message == message
    assert found.line == 2


@pytest.mark.parametrize("source", ["", "# nothing\n", "{}", "[]", "text", "3", "---\n", {}])
def test_a_configuration_without_settings_is_refused(source: str | dict[str, Any]) -> None:
    assert "ocrgate config example" in problem(source).message


@pytest.mark.parametrize("providers", ["{}", "", "[paper]", "paper"])
def test_a_configuration_without_providers_is_refused(providers: str) -> None:
    assert problem(f"version: 1\nproviders: {providers}\n").line == 2


def test_missing_providers_are_named() -> None:
    assert str(problem("version: 1")) == "1:1: providers: this setting is missing"


@pytest.mark.parametrize("source", [None, 3, b"providers: {}", ["providers"]])
def test_anything_but_text_or_a_mapping_is_refused(source: Any) -> None:
    with pytest.raises(ConfigError, match="expected YAML text or a mapping"):
        parse(source)


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "a\nb"])
def test_a_name_that_nobody_could_log_is_refused(name: str) -> None:
    found = problems({"providers": {name: {"type": "paper"}}, "routes": {name: {}}})
    assert [one.message for one in found] == ["a name is 1 to 64 printable characters without spaces"] * 2


def test_the_example_needs_no_environment_and_has_nothing_without_effect() -> None:
    settings = parse(example(), environ={})
    assert settings.notices == ()
    assert {"baidu", "rapidocr", "tesseract"} <= set(settings.providers)


def test_the_example_shows_the_defaults_where_it_does_not_say_otherwise() -> None:
    settings = parse(example(), environ={})
    baidu = settings.providers["baidu"]
    assert baidu.retry == RetrySettings()
    assert asdict(baidu.breaker) == asdict(BreakerSettings()) | {"slow_call": 8.0}
    assert settings.providers["rapidocr"].memory == ProviderSettings("", "").memory
    assert settings.providers["rapidocr"].recycle == ProviderSettings("", "").recycle
    assert settings.routes["default"].budget == BudgetSettings()
    assert settings.image == ImageSettings()
    assert settings.logging == LoggingSettings()


def test_the_example_loads_with_every_setting_switched_on() -> None:
    lines = [line[1:] if line.startswith("#") and line[1:2].strip() else line for line in example().splitlines()]
    lines = [line[1:] if line.startswith("#  ") else line for line in lines]
    more = {"NEW_API_KEY": "second", "NEW_SECRET_KEY": "hush", "OCRGATE_AUDIT_KEY": "chain"}
    settings = parse("\n".join(lines), environ={**KEYS, **more})
    assert settings.providers["baidu"].options["keys"][0]["app_id"] == "1"
    assert settings.routes["default"].spend == SpendSettings(per_day=20.0)
    assert settings.audit == AuditSettings("ocrgate-audit.jsonl", key="chain")
    assert settings.routes["default"].languages == ("zh-Hans", "en")
    assert settings.providers["baidu"].price == Cost(0.04, "CNY")


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRGATE_TEST_LANES", "5")
    text = dedent("""\
        providers:
          paper: {lanes: "${OCRGATE_TEST_LANES}"}
        """)
    assert parse(text).providers["paper"].lanes == 5
