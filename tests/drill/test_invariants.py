"""Every invariant, seen to fail when that which keeps it is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ocrgate import AllProvidersFailed
from ocrgate.drill import SCENARIOS, Observation, judged, observe
from ocrgate.drill.blueprint import Blueprint
from ocrgate.drill.invariant import COMMON
from ocrgate.drill.observation import Call
from ocrgate.events import KeyBenched
from ocrgate.settings import AuditSettings
from ocrgate.testing.simulator import LoggedRequest
from tests.drill import stage
from tests.drill.stage import SHORT, seen, small, verdict

pytestmark = pytest.mark.thorough

REQUEST = LoggedRequest("/rest/2.0/ocr/v1/accurate", "accurate", "first", "ok", None, 0.0, 10, "POST", {})


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait no longer than needed for what will not come; and end what a broken gateway leaves behind."""
    monkeypatch.setattr("ocrgate.drill.performance.PATIENCE", 0.1)
    monkeypatch.setattr("ocrgate.drill.house.PATIENCE", 0.2)
    yield
    stage.Lingering.end()


def failed(observation: Observation) -> set[str]:
    """Names of the common invariants that did not hold."""
    return {name for name, found in judged(SHORT, observation).verdicts if found.ok is False}


BROKEN_GATEWAYS: dict[str, Callable[..., Any]] = {
    "no_wrong_result": stage.made(stage.Stale),
    "no_lost_image": stage.made(stage.Raw),
    "calls_within_budget": stage.opening(stage.without_breaker),
    "no_secret_written": stage.tattling,
    "recovery": stage.opening(stage.slow_to_return),
    "nothing_left": stage.made(stage.Lingering),
    "ledger_whole": stage.made(stage.Forgetful),
}


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("name", BROKEN_GATEWAYS)
def test_a_gateway_that_does_not_keep_it_is_found_out(name: str) -> None:
    assert name in failed(observe(SHORT, small(), opens=BROKEN_GATEWAYS[name]))


@pytest.mark.usefixtures("hurry")
def test_a_gateway_that_lets_calls_outlive_their_deadline_is_found_out() -> None:
    blueprint = hurried(small(), deadline=0.1)
    slow = replace(SCENARIOS["hang"], phases=SHORT.phases[:1] + SCENARIOS["hang"].phases[1:])
    assert "deadline_kept" in failed(observe(slow, blueprint, opens=stage.opening(stage.without_deadline)))


@pytest.mark.usefixtures("hurry")
def test_a_gateway_that_trusts_any_certificate_is_found_out() -> None:
    credulous = small()
    own = credulous.settings.providers["baidu"]
    baidu = replace(own, options={**own.options, "tls": {"verify": False}})
    settings = replace(credulous.settings, providers={**credulous.settings.providers, "baidu": baidu})
    found = observe(SCENARIOS["tls_interception"], replace(credulous, settings=settings))
    assert verdict("nobody_impersonated", found).ok is False
    assert verdict("no_wrong_result", found).ok is False


def hurried(blueprint: Blueprint, deadline: float) -> Blueprint:
    routes = {name: replace(route, deadline=deadline) for name, route in blueprint.settings.routes.items()}
    return replace(blueprint, settings=replace(blueprint.settings, routes=routes))


def calls(observation: Observation, change: Callable[[Call], Call | None], phase: str = "fault") -> Observation:
    """The observation with the calls of a phase changed, or, where there is nothing in their place, left out."""
    changed = [change(call) if call.phase == phase else call for call in observation.calls]
    return replace(observation, calls=tuple(call for call in changed if call is not None))


def failing(call: Call) -> Call:
    return replace(call, result=None, error=AllProvidersFailed(call.attempts))


def one_failing(observation: Observation, phase: str = "fault") -> Observation:
    """The observation, had the first call of a phase that is answered failed."""
    first = next(call for call in observation.within("fault") if call.valid and call.route == observation.routes[0])
    return calls(observation, lambda call: failing(call) if call.image == first.image else call, phase)


def status(observation: Observation, phase: str, **changes: Any) -> Observation:
    """The observation with other entries in the status of every provider at the end of a phase."""
    stretches = tuple(
        replace(each, status={name: {**dict(entry), **changes} for name, entry in each.status.items()})
        if each.name == phase
        else each
        for each in observation.stretches
    )
    return replace(observation, stretches=stretches)


def events(observation: Observation, change: Callable[[KeyBenched], KeyBenched | None]) -> Observation:
    """The observation with the benches changed, or left out."""
    changed = [(at, change(event) if isinstance(event, KeyBenched) else event) for at, event in observation.events]
    return replace(observation, events=tuple((at, event) for at, event in changed if event is not None))


def store(observation: Observation, phase: str, *, ok: bool) -> Observation:
    health = next(iter(observation.stretch("fault").status.values()))["state"]
    return status(observation, phase, state=replace(health, ok=ok))


def benched(observation: Observation) -> Observation:
    event = KeyBenched("baidu", "first", None, "18")
    return replace(observation, events=(*observation.events, (0.0, event)))


def invented(observation: Observation) -> Observation:
    """One of the calls that failed, answered out of nothing."""
    result = next(call.result for call in observation.within("before"))
    return calls(observation, lambda call: replace(call, result=result, error=None))


