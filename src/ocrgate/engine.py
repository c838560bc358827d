"""One configured provider with everything that stands around it: keys, retries, breaker, limit and lane.

The order is retry(breaker(meter(limit(lane(provider))))). All but the last run in the caller's thread and only the call
itself is in a lane, so a call that waits for its turn or for the next try holds no lane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ocrgate.ability import Priced, Sharing, Versioned
from ocrgate.billing import Meter, Spend
from ocrgate.call import Call
from ocrgate.checkup import Checkup
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.commons import Commons
from ocrgate.errors import InvalidImage, ProviderError, ProviderRefused
from ocrgate.events import Event, KeyTrialChanged
from ocrgate.exchange import Asked, Exchange
from ocrgate.keys.choice import Choice
from ocrgate.keys.ring import Ring
from ocrgate.lane import Lane, Ticket, open_lane
from ocrgate.page import Page
from ocrgate.policy.breaker import Breaker
from ocrgate.policy.budget import Budget
from ocrgate.policy.chaos import Chaos
from ocrgate.policy.latency import Latency
from ocrgate.policy.retry import Retry
from ocrgate.provider import Provider, ProviderSpec, Readiness, Request
from ocrgate.result import Cost, Tariff
from ocrgate.settings import ProviderSettings, RetrySettings

if TYPE_CHECKING:
    from ocrgate.picture import Picture, Tile


_ONCE = RetrySettings(attempts=1)


class Answer(NamedTuple):
    """What an engine saw, and what it took.

    Attributes:
        page: in the caller's pixels.
        key: name of the credential used, or None.
        started: Unix time of the call that succeeded.
        elapsed: seconds of the calls that succeeded.
        cost: of them, or None when no price is known.
    """

    page: Page
    key: str | None
    started: float
    elapsed: float
    cost: Cost | None


class Engine:
    """One configured provider; thread-safe. Building it loads no engine and opens no connection.

    Args:
        settings: see `ProviderSettings`.
        spec: how a worker process builds the adapter.
        provider: the adapter in this process.
        clock: time.
        emit: hears of events.
        commons: what is shared with other engines, and maybe other processes.
        chaos: faults on purpose, or None.

    Attributes:
        latency: how long its answers took, waiting and repeated calls included.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        spec: ProviderSpec,
        provider: Provider,
        *,
        clock: Clock = SYSTEM_CLOCK,
        emit: Callable[[Event], None] = lambda _event: None,
        commons: Commons | None = None,
        chaos: Chaos | None = None,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.provider = provider
        self._clock = clock
        self._emit = emit
        self._commons = Commons(clock=clock) if commons is None else commons
        if isinstance(provider, Sharing):
            provider.share(self._commons.store)
        self._lane: Lane = open_lane(provider, spec, settings)
        self._checkup = Checkup(provider, clock)
        self._ring = self._made_ring() if provider.keys else None
        self._choice = Choice(self.name, self._ring)
        self._meter = Meter(
            self.name,
            provider.keys,
            quota=settings.quota,
            tariff=_tariff(settings, provider),
            store=self._commons.store,
            clock=clock,
        )
        self._exchange = Exchange(
            settings, provider, self._lane, self._ring, self._meter, self._commons, clock, emit, chaos
        )
        self.latency = Latency()

    def _made_ring(self) -> Ring:
        return Ring(
            self.provider.keys,
            self._clock,
            reset=self.settings.reset,
            provider=self.name,
            type=self.settings.type,
            store=self._commons.store,
            observer=self._trial_changed,
        )

    def _trial_changed(self, event: KeyTrialChanged) -> None:
        key = next(key for key in self.provider.keys if key.name == event.key)
        self._commons.trial_changed(event, key)
        self._emit(event)

    @property
    def cloud(self) -> bool:
        return self.provider.capabilities.cloud

    def objection(self, spend: Spend) -> str:
        """Why a route's spending limit could not be kept with this engine, or nothing."""
        return self._meter.objection(spend)

    @property
    def lanes(self) -> int:
        """Calls that can be in flight at once."""
        return self._lane.size

    def read(
        self,
        picture: Picture,
        call: Call,
        deadline: Deadline,
        budget: Budget,
        spend: Spend | None = None,
        *,
        avoid: Iterable[str] = (),
        extra: bool = False,
        panic: bool = False,
    ) -> Answer:
        """Have a page read, with as many keys and calls as the policies allow.

        Every call that failed is recorded in `call`; the one that succeeded is not, because its outcome is the
        route's to say.

        Args:
            picture: the page.
            call: of which this is the work.
            deadline: of this engine.
            budget, spend: of the route.
            avoid: names of keys that are not used.
            extra: whether the budget knows of this call already.
            panic: whether the breaker is passed by; the engine is then asked once.

        Raises:
            ProviderRefused: when the engine was not asked at all, or no more.
            ProviderError: when it was asked and failed.
        """
        self._checkup.require(call.languages)
        try:
            fitted = picture.fit(self.provider.capabilities.limits)
        except InvalidImage as error:
            raise ProviderRefused(self.name, "cannot_fit", error.reason) from error
        begun = self._clock.monotonic()
        tried = list(avoid)
        # Counted as one ordinary call, whatever the number of keys it takes.
        retry = Retry(_ONCE if panic else self.settings.retry, budget, ordinary=not extra)
        once = partial(self._exchange, call=call, deadline=deadline, spend=spend, panic=panic)

        def ask(request: Request) -> Asked:
            return retry(partial(once, request), deadline, call.cancel)

        while True:
            call.key = key = self._choice.first(tried)
            try:
                asked = self._read_tiles(fitted.tiles, key, call, ask)
            except (ProviderError, ProviderRefused) as error:
                others = self._choice.next(key, error, tried)
                if others is None:
                    raise
                tried = others
                retry = Retry(retry.settings, budget, ordinary=False)
                continue
            self.latency.add(self._clock.monotonic() - begun)
            elapsed = sum(each.elapsed for each in asked)
            page = fitted.join([each.page for each in asked])
            return Answer(page, key, asked[0].started, elapsed, _sum(each.cost for each in asked))

    @staticmethod
    def _read_tiles(
        tiles: tuple[Tile, ...], key: str | None, call: Call, ask: Callable[[Request], Asked]
    ) -> list[Asked]:
        return [
            ask(
                Request(
                    data=tile.data,
                    format=tile.format,
                    width=tile.width,
                    height=tile.height,
                    languages=call.languages,
                    options=call.options,
                    key=key,
                    request_id=call.request_id,
                )
            )
            for tile in tiles
        ]

    def spare(self, key: str | None) -> Sequence[str] | None:
        """See `Choice.spare`."""
        return self._choice.spare(key, self._exchange.wait)

    def invites(self, languages: tuple[str, ...]) -> bool:
        """Whether a call would be taken on at once: the engine is ready, well, allowed and has a lane free."""
        if self._exchange.breaker.would_refuse() or self._lane.in_use >= self._lane.limit:
            return False
        try:
            self._checkup.require(languages)
        except ProviderRefused:
            return False
        return True

    @property
    def revision(self) -> str | None:
        """Tells versions of the engine apart that may read one picture differently; None where nobody knows."""
        return self.provider.revision if isinstance(self.provider, Versioned) else None

    @property
    def breaker(self) -> Breaker:
        """When it is no longer asked."""
        return self._exchange.breaker

    def release_keys(self, name: str | None = None) -> None:
        """Take one key, or all, off the bench: the configuration has changed, or something at the provider."""
        if self._ring is not None:
            self._ring.release(name)

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
            "breaker": self._exchange.breaker.state,
            "retry_in": self._exchange.breaker.retry_in,
            "breaker_detail": self._exchange.breaker.status(),
            "lanes": {"in_use": self._lane.in_use, "size": self._lane.size, "limit": self._lane.limit},
            "latency": {f"p{share}": self.latency.quantile(share / 100) for share in (50, 95, 99)},
            "keys": {} if self._ring is None else {key.name: key for key in self._ring.status()},
            "quota": dict(self.settings.quota),
            "usage": self._meter.usage(),
            "last_diagnosis": self._exchange.last_diagnosis,
            **self._commons.status(),
        }

    def close(self) -> None:
        """Give threads, processes and connections back."""
        self._lane.close()
        self.provider.close()


def _tariff(settings: ProviderSettings, provider: Provider) -> Tariff | None:
    if settings.price is not None:
        return Tariff.of(settings.price)
    return provider.tariff if isinstance(provider, Priced) else None


def _sum(costs: Iterable[Cost | None]) -> Cost | None:
    known = [cost for cost in costs if cost is not None]
    return Cost(sum(cost.amount for cost in known), known[0].currency) if known else None
