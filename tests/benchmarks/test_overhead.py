"""The overhead benchmark, from the command line to its files."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from benchmarks import contender, history, overhead
from benchmarks.contender import contenders, shared
from benchmarks.peers import peers
from benchmarks.way import Contender

from ocrgate.result import Result

pytestmark = pytest.mark.thorough

QUICK = ("--calls", "50", "--seconds", "0.05", "--rounds", "1", "--imports", "1", "--history", "100")
WAYS = [
    "bare",
    "executor",
    "by_hand",
    "policies",
    "engine",
    "gateway",
    "gateway_once",
    "gateway_heard",
    "gateway_sqlite",
]

_FAKE = """
import types
suppress_debug_info = False
custom_provider_map = []
print("a library that talks")
class CustomLLM: pass
class Router:
    def __init__(self, **_words): pass
    def completion(self, _model, _messages):
        print("and talks on", flush=True)
        message = types.SimpleNamespace(content=None)
        reply = types.SimpleNamespace(choices=[types.SimpleNamespace(message=message)])
        return custom_provider_map[0]["custom_handler"].completion(model_response=reply)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("overhead") / "overhead.json"
    assert overhead.main([*QUICK, "--out", str(out)]) == 0
    assert out.with_suffix(".md").read_text(encoding="utf-8").startswith("# Overhead")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def interpreter(tmp_path: Path) -> str:
    """An interpreter in which something that calls itself LiteLLM is installed, and ocrroute is not."""
    (tmp_path / "litellm.py").write_text(_FAKE, encoding="utf-8")
    (tmp_path / "litellm-9.9.dist-info").mkdir()
    (tmp_path / "litellm-9.9.dist-info" / "METADATA").write_text("Name: litellm\nVersion: 9.9\n", encoding="utf-8")
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_every_way_is_measured_beside_the_others(report: dict[str, Any]) -> None:
    assert [name for name in report["calls"] if name != "gateway_redis"] == WAYS
    for way in report["calls"].values():
        assert 0 < way["p50_ms"] <= way["p95_ms"] <= way["p99_ms"]
        assert way["cpu_ms"] > 0
    assert report["calls"]["executor"]["ratio"] == 1.0
    assert report["calls"]["bare"]["p50_ms"] < report["calls"]["gateway"]["p50_ms"]
    assert report["calls"]["bare"]["cpu_ms"] < report["calls"]["gateway"]["cpu_ms"]


def test_throughput_history_and_import_time_are_measured(report: dict[str, Any]) -> None:
    assert {name for name, rate in report["calls_per_second"].items() if rate > 0} >= {"engine", "gateway", "executor"}
    assert (report["history"]["calls"], report["history"]["looked_at"]) == (100, 50)
    assert 0 < report["import_seconds"]["import ocrgate"] < report["import_seconds"]["from ocrgate import Gateway"]


def test_peers_that_were_not_asked_for_are_told(report: dict[str, Any]) -> None:
    assert report["missing"] == {"litellm": "not asked for", "ocrroute": "not asked for"}
    assert "Not measured: litellm, not asked for." in overhead.markdown(report)


def test_targets_are_compared_with_what_was_measured(report: dict[str, Any]) -> None:
    for target in report["targets"]:
        if target["at_most"] is not None:
            assert target["met"] == (target["measured"] <= target["at_most"])
        else:
            assert target["met"] == (target["measured"] >= target["at_least"])
    by_name = {target["what"]: target["measured"] for target in report["targets"]}
    assert by_name["engine: p50 in ms"] == report["calls"]["engine"]["p50_ms"]
    assert by_name["gateway: p50 of the last calls over the first"] == report["history"]["ratio"]
    assert by_name["import ocrgate: seconds"] == report["import_seconds"]["import ocrgate"]


def test_a_gateway_that_grows_slow_misses_its_target(report: dict[str, Any]) -> None:
    found = overhead.targets({**report, "history": {**report["history"], "ratio": 2.0}})
    assert [target["met"] for target in found if "last calls" in target["what"]] == [False]


def test_a_peer_that_was_measured_is_a_target(report: dict[str, Any]) -> None:
    slower = {**report["calls"]["gateway"], "p50_ms": 4 * report["calls"]["gateway"]["p50_ms"]}
    found = overhead.targets({**report, "calls": {**report["calls"], "litellm": slower}})
    assert (found[-1]["what"], found[-1]["measured"], found[-1]["met"]) == (
        "gateway: p50 over that of litellm",
        0.25,
        True,
    )


def test_a_missed_target_fails_a_checked_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "import_seconds", lambda _statement, _times: 9.0)
    monkeypatch.setattr(overhead, "shared", lambda _stack, _folder: {})
    out = ["--out", str(tmp_path / "overhead.json")]
    assert overhead.main([*QUICK, *out, "--check"]) == 1
    assert overhead.main([*QUICK, *out]) == 0


def test_percentiles_are_milliseconds() -> None:
    assert overhead.percentiles([n / 1000 for n in range(101)]) == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}


def test_the_gateways_really_read(tmp_path: Path) -> None:
    with ExitStack() as stack:
        ways = {**contenders(stack), **shared(stack, tmp_path)}
        results = {name: way.call() for name, way in ways.items() if name.startswith("gateway")}
    assert results.keys() >= {"gateway", "gateway_once", "gateway_heard", "gateway_sqlite"}
    for result in results.values():
        assert isinstance(result, Result)
        assert (result.text, result.attempts[0].key, result.attempts[0].outcome) == ("TOTAL 5.50", "only", "accepted")


def test_a_contender_that_fails_ends_the_measurement() -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    broken = {"broken": Contender("broken", "", fail)}
    with pytest.raises(RuntimeError, match="broken"):
        overhead.throughput(broken, 0.01, 1)
    with pytest.raises(RuntimeError, match="broken"):
        overhead.latencies(broken, 25)


def test_a_history_compares_an_old_gateway_with_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[None]] = []

    def way(_stack: ExitStack) -> Contender:
        calls: list[None] = []
        made.append(calls)
        return Contender("counted", "", lambda: calls.append(None))

    monkeypatch.setattr(history, "_way", way)
    found = history.history(60, 10)
    assert (found["calls"], found["looked_at"]) == (60, 30)
    assert [len(calls) for calls in made] == [60, 40]


def test_a_shared_state_that_is_none_ends_the_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contender, "_states", lambda _stack, _folder: {"sqlite": "memory"})
    with ExitStack() as stack, pytest.raises(RuntimeError, match="not sqlite"):
        shared(stack, tmp_path)


def test_peers_are_asked_in_their_own_interpreter(interpreter: str) -> None:
    with peers(interpreter) as found:
        assert dict(found.missing) == {"ocrroute": "not installed"}
        way = found.ways["litellm"]
        assert "9.9" in way.what
        block = way.block(7)
        assert len(block.seconds) == 7
        assert min(block.seconds) > 0
        assert way.rate(0.05, 2) > 0


def test_an_interpreter_without_peers_tells_so() -> None:
    with peers(sys.executable) as found:
        assert not found.ways
        assert set(found.missing.values()) == {"not installed"}


def test_an_interpreter_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="cannot be started"), peers(str(tmp_path / "none")):
        pass
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\necho broken >&2\nexit 3\n", encoding="utf-8")
    silent.chmod(0o755)
    with pytest.raises(RuntimeError, match="has ended: broken"), peers(str(silent)):
        pass
