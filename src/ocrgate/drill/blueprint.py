"""What is to be drilled: a configuration as it is used, and what a drill has to change in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ocrgate import catalog
from ocrgate.acceptance import Acceptance
from ocrgate.drill import image
from ocrgate.drill.saboteur import ENGINE
from ocrgate.errors import ConfigError, Problem
from ocrgate.page import Line, Page
from ocrgate.provider import ProviderSpec
from ocrgate.settings import (
    AcceptSettings,
    AuditSettings,
    BreakerSettings,
    CacheSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    Settings,
    SpendSettings,
)

CLOUD = "baidu"
"""The type of engine that there is a simulator for."""
LOCAL_ROUTE = "drill-local"
LEDGER_KEY = "of the drill"
"""Stands for a key of the ledger, until there is one."""
TEXT_ENDPOINTS = ("accurate", "accurate_basic", "general", "general_basic")
_SURE = 0.97


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A configuration that can be drilled.

    Attributes:
        settings: providers of the type `baidu` and engines on this host; every route that can do with them.
        engines: how the engines on this host are built, by configured name.
        isolated: names of those that run in worker processes.
        exact: names of those that read the images of a drill without a mistake.
        cloud_route: a route that asks Baidu first, or None.
        local_route: a route that asks an engine in a worker process, and no other, or None.
        notes: what is not as the configuration says, one sentence each.
    """

    settings: Settings
    engines: Mapping[str, ProviderSpec]
    isolated: frozenset[str]
    exact: frozenset[str]
    cloud_route: str | None
    local_route: str | None
    notes: tuple[str, ...] = ()

    @property
    def primary(self) -> str | None:
        """The provider of the type `baidu` that the drilled route asks first."""
        return None if self.cloud_route is None else self.settings.routes[self.cloud_route].providers[0]

    @property
    def saboteur(self) -> str | None:
        """The engine on this host that is told to crash and hang."""
        return None if self.local_route is None else self.settings.routes[self.local_route].providers[0]


def embedded() -> Blueprint:
    """Baidu with keys of two accounts, then an engine in a worker process; all times short.

    Raises:
        ConfigError: when the Baidu adapter is not installed.
    """
    _require_adapter()
    breaker = BreakerSettings(window=10, minimum=4, slow_call=0.25, open_for=0.6)
    retry = RetrySettings(attempts=2, base=0.02, cap=0.1, throttle_base=0.1)
    keys = [{"name": "first", "account": "one"}, {"name": "second", "account": "two"}]
    settings = Settings(
        providers={
            "baidu": ProviderSettings(
                "baidu", CLOUD, {"endpoint": "accurate", "keys": keys}, timeout=0.5, retry=retry, breaker=breaker
            ),
            "local": ProviderSettings(
                "local", "drill", timeout=0.8, retry=retry, breaker=replace(breaker, slow_call=5.0)
            ),
        },
        routes={
            "default": RouteSettings(
                "default", ("baidu", "local"), deadline=2.5, accept=AcceptSettings(min_confidence=0.6)
            )
        },
        state="sqlite:state.db",
        audit=AuditSettings(path="audit.jsonl", key=LEDGER_KEY),
        cache=CacheSettings("cache.db"),
    )
    return _completed(settings, {"local": ProviderSpec("local", ENGINE)}, [])


def of_file(path: str | os.PathLike[str]) -> Blueprint:
    """The user's own configuration: its deadlines, breakers, budgets, routes and engines on this host.

    Raises:
        ConfigError: when it cannot be used, or there is nothing in it to drill.
    """
    from ocrgate.config import load

    return of_settings(load(path))


def of_settings(settings: Settings) -> Blueprint:
    """The same for a configuration that has been read.

    Raises:
        ConfigError: when there is nothing in it to drill.
    """
    notes: list[str] = []
    providers: dict[str, ProviderSettings] = {}
    engines: dict[str, ProviderSpec] = {}
    for name, told in settings.providers.items():
        if told.quota:
            notes.append(f"{name}: its quota does not count, because a drill may make more calls")
        own = replace(told, quota={})
        if own.type == CLOUD:
            _require_adapter()
            providers[name] = replace(own, options=_options(name, own.options, notes))
            continue
        spec = catalog.spec_of(own)
        engine = catalog.build(spec)
        if engine.capabilities.cloud:
            notes.append(f"{name} is left out: it is in the cloud, and there is no simulator for the type {own.type}")
            continue
        if not (found := engine.check()).ready:
            notes.append(f"{name} is left out: it is not ready here: {found.detail}")
            continue
        providers[name], engines[name] = own, spec
    routes = _routes(settings.routes, providers, notes)
    if settings.state.startswith(("redis", "unix")):
        notes.append("the state is an SQLite file in place of Redis")
    if settings.chaos is not None:
        notes.append("chaos is off")
    return _completed(replace(settings, providers=providers, routes=routes, chaos=None), engines, notes)


