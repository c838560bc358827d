"""One configured provider with everything that stands around it: keys, retries, breaker, limit and lane.

The order is retry(breaker(limit(lane(provider)))). The first three run in the caller's thread and only the call itself
is in a lane, so a call that waits for its turn or for the next try holds no lane.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ocrgate.call import Call
from ocrgate.checkup import Checkup
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.diagnosis import Diagnosis, diagnose, lookup
from ocrgate.errors import InvalidImage, OCRError, ProviderError, ProviderRefused
from ocrgate.events import BreakerChanged, Event, KeyBenched
from ocrgate.keys.ring import Ring
from ocrgate.lane import Lane, Phase, Ticket, open_lane
from ocrgate.page import Page
from ocrgate.policy.breaker import Breaker, Permit
from ocrgate.policy.budget import Budget
from ocrgate.policy.limit import Limit
from ocrgate.policy.retry import Retry
from ocrgate.provider import Provider, ProviderSpec, Readiness, Request
from ocrgate.result import Attempt, Cost, Outcome, Tariff
from ocrgate.settings import ProviderSettings

if TYPE_CHECKING:
    from ocrgate.picture import Picture, Tile


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine saw, and what it took.

    Attributes:
        page: in the caller's pixels.
        key: name of the credential used, or None.
        started: Unix time of the call that succeeded.
        elapsed: seconds of the calls that succeeded.
        cost: of them, or None when no price is configured.
    """

    page: Page
    key: str | None
    started: float
    elapsed: float
    cost: Cost | None


class _Asked(NamedTuple):
    """One call that succeeded: what it brought, when it began (Unix time) and how long it took (seconds)."""

    page: Page
    started: float
    elapsed: float


