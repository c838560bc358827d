"""An engine in the cloud that takes its time, and gateways around such engines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ocrgate import Gateway
from ocrgate.clock import Deadline
from ocrgate.page import Line, Page, Polygon
from ocrgate.provider import Adapter, Capabilities, Limits, Request
from ocrgate.settings import BreakerSettings, ProviderSettings, RetrySettings, RouteSettings, Settings

ONCE = RetrySettings(attempts=1)
DEADLINE = 60.0


class Sleeper(Adapter):
    """Answers every request with the same line, after `wait()`.

    Args:
        name: configured name.
        wait: called with the request and its deadline before each answer; what it raises is the engine's failure.
    """

    capabilities = Capabilities(limits=Limits(formats=("PNG",)), cloud=True)

    def __init__(self, name: str, wait: Callable[[Request, Deadline], object]) -> None:
        self.name = name
        self._wait = wait

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        self._wait(request, deadline)
        line = Line("TOTAL 5.50", Polygon.from_box(0, 0, request.width, request.height), 0.99)
        return Page((line,), request.width, request.height)


def sleeps(seconds: float) -> Callable[[Request, Deadline], object]:
    """An engine that takes so long."""
    return lambda _request, _deadline: time.sleep(seconds)


def hangs(request: Request, _deadline: Deadline) -> None:
    """An engine that answers nothing until it is given up."""
    freed = threading.Event()
    request.on_cancel(freed.set)
    freed.wait()


def house(engines: Mapping[str, Sleeper], lanes: int, **more: Any) -> Gateway:
    """A gateway with a route to each engine alone, of the engine's name.

    Args:
        engines: by name.
        lanes: of each.
        more: of each engine's `ProviderSettings`.
    """
    wanted: dict[str, Any] = {"timeout": DEADLINE, "retry": ONCE, "breaker": BreakerSettings(), **more}
    return Gateway(
        Settings(
            {name: ProviderSettings(name, "sleeper", lanes=lanes, **wanted) for name in engines},
            {name: RouteSettings(name, (name,), deadline=DEADLINE) for name in engines},
        ),
        providers=dict(engines),
    )
