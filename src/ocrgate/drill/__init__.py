"""Fault drills: everything that can is made to go wrong, and what was promised is held against what was seen."""

from ocrgate.drill.blueprint import Blueprint, embedded, of_file, of_settings
from ocrgate.drill.catalogue import SCENARIOS
from ocrgate.drill.invariant import Invariant, Verdict
from ocrgate.drill.observation import Observation
from ocrgate.drill.performance import observe
from ocrgate.drill.run import chosen, drill
from ocrgate.drill.scenario import Scenario
from ocrgate.drill.scoreboard import Score, Scoreboard, judged

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