def survived(observation: Observation) -> Observation:
    """The calls that the engine was struck on, answered all the same."""
    result = next(call.result for call in observation.within("before"))
    return calls(observation, lambda call: replace(call, result=result, error=None) if call.error else call)


def deaf(observation: Observation) -> Observation:
    """Nothing more from an engine after it was struck."""
    route = observation.routes[-1]
    return calls(observation, lambda call: None if call.route == route and call.valid else call)


def refusing(observation: Observation) -> Observation:
    """The same, judged by a configuration under which no key is used without a ledger."""
    settings = observation.blueprint.settings
    audit = AuditSettings(path="audit.jsonl", on_failure="refuse")
    return replace(observation, blueprint=replace(observation.blueprint, settings=replace(settings, audit=audit)))


def asked(observation: Observation, times: int, **changes: Any) -> Observation:
    """The observation with further requests at the server."""
    return replace(observation, requests=(*observation.requests, *[replace(REQUEST, **changes)] * times))


def others_fail(observation: Observation) -> Observation:
    """Nothing from an engine once it is struck, not even for other images."""
    route = observation.routes[-1]
    return calls(observation, lambda call: failing(call) if call.route == route else call)


DOCTORED: dict[str, list[tuple[str, Callable[[Observation], Observation]]]] = {
    "no_wrong_result": [("502_storm", invented)],
    "no_lost_image": [
        ("502_storm", lambda seen: replace(seen, calls=seen.calls[1:])),
        ("502_storm", lambda seen: replace(seen, calls=(*seen.calls, seen.calls[0]))),
        ("502_storm", lambda seen: calls(seen, lambda call: replace(call, result=None, error=ValueError()))),
    ],
    "deadline_kept": [("502_storm", lambda seen: calls(seen, lambda call: replace(call, ended=call.begun + 2.8)))],
    "calls_within_budget": [
        ("502_storm", lambda seen: asked(seen, 300)),
        ("502_storm", lambda seen: asked(seen, 30, code="http_502", time=seen.stretch("fault").walls[0])),
    ],
    "no_secret_written": [("502_storm", lambda seen: replace(seen, leaks=("token 1 stands in the log",)))],
    "recovery": [("502_storm", lambda seen: calls(seen, failing, "after"))],
    "nothing_left": [("502_storm", lambda seen: replace(seen, left=("a worker process of local",)))],
    "ledger_whole": [("502_storm", lambda seen: replace(seen, ledger="audit.jsonl:3: dropped"))],
    "answered_by_others": [("502_storm", one_failing)],
    "all_answered": [("store_down", one_failing)],
    "nobody_impersonated": [("tls_interception", lambda seen: replace(seen, strays=(REQUEST,)))],
    "second_key": [
        ("key_revoked", lambda seen: events(seen, lambda _: None)),
        ("key_revoked", lambda seen: events(seen, lambda event: replace(event, until=1.0))),
        ("key_revoked", lambda seen: calls(seen, failing)),
    ],
    "until_reset": [
        ("quota_end", lambda seen: events(seen, lambda _: None)),
        ("quota_end", lambda seen: events(seen, lambda event: replace(event, until=None))),
        ("quota_end", lambda seen: events(seen, lambda event: replace(event, until=(event.until or 0.0) - 3600.0))),
        ("quota_end", lambda seen: asked(seen, 9, code="17")),
    ],
    "first_key_back": [("quota_end", lambda seen: calls(seen, lambda _: None, "after"))],
    "no_key_benched": [("qps_storm", benched)],
    "breaker_unmoved": [("qps_storm", lambda seen: status(seen, "fault", breaker="open"))],
    "engine_replaced": [("engine_crash", survived), ("engine_hang", deaf)],
    "others_served": [
        ("engine_crash", one_failing),
        ("engine_hang", others_fail),
    ],
    "store_told": [
        ("store_down", lambda seen: store(seen, "fault", ok=True)),
        ("store_down", lambda seen: store(seen, "after", ok=False)),
    ],
    "made_up": [
        ("store_down", lambda seen: asked(seen, 1)),
        ("store_down", lambda seen: replace(seen, requests=seen.requests[:-1])),
    ],
    "disk_told": [("store_down", lambda seen: store(seen, "fault", ok=True))],
    "went_on": [("store_down", one_failing), ("store_down", refusing)],
    "nothing_invented": [("total_blackout", invented)],
}
CASES = [(name, place) for name, doctored in DOCTORED.items() for place in range(len(doctored))]


@pytest.mark.parametrize(("name", "place"), CASES, ids=[f"{name}-{place}" for name, place in CASES])
def test_an_observation_that_shows_the_opposite_breaks_it(name: str, place: int) -> None:
    scenario, doctor = DOCTORED[name][place]
    found = seen(scenario)
    assert verdict(name, found).ok, "as it was seen"
    told = verdict(name, doctor(found))
    assert told.ok is False
    assert told.evidence


def test_none_is_left_out() -> None:
    every = {invariant.name for scenario in SCENARIOS.values() for invariant in scenario.invariants}
    assert set(DOCTORED) == every
    assert set(BROKEN_GATEWAYS) | {"deadline_kept"} == {invariant.name for invariant in COMMON}
