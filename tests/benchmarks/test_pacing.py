"""The pacing benchmark, from the command line to its files."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import pacing
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.thorough

QUICK = ("--qps", "10", "--seconds", "1.5", "--states", "memory", "sqlite", "--processes", "1", "2")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("pacing") / "pacing.json"
    assert pacing.main([*QUICK, "--out", str(out)]) == 0
    assert out.with_suffix(".md").read_text(encoding="utf-8").startswith("# Pacing")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_every_store_is_measured_with_as_many_processes_as_it_serves(document: dict[str, Any]) -> None:
    runs = [(run["state"], run["processes"]) for run in document["runs"]]
    assert runs == [("memory", 1), ("sqlite", 1), ("sqlite", 2)]
    for run in document["runs"]:
        assert run["calls"] > 5, "calls arrived"
        assert run["ended"]["read"] >= run["calls"] - run["refused_by_server"]


def test_targets_are_compared_with_what_was_measured(document: dict[str, Any]) -> None:
    assert len(document["targets"]) == 2 * len(document["runs"])
    by_name = {target["what"]: target["measured"] for target in document["targets"]}
    for run in document["runs"]:
        name = f"{run['state']}, {run['processes']} processes"
        assert by_name[f"{name}: violations"] == run["violations"]
        assert by_name[f"{name}: share of the allowed calls"] == run["share_used"]


def test_a_missed_target_fails_a_checked_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = pacing.counted([0.1 * number for number in range(30)], 5.0, 3.0)
    monkeypatch.setattr(
        pacing, "run", lambda *_: {"processes": 1, **spoilt, "refused_by_server": 0, "ended": {"read": 30}}
    )
    out = ["--states", "memory", "--out", str(tmp_path / "pacing.json")]
    assert pacing.main([*out, "--check"]) == 1
    assert pacing.main(out) == 0


def test_what_is_evenly_spaced_breaks_nothing_and_uses_everything() -> None:
    found = pacing.counted([0.25 * number for number in range(120)], 4.0, 30.0)
    assert (found["violations"], found["calls"], found["most_in_a_second"]) == (0, 120, 4)
    assert (found["share_used"], found["least_span_ms"]) == (1.0, 1000.0)


def test_a_burst_that_straddles_two_seconds_of_the_clock_is_seen() -> None:
    burst = [0.9, 0.92, 0.94, 0.96, 0.98, 1.01, 1.03]
    found = pacing.counted(burst, 5.0, 30.0)
    assert (found["violations"], found["most_in_a_second"]) == (2, 7)


def test_calls_after_the_end_do_not_count() -> None:
    assert pacing.counted([0.0, 1.0, 2.0, 3.0, 3.1], 5.0, 3.0)["calls"] == 3
    assert pacing.counted([], 5.0, 3.0)["calls"] == 0


@given(st.lists(st.floats(0.0, 20.0), max_size=80).map(sorted), st.integers(1, 8))
def test_violations_are_those_of_a_server_that_looks_back_a_second_at_each_call(times: list[float], qps: int) -> None:
    found = pacing.counted(times, float(qps), 1000.0)
    looked = [sum(earlier > now - 1.0 for earlier in times[: place + 1]) for place, now in enumerate(times)]
    # Differences of floats round otherwise than sums: moments that are just a second apart may go either way.
    assert abs(found["violations"] - sum(seen > qps for seen in looked)) <= sum(
        abs(b - a - 1.0) < 1e-9 for a in times for b in times
    )


def test_a_store_that_cannot_be_had_is_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    out = tmp_path / "pacing.json"
    assert pacing.main(["--states", "redis", "--out", str(out)]) == 0
    assert list(json.loads(out.read_text(encoding="utf-8"))["missing"]) == ["redis"]
    assert "Not measured: redis" in out.with_suffix(".md").read_text(encoding="utf-8")
