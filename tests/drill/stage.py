"""What the tests of drills play: real observations, made once, and gateways that are broken on purpose."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ocrgate import Gateway, Result
from ocrgate.clock import Clock
from ocrgate.drill import SCENARIOS, Blueprint, Observation, Scenario, Verdict, embedded, observe, strike
from ocrgate.drill.scenario import Phase
from ocrgate.provider import Provider
from ocrgate.settings import Settings

SHORT = Scenario(
    "short",
    "a short storm",
    (Phase("before", times=0.3), Phase("fault", strike.storm_502), Phase("after", strike.behave)),
)
"""The least that shows what a gateway does about a fault."""


def small() -> Blueprint:
    """The embedded house with one worker process."""
    blueprint = embedded()
    local = replace(blueprint.settings.providers["local"], lanes=1)
    settings = replace(blueprint.settings, providers={**blueprint.settings.providers, "local": local})
    return replace(blueprint, settings=settings)


@cache
def seen(name: str) -> Observation:
    """A scenario as it was played through with the embedded house."""
    return observe(SCENARIOS[name], embedded())


def verdict(name: str, observation: Observation) -> Verdict:
    """Of the invariant of that name, whichever scenario it belongs to."""
    known = {each.name: each for scenario in SCENARIOS.values() for each in scenario.invariants}
    return known[name].check(observation)


def opening(change: Callable[[Settings], Settings]) -> Callable[..., Gateway]:
    """Opens a gateway with other settings than those it is judged by."""

    def opens(settings: Settings, providers: Mapping[str, Provider], clock: Clock) -> Gateway:
        return Gateway(change(settings), providers=providers, clock=clock)

    return opens


def without_breaker(settings: Settings) -> Settings:
    """No number of failures is ever enough."""
    never = {
        name: replace(own, breaker=replace(own.breaker, window=10**6, minimum=10**6))
        for name, own in settings.providers.items()
    }
    return replace(settings, providers=never)


def slow_to_return(settings: Settings) -> Settings:
    """A breaker stays open for ten times as long as it is said to."""
    longer = {
        name: replace(own, breaker=replace(own.breaker, open_for=10 * own.breaker.open_for))
        for name, own in settings.providers.items()
    }
    return replace(settings, providers=longer)


def without_deadline(settings: Settings) -> Settings:
    """Calls may take half a minute."""
    routes = {name: replace(route, deadline=30.0) for name, route in settings.routes.items()}
    return replace(settings, routes=routes)


def tattling(settings: Settings, providers: Mapping[str, Provider], clock: Clock) -> Gateway:
    """A gateway that tells the log what opens its ledger."""
    logging.getLogger("ocrgate").info("the ledger's key is %s", settings.audit.key)
    return Gateway(settings, providers=providers, clock=clock)


class Stale(Gateway):
    """Gives everybody the answer that the first one got."""

    first: Result | None = None

    def recognize(self, image: Any, **options: Any) -> Result:
        result = super().recognize(image, **options)
        self.first = self.first or result
        return self.first


class Raw(Gateway):
    """Lets through what a library raises."""

    def recognize(self, image: Any, **options: Any) -> Result:
        super().recognize(image, **options)
        raise KeyError("words_result")


class Lingering(Gateway):
    """Gives nothing back when it is closed; `end` does."""

    opened: list[Lingering] = []  # noqa: RUF012 - of the class, so that a test can end what it began

    def close(self) -> None:
        self.opened.append(self)

    @classmethod
    def end(cls) -> None:
        while cls.opened:
            super(Lingering, cls.opened.pop()).close()


class Forgetful(Gateway):
    """Drops a line from the middle of its ledger when it is closed."""

    def close(self) -> None:
        super().close()
        path = Path(self.settings.audit.path or "")
        with contextlib.suppress(FileNotFoundError):
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(lines[:3] + lines[4:]))


def made(kind: type[Gateway]) -> Callable[..., Gateway]:
    """Opens a gateway of a class of its own."""

    def opens(settings: Settings, providers: Mapping[str, Provider], clock: Clock) -> Gateway:
        return kind(settings, providers=providers, clock=clock)

    return opens
