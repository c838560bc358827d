"""A drill from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocrgate.drill import apart
from ocrgate.drill.blueprint import Blueprint
from ocrgate.drill.catalogue import SCENARIOS
from ocrgate.drill.house import OpenGateway, open_gateway
from ocrgate.drill.performance import observe
from ocrgate.drill.scenario import Scenario
from ocrgate.drill.scoreboard import Score, judged
from ocrgate.errors import ConfigError


def chosen(names: Iterable[str]) -> tuple[Scenario, ...]:
    """The scenarios of those names, in the order of the catalogue; all of them when none is named.

    Raises:
        ConfigError: when there is no such scenario, with the nearest name.
    """
    import difflib

    wanted = list(names)
    for name in wanted:
        if name not in SCENARIOS:
            near = difflib.get_close_matches(name, SCENARIOS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(SCENARIOS)}"
            raise ConfigError(f"no scenario {name!r}; {hint}")
    return tuple(scenario for name, scenario in SCENARIOS.items() if not wanted or name in wanted)


def drill(
    scenarios: Iterable[Scenario], blueprint: Blueprint, *, seed: int = 0, opens: OpenGateway = open_gateway
) -> Iterator[Score]:
    """Play scenarios, one after the other; the score of each as soon as it is known."""
    for scenario in scenarios:
        if why := scenario.obstacle(blueprint):
            yield Score(scenario.name, reason=why)
        elif scenario.apart:
            yield apart.play(scenario.name, blueprint, seed, opens)
        else:
            yield judged(scenario, observe(scenario, blueprint, seed=seed, opens=opens))
