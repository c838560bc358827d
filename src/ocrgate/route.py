"""Which engines are asked for a page, in which order, and how much of the time each may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ocrgate.acceptance import Acceptance
from ocrgate.billing import Spend
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.engine import Engine
from ocrgate.errors import ConfigError, Problem
from ocrgate.policy.budget import Budget
from ocrgate.settings import RouteSettings
from ocrgate.state import MemoryStore, Store

_RESERVE = 5.0
_LEAST_RESERVE = 0.5
_RESERVE_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Step:
    """One engine of a plan.

    Attributes:
        engine: to be asked.
        reserve: seconds to leave for the engines after it.
    """

    engine: Engine
    reserve: float

    def deadline(self, whole: Deadline) -> Deadline:
        """Until when this step may take: the whole deadline less the reserve, which is never more than two fifths."""
        reserve = min(self.reserve, _RESERVE_SHARE * whole.remaining)
        return Deadline(whole.at - reserve, whole.clock)


class Route:
    """A configured route: its engines, its rules and its retry budget.

    Args:
        settings: see `RouteSettings`.
        engines: all configured engines by name.
        clock: time.
        store: where it is counted what the route has spent; by itself when left out.

    Raises:
        ConfigError: when the route names an engine that does not exist, its rules make no sense, or an engine's price
            is in another currency than the route's limit.
    """

    def __init__(
        self,
        settings: RouteSettings,
        engines: Mapping[str, Engine],
        clock: Clock = SYSTEM_CLOCK,
        *,
        store: Store | None = None,
    ) -> None:
        unknown = [name for name in settings.providers if name not in engines]
        if unknown or not settings.providers:
            what = f"no such provider: {', '.join(unknown)}" if unknown else "names no provider"
            raise ConfigError([Problem(what, f"routes.{settings.name}.providers")])
        if settings.residency == "local" and all(engines[name].cloud for name in settings.providers):
            what = "residency is local, but every provider of the route is in the cloud"
            raise ConfigError([Problem(what, f"routes.{settings.name}.residency")])
        self.settings = settings
        self.name = settings.name
        self.engines = tuple(engines[name] for name in settings.providers)
        self.acceptance = Acceptance(settings.accept)
        self.budget = Budget(settings.budget, clock)
        self.spend = Spend(settings.name, settings.spend, MemoryStore(clock) if store is None else store, clock)
        for engine in self.engines:
            if objection := engine.objection(self.spend):
                raise ConfigError([Problem(f"{engine.name}: {objection}", f"routes.{settings.name}.spend")])

    @property
    def kept_out(self) -> Sequence[Engine]:
        """The engines in the cloud of a route with `residency: local`."""
        return [engine for engine in self.engines if engine.cloud] if self.settings.residency == "local" else []

    def plan(self) -> Sequence[Step]:
        """The engines that may be asked, in order. One that is kept out is not even planned."""
        allowed = [engine for engine in self.engines if engine not in self.kept_out]
        return [Step(engine, self._reserve(allowed[place + 1 :])) for place, engine in enumerate(allowed)]

    @staticmethod
    def _reserve(later: Sequence[Engine]) -> float:
        for engine in later:
            if engine.readiness().ready:
                typical, long = engine.latency.typical, engine.latency.quantile(0.95)
                # A page has to be fitted first, and pages differ, so what was always quick needs some time, too.
                return _RESERVE if typical is None else max(_LEAST_RESERVE, 2.0 * typical, long or 0.0)
        return 0.0
