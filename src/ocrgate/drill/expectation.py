"""What has to hold in one scenario or another, besides that which holds in all."""

from __future__ import annotations

import math

from ocrgate import period
from ocrgate.drill.blueprint import CLOUD, keys_of
from ocrgate.drill.invariant import Invariant, Verdict
from ocrgate.drill.observation import Call, Observation
from ocrgate.drill.strike import EVERY
from ocrgate.events import KeyBenched
from ocrgate.state import StoreHealth

_ROUNDING = 2.0


def _first_account(seen: Observation) -> list[str]:
    """Names of the keys of the account that the first key belongs to."""
    entries = keys_of(seen.blueprint)[seen.blueprint.primary or ""]
    first = entries[0].get("account") or entries[0]["name"]
    return [entry["name"] for entry in entries if (entry.get("account") or entry["name"]) == first]


def _benched(seen: Observation) -> list[KeyBenched]:
    return [event for _, event in seen.events if isinstance(event, KeyBenched)]


def _by_primary(call: Call, seen: Observation) -> bool:
    return call.valid and call.result is not None and call.result.provider == seen.blueprint.primary


def _key_of(call: Call) -> str | None:
    accepted = [attempt.key for attempt in call.attempts if attempt.outcome == "accepted"]
    return accepted[-1] if accepted else None


def _why(call: Call) -> str:
    """What became of a call that is not valid: its last attempt with what can be done about it, or the error."""
    last = call.attempts[-1] if call.attempts else None
    if last is None or last.diagnosis is None:
        return str(call.error or "an answer that is not valid")
    return f"{last.summary()}. {last.diagnosis.remedy}"


def _all_answered(seen: Observation) -> Verdict:
    failed = [call for call in seen.within("fault", seen.routes[0]) if not call.valid]
    if failed:
        told = f"{len(failed)} images had no valid result, image {failed[0].image}"
        return Verdict(False, f"{told}: {_why(failed[0])}")
    return Verdict(True, f"all {len(seen.within('fault', seen.routes[0]))} images were answered validly meanwhile")


def _answered_by_others(seen: Observation) -> Verdict:
    """Only where the route has an engine on this host to fall back on."""
    route = seen.route(seen.routes[0])
    if not any(name in seen.blueprint.engines for name in route.providers):
        return Verdict(None, "the route has no engine on this host")
    return _all_answered(seen)


def _nobody_impersonated(seen: Observation) -> Verdict:
    if seen.strays:
        asked = seen.strays[0]
        return Verdict(False, f"{len(seen.strays)} requests reached the impostor, the first for {asked.path}")
    return Verdict(True, "not one request, and so no key, no token and no image, reached the impostor")


def _second_key(seen: Observation) -> Verdict:
    first = keys_of(seen.blueprint)[seen.blueprint.primary or ""][0]["name"]
    served = [_key_of(call) for call in seen.within("fault") if _by_primary(call, seen)]
    others = [name for name in served if name != first]
    benched = [event for event in _benched(seen) if event.key == first]
    if not others:
        return Verdict(False, f"no other key answered in place of {first}")
    if not benched:
        return Verdict(False, f"{first} was not benched")
    if benched[0].until is not None:
        return Verdict(False, f"{first} was benched for a time only, though it is not coming back by itself")
    return Verdict(True, f"{len(others)} calls were answered with {others[0]}, and {first} is benched")


def _until_reset(seen: Observation) -> Verdict:
    names = _first_account(seen)
    events = [event for event in _benched(seen) if event.key in names]
    if not events:
        return Verdict(False, f"{names[0]} was not benched")
    fault = seen.stretch("fault")
    reset = seen.provider(seen.blueprint.primary or "").reset
    end = period.end(reset, fault.walls[0])
    until = events[0].until
    if until is None or not math.isclose(until, end, abs_tol=_ROUNDING):
        told = "for good" if until is None else f"until {until - end:+.0f} s of the reset"
        return Verdict(False, f"{events[0].key} was benched {told}")
    refused = sum(request.key in names and request.code == "17" for request in seen.requests)
    if refused > seen.threads:
        return Verdict(False, f"the account was asked {refused} times though its quota was used up")
    return Verdict(
        True, f"{events[0].key} was benched until the {reset} of Shanghai ends, after {refused} refused calls"
    )


def _first_key_back(seen: Observation) -> Verdict:
    names = _first_account(seen)
    back = [call for call in seen.within("after") if _by_primary(call, seen) and _key_of(call) in names]
    if not back:
        return Verdict(False, f"{names[0]} is not used again")
    return Verdict(True, f"{_key_of(back[0])} is used again")


def _no_key_benched(seen: Observation) -> Verdict:
    benched = _benched(seen)
    if benched:
        return Verdict(False, f"{benched[0].key} was benched by {benched[0].code}")
    return Verdict(True, "no key was benched")


def _breaker_unmoved(seen: Observation) -> Verdict:
    primary = seen.blueprint.primary or ""
    state = seen.stretch("fault").status[primary]["breaker"]
    return Verdict(state == "closed", f"the breaker of {primary} is {state}")


