"""What has to hold in every scenario, each as a function over what was seen."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ocrgate.drill import image
from ocrgate.drill.blueprint import CLOUD
from ocrgate.drill.observation import Call, Observation, back_at
from ocrgate.errors import OCRError
from ocrgate.events import BreakerChanged

SLACK = 0.25
"""Seconds that a call may end after its deadline."""
SPAN = 10.0
"""Seconds over which a route's budget is counted."""
_ALIKE = 0.6
_JITTER, _SOON = 0.1, 1.25
"""By how much `open_for` is drawn longer, and up to which growth it is over within one and a half times as long."""
_PROBE_FAILED = ("half-open", "open")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an invariant held.

    Attributes:
        ok: None when there was nothing to judge.
        evidence: one sentence.
    """

    ok: bool | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that has to hold.

    Attributes:
        name: on the scoreboard.
        says: what it says, one sentence.
        check: looks whether it did.
    """

    name: str
    says: str
    check: Callable[[Observation], Verdict]


def _no_wrong_result(seen: Observation) -> Verdict:
    wrong = [call for call in seen.calls if call.valid and not _is_right(call, seen)]
    if wrong:
        call = wrong[0]
        read = call.result.text if call.result is not None else ""
        return Verdict(
            False,
            f"{len(wrong)} valid results are not the text of their image; image {call.image} was read as {read!r}",
        )
    return Verdict(True, f"{sum(call.valid for call in seen.calls)} valid results, each the text of its image")


def _is_right(call: Call, seen: Observation) -> bool:
    """By the letter for whoever reads without a mistake; an engine that really reads may mistake some letters."""
    assert call.result is not None
    read, own = call.result.text, image.text(call.image)
    name = call.result.provider
    if name in seen.blueprint.exact or (
        name in seen.blueprint.settings.providers and seen.provider(name).type == CLOUD
    ):
        return read == own
    if _alike(read, own) < _ALIKE:
        return False
    digits = "".join(filter(str.isdigit, read.splitlines()[0])) if read else ""
    others = {image.text(number).splitlines()[0].split()[-1]: number for number in seen.images}
    return others.get(digits, call.image) == call.image


def _alike(read: str, own: str) -> float:
    return difflib.SequenceMatcher(None, "".join(read.split()), "".join(own.split()), autojunk=False).ratio()


def _no_lost_image(seen: Observation) -> Verdict:
    ended = Counter(call.image for call in seen.calls)
    lost = [number for number in seen.images if not ended[number]]
    if lost:
        return Verdict(False, f"{len(lost)} images have no outcome, number {lost[0]} for one")
    twice = [number for number, times in ended.items() if times > 1 or number not in set(seen.images)]
    if twice:
        return Verdict(False, f"image {twice[0]} has {ended[twice[0]]} outcomes")
    for call in seen.calls:
        if call.result is None and not isinstance(call.error, OCRError):
            return Verdict(False, f"image {call.image} ended in {call.error!r}, which is none of the library's errors")
    errors = sum(call.result is None for call in seen.calls)
    return Verdict(True, f"{len(seen.images)} images, {len(seen.images) - errors} results, {errors} clear errors")


def _deadline_kept(seen: Observation) -> Verdict:
    over = [(call.elapsed - seen.route(call.route).deadline, call) for call in seen.calls]
    if not over:
        return Verdict(None, "no call ended")
    worst, call = max(over, key=lambda pair: pair[0])
    if worst > SLACK:
        late = sum(each > SLACK for each, _ in over)
        return Verdict(False, f"{late} calls ended late, that of image {call.image} {worst:.2f} s after its deadline")
    return Verdict(True, f"the slowest call took {max(call.elapsed for call in seen.calls):.2f} s")


