"""The page on drills repeats what the code says."""

from __future__ import annotations

import re

from ocrgate.drill import SCENARIOS, Score, Scoreboard, Verdict
from ocrgate.drill.scoreboard import SCHEMA
from tests import markdown

PAGE = markdown.ROOT / "docs" / "drills.md"


def rows(marker: str) -> dict[str, str]:
    """Second column by first."""
    part = re.search(rf"<!-- {marker} -->\n(.*?)<!-- /", markdown.text(PAGE), re.DOTALL)
    assert part is not None
    cells = [[cell.strip() for cell in row.split("|")[1:3]] for row in part[1].splitlines()[2:]]
    return {name.strip("`"): told for name, told in cells}


def test_the_scenarios_are_those_of_the_catalogue() -> None:
    assert rows("scenarios") == {scenario.name: scenario.does for scenario in SCENARIOS.values()}


def test_the_invariants_are_those_that_are_judged() -> None:
    every = {each.name: each.says for scenario in SCENARIOS.values() for each in scenario.invariants}
    assert rows("invariants") == every


def test_the_keys_are_those_of_the_json() -> None:
    told = Scoreboard((Score("hang", (("recovery", Verdict(True, "back")),)),)).to_dict()
    scenario = told["scenarios"][0]
    for marker, keys in (("drill", told), ("scenario", scenario), ("numbers", scenario["numbers"])):
        assert markdown.table(PAGE, f"keys: {marker}") == list(keys), marker
    assert told["schema"] == SCHEMA == 1
