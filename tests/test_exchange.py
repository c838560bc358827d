"""What surrounds one call: quota and money, the ledger, and the other keys of the provider."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocrgate import AllProvidersFailed, ConfigError, Gateway, Line, Page
from ocrgate.audit import verify
from ocrgate.clock import Deadline, Wake
from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError
from ocrgate.events import KeyTrialChanged
from ocrgate.key import Canary, Key, KeyUse
from ocrgate.provider import Request
from ocrgate.result import Cost, Tariff, Tier
from ocrgate.settings import (
    AuditSettings,
    BreakerSettings,
    ChaosSettings,
    ConcurrencySettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    Settings,
    SpendSettings,
)
from ocrgate.testing import ManualClock, ScriptedProvider, fails
from tests.houses import house, picture

KEYS = (Key("first", "one"), Key("twin", "one"), Key("second", "two"))
FREE = ScriptedProvider("local", "local")


def cloud(*steps: Any, keys: tuple[Key, ...] = KEYS) -> ScriptedProvider:
    return ScriptedProvider("cloud", *steps, cloud=True, keys=keys)


def asked(provider: ScriptedProvider) -> list[str | None]:
    return [request.key for request in provider.requests]


def usage(gateway: Gateway, key: str) -> Any:
    return gateway.status()["cloud"]["usage"][key]


def read(gateway: Gateway) -> list[tuple[str, str | None, str, str]]:
    """One image; provider, key, outcome and code of each attempt."""
    result = gateway.recognize(picture())
    return [
        (attempt.provider, attempt.key, attempt.outcome, attempt.diagnosis.code if attempt.diagnosis else "")
        for attempt in result.attempts
    ]


def test_a_quota_taken_by_the_configuration_leads_to_the_next_account_and_then_to_the_next_engine() -> None:
    provider, clock = cloud("text"), ManualClock()
    with house(provider, FREE, clock=clock, settings={"cloud": {"quota": {"per_day": 2}}}) as gateway:
        for _ in range(4):
            assert read(gateway)[-1][0] == "cloud"
        assert read(gateway) == [("cloud", None, "refused", "quota"), ("local", None, "accepted", "")]
        assert asked(provider) == ["first", "first", "second", "second"]
        assert gateway.status()["cloud"]["breaker"] == "closed"
        clock.advance(86_400.0)
        assert read(gateway)[-1] == ("cloud", "first", "accepted", "")


def test_a_call_that_is_not_billed_gives_its_quota_back() -> None:
    provider = cloud(fails("216201"), "text", keys=KEYS[:1])
    with house(provider, FREE, settings={"cloud": {"quota": {"per_day": 1}}}) as gateway:
        assert read(gateway)[-1][0] == "local"
        assert usage(gateway, "first").left_today == 1
        assert read(gateway)[-1][0] == "cloud"
        assert usage(gateway, "first").left_today == 0


def test_a_call_that_may_have_been_billed_keeps_its_quota() -> None:
    unclear = ProviderError("cloud", replace(lookup("gateway", "timeout"), billed=None))
    with house(cloud(unclear, keys=KEYS[:1]), FREE, settings={"cloud": {"quota": {"per_day": 5}}}) as gateway:
        read(gateway)
        found = usage(gateway, "first")
    assert (found.left_today, found.today.billed, found.today.uncertain) == (4, 0, 1)


def test_an_answer_that_is_billed_although_it_is_none_costs_what_it_costs() -> None:
    wrong_card = ProviderError("cloud", replace(lookup("gateway", "bad_page"), billed=True))
    settings = {"cloud": {"price": Cost(0.5)}, "local": {"price": Cost(0.0)}}
    with house(cloud(wrong_card), FREE, settings=settings) as gateway:
        result = gateway.recognize(picture())
    assert [attempt.cost for attempt in result.attempts] == [Cost(0.5), Cost(0.0)]
    assert result.cost == Cost(0.5)


def test_prices_fall_with_the_calls_of_the_month() -> None:
    tariff = Tariff((Tier(2, 0.4), Tier(None, 0.1)))
    with house(cloud("text"), settings={"cloud": {"price": tariff}}) as gateway:
        costs = [gateway.recognize(picture()).cost.amount for _ in range(4)]
        assert costs == [0.4, 0.4, 0.1, 0.1]
        assert usage(gateway, "first").month.amount == pytest.approx(1.0)


def test_a_route_never_spends_more_than_it_may_in_a_day() -> None:
    provider, clock = cloud("text"), ManualClock()
    settings = {"cloud": {"price": Cost(0.4)}}
    with house(provider, FREE, clock=clock, settings=settings, spend=SpendSettings(per_day=1.0)) as gateway:
        assert [read(gateway)[-1][0] for _ in range(3)] == ["cloud", "cloud", "local"]
        assert read(gateway)[0] == ("cloud", None, "refused", "spend")
        assert len(provider.requests) == 2
        clock.advance(86_400.0)
        assert read(gateway)[-1][0] == "cloud"


@pytest.mark.parametrize("price", [None, Cost(0.1, "EUR")])
def test_a_limit_that_cannot_be_kept_is_refused_before_the_first_call(price: Cost | None) -> None:
    with pytest.raises(ConfigError, match="price"):
        house(cloud("text"), FREE, settings={"cloud": {"price": price}}, spend=SpendSettings(per_day=1.0))


def test_a_throttled_account_is_followed_by_a_key_of_another_one_when_waiting_did_not_help() -> None:
    provider = cloud(fails("18"), fails("18"), "text")
    retry = {"cloud": {"retry": RetrySettings(attempts=2)}}
    with house(provider, FREE, settings=retry) as gateway:
        assert read(gateway)[-1] == ("cloud", "second", "accepted", "")
    assert asked(provider) == ["first", "first", "second"]


def test_a_credential_that_is_refused_is_followed_by_the_next_one_even_of_the_same_account() -> None:
    provider = cloud(fails("invalid_client"), "text")
    with house(provider, FREE) as gateway:
        assert read(gateway)[-1] == ("cloud", "twin", "accepted", "")


def test_a_call_that_a_policy_refused_leaves_the_probe_to_the_next_one() -> None:
    provider, clock = cloud(fails("http_5xx"), "text"), ManualClock()
    settings = {"cloud": {"price": Cost(1.0), "breaker": BreakerSettings(window=1, minimum=1, open_for=1.0)}}
    made = house(provider, FREE, clock=clock, settings=settings)
    route = made.settings.routes["default"]
    routes = {"default": route, "poor": replace(route, name="poor", spend=SpendSettings(per_day=0.5))}
    with Gateway(
        replace(made.settings, routes=routes), providers={"cloud": provider, "local": FREE}, clock=clock
    ) as gateway:
        read(gateway)
        clock.advance(2.0)
        poor = gateway.recognize(picture(), route="poor")
        assert [attempt.diagnosis.code for attempt in poor.attempts if attempt.diagnosis] == ["spend"]
        assert read(gateway) == [("cloud", "first", "accepted", "")]


def test_a_call_whose_turn_came_too_late_gives_its_quota_back() -> None:
    settings = {"cloud": {"qps": 0.001, "quota": {"per_day": 5}}}
    with house(cloud("text", keys=KEYS[:1]), FREE, settings=settings) as gateway:
        read(gateway)
        assert read(gateway)[0][3] == "rate_limit"
        assert usage(gateway, "first").left_today == 4


def test_a_call_that_was_given_up_while_it_ran_may_have_been_billed() -> None:
    asked, freed = threading.Event(), threading.Event()

    def waits(request: Request, _deadline: Deadline) -> Page:
        request.on_cancel(freed.set)
        asked.set()
        freed.wait(10)
        return Page()

    async def cancelled(gateway: Gateway) -> None:
        task = asyncio.ensure_future(gateway.arecognize(picture()))
        await asyncio.to_thread(asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with house(cloud(waits), settings={"cloud": {"quota": {"per_day": 5}}}) as gateway:
        asyncio.run(cancelled(gateway))
        assert usage(gateway, "first").today.uncertain == 1


def test_a_call_that_ctrl_c_ended_may_have_been_billed() -> None:
    class Interrupted(ManualClock):
        def wait(self, future: Future[Any], seconds: float) -> bool:
            super().wait(future, seconds)
            raise KeyboardInterrupt

    with house(cloud("text"), clock=Interrupted(), settings={"cloud": {"quota": {"per_day": 5}}}) as gateway:
        with pytest.raises(KeyboardInterrupt):
            gateway.recognize(picture())
        found = usage(gateway, "first")
    assert (found.today.billed, found.today.uncertain, found.left_today) == (0, 1, 4)


def test_a_platform_that_is_over_its_own_limit_holds_back_no_turns_of_the_key() -> None:
    clock = ManualClock()
    settings = {"cloud": {"qps": 100.0, "retry": RetrySettings(attempts=1, throttle_base=9.0)}}
    with house(cloud(fails("4"), "text"), FREE, clock=clock, settings=settings) as gateway:
        read(gateway)
        assert read(gateway)[-1][0] == "cloud"
    assert all(seconds < 1.0 for seconds in clock.slept)


def test_a_monthly_quota_that_is_used_up_benches_to_the_end_of_the_month() -> None:
    clock = ManualClock(time=dt.datetime(2026, 11, 22, tzinfo=dt.timezone.utc).timestamp())
    settings = {"cloud": {"quota": {"per_month": 1000}}}
    with house(cloud(fails("17"), keys=KEYS[:1]), FREE, clock=clock, settings=settings) as gateway:
        read(gateway)
        until = gateway.status()["cloud"]["keys"]["first"].until
    assert until == dt.datetime(2026, 11, 30, 16, tzinfo=dt.timezone.utc).timestamp()


class Audited:
    """A gateway with a ledger, over an engine that uses its key as it is told."""

    def __init__(self, folder: Path, *steps: Any, on_failure: Any = "continue") -> None:
        self.path = folder / "audit.jsonl"
        self.provider = cloud(*steps or (self.uses,))
        self._audit = AuditSettings(str(self.path), on_failure=on_failure)

    @staticmethod
    def uses(request: Request, _deadline: Deadline) -> Page:
        assert request.key is not None
        request.on_use(KeyUse(request.key, "token", "ok", sent=70, source="192.0.2.7"))
        request.on_use(KeyUse(request.key, "accurate", "ok", log_id="77", sent=900, source="192.0.2.7", billed=True))
        return Page(lines=(Line("text"),))

    def gateway(self, **settings: Any) -> Gateway:
        made = house(self.provider, FREE, settings={"cloud": {"price": Cost(0.04), **settings}})
        wanted = replace(made.settings, audit=self._audit)
        made.close()
        return Gateway(wanted, providers={"cloud": self.provider, "local": FREE}, clock=ManualClock())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]


def test_every_use_of_a_key_is_a_line_of_the_ledger_with_its_cost(tmp_path: Path) -> None:
    house = Audited(tmp_path)
    with house.gateway() as gateway:
        result = gateway.recognize(picture())
    token, call = house.lines()
    assert (token["event"], token["endpoint"], token["bytes"], token["source"]) == ("use", "token", 70, "192.0.2.7")
    assert (call["endpoint"], call["outcome"], call["log_id"], call["cost"]) == ("accurate", "ok", "77", 0.04)
    assert (call["provider"], call["key"], call["request_id"]) == ("cloud", "first", result.request_id)
    assert token.get("cost") is None
    assert verify(house.path).ok


def test_a_switch_of_engines_and_a_benched_key_are_lines_of_the_ledger(tmp_path: Path) -> None:
    house = Audited(tmp_path, fails("17"), fails("216201"))
    with house.gateway() as gateway:
        assert gateway.recognize(picture()).provider == "local"
    bench, switch = house.lines()
    assert (bench["event"], bench["key"], bench["code"]) == ("bench", "first", "17")
    assert (switch["event"], switch["from"], switch["to"], switch["code"]) == ("switch", "cloud", "local", "216201")
    assert verify(house.path).ok


def test_a_page_that_begins_with_the_first_engine_again_is_no_switch(tmp_path: Path) -> None:
    house = Audited(tmp_path, fails("216201"), "text")
    pages = [Image.new("L", (60, 40), "white") for _ in range(2)]
    for page in pages:
        page.paste(0, (10, 10, 30, 20))
    pages[0].save(tmp_path / "two.tiff", save_all=True, append_images=pages[1:])
    with house.gateway() as gateway:
        result = gateway.recognize(tmp_path / "two.tiff")
    assert [(attempt.provider, attempt.page) for attempt in result.attempts] == [
        ("cloud", 1),
        ("local", 1),
        ("cloud", 2),
    ]
    assert [(line["event"], line["from"], line["to"]) for line in house.lines()] == [("switch", "cloud", "local")]


def test_the_trial_of_a_key_is_told_to_listeners_and_to_the_ledger(tmp_path: Path) -> None:
    house = Audited(tmp_path, "text")
    house.provider = cloud("text", keys=(Key("new", canary=Canary(share=1.0, seconds=0.0, successes=2)),))
    heard: list[Any] = []
    with house.gateway() as gateway:
        gateway.on(heard.append)
        for _ in range(3):
            gateway.recognize(picture())
        gateway.flush()
        status = gateway.status()["cloud"]["keys"]["new"]
    assert (status.trial, status.successes) == ("promoted", 2)
    told = [event for event in heard if isinstance(event, KeyTrialChanged)]
    assert [(event.provider, event.key, event.new) for event in told][-1] == ("cloud", "new", "promoted")
    lines = [line for line in house.lines() if line["event"] == "trial"]
    assert [line["new"] for line in lines] == [event.new for event in told]


def test_a_ledger_that_cannot_be_written_is_told_of_once_and_stops_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = Audited(tmp_path)
    house.path.mkdir()
    with house.gateway() as gateway:
        assert [gateway.recognize(picture()).provider for _ in range(2)] == ["cloud", "cloud"]
        assert not gateway.status()["cloud"]["audit"].ok
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


def test_where_the_ledger_is_required_no_key_is_used_without_it_until_it_can_be_written_again(tmp_path: Path) -> None:
    house = Audited(tmp_path, on_failure="refuse")
    with house.gateway(breaker=BreakerSettings()) as gateway:
        gateway.recognize(picture())
        kept = tmp_path / "kept"
        house.path.rename(kept)
        house.path.mkdir()
        gateway.recognize(picture())  # the use that finds out
        uses = len(house.provider.requests)
        refused = gateway.recognize(picture())
        assert (refused.provider, refused.attempts[0].outcome) == ("local", "refused")
        assert refused.attempts[0].diagnosis is not None
        assert refused.attempts[0].diagnosis.code == "audit"
        assert len(house.provider.requests) == uses
        house.path.rmdir()
        kept.rename(house.path)
        assert gateway.recognize(picture()).provider == "cloud"
    assert verify(house.path).ok


def test_without_any_other_engine_the_refusals_are_the_error() -> None:
    with (
        house(cloud("text", keys=KEYS[:1]), settings={"cloud": {"quota": {"per_day": 0}}}) as gateway,
        pytest.raises(AllProvidersFailed) as caught,
    ):
        gateway.recognize(picture())
    assert [attempt.diagnosis.code for attempt in caught.value.attempts if attempt.diagnosis] == ["quota"]


def test_a_key_whose_turn_comes_too_late_is_followed_by_the_next_one() -> None:
    provider = cloud("text")
    settings = {"cloud": {"qps": 0.1, "margin": 0.0}}
    with house(provider, FREE, deadline=5.0, settings=settings) as gateway:
        for _ in range(4):
            read(gateway)
    assert asked(provider) == ["first", "twin", "second"]


def test_a_fault_on_purpose_counts_like_a_real_one_and_is_told_apart() -> None:
    provider = ScriptedProvider("cloud", "text", cloud=True)
    settings = Settings(
        providers={"cloud": ProviderSettings("cloud", "scripted", retry=RetrySettings(attempts=1))},
        routes={"default": RouteSettings("default", ("cloud",))},
        chaos=ChaosSettings(rate=1.0, faults=("error",)),
    )
    with Gateway(settings, providers={"cloud": provider}, clock=ManualClock()) as gateway:
        with pytest.raises(AllProvidersFailed) as caught:
            gateway.recognize(picture())
        assert gateway.status()["cloud"]["breaker_detail"].failures == 1
    assert [a.diagnosis.code for a in caught.value.attempts if a.diagnosis] == ["injected_error"]
    assert provider.requests == []


def test_lanes_follow_what_the_provider_bears() -> None:
    clock = ManualClock()

    def slow(_request: Request, _deadline: Deadline) -> Page:
        clock.advance(10.0)
        return Page(lines=(Line("text"),))

    settings = {"cloud": {"lanes": 8, "concurrency": ConcurrencySettings(mode="aimd", slow=5.0)}}
    with house(ScriptedProvider("cloud", slow, cloud=True), clock=clock, deadline=600.0, settings=settings) as gateway:
        before = gateway.status()["cloud"]["lanes"]
        for _ in range(12):
            read(gateway)
        after = gateway.status()["cloud"]["lanes"]
    assert before["size"] == after["size"] == 8
    assert after["limit"] < before["limit"]


class Prepared(ScriptedProvider):
    """An engine that has something to fetch before a call, which takes a while."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__("cloud", "text", cloud=True)
        self.clock = clock
        self.ready_at: list[float] = []

    def prepare(self, request: Request, deadline: Deadline) -> None:
        assert not request.cancelled()
        assert deadline.remaining <= 30.0
        if not self.ready_at:
            self.clock.advance(0.7)
        self.ready_at.append(self.clock.monotonic())