def _require_adapter() -> None:
    if CLOUD not in catalog.factories():
        raise ConfigError([Problem('a drill needs the Baidu adapter; try: pip install "ocrgate[baidu]"', "providers")])
    ready = catalog.build(catalog.spec_of(ProviderSettings(CLOUD, CLOUD, {"keys": [_ANY_KEY]}))).check()
    if not ready.ready:
        raise ConfigError([Problem(f"a drill needs the Baidu adapter: {ready.detail}; {ready.remedy}", "providers")])


_ANY_KEY = {"name": "any", "api_key": "any", "secret_key": "any"}


_HELD = ("app_id", "api_key", "secret_key")


def _bare(keys: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Keys as they are configured, without what they hold."""
    return [
        {"name": f"key{place}", **{key: value for key, value in entry.items() if key not in _HELD}}
        for place, entry in enumerate(keys, 1)
    ]


def _options(name: str, given: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """The adapter's options without what names a server, or a way to one."""
    kept = {key: given[key] for key in ("endpoint", "keys", "options", "tls") if given.get(key) is not None}
    if given.get("proxies"):
        notes.append(f"{name}: no proxy is used, because the simulator is on this host")
    if "keys" in kept:
        kept["keys"] = _bare(kept["keys"])
    if kept.get("endpoint", TEXT_ENDPOINTS[0]) not in TEXT_ENDPOINTS:
        notes.append(f"{name}: {kept.pop('endpoint')} is drilled as {TEXT_ENDPOINTS[0]}, whose answer is text")
        kept.pop("options", None)
    return kept


def _routes(
    given: Mapping[str, RouteSettings], providers: Mapping[str, ProviderSettings], notes: list[str]
) -> dict[str, RouteSettings]:
    routes = {}
    for name, route in given.items():
        left = tuple(each for each in route.providers if each in providers)
        if not left:
            notes.append(f"route {name} is left out: none of its engines can be drilled")
            continue
        if route.spend != SpendSettings():
            notes.append(f"route {name}: its spending limits do not count, because a drill may make more calls")
        accept = _acceptable(name, route.accept, notes)
        routes[name] = replace(route, providers=left, accept=accept, spend=SpendSettings())
    if not routes:
        raise ConfigError([Problem("there is no route with an engine that can be drilled", "routes")])
    return routes


def _acceptable(name: str, accept: AcceptSettings, notes: list[str]) -> AcceptSettings:
    """What the route asks of an answer, less what the text of a drill does not fulfil."""
    if _accepts(accept):
        return accept
    notes.append(f"route {name}: its accept rules are left out, because they reject the text of a drill")
    bare = replace(accept, rules=())
    return bare if _accepts(bare) else AcceptSettings(on_invalid=accept.on_invalid)


def _accepts(accept: AcceptSettings) -> bool:
    lines = tuple(Line(row, None, _SURE) for row in image.text(1).splitlines())
    return Acceptance(accept).judge(Page(lines)).valid


def _completed(settings: Settings, engines: Mapping[str, ProviderSpec], notes: list[str]) -> Blueprint:
    """With the route that an engine on this host is drilled by."""
    isolated = frozenset(
        name for name, spec in engines.items() if catalog.build(spec).capabilities.isolation == "process"
    )
    cloud = [
        name
        for name in sorted(settings.routes, key=lambda name: name != "default")
        if settings.providers[settings.routes[name].providers[0]].type == CLOUD
        and settings.routes[name].residency != "local"
    ]
    base = settings.routes[cloud[0]] if cloud else next(iter(settings.routes.values()))
    locals_ = [name for name in (*base.providers, *engines) if name in isolated]
    routes = dict(settings.routes)
    if locals_:
        routes[LOCAL_ROUTE] = replace(base, name=LOCAL_ROUTE, providers=(locals_[0],), hedge=None)
    # Not even the words that open the user's own store and ledger are taken along.
    audit = settings.audit if settings.audit.key is None else replace(settings.audit, key=LEDGER_KEY)
    state = settings.state if settings.state == "memory" else "sqlite:state.db"
    return Blueprint(
        settings=replace(settings, routes=routes, watch=None, audit=audit, state=state),
        engines=engines,
        isolated=isolated,
        exact=frozenset(name for name, spec in engines.items() if spec.factory == ENGINE),
        cloud_route=cloud[0] if cloud else None,
        local_route=LOCAL_ROUTE if locals_ else None,
        notes=tuple(notes),
    )


def keys_of(blueprint: Blueprint) -> dict[str, list[dict[str, Any]]]:
    """The keys of each provider in the cloud, without what they hold; one where none is configured."""
    return {
        name: own.options.get("keys") or [{"name": "environment"}]
        for name, own in blueprint.settings.providers.items()
        if own.type == CLOUD
    }
