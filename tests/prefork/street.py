"""A gateway with everything switched on, as programs that fork use it."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any

from PIL import Image

from ocrgate import Gateway, Line, Page
from ocrgate.clock import Deadline
from ocrgate.key import Key, KeyUse
from ocrgate.provider import Adapter, Capabilities, Provider, Request
from ocrgate.result import Cost
from ocrgate.settings import (
    AuditSettings,
    BreakerSettings,
    BudgetSettings,
    ConcurrencySettings,
    HedgeSettings,
    ProviderSettings,
    RouteSettings,
    Settings,
    SpendSettings,
)
from tests.faults.engines import FaultyEngine

PATIENCE = 20.0
_widths = itertools.count(60)


class Reader(Adapter):
    """Reads in a thread of the host program; every seventh call takes long enough to be hedged."""

    capabilities = Capabilities(cloud=True, lanes=4)

    def __init__(self, name: str = "thread", **_options: Any) -> None:
        self.name = name
        self._calls = itertools.count()

    @property
    def keys(self) -> Sequence[Key]:
        return (Key("first", "one"), Key("second", "two"))

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        freed = Event()
        request.on_cancel(freed.set)
        freed.wait(0.03 if next(self._calls) % 7 == 0 else 0.001)
        if request.key is not None:
            request.on_use(KeyUse(request.key, "read", "ok", billed=True))
        return Page(lines=(Line(f"thread {os.getpid()}", None, 0.9),))


class Local(Reader):
    """Who is asked beside it."""

    capabilities = Capabilities(lanes=4)

    @property
    def keys(self) -> Sequence[Key]:
        return ()


def open_gateway(state: str, ledger: str) -> Gateway:
    """A gateway of three routes: `thread` (hedged, all policies), `process`, and `default`, which is both.

    Args:
        state: as in the configuration; a file ending in `.yaml` is the whole configuration instead.
        ledger: file of the ledger; worker processes are told in one beside it, which ends in `.pids`.
    """
    if state.endswith(".yaml"):
        return Gateway.from_yaml(state)
    policies: Mapping[str, Any] = {
        "breaker": BreakerSettings(window=50, minimum=50),
        "concurrency": ConcurrencySettings(mode="aimd", minimum=4),
        "queue": 200,
        "timeout": PATIENCE,
    }
    providers = {
        "thread": ProviderSettings(
            "thread", "thread", qps=5000.0, quota={"per_day": 10**6}, price=Cost(0.001), **policies
        ),
        "local": ProviderSettings("local", "local", price=Cost(0.0), **policies),
        "process": ProviderSettings(
            "process", "process", {"log": f"{ledger}.pids"}, lanes=1, price=Cost(0.0), **policies
        ),
    }
    hedged: Mapping[str, Any] = {
        "hedge": HedgeSettings(after=0.01, quantile=False, budget=1.0, to=("local", "key")),
        "budget": BudgetSettings(retry_ratio=1.0, minimum=1000),
        "spend": SpendSettings(per_day=10**6),
        "deadline": PATIENCE,
    }
    routes = {
        "thread": RouteSettings("thread", ("thread", "local"), **hedged),
        "process": RouteSettings("process", ("process",), deadline=PATIENCE),
        "default": RouteSettings("default", ("thread", "local", "process"), **hedged),
    }
    adapters: dict[str, Provider] = {"thread": Reader(), "local": Local("local"), "process": FaultyEngine("process")}
    settings = Settings(providers, routes, state=state, audit=AuditSettings(path=ledger))
    return Gateway(settings, providers=adapters)


def picture() -> bytes:
    """One that was not there before."""
    image = Image.new("RGB", (next(_widths) % 2000 + 60, 40), "white")
    image.paste("black", (10, 10, 30, 20))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def read(gateway: Gateway, route: str) -> str:
    """One picture."""
    options = {"text": "process {pid}"} if route == "process" else None
    return gateway.recognize(picture(), route=route, options=options).text
