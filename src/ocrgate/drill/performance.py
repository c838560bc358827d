"""One scenario, played through and judged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from ocrgate.drill.blueprint import Blueprint
from ocrgate.drill.house import House, OpenGateway, open_gateway
from ocrgate.drill.invariant import recovery_limit
from ocrgate.drill.observation import Observation, Stretch, back_at
from ocrgate.drill.scenario import LONGEST, Phase, Scenario
from ocrgate.drill.traffic import Traffic

PATIENCE = 4.0
"""Seconds beyond the time allowed for recovery in which it is still watched for, so that its lateness can be told."""


def observe(
    scenario: Scenario, blueprint: Blueprint, *, seed: int = 0, opens: OpenGateway = open_gateway
) -> Observation:
    """Play a scenario through; what was seen.

    Args:
        scenario: one that applies to the blueprint.
        blueprint: what is drilled.
        seed: of everything that is drawn.
        opens: builds the gateway.
    """
    with House(blueprint, secure=scenario.secure, seed=seed, opens=opens) as house:
        performance = _Performance(scenario, house, seed)
        try:
            return performance.play()
        except BaseException:
            performance.abandon()
            raise


class _Performance:
    def __init__(self, scenario: Scenario, house: House, seed: int) -> None:
        self._scenario = scenario
        self._house = house
        self._routes = scenario.routes(house.blueprint)
        self._traffic = Traffic(house.gateway, self._routes, seed)
        concerned = scenario.concerned(house.blueprint)
        self._breaker = concerned.breaker
        self._attempt = min(concerned.timeout, *(house.settings.routes[route].deadline for route in self._routes))
        self._stretches: list[Stretch] = []

    def play(self) -> Observation:
        self._house.gateway.warm_up()
        for phase in self._scenario.phases[:-1]:
            self._stretches.append(self._drive(phase))
        self._stretches.append(self._recover(self._scenario.phases[-1]))
        self._house.gateway.flush()
        self._house.gateway.close()
        self._house.unmask()
        seen = self._seen()
        return replace(
            seen,
            strays=tuple(self._house.strays),
            leaks=self._house.leaks(_said(seen)),
            left=self._house.left(),
            ledger=self._house.ledger_flaw(),
        )

    def abandon(self) -> None:
        """End what is going on, so that nobody writes into the folder any more when it is removed."""
        self._house.gateway.close()
        self._traffic.join(PATIENCE)

    def _drive(self, phase: Phase) -> Stretch:
        seconds = max(min(LONGEST, phase.times * self._breaker.open_for), phase.attempts * self._attempt)
        begun, wall = time.monotonic(), time.time()
        phase.act(self._house)
        self._traffic.drive(phase.name, threads=phase.threads, seconds=seconds)
        status = self._house.gateway.status()
        return Stretch(phase.name, begun, time.monotonic(), (wall, time.time()), status)

    def _recover(self, phase: Phase) -> Stretch:
        """The last phase: until everybody is back and all is well, or it has become too late."""
        seen = self._seen()
        firsts = {route: seen.route(route).providers[0] for route in self._routes}
        limit = max(recovery_limit(seen, first) for first in firsts.values())
        wall = time.time()
        phase.act(self._house)
        begun = time.monotonic()

        def recovered() -> bool:
            calls = [call for call in self._traffic.settled if call.phase == phase.name]
            back = all(
                back_at([call for call in calls if call.route == route], first) is not None
                for route, first in firsts.items()
            )
            return back and phase.well(self._house)

        self._traffic.drive(phase.name, threads=phase.threads, seconds=limit + PATIENCE, until=recovered)
        status = self._house.gateway.status()
        return Stretch(phase.name, begun, time.monotonic(), (wall, time.time()), status)

    def _seen(self) -> Observation:
        return Observation(
            scenario=self._scenario.name,
            blueprint=self._house.blueprint,
            routes=self._routes,
            images=tuple(self._traffic.images),
            calls=self._traffic.calls,
            stretches=tuple(self._stretches),
            requests=tuple(self._house.platform.requests),
            events=tuple(self._house.events),
            threads=max(phase.threads for phase in self._scenario.phases),
        )


def _said(seen: Observation) -> Iterator[tuple[str, str]]:
    """Everything that a program could show or log of what it got from the gateway."""
    for call in seen.calls:
        if call.error is not None:
            yield "an error", f"{call.error!s} {call.error!r}"
        if call.result is not None:
            yield "a result", call.result.to_json()
    for _, event in seen.events:
        yield "an event", repr(event)
    for stretch in seen.stretches:
        yield "the status", repr(stretch.status)
