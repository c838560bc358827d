"""A configuration of one's own, and what a drill makes of it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from ocrgate import ConfigError
from ocrgate.config import parse
from ocrgate.drill import SCENARIOS, Blueprint, embedded, of_settings
from ocrgate.drill.house import House

KEYS = [
    {"name": "main", "app_id": "REAL-1", "api_key": "REAL-API", "secret_key": "REAL-SECRET", "account": "a"},
    {"name": "spare", "api_key": "REAL-API-2", "secret_key": "REAL-SECRET-2", "weight": 0.5},
]
BAIDU: dict[str, Any] = {"keys": KEYS, "trust_env": False, "timeout": "3s", "breaker": {"open_for": "2s"}}


def own(**sections: Any) -> Blueprint:
    providers = sections.pop("providers", {"baidu": BAIDU})
    return of_settings(parse({"providers": providers, **sections}))


def test_no_word_of_the_users_own_gets_into_a_drill() -> None:
    blueprint = own(
        state="redis://:REAL-PASSWORD@127.0.0.1:6379/0",
        audit={"path": "ledger.jsonl", "key": "REAL-LEDGER-KEY"},
        cache={"path": "answers.db"},
        providers={"baidu": {**BAIDU, "base_url": "http://127.0.0.1:1/REAL", "proxies": {"http": "http://REAL:1"}}},
    )
    with House(blueprint) as house:
        options = house.settings.providers["baidu"].options
        carried = (
            pickle.dumps(blueprint)
            + pickle.dumps(house.settings)
            + repr(house.settings).encode()
            + repr(options).encode()
        )
        assert b"REAL" not in carried
        assert (options["base_url"], options["trust_env"]) == (house.platform.url, False)
        assert [key["name"] for key in options["keys"]] == ["main", "spare"]
        assert {key.name for key in house.platform.keys} == {"main", "spare"}
        audit, cache = house.settings.audit, house.settings.cache
        assert cache is not None
        for path in (audit.path, cache.path):
            assert house.folder in Path(path or "").parents
        assert house.settings.state == f"sqlite:{house.folder / 'state' / 'state.db'}"


def test_times_breakers_budgets_and_routes_are_the_users() -> None:
    budget = {"retry_ratio": 0.1, "minimum": 1}
    blueprint = own(routes={"receipts": {"providers": ["baidu"], "deadline": "7s", "budget": budget}})
    route = blueprint.settings.routes["receipts"]
    assert (route.deadline, route.budget.retry_ratio, route.budget.minimum) == (7.0, 0.1, 1)
    provider = blueprint.settings.providers["baidu"]
    assert (provider.timeout, provider.breaker.open_for) == (3.0, 2.0)
    assert (blueprint.cloud_route, blueprint.primary) == ("receipts", "baidu")
    assert blueprint.notes == ()


def test_what_a_drill_changes_is_told() -> None:
    blueprint = own(
        state="redis://127.0.0.1:6379/0",
        providers={
            "baidu": {
                **BAIDU,
                "endpoint": "idcard",
                "options": {"id_card_side": "front"},
                "proxies": {"https": "http://127.0.0.1:3128"},
                "quota": {"per_day": 10},
            }
        },
        routes={
            "default": {
                "accept": {"rules": [{"name": "id", "pattern": "ID: ", "required": True}]},
                "spend": {"per_day": 1},
            }
        },
        chaos={"rate": 0.01},
    )
    assert blueprint.notes == (
        "baidu: its quota does not count, because a drill may make more calls",
        "baidu: no proxy is used, because the simulator is on this host",
        "baidu: idcard is drilled as accurate, whose answer is text",
        "route default: its spending limits do not count, because a drill may make more calls",
        "route default: its accept rules are left out, because they reject the text of a drill",
        "the state is an SQLite file in place of Redis",
        "chaos is off",
    )
    assert blueprint.settings.routes["default"].accept.rules == ()
    assert blueprint.settings.chaos is None
    assert blueprint.settings.providers["baidu"].quota == {}


def test_rules_that_accept_the_text_of_a_drill_stay() -> None:
    accept = {"min_confidence": 0.5, "rules": [{"name": "no", "pattern": r"(?P<no>\d{6})", "required": True}]}
    blueprint = own(routes={"default": {"accept": accept}})
    assert [rule.name for rule in blueprint.settings.routes["default"].accept.rules] == ["no"]
    assert blueprint.notes == ()


@pytest.mark.parametrize(
    ("name", "sections", "why"),
    [
        ("key_revoked", {"providers": {"baidu": {**BAIDU, "keys": KEYS[:1]}}}, "baidu has one key"),
        ("engine_crash", {}, "no engine on this host runs in a process of its own"),
        ("store_down", {"state": "memory"}, "the state is memory"),
        ("disk_full", {}, "nothing is written"),
    ],
)
def test_a_scenario_that_says_nothing_about_it_says_why(name: str, sections: dict[str, Any], why: str) -> None:
    assert SCENARIOS[name].obstacle(own(**sections)).startswith(why)


def test_a_scenario_of_the_cloud_needs_a_route_that_asks_the_cloud_first() -> None:
    blueprint = own(providers={"baidu": BAIDU, "tesseract": {}}, routes={"default": {"residency": "local"}})
    for name in ("502_storm", "key_revoked", "clock_jump"):
        assert SCENARIOS[name].obstacle(blueprint) == "no route asks a provider of the type baidu first"


def test_everything_applies_to_the_embedded_house() -> None:
    blueprint = embedded()
    assert [scenario.obstacle(blueprint) for scenario in SCENARIOS.values()] == [""] * len(SCENARIOS)


def test_a_drill_needs_the_baidu_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocrgate.catalog.factories", dict)
    with pytest.raises(ConfigError, match=r'pip install "ocrgate\[baidu\]"'):
        embedded()
