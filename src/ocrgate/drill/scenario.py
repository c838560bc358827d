"""A scenario: what is done to whom and when, and what has to hold all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ocrgate.drill.blueprint import Blueprint
from ocrgate.drill.house import House
from ocrgate.drill.invariant import COMMON, Invariant
from ocrgate.drill.observation import PhaseName
from ocrgate.settings import ProviderSettings

THREADS = 3
LONGEST = 4.0
"""Seconds that calls are begun in a phase, however long a breaker stays open; those under way are waited for."""


def nothing(_house: House) -> None:
    """Leave everything as it is."""


def at_once(_house: House) -> bool:
    """There is nothing else to wait for."""
    return True


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the timeline.

    Attributes:
        name: `before`, `fault` or `after`; a name may come more than once.
        act: done at its beginning, while nobody calls.
        times: how long it lasts, in `open_for` of the engine concerned, but no longer than `LONGEST`.
        attempts: how often an engine could take all the time it may take, and the phase lasts at least so long.
        threads: that call at once.
        well: asked in the last phase, which ends as soon as this holds and every route's first engine is back.
    """

    name: PhaseName
    act: Callable[[House], None] = nothing
    times: float = 1.0
    attempts: float = 0.0
    threads: int = THREADS
    well: Callable[[House], bool] = at_once


Need = Callable[[Blueprint], str]
"""Why a scenario says nothing about a blueprint, in a sentence; empty when it does."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One drill.

    Attributes:
        name: on the command line.
        does: what goes wrong, one sentence.
        phases: in order.
        own: invariants besides those that all scenarios have.
        needs: all of which have to be fulfilled.
        cloud, local: whether the route to Baidu, and that to the engine on this host, are driven.
        secure: whether the platform speaks TLS.
        apart: whether it takes a process of its own, because it spoils the one it runs in.
    """

    name: str
    does: str
    phases: tuple[Phase, ...]
    own: tuple[Invariant, ...] = ()
    needs: tuple[Need, ...] = ()
    cloud: bool = True
    local: bool = False
    secure: bool = False
    apart: bool = False

    @property
    def invariants(self) -> tuple[Invariant, ...]:
        """All that is judged."""
        return (*COMMON, *self.own)

    def routes(self, blueprint: Blueprint) -> tuple[str, ...]:
        """Those that are driven."""
        wanted = (blueprint.cloud_route if self.cloud else None, blueprint.local_route if self.local else None)
        return tuple(name for name in wanted if name is not None)

    def obstacle(self, blueprint: Blueprint) -> str:
        """Why it says nothing about a blueprint, or nothing."""
        if self.cloud and not self.local and blueprint.cloud_route is None:
            return "no route asks a provider of the type baidu first"
        if self.local and blueprint.local_route is None:
            return "no engine on this host runs in a process of its own"
        return next((why for need in self.needs if (why := need(blueprint))), "")

    def concerned(self, blueprint: Blueprint) -> ProviderSettings:
        """The engine by whose breaker the time of the phases is told."""
        name = blueprint.saboteur if self.local else blueprint.primary
        assert name is not None, "a scenario is only run where it applies"
        return blueprint.settings.providers[name]
