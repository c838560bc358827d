"""The overhead benchmark, from the command line to its files."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from benchmarks import overhead
from benchmarks.contender import Contender, contenders

from ocrgate.result import Result

QUICK = ("--calls", "50", "--seconds", "0.05", "--rounds", "1", "--imports", "1")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("overhead") / "overhead.json"
    assert overhead.main([*QUICK, "--out", str(out)]) == 0
    assert out.with_suffix(".md").read_text(encoding="utf-8").startswith("# Overhead")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_every_way_is_measured_beside_the_others(report: dict[str, Any]) -> None:
    assert list(report["calls"]) == ["bare", "executor", "by_hand", "engine", "gateway", "gateway_heard"]
    for way in report["calls"].values():
        assert 0 < way["p50_ms"] <= way["p95_ms"] <= way["p99_ms"]
    assert report["calls"]["executor"]["ratio"] == 1.0
    assert report["calls"]["bare"]["p50_ms"] < report["calls"]["gateway"]["p50_ms"]


def test_throughput_and_import_time_are_measured(report: dict[str, Any]) -> None:
    assert {name for name, rate in report["calls_per_second"].items() if rate > 0} >= {"engine", "gateway", "executor"}
    assert 0 < report["import_seconds"]["import ocrgate"] < report["import_seconds"]["from ocrgate import Gateway"]


def test_targets_are_compared_with_what_was_measured(report: dict[str, Any]) -> None:
    for target in report["targets"]:
        if target["at_most"] is not None:
            assert target["met"] == (target["measured"] <= target["at_most"])
        else:
            assert target["met"] == (target["measured"] >= target["at_least"])
    by_name = {target["what"]: target["measured"] for target in report["targets"]}
    assert by_name["engine: p50 in ms"] == report["calls"]["engine"]["p50_ms"]
    assert by_name["import ocrgate: seconds"] == report["import_seconds"]["import ocrgate"]


def test_a_missed_target_fails_a_checked_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "import_seconds", lambda _statement, _times: 9.0)
    out = ["--out", str(tmp_path / "overhead.json")]
    assert overhead.main([*QUICK, *out, "--check"]) == 1
    assert overhead.main([*QUICK, *out]) == 0


def test_percentiles_are_milliseconds() -> None:
    assert overhead.percentiles([n / 1000 for n in range(101)]) == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}


def test_the_gateways_really_read() -> None:
    with ExitStack() as stack:
        ways = contenders(stack)
        result = ways["gateway"].call()
    assert isinstance(result, Result)
    assert (result.text, result.attempts[0].key, result.attempts[0].outcome) == ("TOTAL 5.50", "only", "accepted")


def test_a_contender_that_fails_ends_the_measurement() -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        overhead.throughput({"broken": Contender("broken", "", fail)}, 0.01, 1)