def test_what_a_call_has_to_fetch_first_does_not_make_it_late_for_its_turn() -> None:
    clock = ManualClock()
    provider, sent = Prepared(clock), []
    provider._steps = [lambda _r, _d: sent.append(clock.monotonic()) or Page(lines=(Line("text"),))]  # type: ignore[func-returns-value]
    with house(provider, clock=clock, settings={"cloud": {"qps": 1.0, "margin": 0.0}}) as gateway:
        for _ in range(3):
            gateway.recognize(picture())
    assert [later - earlier for earlier, later in itertools.pairwise(sent)] == [pytest.approx(1.0)] * 2
    assert len(provider.ready_at) == 3


def test_without_turns_to_keep_nothing_is_fetched_ahead() -> None:
    clock = ManualClock()
    provider = Prepared(clock)
    with house(provider, clock=clock) as gateway:
        gateway.recognize(picture())
    assert provider.ready_at == []


def test_a_call_that_goes_out_late_moves_the_next_ones_turn() -> None:
    clock, sent = ManualClock(), []

    def late(request: Request, _deadline: Deadline) -> Page:
        clock.advance(0.3)
        request.on_sent()
        sent.append(clock.monotonic())
        return Page(lines=(Line("text"),))

    provider = ScriptedProvider("cloud", late, cloud=True)
    with house(provider, clock=clock, settings={"cloud": {"qps": 1.0, "margin": 0.0}}) as gateway:
        for _ in range(3):
            gateway.recognize(picture())
    assert [later - earlier for earlier, later in itertools.pairwise(sent)] == [pytest.approx(1.3)] * 2


