"""Gateways of scripted engines, built in one line."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from ocrgate import Gateway
from ocrgate.clock import Clock
from ocrgate.provider import Provider
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    BudgetSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    Settings,
)
from ocrgate.testing import ManualClock

ANYTHING = AcceptSettings()
ONCE = RetrySettings(attempts=1)


def picture(width: int = 60, height: int = 40, *, text: bool = True) -> bytes:
    """A PNG with a black bar on white, which is something to read by its pixels; without `text`, blank."""
    image = Image.new("RGB", (width, height), "white")
    if text:
        image.paste("black", (10, 10, 30, 20))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def house(
    *providers: Provider,
    clock: Clock | None = None,
    accept: AcceptSettings = ANYTHING,
    deadline: float = 15.0,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    **route: Any,
) -> Gateway:
    """A gateway with one route over the providers, in the order given.

    Args:
        providers: scripted ones, mostly.
        clock: a manual one when left out.
        accept, deadline, route: of the route.
        settings: more `ProviderSettings`, by provider name; `*` for all.
    """
    more = settings or {}
    configured = {}
    for provider in providers:
        wanted: dict[str, Any] = {"retry": ONCE, "breaker": BreakerSettings(), **more.get("*", {})}
        wanted.update(more.get(provider.name, {}))
        configured[provider.name] = ProviderSettings(provider.name, "scripted", **wanted)
    chosen = RouteSettings("default", tuple(configured), deadline=deadline, accept=accept, **route)
    return Gateway(
        # Tests send the same picture many times over and mean each of them.
        Settings(providers=configured, routes={"default": chosen}, single_flight=False),
        providers={provider.name: provider for provider in providers},
        clock=clock or ManualClock(),
    )


__all__ = ["ONCE", "BudgetSettings", "house", "picture"]
