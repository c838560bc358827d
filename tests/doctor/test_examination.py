"""The whole examination: every engine side by side, each line as soon as it is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ocrgate import Gateway
from ocrgate.ability import Finding
from ocrgate.clock import Deadline
from ocrgate.diagnosis import Category, Diagnosis, Fault, lookup
from ocrgate.doctor import Entry, examine, usable
from ocrgate.doctor import engine as engines
from ocrgate.errors import ConfigError, ProviderError
from ocrgate.key import Key
from ocrgate.keys.process import Process
from ocrgate.page import Page
from ocrgate.provider import Capabilities, Provider, Readiness
from ocrgate.settings import ProviderSettings, RouteSettings, Settings
from ocrgate.testing import ScriptedProvider, fails
from tests.houses import ONCE

READS = "TOTAL 12.30"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


class Examinable(ScriptedProvider):
    """Says what it is told to say of itself."""

    says: tuple[Finding | BaseException | Callable[[], object], ...] = ()
    networks: list[bool]

    def examine(self, deadline: Deadline, *, network: bool = True) -> Iterator[Finding]:
        self.networks = [network]
        for each in self.says:
            if isinstance(each, BaseException):
                raise each
            if isinstance(each, Finding):
                yield each
            else:
                each()


class Unready(ScriptedProvider):
    def check(self) -> Readiness:
        return Readiness(False, "the models are missing", "download them")


def examined(
    monkeypatch: pytest.MonkeyPatch,
    *providers: Provider,
    network: bool = True,
    settings: Mapping[str, object] | None = None,
    **route: object,
) -> list[Entry]:
    """All entries about engines, with a configuration of just these."""
    return list(entries(monkeypatch, *providers, network=network, settings=settings, **route))


def entries(
    monkeypatch: pytest.MonkeyPatch,
    *providers: Provider,
    network: bool = True,
    settings: Mapping[str, object] | None = None,
    **route: object,
) -> Iterator[Entry]:
    by_name = {provider.name: provider for provider in providers}
    configured = {
        name: ProviderSettings(name, "scripted", retry=ONCE, **(settings or {}))  # type: ignore[arg-type]
        for name in by_name
    }
    routes = {"default": RouteSettings("default", tuple(configured), **route)}  # type: ignore[arg-type]
    monkeypatch.setattr("ocrgate.embedded.default_settings", lambda: Settings(configured, routes))
    monkeypatch.setattr("ocrgate.catalog.spec_of", lambda wanted: wanted)
    monkeypatch.setattr("ocrgate.catalog.build", lambda wanted: by_name[wanted.name])
    found = examine(
        open_gateway=lambda chosen, adapters: Gateway(chosen, providers=adapters), network=network, environ={}
    )
    return (entry for entry in found if entry.group in by_name)


def told(found: list[Entry], group: str) -> dict[str, Finding]:
    return {entry.finding.name: entry.finding for entry in found if entry.group == group}


def test_an_engine_that_reads_the_sample_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedProvider("paper", READS)
    found = told(examined(monkeypatch, engine), "paper")
    assert {name: finding.status for name, finding in found.items()} == {"ready": "pass", "recognition": "pass"}
    assert found["recognition"].detail.startswith(f"read '{READS}' in ")
    assert len(engine.requests) == 1
    assert engine.closed


def test_an_engine_that_reads_something_else_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(examined(monkeypatch, ScriptedProvider("paper", "lorem ipsum")), "paper")["recognition"]
    assert found.status == "warn"
    assert "'lorem ipsum'" in found.detail


def test_an_engine_that_fails_is_told_with_the_remedy_of_its_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(examined(monkeypatch, ScriptedProvider("cloud", fails("6"))), "cloud")["recognition"]
    assert found.status == "fail"
    assert found.detail.startswith("6: ")
    assert found.remedy == lookup("baidu", "6").remedy


@pytest.mark.parametrize(
    ("category", "fault", "status"),
    [("image", "caller", "pass"), ("empty", "caller", "pass"), ("request", "caller", "fail"), ("image", "key", "fail")],
)
def test_an_engine_that_only_refuses_the_picture_works(
    monkeypatch: pytest.MonkeyPatch, category: Category, fault: Fault, status: str
) -> None:
    refusal = Diagnosis("no_card", category=category, fault=fault, action="fix_request")
    found = told(examined(monkeypatch, ScriptedProvider("cards", fails(refusal))), "cards")["recognition"]
    assert (found.status, "no_card" in found.detail) == (status, True)


def test_an_engine_that_is_not_ready_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Unready("paper", READS)
    found = told(examined(monkeypatch, engine), "paper")
    assert (found["ready"].status, found["ready"].remedy) == ("fail", "download them")
    assert found["recognition"].status == "skip"
    assert engine.requests == []


def test_a_check_that_refuses_the_options_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(ScriptedProvider):
        def check(self) -> Readiness:
            raise ConfigError("psm: 99 is none")

    found = told(examined(monkeypatch, Wrong("paper")), "paper")
    assert (found["ready"].status, "psm: 99" in found["ready"].detail) == ("fail", True)


def test_what_the_adapter_says_comes_before_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Examinable("cloud", READS, cloud=True)
    engine.says = (Finding("dns", "pass", "in 3 ms"), Finding("tls", "warn", "ends soon", "renew"))
    names = [entry.finding.name for entry in examined(monkeypatch, engine)]
    assert names == ["ready", "dns", "tls", "recognition"]
    assert engine.networks == [True]


def test_a_trial_that_the_adapter_calls_pointless_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Examinable("cloud", READS, cloud=True)
    engine.says = (Finding("dns", "fail", "no such name"), Finding("recognition", "skip", "no way"))
    names = [entry.finding.name for entry in examined(monkeypatch, engine)]
    assert names == ["ready", "dns", "recognition"]
    assert engine.requests == []


def test_offline_asks_engines_of_this_host_only(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud, local = Examinable("cloud", READS, cloud=True), ScriptedProvider("local", READS)
    found = examined(monkeypatch, cloud, local, network=False)
    assert cloud.networks == [False]
    assert cloud.requests == []
    assert told(found, "cloud")["recognition"].status == "skip"
    assert told(found, "local")["recognition"].status == "pass"


def test_a_defect_of_one_adapter_hides_nothing_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Examinable("broken", READS)
    broken.says = (Finding("first", "pass"), RuntimeError("a defect"))
    found = examined(monkeypatch, broken, ScriptedProvider("local", READS))
    assert told(found, "broken")["first"].status == "pass"
    assert told(found, "broken")["examination"].detail == "RuntimeError: a defect"
    assert told(found, "local")["recognition"].status == "pass"


def test_an_adapter_that_hangs_keeps_nobody_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.Patient, "patience", property(lambda _self: 0.5))
    free = threading.Event()
    hanging = Examinable("hanging", READS)
    hanging.says = (Finding("first", "pass"), lambda: free.wait(20))
    begun = time.monotonic()
    try:
        found = examined(monkeypatch, hanging, ScriptedProvider("local", READS))
    finally:
        free.set()
    assert time.monotonic() - begun < 5.0
    assert told(found, "hanging")["examination"].status == "fail"
    assert told(found, "local")["recognition"].status == "pass"


def test_engines_are_looked_at_side_by_side_and_told_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    second_was_tried = threading.Event()
    first, second = Examinable("first", READS), Examinable("second", READS)
    waited: list[bool] = []
    first.says = (lambda: waited.append(second_was_tried.wait(20)),)
    second.says = (second_was_tried.set,)
    found = examined(monkeypatch, first, second)
    assert waited == [True]
    assert [entry.group for entry in found] == ["first"] * 2 + ["second"] * 2


def test_a_finding_is_handed_on_before_the_next_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = threading.Event()
    engine = Examinable("cloud", READS)
    engine.says = (Finding("first", "pass"), lambda: seen.wait(20), Finding("second", "pass"))
    for entry in entries(monkeypatch, engine):
        if entry.finding.name == "first":
            seen.set()
    assert seen.is_set()


def test_closing_the_examination_closes_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedProvider("paper", READS)
    by_name = {"paper": engine}
    configured = {"paper": ProviderSettings("paper", "scripted")}
    routes = {"default": RouteSettings("default", ("paper",))}
    monkeypatch.setattr("ocrgate.embedded.default_settings", lambda: Settings(configured, routes))
    monkeypatch.setattr("ocrgate.catalog.spec_of", lambda wanted: wanted)
    monkeypatch.setattr("ocrgate.catalog.build", lambda wanted: by_name[wanted.name])
    found = examine(open_gateway=lambda chosen, adapters: Gateway(chosen, providers=adapters), environ={})
    while next(found).group != "paper":
        pass
    assert not engine.closed
    found.close()
    assert engine.closed


def test_languages_are_listed_and_those_a_route_misses_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = frozenset({"en", "de", "fr", "zh-Hans", *(f"x{number}" for number in range(9))})
    engine = ScriptedProvider("paper", READS, capabilities=Capabilities(languages=reads))
    found = [
        e.finding for e in examined(monkeypatch, engine, languages=("jpn", "eng")) if e.finding.name == "languages"
    ]
    assert [finding.status for finding in found] == ["warn", "pass"]
    assert "asks for ja," in found[0].detail
    assert found[1].detail.startswith("zh-Hans, en, de, fr")
    assert found[1].detail.endswith("and 5 more")


@pytest.mark.parametrize(
    ("planned", "qps", "accounts", "status", "text"),
    [
        (False, None, (None,), "pass", "no limit of its own"),
        (False, 50.0, (None,), "pass", "50 calls a second and key"),
        (True, None, (None,), "pass", "an account 2 a second, paid 10"),
        (True, 2.0, ("a", "a"), "pass", "2 calls a second"),
        (True, 6.0, ("a", "a"), "warn", "6 calls a second"),
        (True, 6.0, ("a", "b"), "pass", "6 calls a second"),
    ],
)
def test_the_rate_is_held_against_the_plan(
    monkeypatch: pytest.MonkeyPatch,
    planned: bool,
    qps: float | None,
    accounts: tuple[str | None, ...],
    status: str,
    text: str,
) -> None:
    keys = [Key(f"k{number}", account) for number, account in enumerate(accounts)]
    engine = ScriptedProvider("cloud", READS, keys=keys)
    monkeypatch.setattr(engines, "PLANS", {"scripted": engines.PLANS["baidu"]} if planned else {})
    found = told(examined(monkeypatch, engine, settings={"qps": qps}), "cloud")["rate"]
    assert (found.status, text in found.detail) == (status, True)


def test_a_quota_that_is_configured_is_told_with_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ScriptedProvider("cloud", READS, keys=["k"])
    found = told(examined(monkeypatch, engine, settings={"quota": {"per_day": 5, "per_month": 100}}), "cloud")
    assert found["quota"].detail == "k: 5 calls left today, 100 calls left this month"
    assert found["quota"].status == "pass"


def test_an_attempt_that_failed_before_another_key_worked_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(request: object, _deadline: Deadline) -> Page:
        if getattr(request, "key", None) == "first":
            raise ProviderError("cloud", lookup("baidu", "17"))
        return ScriptedProvider("x", READS).recognize(request, _deadline)  # type: ignore[arg-type]

    engine = ScriptedProvider("cloud", step, keys=["first", "second"])
    found = told(examined(monkeypatch, engine), "cloud")["recognition"]
    assert found.status == "warn"
    assert "after first: 17" in found.detail
    assert found.remedy == lookup("baidu", "17").remedy


def test_other_processes_with_the_key_are_told_of_any_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "others", lambda fingerprint: (Process(7, "python x.py"),) if fingerprint else ())
    engine = ScriptedProvider("cloud", READS, keys=[Key("k", fingerprint="aabbccddeeff"), "other"])
    found = told(examined(monkeypatch, engine), "cloud")
    assert (found["use of k"].status, "7 (python x.py)" in found["use of k"].detail) == ("warn", True)
    assert "use of other" not in found


def test_an_engine_whose_options_are_wrong_is_told_and_the_others_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def build(spec: ProviderSettings) -> Provider:
        if spec.name == "bad":
            raise ConfigError("providers.bad: no such endpoint")
        return ScriptedProvider("good", READS)

    configured = {name: ProviderSettings(name, "scripted") for name in ("bad", "good")}
    routes = {"default": RouteSettings("default", ("bad", "good"))}
    monkeypatch.setattr("ocrgate.embedded.default_settings", lambda: Settings(configured, routes))
    monkeypatch.setattr("ocrgate.catalog.spec_of", lambda wanted: wanted)
    monkeypatch.setattr("ocrgate.catalog.build", build)
    found = list(examine(open_gateway=lambda chosen, adapters: Gateway(chosen, providers=adapters), environ={}))
    assert told(found, "bad")["options"].status == "fail"
    assert told(found, "good")["recognition"].status == "pass"


def test_a_configuration_that_cannot_be_used_is_told_and_no_engine_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "ocr.yaml"
    path.write_text("routs: {}\n")

    def never(_settings: Settings, _adapters: Mapping[str, Provider]) -> Gateway:
        raise AssertionError("no gateway is opened")

    found = list(examine(path, open_gateway=never, environ={}))
    assert {entry.group for entry in found} == {"host", "configuration"}
    assert not usable(found)
    assert told(found, "configuration")["variables"].status == "pass"
