"""Baidu's troubles, one after the other, as a user of the gateway lives through them: the result, and its trace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ocrgate import Gateway, Result
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.events import KeyBenched
from ocrgate.settings import BreakerSettings, ProviderSettings, RetrySettings, RouteSettings, Settings
from ocrgate.testing import BaiduSimulator, ManualClock, ScriptedProvider
from ocrgate.testing.simulator import Rule, SimulatedKey, self_signed
from tests.houses import picture
from tests.providers.platform import APP, always, key, once

SECOND = SimulatedKey("second", "second-api-key", "second-secret-key")
NOON = dt.datetime(2026, 11, 22, 4, 0, tzinfo=dt.timezone.utc).timestamp()
"""In Shanghai."""


class House:
    """A gateway that asks the simulator first and a scripted engine next, all on one manual clock."""

    def __init__(
        self,
        *keys: SimulatedKey,
        faults: Iterable[Rule] = (),
        certificate: tuple[Path, Path] | None = None,
        configured: Iterable[dict[str, Any]] | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        self.clock = ManualClock(time=NOON)
        self._clock: Clock = clock or self.clock
        self.platform = BaiduSimulator(keys or None, list(faults), clock=self._clock, certificate=certificate)
        self._configured = [key()] if configured is None else list(configured)
        self._options = options

    def __enter__(self) -> House:
        self.platform.start()
        settings = {"base_url": self.platform.url, "keys": self._configured, "trust_env": False, **self._options}
        own = {name: settings.pop(name) for name in ("qps", "breaker", "retry") if name in settings}
        own.setdefault("retry", RetrySettings(attempts=4))
        baidu = ProviderSettings("baidu", "baidu", settings, timeout=5.0, **own)
        local = ProviderSettings("local", "scripted")
        route = RouteSettings("default", ("baidu", "local"), deadline=60.0)
        self.gateway = Gateway(
            Settings(providers={"baidu": baidu, "local": local}, routes={"default": route}, single_flight=False),
            providers={"local": ScriptedProvider("local", "read here")},
            clock=self._clock,
        )
        self.events: list[Any] = []
        self.gateway.on(self.events.append)
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.close()
        self.platform.stop()

    def read(self) -> Result:
        return self.gateway.recognize(picture())

    @property
    def breaker(self) -> str:
        return str(self.gateway.status()["baidu"]["breaker"])

    def benched(self) -> list[KeyBenched]:
        self.gateway.flush()
        return [event for event in self.events if isinstance(event, KeyBenched)]


def story(result: Result) -> list[tuple[str, str | None, str, str]]:
    """Provider, key, outcome and code of each attempt."""
    return [
        (attempt.provider, attempt.key, attempt.outcome, attempt.diagnosis.code if attempt.diagnosis else "")
        for attempt in result.attempts
    ]


def test_one_poisoned_token_reply_costs_one_more_attempt_and_nothing_afterwards() -> None:
    with House(faults=[once("token_poison", path="token")]) as house:
        assert story(house.read()) == [
            ("baidu", "primary", "failed", "server_error"),
            ("baidu", "primary", "accepted", ""),
        ]
        assert story(house.read()) == [("baidu", "primary", "accepted", "")]
        assert (house.platform.tokens_issued, house.breaker, house.benched()) == (1, "closed", [])


@pytest.mark.parametrize(("trouble", "code"), [("expire_tokens", "111"), ("revoke_tokens", "110")])
def test_a_token_refused_in_mid_run_is_replaced_once_and_the_call_repeated(trouble: str, code: str) -> None:
    with House() as house:
        house.read()
        getattr(house.platform, trouble)()
        assert story(house.read()) == [("baidu", "primary", "failed", code), ("baidu", "primary", "accepted", "")]
        assert story(house.read()) == [("baidu", "primary", "accepted", "")]
        assert (house.platform.tokens_issued, house.breaker, house.benched()) == (2, "closed", [])


def test_a_token_endpoint_that_is_down_for_five_seconds_heals_by_itself() -> None:
    down = Rule(match=always("token_down").match, fault=always("token_down").fault)
    with House(breaker=BreakerSettings(window=4, minimum=4, open_for=1.0)) as house:
        house.platform.plan_faults([{"match": {"path": "token", "until": 5.0}, "fault": down.fault.kind}])
        first = house.read()
        assert first.provider == "local"
        assert {code for provider, _, _, code in story(first) if provider == "baidu"} <= {
            "connection_reset",
            "breaker_open",
        }
        house.clock.advance(10.0)
        assert [house.read().provider for _ in range(3)] == ["baidu", "baidu", "baidu"]
        assert (house.platform.tokens_issued, house.breaker, house.benched()) == (1, "closed", [])


def test_a_revoked_key_is_benched_until_the_configuration_changes_and_the_next_one_used() -> None:
    keys = [key(), key("backup", SECOND, account="other")]
    with House(APP, SECOND, configured=keys) as house:
        assert story(house.read()) == [("baidu", "primary", "accepted", "")]
        house.platform.replace_keys([SECOND])
        assert story(house.read()) == [
            ("baidu", "primary", "failed", "110"),
            ("baidu", "primary", "failed", "invalid_client"),
            ("baidu", "backup", "accepted", ""),
        ]
        house.clock.advance(90 * 86_400.0)
        assert story(house.read())[-1] == ("baidu", "backup", "accepted", "")
        assert all(name == "backup" for _, name, _, _ in story(house.read()))
        assert house.breaker == "closed"
        assert [(event.key, event.until, event.code) for event in house.benched()] == [
            ("primary", None, "invalid_client")
        ]


def test_twenty_threads_that_start_cold_fetch_one_token() -> None:
    with House() as house, ThreadPoolExecutor(20) as threads:
        results = list(threads.map(lambda _: house.read(), range(20)))
        assert {result.provider for result in results} == {"baidu"}
        assert all(len(result.attempts) == 1 for result in results)
        assert house.platform.tokens_issued == 1
        assert house.platform.counts == {"ok": 21}


def test_a_quota_used_up_leads_to_a_key_of_another_account_until_midnight_in_shanghai() -> None:
    first, twin = SimulatedKey("first", "a", "b", per_day=1), SimulatedKey("twin", "c", "d")
    keys = [key("first", first, account="one"), key("twin", twin, account="one"), key("other", SECOND, account="two")]
    with House(first, twin, SECOND, configured=keys) as house:
        assert story(house.read()) == [("baidu", "first", "accepted", "")]
        assert story(house.read()) == [("baidu", "first", "failed", "17"), ("baidu", "other", "accepted", "")]
        assert story(house.read()) == [("baidu", "other", "accepted", "")]
        status = house.gateway.status()["baidu"]["keys"]
        assert [status[name].usable for name in ("first", "twin", "other")] == [False, False, True]
        assert status["first"].until == NOON + 12 * 3600
        assert house.breaker == "closed"
        house.clock.advance(12 * 3600 + 1.0)
        assert story(house.read()) == [("baidu", "first", "accepted", "")]


def test_a_storm_of_throttled_calls_is_paced_and_blames_nobody() -> None:
    app = SimulatedKey(qps=50)
    storm = [{"match": {"path": "ocr", "nth": [1, 2, 3]}, "fault": {"kind": "code", "code": 18}}]
    pace: dict[str, Any] = {"qps": 50.0, "retry": RetrySettings(attempts=4, throttle_base=0.05)}
    # Turns are waited for in real time, because threads that share a manual clock let each other's time jump.
    house = House(app, configured=[key(app=app)], clock=SYSTEM_CLOCK, **pace)
    with house, ThreadPoolExecutor(12) as threads:
        house.platform.plan_faults(storm)
        results = list(threads.map(lambda _: house.read(), range(12)))
        assert {result.provider for result in results} == {"baidu"}
        codes = [code for result in results for _, _, _, code in story(result) if code]
        assert len(codes) >= 3
        assert set(codes) == {"18"}
        assert (house.breaker, house.benched()) == ("closed", [])


def test_a_throttled_key_that_is_hardly_used_has_a_quota_that_nobody_claimed() -> None:
    keys = [key(), key("backup", SECOND, account="other")]
    with House(APP, SECOND, configured=keys) as house:
        house.platform.plan_faults(
            [{"match": {"path": "ocr", "key": "primary"}, "fault": {"kind": "code", "code": 18}}]
        )
        result = house.read()
        assert story(result) == [
            ("baidu", "primary", "failed", "18"),
            ("baidu", "primary", "failed", "18"),
            ("baidu", "primary", "failed", "18_persistent"),
            ("baidu", "backup", "accepted", ""),
        ]
        told = result.attempts[2].diagnosis
        assert told is not None
        assert (told.category, told.action) == ("quota", "next_key")
        assert story(house.read()) == [("baidu", "backup", "accepted", "")]
        assert house.breaker == "closed"


def test_a_page_of_html_is_the_providers_fault_and_worth_another_try() -> None:
    with House(faults=[once("html")]) as house:
        assert story(house.read()) == [("baidu", "primary", "failed", "http_5xx"), ("baidu", "primary", "accepted", "")]
        assert (house.breaker, house.benched()) == ("closed", [])


def test_pages_of_html_without_end_open_the_breaker_and_the_next_engine_reads() -> None:
    with House(faults=[always("html")], breaker=BreakerSettings(window=4, minimum=4)) as house:
        result = house.read()
        assert story(result) == [("baidu", "primary", "failed", "http_5xx")] * 4 + [("local", None, "accepted", "")]
        assert house.breaker == "open"
        assert story(house.read()) == [("baidu", None, "refused", "breaker_open"), ("local", None, "accepted", "")]


def test_a_413_with_json_in_it_is_neither_an_answer_nor_sent_again() -> None:
    too_large = always("http", status=413, body='{"message": "too large"}')
    with House(faults=[too_large], breaker=BreakerSettings(window=1, minimum=1)) as house:
        assert story(house.read()) == [("baidu", "primary", "failed", "http_413"), ("local", None, "accepted", "")]
        assert (house.breaker, house.benched()) == ("closed", [])
        assert house.platform.counts["http_413"] == 1


def test_a_self_signed_certificate_is_refused_and_accepted_with_its_authority_named(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with House(certificate=certificate) as house:
        assert story(house.read()) == [("baidu", "primary", "failed", "tls"), ("local", None, "accepted", "")]
        assert house.platform.requests == []
    with House(certificate=certificate, tls={"ca_bundle": str(certificate[0])}) as house:
        assert story(house.read()) == [("baidu", "primary", "accepted", "")]