class Engine:
    """One configured provider; thread-safe. Building it loads no engine and opens no connection.

    Args:
        settings: see `ProviderSettings`.
        spec: how a worker process builds the adapter.
        provider: the adapter in this process.
        clock: time.
        emit: hears of events.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        spec: ProviderSpec,
        provider: Provider,
        *,
        clock: Clock = SYSTEM_CLOCK,
        emit: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.provider = provider
        self.last_diagnosis: Diagnosis | None = None
        self._clock = clock
        self._emit = emit
        self._lane: Lane = open_lane(provider, spec, settings)
        self._breaker = Breaker(
            self.name,
            settings.breaker,
            lease=settings.timeout + 5.0,
            clock=clock,
            observer=lambda name, old, new: emit(BreakerChanged(name, old, new)),
        )
        self._checkup = Checkup(provider, clock)
        self._ring = Ring(provider.keys, clock=clock) if provider.keys else None
        self._limits = {key: Limit(self.name, settings.qps, clock) for key in self._key_names()} if settings.qps else {}
        self._lock = threading.Lock()
        self._typical: float | None = None

    def _key_names(self) -> list[str | None]:
        return [key.name for key in self.provider.keys] or [None]

    @property
    def cloud(self) -> bool:
        return self.provider.capabilities.cloud

    @property
    def lanes(self) -> int:
        """Calls that can be in flight at once."""
        return self._lane.size

    @property
    def typical(self) -> float | None:
        """Seconds that a call took lately, smoothed; None before the first."""
        return self._typical

    def read(self, picture: Picture, call: Call, deadline: Deadline, budget: Budget) -> Answer:
        """Have a page read, with as many keys and calls as the policies allow.

        Every call that failed is recorded in `call`; the one that succeeded is not, because its outcome is the
        route's to say.

        Raises:
            ProviderRefused: when the engine was not asked at all, or no more.
            ProviderError: when it was asked and failed.
        """
        self._checkup.require(call.languages)
        try:
            fitted = picture.fit(self.provider.capabilities.limits)
        except InvalidImage as error:
            raise ProviderRefused(self.name, "cannot_fit", error.reason) from error
        budget.call()
        tried: list[str] = []
        while True:
            key = self._pick(tried)
            try:
                asked = self._read_tiles(fitted.tiles, key, call, deadline, budget)
            except ProviderError as error:
                if key is None or error.diagnosis.fault != "key" or error.diagnosis.action == "retry":
                    raise
                tried.append(key)
                if not self._others(tried):
                    raise
                continue
            price = None if self.settings.price is None else Tariff.of(self.settings.price).price(1)
            cost = None if price is None else Cost(price.amount * len(asked), price.currency)
            elapsed = sum(each.elapsed for each in asked)
            self._learn(elapsed)
            return Answer(fitted.join([each.page for each in asked]), key, asked[0].started, elapsed, cost)

    def _read_tiles(
        self, tiles: tuple[Tile, ...], key: str | None, call: Call, deadline: Deadline, budget: Budget
    ) -> list[_Asked]:
        retry = Retry(self.settings.retry, budget)
        asked = []
        for tile in tiles:
            request = Request(
                data=tile.data,
                format=tile.format,
                width=tile.width,
                height=tile.height,
                languages=call.languages,
                options=call.options,
                key=key,
                request_id=call.request_id,
            )
            asked.append(retry(partial(self._ask, request, call, deadline), deadline, call.cancel.event))
        return asked

    def _learn(self, elapsed: float) -> None:
        with self._lock:
            self._typical = elapsed if self._typical is None else 0.8 * self._typical + 0.2 * elapsed

    def _ask(self, request: Request, call: Call, deadline: Deadline) -> _Asked:
        """Ask once. A failure is recorded, told to breaker and keys, and raised."""
        permit = self._breaker.admit()
        started, begun = self._clock.time(), self._clock.monotonic()
        try:
            if (limit := self._limits.get(request.key)) is not None:
                limit.acquire(deadline, call.cancel.event)
                permit.begin(self._clock.monotonic())
            page = self._in_lane(request, call, deadline, permit)
        except ProviderError as error:
            self._failed(permit, error.diagnosis, request.key)
            outcome: Outcome = "cancelled" if call.cancel() else "failed"
            elapsed = self._clock.monotonic() - begun
            call.record(
                Attempt(self.name, outcome, request.key, "original", started, elapsed, error.diagnosis, page=call.page)
            )
            raise
        except BaseException:
            permit.ignore()
            raise
        permit.success()
        if request.key is not None and self._ring is not None:
            self._ring.report(request.key, None)
        return _Asked(page, started, self._clock.monotonic() - begun)

    def _failed(self, permit: Permit, diagnosis: Diagnosis, key: str | None) -> None:
        self.last_diagnosis = diagnosis
        if diagnosis.code == "cancelled":
            permit.ignore()
        elif diagnosis.counts_in_breaker:
            permit.failure()
        else:
            permit.ignore()
        if key is not None and diagnosis.fault == "key":
            if diagnosis.category == "throttle" and (limit := self._limits.get(key)) is not None:
                limit.drain(diagnosis.retry_after or self.settings.retry.throttle_base)
            status = self._ring.report(key, diagnosis) if self._ring is not None else None
            if status is not None and status.until is not None:
                self._emit(KeyBenched(self.name, key, status.until, diagnosis.code))

    def _in_lane(self, request: Request, call: Call, deadline: Deadline, permit: Permit) -> Page:
        if call.cancel():
            raise ProviderError(self.name, lookup("gateway", "cancelled"))
        ticket = self._lane.submit(request, deadline, self.settings.timeout)
        unhook = call.cancel.hook(
            lambda: ticket.give_up(lambda _phase: ProviderError(self.name, lookup("gateway", "cancelled")))
        )
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
            ticket.give_up(lambda _phase: ProviderError(self.name, lookup("gateway", "cancelled")))

    def _page(self, answer: object) -> Page:
        """What the adapter returned, which has to be a page."""
        if isinstance(answer, Page):
            return answer
        raise ProviderError(self.name, lookup("gateway", "bad_page", f"{type(answer).__name__}, not a Page"))

    def _too_late(self, phase: Phase) -> OCRError:
        if phase == "queued":
            return ProviderRefused(self.name, "lane_full", "no lane became free in time")
        if phase == "starting":
            return ProviderRefused(self.name, "worker_starting", "the engine was still loading")
        code = "worker_timeout" if self.provider.capabilities.isolation == "process" else "timeout"
        return ProviderError(self.name, lookup("gateway", code))

    def _others(self, tried: list[str]) -> bool:
        return self._ring is not None and any(
            status.usable and status.name not in tried for status in self._ring.status()
        )

    def _pick(self, tried: list[str]) -> str | None:
        if self._ring is None:
            return None
        key = self._ring.pick(tried)
        if key is None:
            raise ProviderRefused(self.name, "no_key", "every key is benched")
        return key

    def readiness(self) -> Readiness:
        """Whether the engine could be asked."""
        return self._checkup.readiness()

    def warm_up(self) -> None:
        """Load the engine in every lane.

        Raises:
            OCRError: when it cannot be loaded.
        """
        self._checkup.require()
        size = self._lane.size if self.provider.capabilities.isolation == "process" else 1
        far = Deadline.after(3600.0, self._clock)
        tickets: list[Ticket] = [self._lane.submit(None, far, None) for _ in range(size)]
        for ticket in tickets:
            ticket.future.result()

    def status(self) -> Mapping[str, Any]:
        """What operators ask first: see `Gateway.status`."""
        readiness = self.readiness()
        return {
            "type": self.settings.type,
            "cloud": self.cloud,
            "ready": readiness.ready,
            "detail": " — ".join(filter(None, (readiness.detail, readiness.remedy))),
            "breaker": self._breaker.state,
            "retry_in": self._breaker.retry_in,
            "lanes": {"in_use": self._lane.in_use, "size": self._lane.size},
            "keys": {} if self._ring is None else {key.name: key for key in self._ring.status()},
            "quota": dict(self.settings.quota),
            "last_diagnosis": self.last_diagnosis,
        }

    def close(self) -> None:
        """Give threads, processes and connections back."""
        self._lane.close()
        self.provider.close()
