"""Fault drills: everything that can is made to go wrong, and what was promised is held against what was seen."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.drill.blueprint import Blueprint, embedded, of_file, of_settings
    from ocrgate.drill.catalogue import SCENARIOS
    from ocrgate.drill.invariant import Invariant, Verdict
    from ocrgate.drill.observation import Observation
    from ocrgate.drill.performance import observe
    from ocrgate.drill.run import chosen, drill
    from ocrgate.drill.scenario import Scenario
    from ocrgate.drill.scoreboard import Score, Scoreboard, judged

_HOMES = {
    "SCENARIOS": "catalogue",
    "Blueprint": "blueprint",
    "Invariant": "invariant",
    "Observation": "observation",
    "Scenario": "scenario",
    "Score": "scoreboard",
    "Scoreboard": "scoreboard",
    "Verdict": "invariant",
    "chosen": "run",
    "drill": "run",
    "embedded": "blueprint",
    "judged": "scoreboard",
    "observe": "performance",
    "of_file": "blueprint",
    "of_settings": "blueprint",
}

__all__ = [
    "SCENARIOS",
    "Blueprint",
    "Invariant",
    "Observation",
    "Scenario",
    "Score",
    "Scoreboard",
    "Verdict",
    "chosen",
    "drill",
    "embedded",
    "judged",
    "observe",
    "of_file",
    "of_settings",
]


def __getattr__(name: str) -> Any:
    # Worker processes import one module of this package, and should not wait for the others.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