def test_a_call_is_not_sent_when_the_breaker_has_opened_while_it_waited_for_its_turn() -> None:
    class Waiting(ManualClock):
        def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
            breaker = gateway._fleet.engines["cloud"].breaker
            for _ in range(5):
                breaker.admit().failure()
            return super().sleep(seconds, wake)

    provider = ScriptedProvider("cloud", "text", cloud=True)
    gateway = house(provider, FREE, clock=Waiting(), settings={"cloud": {"qps": 1.0}})
    with gateway:
        assert read(gateway)[-1][0] == "cloud"
        assert read(gateway) == [("cloud", None, "refused", "breaker_open"), ("local", None, "accepted", "")]
    assert len(provider.requests) == 1


def test_a_call_that_was_refused_its_turn_is_no_company_to_the_next_one() -> None:
    provider = cloud("text", keys=KEYS[:1])
    with house(provider, FREE, settings={"cloud": {"qps": 0.001}}) as gateway:
        read(gateway)
        ring = gateway._fleet.engines["cloud"]._ring
        assert ring is not None
        begun: list[str] = []
        ring.withdraw = begun.append  # type: ignore[method-assign,assignment]
        assert read(gateway)[0][3] == "rate_limit"
    assert begun == ["first"]


def test_calls_that_the_breaker_refused_do_not_widen_the_budget_for_repeated_ones() -> None:
    with house(ScriptedProvider("cloud", "text", cloud=True), FREE) as gateway:
        budget = gateway._fleet.route(None).budget
        gateway.set_breaker("cloud", "forced_open")
        for _ in range(10):
            read(gateway)
        assert budget._called == 10, "those of the local engine"