def _engine_replaced(seen: Observation) -> Verdict:
    route = seen.routes[-1]
    engine = seen.route(route).providers[0]
    calls = seen.within("fault", route)
    meant = [call for call in calls if call.image % EVERY == 0]
    if not meant:
        return Verdict(None, "no image came that the engine was told to fail on")
    survived = [call for call in meant if call.valid]
    if survived:
        return Verdict(False, f"image {survived[0].image} was answered, so nothing happened to {engine}")
    later = [call for call in calls if call.begun > meant[0].ended and call.image % EVERY and call.valid]
    if not later:
        return Verdict(False, f"{engine} answered nothing after the first of {len(meant)} strikes")
    return Verdict(True, f"{engine} was struck {len(meant)} times and answered {len(later)} images after the first")


def _others_served(seen: Observation) -> Verdict:
    if len(seen.routes) > 1:
        verdict = _all_answered(seen)
        if not verdict.ok:
            return verdict
    rest = [call for call in seen.within("fault", seen.routes[-1]) if call.image % EVERY]
    failed = [call for call in rest if not call.valid]
    if failed:
        told = f"{len(failed)} other images of {len(rest)} suffered, image {failed[0].image}"
        return Verdict(False, f"{told}: {_why(failed[0])}")
    return Verdict(True, f"all other images were answered, {len(rest)} of them by the engine that was struck")


def _store(seen: Observation, phase: str) -> StoreHealth:
    status = next(each for each in reversed(seen.stretches) if each.name == phase).status
    health: StoreHealth = next(iter(status.values()))["state"]
    return health


def _store_told(seen: Observation) -> Verdict:
    during, after = _store(seen, "fault"), _store(seen, "after")
    if during.ok:
        return Verdict(False, "the status did not say that the store is out of reach")
    if not after.ok:
        return Verdict(False, f"the status still says: {after.problem}")
    return Verdict(True, f"the status said: {during.problem}")


def _made_up(seen: Observation) -> Verdict:
    """Calls that were billed while the store was away are counted in it afterwards, each once."""
    status = seen.stretches[-1].status
    clouds = [name for name, own in seen.blueprint.settings.providers.items() if own.type == CLOUD]
    totals = [usage.month for name in clouds for usage in status[name]["usage"].values()]
    billed, uncertain = sum(each.billed for each in totals), sum(each.uncertain for each in totals)
    answered = sum(request.endpoint != "token" and request.code == "ok" for request in seen.requests)
    return Verdict(
        billed <= answered <= billed + uncertain,
        f"{billed} calls are counted as billed, {uncertain} as uncertain; the server answered {answered}",
    )


def _disk_told(seen: Observation) -> Verdict:
    status = seen.stretch("fault").status
    first = next(iter(status.values()))
    ill = [part for part in ("state", "audit") if first[part] is not None and not first[part].ok]
    if not ill:
        return Verdict(False, "the status did not say that anything cannot be written")
    return Verdict(True, f"the status said of {ill[0]}: {first[ill[0]].problem}")


def _went_on(seen: Observation) -> Verdict:
    """As `audit.on_failure` says: calls go on, or no key is used."""
    audit = seen.blueprint.settings.audit
    if audit.path is None or audit.on_failure == "continue":
        return _all_answered(seen)
    used = [call for call in seen.within("fault") if _by_primary(call, seen)]
    if len(used) > seen.threads:
        return Verdict(False, f"{len(used)} calls used a key though the ledger could not be written")
    return Verdict(True, "no key was used while the ledger could not be written")


def _nothing_invented(seen: Observation) -> Verdict:
    calls = seen.within("fault")
    invented = [call for call in calls if call.valid and call.result is not None and not call.result.degraded]
    if invented:
        return Verdict(False, f"image {invented[0].image} was answered though nothing could answer")
    slowest = max((call.elapsed for call in calls), default=0.0)
    return Verdict(True, f"{len(calls)} clear errors, the slowest after {slowest:.2f} s")


ALL_ANSWERED = Invariant("all_answered", "Every image is answered validly meanwhile.", _all_answered)
ANSWERED_BY_OTHERS = Invariant(
    "answered_by_others", "The engines on this host answer every image meanwhile.", _answered_by_others
)
NOBODY_IMPERSONATED = Invariant(
    "nobody_impersonated", "Nothing is sent to somebody whose certificate does not verify.", _nobody_impersonated
)
SECOND_KEY = Invariant("second_key", "Another key takes over, and the revoked one is benched.", _second_key)
UNTIL_RESET = Invariant("until_reset", "The account is left alone until its quota is back.", _until_reset)
FIRST_KEY_BACK = Invariant("first_key_back", "The first key is used again afterwards.", _first_key_back)
NO_KEY_BENCHED = Invariant("no_key_benched", "No key is benched for what is not its fault.", _no_key_benched)
BREAKER_UNMOVED = Invariant("breaker_unmoved", "Throttling does not open the breaker.", _breaker_unmoved)
ENGINE_REPLACED = Invariant("engine_replaced", "The struck worker process is replaced.", _engine_replaced)
OTHERS_SERVED = Invariant("others_served", "No image but those that struck it suffers.", _others_served)
STORE_TOLD = Invariant("store_told", "The status says that the store is away, and that it is back.", _store_told)
MADE_UP = Invariant("made_up", "What was counted meanwhile is in the store afterwards.", _made_up)
DISK_TOLD = Invariant("disk_told", "The status says what cannot be written.", _disk_told)
WENT_ON = Invariant("went_on", "Calls go on, or no key is used, as `audit.on_failure` says.", _went_on)
NOTHING_INVENTED = Invariant(
    "nothing_invented", "There is no result where nobody can answer, unless it is flagged.", _nothing_invented
)
