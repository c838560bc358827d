"""The tail benchmark, from its engines to its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import tail
from benchmarks.contender import small_png
from benchmarks.straggler import LOCAL_LANES, CloudEngine, LocalEngine, Plan, settings
from benchmarks.tail_simulation import Simulation

from ocrgate import Gateway
from ocrgate.clock import Deadline
from ocrgate.errors import ProviderError
from ocrgate.provider import Request
from ocrgate.settings import HedgeSettings

pytestmark = pytest.mark.thorough

PLAN = Plan(usual=0.01, slow=0.5, share=0.05, local=0.05)


def _simulated(way: str, calls: int = 20_000) -> tuple[dict[str, float], float]:
    run = Simulation(Plan(), tail.hedging(way, Plan()), 100.0).run(calls)
    assert len(run.seconds) == calls
    return tail.quantiles(run.seconds), run.hedges / calls


def test_the_same_calls_are_slow_for_everybody() -> None:
    plan = Plan()
    taken = [plan.cloud(number, 0) for number in range(5000)]
    assert taken == [plan.cloud(number, 0) for number in range(5000)]
    assert sum(seconds > 1.0 for seconds in taken) / 5000 == pytest.approx(plan.share, rel=0.2)
    assert [Plan(seed=2).cloud(number, 0) for number in range(5000)] != taken
    assert plan.cloud(1, 0) != plan.cloud(1, 1)


@pytest.mark.parametrize("way", ["local", "key"])
def test_hedging_cuts_the_tail_in_simulated_time_for_few_calls(way: str) -> None:
    plain, none = _simulated("plain")
    hedged, share = _simulated(way)
    assert none == 0
    assert plain["p99.9_ms"] > tail.CUT * hedged["p99.9_ms"]
    assert hedged["p50_ms"] == pytest.approx(plain["p50_ms"], rel=0.05)
    assert 0 < share <= tail.EXTRA


def test_hedging_without_a_floor_takes_the_budget_and_no_more() -> None:
    _quantiles, share = _simulated("eager")
    assert share == pytest.approx(tail.EXTRA, abs=0.005)
    assert share <= tail.EXTRA


def test_a_hedge_that_no_budget_allows_is_none_in_simulated_time() -> None:
    run = Simulation(Plan(), HedgeSettings(budget=0.0), 100.0).run(2000)
    assert run.hedges == 0
    assert run.cloud == 2000


def test_a_busy_host_is_not_hedged_to_in_simulated_time() -> None:
    slow = Plan(local=1e6)
    run = Simulation(slow, tail.hedging("local", slow), 1000.0).run(2000)
    assert LOCAL_LANES <= run.hedges <= 3 * LOCAL_LANES


def test_an_engine_ends_a_call_that_is_given_up() -> None:
    engine = CloudEngine(Plan(slow=30.0, share=1.0))
    request = Request(small_png(), "PNG", 96, 32, options={"number": 1}, on_cancel=lambda give_up: give_up())
    with pytest.raises(ProviderError, match="cancelled"):
        engine.recognize(request, Deadline.after(60.0))


def test_an_engine_that_is_not_done_in_time_has_failed() -> None:
    request = Request(small_png(), "PNG", 96, 32, options={"number": 1})
    with pytest.raises(ProviderError, match="timeout"):
        CloudEngine(Plan(slow=30.0, share=1.0)).recognize(request, Deadline.after(0.01))


def test_a_slow_call_to_the_cloud_is_not_waited_for() -> None:
    plan = Plan(usual=0.01, slow=30.0, share=0.5, local=0.01)
    quick, slow = (next(n for n in range(99) if (plan.cloud(n, 0) > 1) == wanted) for wanted in (False, True))
    cloud, local = CloudEngine(plan), LocalEngine(plan)
    hedge = HedgeSettings(after=0.05, quantile=False, budget=1.0)
    with Gateway(settings(hedge), providers={"cloud": cloud, "local": local}) as gateway:
        gateway.recognize(small_png(), options={"number": quick})  # earns the hedge
        result = gateway.recognize(small_png(), options={"number": slow})
    assert (result.provider, cloud.calls, local.calls) == ("local", 2, 1)
    assert result.elapsed < 5


def test_every_way_is_measured_in_real_time() -> None:
    found = tail.measured(PLAN, 60, 200.0)
    assert list(found) == list(tail.WAYS)
    for way in found.values():
        assert 0 < way["p50_ms"] <= way["p99_ms"] <= way["p99.9_ms"]
        assert way["cloud_calls"] >= 60
    assert found["plain"]["extra_share"] == 0


def test_quantiles_are_what_that_share_stayed_within() -> None:
    seconds = [number / 1000 for number in range(1000, 0, -1)]
    assert tail.quantiles(seconds) == {"p50_ms": 500.0, "p99_ms": 990.0, "p99.9_ms": 999.0}
    assert tail.quantiles([0.002])["p99.9_ms"] == 2.0


def test_the_files_hold_both_runs_and_the_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(_plan: Plan, calls: int, _rate: float) -> dict[str, dict[str, float]]:
        way = {"p50_ms": 20.0, "p99_ms": 300.0, "p99.9_ms": 300.0, "extra_share": 0.02, "cost_per_1000": 40.0}
        return {
            name: {**way, "cloud_calls": calls, "p99.9_ms": 2000.0 if name == "plain" else 300.0} for name in tail.WAYS
        }

    monkeypatch.setattr(tail, "measured", measured)
    out = tmp_path / "tail.json"
    assert tail.main(["--calls", "10", "--simulated", "20000", "--check", "--out", str(out)]) == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["real"]["ways"]["local"]["cut"] == 6.67
    assert {target["met"] for target in document["targets"]} == {True}
    text = out.with_suffix(".md").read_text(encoding="utf-8")
    assert text.startswith("# Tail")
    assert "20,000 calls each" in text

    monkeypatch.setattr(tail, "CUT", 100.0)
    assert tail.main(["--calls", "10", "--simulated", "20000", "--check", "--out", str(out)]) == 1
