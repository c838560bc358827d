"""One call of one provider: may it be made, how did it end, and who has to know.

Breaker, meter and limit are asked before the call and told after it; only the call itself is in a lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

from ocrgate.ability import Preparing
from ocrgate.billing import Meter, Reservation, Spend
from ocrgate.call import Call
from ocrgate.clock import Clock, Deadline
from ocrgate.commons import Commons
from ocrgate.diagnosis import Diagnosis, diagnose, lookup
from ocrgate.errors import OCRError, ProviderError, ProviderRefused
from ocrgate.events import BreakerChanged, Event, KeyBenched
from ocrgate.key import Key, KeyUse
from ocrgate.keys import presence
from ocrgate.keys.ring import Ring
from ocrgate.lane import Lane, Phase
from ocrgate.page import Page
from ocrgate.policy.breaker import Breaker, Permit
from ocrgate.policy.chaos import Chaos
from ocrgate.policy.concurrency import Concurrency
from ocrgate.policy.limit import Limit
from ocrgate.provider import Provider, Request
from ocrgate.result import Attempt, Cost, Outcome
from ocrgate.settings import ProviderSettings
from ocrgate.state import Store
from ocrgate.state.name import join

_LONG = 0.05
"""Seconds of waiting after which it is worth asking again whether the provider is up."""


class Asked(NamedTuple):
    """One call that succeeded.

    Attributes:
        page: in the pixels of the request.
        started: Unix time.
        elapsed: seconds.
        cost: None when no price is known.
    """

    page: Page
    started: float
    elapsed: float
    cost: Cost | None


class Exchange:
    """Asks one provider, once a call; thread-safe.

    Args:
        settings: see `ProviderSettings`.
        provider: the adapter in this process.
        lane: where the calls run.
        ring: the provider's keys, or None.
        meter: counts what is used and what it costs.
        commons: the ledger, among others.
        clock: time.
        emit: hears of events.
        chaos: faults on purpose, or None.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        provider: Provider,
        lane: Lane,
        ring: Ring | None,
        meter: Meter,
        commons: Commons,
        clock: Clock,
        emit: Callable[[Event], None],
        chaos: Chaos | None = None,
    ) -> None:
        self.name = settings.name
        self.last_diagnosis: Diagnosis | None = None
        self.breaker = Breaker(
            self.name,
            settings.breaker,
            lease=settings.timeout + 5.0,
            clock=clock,
            observer=lambda name, old, new: emit(BreakerChanged(name, old, new)),
            store=commons.store,
        )
        self._settings = settings
        self._preparing = provider if isinstance(provider, Preparing) else None
        self._lane = lane
        self._late = "worker_timeout" if provider.capabilities.isolation == "process" else "timeout"
        self._keys: dict[str, Key] = {key.name: key for key in provider.keys}
        self._ring = ring
        self._meter = meter
        self._commons = commons
        self._clock = clock
        self._emit = emit
        self._limits = _limits(settings, provider.keys, commons.store, clock)
        self._concurrency = Concurrency(settings.concurrency, lane.size, clock)
        lane.limit = self._concurrency.limit
        self._chaos = chaos

    def wait(self, key: str | None) -> float:
        """Seconds until a call with that key would have its turn."""
        limit = self._limits.get(key)
        return 0.0 if limit is None else limit.wait

    def __call__(
        self, request: Request, call: Call, deadline: Deadline, spend: Spend | None, *, panic: bool = False
    ) -> Asked:
        """Ask once. A failure is recorded, told to breaker and keys, and raised.

        Args:
            request: what is asked.
            call: of which this is the work.
            deadline: until when.
            spend: of the route.
            panic: whether the breaker is passed by, and not told.

        Raises:
            ProviderRefused: when a policy keeps the provider from being asked.
            ProviderError: when it was asked and failed.
        """
        self._commons.require_ledger(self.name, request.key)
        permit = self.breaker.pass_by() if panic else self.breaker.admit()
        started, begun = self._clock.time(), self._clock.monotonic()
        reservation: Reservation | None = None
        try:
            reservation = self._meter.reserve(request.key, spend)
            page = self._send(request, call, deadline, permit, reservation)
        except ProviderError as error:
            sharper = self._failed(error.diagnosis, request, call, permit, reservation, (started, begun))
            if sharper is error.diagnosis:
                raise
            raise ProviderError(self.name, sharper) from error
        except BaseException as error:
            permit.ignore()
            if reservation is not None:
                # A refusal sent nothing; after Ctrl-C nobody knows.
                settle = reservation.unbilled if isinstance(error, OCRError) else reservation.unknown
                settle()
            raise
        permit.success()
        self._paced(permit, "ok")
        reservation.billed()
        if request.key is not None and self._ring is not None:
            self._ring.report(request.key, None)
        return Asked(page, started, self._clock.monotonic() - begun, reservation.cost)

    def _send(self, request: Request, call: Call, deadline: Deadline, permit: Permit, reservation: Reservation) -> Page:
        """Have it asked when it is its turn, with somebody who listens to what becomes of its key."""
        if request.key is None or self._ring is None:
            return self._in_turn(request, {}, call, deadline, permit)
        key = self._keys[request.key]

        def used(use: KeyUse) -> None:
            cost = reservation.cost if use.billed else None
            self._commons.key_used(self.name, key, use, cost, call.request_id)

        self._ring.begin(key.name)
        presence.announce(key.fingerprint)
        try:
            return self._in_turn(request, {"on_use": used}, call, deadline, permit)
        except ProviderRefused:
            self._ring.withdraw(key.name)
            raise

    def _in_turn(self, request: Request, hooks: dict[str, Any], call: Call, deadline: Deadline, permit: Permit) -> Page:
        if (limit := self._limits.get(request.key)) is not None:
            if self._preparing is not None:
                own = request.with_hooks(call.cancel, call.cancel.hook, **hooks)
                self._preparing.prepare(own, deadline.within(self._settings.timeout))
            turn = limit.acquire(deadline, call.cancel)
            now = self._clock.monotonic()
            if now - permit.started > _LONG:
                permit.check()
            permit.begin(now)
            if turn is not None:
                hooks["on_sent"] = partial(limit.sent, turn)
        if self._chaos is not None:
            self._chaos.strike(self.name, self._settings.timeout, deadline, call.cancel)
        return self._in_lane(request, hooks, call, deadline, permit)

    def _failed(
        self,
        diagnosis: Diagnosis,
        request: Request,
        call: Call,
        permit: Permit,
        reservation: Reservation | None,
        when: tuple[float, float],
    ) -> Diagnosis:
        """Tell everybody of a failure; its diagnosis, or the sharper one that the key's history allows."""
        if request.key is not None and self._ring is not None:
            diagnosis = self._ring.sharpen(request.key, diagnosis)
        self.last_diagnosis = diagnosis
        if diagnosis.counts_in_breaker:
            permit.failure()
        else:
            permit.ignore()
        overloaded = diagnosis.counts_in_breaker or diagnosis.category == "throttle"
        self._paced(permit, "overload" if overloaded else "ignored")
        cost = _settled(reservation, diagnosis)
        if request.key is not None and diagnosis.fault == "key":
            self._key_failed(request.key, diagnosis)
        started, begun = when
        outcome: Outcome = "cancelled" if call.cancel() else "failed"
        if outcome == "cancelled" and reservation is not None and diagnosis.billed is None:
            cost = reservation.cost  # it was sent, so whoever stops it has to reckon with paying for it
        elapsed = self._clock.monotonic() - begun
        call.record(
            Attempt(self.name, outcome, request.key, "original", started, elapsed, diagnosis, cost=cost, page=call.page)
        )
        return diagnosis

    def _paced(self, permit: Permit, outcome: Literal["ok", "overload", "ignored"]) -> None:
        if self._settings.concurrency.mode != "fixed":
            # The call itself has left its lane by now.
            self._concurrency.told(self._clock.monotonic() - permit.started, self._lane.in_use + 1, outcome)
            self._lane.limit = self._concurrency.limit

    def _key_failed(self, key: str, diagnosis: Diagnosis) -> None:
        if diagnosis.category == "throttle" and (limit := self._limits.get(key)) is not None:
            limit.drain(diagnosis.retry_after or self._settings.retry.throttle_base)
        status = self._ring.report(key, diagnosis) if self._ring is not None else None
        if status is not None and status.until is not None:
            until = status.until if math.isfinite(status.until) else None
            benched = KeyBenched(self.name, key, until, diagnosis.code)
            self._commons.key_benched(benched, self._keys[key])
            self._emit(benched)

    def _in_lane(
        self, request: Request, hooks: Mapping[str, Any], call: Call, deadline: Deadline, permit: Permit
    ) -> Page:
        if call.cancel():
            raise self._given_up("queued")
        ticket = self._lane.submit(request, deadline, self._settings.timeout, permit.check, hooks)
        unhook = call.cancel.hook(lambda: ticket.give_up(self._given_up))
        try:
            while not self._clock.wait(ticket.future, ticket.patience):
                if ticket.overdue:
                    ticket.give_up(self._too_late)
            return self._page(ticket.future.result())
        except OCRError:
            raise
        except Exception as error:
            raise ProviderError(self.name, diagnose(error, "gateway")) from error
        finally:
            unhook()
            if ticket.asked_at is not None:
                permit.begin(ticket.asked_at)
            # Reached with the ticket open only when the waiting itself was interrupted, by Ctrl-C for instance.
            ticket.give_up(self._given_up)

    def _page(self, answer: object) -> Page:
        """What the adapter returned, which has to be a page."""
        if isinstance(answer, Page):
            return answer
        raise ProviderError(self.name, lookup("gateway", "bad_page", f"{type(answer).__name__}, not a Page"))

    def _given_up(self, phase: Phase) -> ProviderError:
        # What was sent may be billed though nobody waits for the answer.
        billed = None if phase == "running" else False
        return ProviderError(self.name, replace(lookup("gateway", "cancelled"), billed=billed))

    def _too_late(self, phase: Phase) -> OCRError:
        if phase == "queued":
            return ProviderRefused(self.name, "lane_full", "no lane became free in time")
        if phase == "starting":
            return ProviderRefused(self.name, "worker_starting", "the engine was still loading")
        return ProviderError(self.name, lookup("gateway", self._late))


def _limits(settings: ProviderSettings, keys: Sequence[Key], store: Store, clock: Clock) -> dict[str | None, Limit]:
    """A limit for each key, shared with whoever uses the same credential for the same provider."""
    if not settings.qps:
        return {}
    places: dict[str | None, str] = {key.name: key.fingerprint or key.name for key in keys} or {None: ""}
    return {
        name: Limit(
            settings.name, settings.qps, clock, margin=settings.margin, store=store, place=join(settings.name, place)
        )
        for name, place in places.items()
    }


def _settled(reservation: Reservation | None, diagnosis: Diagnosis) -> Cost | None:
    """Close the books on a call that failed; what it cost all the same."""
    if reservation is None:
        return None
    if diagnosis.billed:
        reservation.billed()
        return reservation.cost
    if diagnosis.billed is None:
        reservation.unknown()
    else:
        reservation.unbilled()
    return None
