"""The overload in simulated time, from its parts to its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import metastable
from benchmarks.overload import Service, Simulation
from benchmarks.world import SimulatedClock, Stack, World

from ocrgate.settings import BudgetSettings

pytestmark = pytest.mark.thorough

SMALL = World(seconds=60.0, trouble=(10.0, 16.0), workers=2, line=600, gateways=2)


def test_a_run_is_the_same_again_and_another_with_another_seed() -> None:
    stack = metastable.STACKS["budget_breaker"]
    first, again, other = (Simulation(replace(SMALL, seed=seed), stack).run() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_stack_has_the_same_requests_and_each_ends_once() -> None:
    arrived = []
    for stack in metastable.STACKS.values():
        tally = Simulation(SMALL, stack).run()
        arrived.append(tally.arrived)
        assert sum(tally.arrived) == sum(tally.answered) + sum(tally.refused) + sum(tally.failed)
        assert sum(tally.sent) <= stack.attempts * sum(tally.arrived)
    assert all(each == arrived[0] for each in arrived)


def test_retries_without_a_budget_keep_a_service_down_that_is_well_again() -> None:
    answered = Simulation(SMALL, metastable.STACKS["retries"]).run().answered
    assert sum(answered[40:60]) == 0


def test_a_budget_brings_it_back() -> None:
    tally = Simulation(SMALL, metastable.STACKS["budget"]).run()
    assert sum(tally.answered[50:60]) / sum(tally.arrived[50:60]) > 0.95
    assert sum(tally.sent) <= 1.25 * sum(tally.arrived)
    assert sum(tally.sent[12:16]) > 1.1 * sum(tally.arrived[12:16])  # it is used, too


def test_nobody_tries_again_once_the_deadline_is_over() -> None:
    hasty = replace(SMALL, deadline=SMALL.timeout, line=1 << 20)
    tally = Simulation(hasty, metastable.STACKS["retries"]).run()
    assert sum(tally.failed) > 0
    assert sum(tally.sent) == sum(tally.arrived)


def test_a_budget_that_allows_everything_does_not() -> None:
    generous = Stack("", budget=BudgetSettings(retry_ratio=2.0, minimum=1 << 30))
    assert sum(Simulation(SMALL, generous).run().answered[40:60]) == 0


def test_the_service_is_first_come_first_served_and_turns_away_what_is_too_much() -> None:
    clock = SimulatedClock()
    service = Service(World(workers=1, line=3), clock)
    ends = [service.take() for _ in range(5)]
    assert ends[4] is None
    known = [end for end in ends if end is not None]
    assert known == sorted(known)
    clock.now = known[-1]
    assert service.take() is not None


def test_the_service_is_slow_in_its_trouble_only() -> None:
    world = World(workers=1, line=1 << 20, trouble=(100.0, 200.0), slowdown=50.0)
    took = []
    for now in (0.0, 100.0, 200.0):
        clock = SimulatedClock()
        clock.now = now
        service = Service(world, clock)
        end = service.take()
        assert end is not None
        took.append(end - now)
    assert took[0] == pytest.approx(took[2])
    assert took[1] == pytest.approx(50 * took[0])


def test_a_policy_that_would_wait_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="slept"):
        SimulatedClock().sleep(1.0)


def test_recovery_lasts_to_the_end_or_is_none() -> None:
    steady = [100] * 20
    assert metastable.recovery([*steady, *[0] * 10, *[100] * 20], 20, 25) == 5.0
    assert metastable.recovery([*steady, *[0] * 30], 20, 25) is None
    relapse = [*steady, *[0] * 5, *[100] * 10, *[0] * 10]
    assert metastable.recovery(relapse, 20, 25) is None


def test_the_bars_show_ten_seconds_each() -> None:
    assert metastable.spark([*[0] * 10, *[50] * 10, *[100] * 10]) == " ▄█"
    assert metastable.spark([0] * 20) == "  "


def test_the_disease_and_its_cure_are_targets(tmp_path: Path) -> None:
    out = tmp_path / "metastable.json"
    assert metastable.main(["--seconds", "160", "--check", "--out", str(out)]) == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["requests"] > 600_000
    assert document["stacks"]["retries"]["recovered_after"] is None
    text = out.with_suffix(".md").read_text(encoding="utf-8")
    assert text.startswith("# Metastable overload")
    assert "| never |" in text


def test_a_missed_target_fails_a_checked_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stacks = dict.fromkeys(metastable.STACKS, metastable.STACKS["retries"])
    monkeypatch.setattr(metastable, "STACKS", stacks)
    out = ["--seconds", "90", "--out", str(tmp_path / "metastable.json")]
    assert metastable.main([*out, "--check"]) == 1
    assert metastable.main(out) == 0