def _calls_within_budget(seen: Observation) -> Verdict:
    if seen.blueprint.cloud_route not in seen.routes:
        return Verdict(None, "no engine is asked that counts its calls")
    budget = seen.route(seen.routes[0]).budget
    clouds = [name for name in seen.route(seen.routes[0]).providers if seen.provider(name).type == CLOUD]
    calls = [call for call in seen.calls if call.route == seen.routes[0]]
    images = len(calls) * len(clouds)
    lasted = seen.stretches[-1].ended - seen.stretches[0].begun if seen.stretches else 0.0
    ordinary = sum(len({each.provider for each in call.attempts if each.outcome != "refused"}) for call in calls)
    extra = max(budget.retry_ratio * ordinary, budget.minimum * (1 + lasted // SPAN))
    free = sum(_free_turns(call) for call in calls)
    sent = sum(request.endpoint != "token" for request in seen.requests)
    allowed = math.floor(images + extra + free)
    story = f"{sent} calls for {images} images, {allowed} allowed"
    if sent > allowed:
        return Verdict(False, story)
    dead, most = _dead_calls(seen)
    if most is not None and dead > most:
        return Verdict(False, f"{dead} calls to a server that answered nothing, {most} allowed")
    return Verdict(True, story + ("" if most is None else f"; {dead} of a dead server's {most}"))


def _free_turns(call: Call) -> int:
    """Calls that no budget is asked for: another key's turn, or the first one's with a fresh token."""
    turns = 0
    for before, after in zip(call.attempts, call.attempts[1:]):  # noqa: B905 - pairs of neighbours
        if before.outcome != "failed" or before.diagnosis is None or before.provider != after.provider:
            continue
        fresh = before.diagnosis.action == "refresh_token" or before.key != after.key
        turns += before.diagnosis.fault == "key" and after.outcome != "refused" and fresh
    return turns


def _dead_calls(seen: Observation) -> tuple[int, int | None]:
    """Requests of a fault during which nothing was answered rightly, and how many of them a breaker lets through."""
    asked = seen.asked("fault")
    primary = seen.blueprint.primary
    if primary is None or not asked or any(request.code == "ok" for request in asked):
        return len(asked), None
    breaker = seen.provider(primary).breaker
    if breaker.mode != "enforce":
        return len(asked), None
    fault = seen.stretch("fault")
    # Successes of the past stand against the first failures.
    past = breaker.window if breaker.period is None else 1 + len(seen.within("before"))
    rate = breaker.failure_rate
    enough = math.ceil(breaker.window * rate if breaker.period is None else past * rate / max(1e-6, 1 - rate))
    opening = max(breaker.minimum, enough) + seen.threads
    return len(asked), opening + math.ceil(breaker.probes * (1 + fault.lasted / breaker.open_for))


def _no_secret_written(seen: Observation) -> Verdict:
    if seen.leaks:
        return Verdict(False, f"{seen.leaks[0]}" + (f", and {len(seen.leaks) - 1} more" if seen.leaks[1:] else ""))
    return Verdict(True, "no key and no token in any file, log line, error, event or status")


def _recovery(seen: Observation) -> Verdict:
    after = seen.stretch("after")
    took = []
    for route in seen.routes:
        first = seen.route(route).providers[0]
        back = back_at(seen.within("after", route), first)
        limit = recovery_limit(seen, first)
        if back is None:
            return Verdict(False, f"{first} is not back {after.lasted:.1f} s after the fault, {limit:.1f} s allowed")
        if back - after.begun > limit:
            return Verdict(False, f"{first} was back after {back - after.begun:.2f} s, {limit:.2f} s allowed")
        took.append(f"{first} back after {back - after.begun:.2f} s of {limit:.2f} s")
    return Verdict(True, "; ".join(took))


def recovery_limit(seen: Observation, provider: str) -> float:
    """Seconds in which a provider has to be back: one and a half times `open_for`. A breaker that may wait for longer
    after failed probes has until the probe that it had announced, and half an `open_for` more."""
    breaker = seen.provider(provider).breaker
    allowed = 1.5 * breaker.open_for
    if breaker.growth > _SOON:
        probes = sum(
            isinstance(event, BreakerChanged) and (event.provider, event.old, event.new) == (provider, *_PROBE_FAILED)
            for _, event in seen.events
        )
        longest = (1 + _JITTER) * min(breaker.growth, 2.0**probes) * breaker.open_for
        announced = float(seen.stretch("fault").status.get(provider, {}).get("retry_in") or 0.0)
        allowed = max(allowed, min(longest, announced) + 0.5 * breaker.open_for)
    return allowed + settling(seen, provider)


def settling(seen: Observation, provider: str) -> float:
    """Seconds that as many calls take as are needed to see that a provider is back, none of them at its slowest."""
    typical = sorted(call.elapsed for call in seen.within("before"))
    pace = seen.provider(provider).qps
    one = typical[len(typical) // 2] if typical else 0.0
    return SLACK + 3 * max(one, 1.0 / pace if pace else 0.0)


def _nothing_left(seen: Observation) -> Verdict:
    if seen.left:
        return Verdict(False, f"after the gateway was closed there was still {', '.join(sorted(set(seen.left)))}")
    return Verdict(True, "no thread and no process outlived the gateway")


def _ledger_whole(seen: Observation) -> Verdict:
    if seen.ledger is None:
        return Verdict(None, "there is no ledger")
    return Verdict(not seen.ledger, seen.ledger or "every line of the ledger is in its place")


COMMON = (
    Invariant("no_wrong_result", "The text of every valid result is that of its image.", _no_wrong_result),
    Invariant("no_lost_image", "Every image ends once, in a result or in a clear error.", _no_lost_image),
    Invariant("deadline_kept", f"No call ends later than {SLACK} s after its deadline.", _deadline_kept),
    Invariant(
        "calls_within_budget",
        "No more calls are sent than the budget allows, and none but probes to a server that is dead.",
        _calls_within_budget,
    ),
    Invariant("no_secret_written", "No key and no token stands anywhere.", _no_secret_written),
    Invariant("recovery", "The first engine is back within 1.5 times `open_for`.", _recovery),
    Invariant("nothing_left", "No thread and no process outlives the gateway.", _nothing_left),
    Invariant("ledger_whole", "The ledger verifies.", _ledger_whole),
)
"""What every scenario has to hold to, in the order of the scoreboard."""
