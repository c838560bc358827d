"""Valid models as the settings that the library works with."""

from __future__ import annotations

from collections.abc import Mapping

from ocrgate.config.provider_model import Price
from ocrgate.config.providers import Checked
from ocrgate.config.root_model import Chaos, Root
from ocrgate.config.route_model import Hedge, Route
from ocrgate.language import tags
from ocrgate.result import Cost, Tariff, Tier
from ocrgate.settings import (
    AcceptSettings,
    AuditSettings,
    BreakerSettings,
    BudgetSettings,
    CacheSettings,
    ChaosSettings,
    ConcurrencySettings,
    HedgeSettings,
    ImageSettings,
    LoggingSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    RuleSettings,
    Settings,
    SpendSettings,
)
from ocrgate.units import percentile

DEFAULT_ROUTE = "default"


def settings(root: Root, providers: Mapping[str, Checked], notices: tuple[str, ...]) -> Settings:
    """The whole configuration; without any route there is one, `default`, which asks every provider in order."""
    routes = root.routes or {DEFAULT_ROUTE: Route()}
    return Settings(
        providers={name: _provider(name, checked) for name, checked in providers.items()},
        routes={name: _route(name, route, tuple(providers)) for name, route in routes.items()},
        image=ImageSettings(**root.image.model_dump()),
        logging=LoggingSettings(**root.logging.model_dump()),
        state=root.state,
        audit=AuditSettings(**root.audit.model_dump()),
        cache=None if root.cache is None else CacheSettings(**root.cache.model_dump()),
        single_flight=root.single_flight,
        chaos=None if root.chaos is None else _chaos(root.chaos),
        watch=root.watch,
        notices=notices,
    )


def _provider(name: str, checked: Checked) -> ProviderSettings:
    own = checked.settings
    return ProviderSettings(
        name=name,
        type=checked.type,
        options=checked.options,
        timeout=own.timeout,
        qps=own.rate.qps,
        margin=own.rate.margin,
        retry=RetrySettings(**own.retry.model_dump()),
        breaker=BreakerSettings(**own.breaker.model_dump()),
        concurrency=ConcurrencySettings(**own.concurrency.model_dump()),
        lanes=own.lanes,
        queue=own.queue,
        memory=own.memory,
        recycle=own.recycle,
        price=None if own.price is None else _price(own.price),
        quota=own.quota.model_dump(exclude_none=True, exclude={"reset"}),
        quota_reset=own.quota.reset,
    )


def _price(price: Price) -> Cost | Tariff:
    if not price.tiers:
        return Cost(price.amount, price.currency)
    return Tariff(tuple(Tier(tier.up_to, tier.amount) for tier in price.tiers), price.currency)


def _route(name: str, route: Route, every: tuple[str, ...]) -> RouteSettings:
    accept = route.accept
    return RouteSettings(
        name=name,
        providers=every if route.providers is None else tuple(route.providers),
        deadline=route.deadline,
        residency=route.residency,
        languages=tags(route.languages),
        budget=BudgetSettings(**route.budget.model_dump()),
        accept=AcceptSettings(
            min_confidence=accept.min_confidence,
            unknown_confidence=accept.unknown_confidence,
            min_characters=accept.min_characters,
            on_invalid=accept.on_invalid,
            rules=tuple(RuleSettings(**rule.model_dump()) for rule in accept.rules),
        ),
        spend=SpendSettings(**route.spend.model_dump()),
        hedge=None if route.hedge is None else _hedge(route.hedge),
        panic=route.panic,
    )


def _hedge(hedge: Hedge) -> HedgeSettings:
    share = isinstance(hedge.after, str)
    after = percentile(hedge.after) / 100 if share else hedge.after
    return HedgeSettings(after, share, floor=hedge.floor, budget=hedge.budget, to=tuple(hedge.to))


def _chaos(chaos: Chaos) -> ChaosSettings:
    return ChaosSettings(chaos.rate, tuple(chaos.faults), tuple(chaos.providers), chaos.delay)
