"""The concurrency benchmark, from the command line to its files."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import PIL.Image
import pytest
from benchmarks import concurrency, crowd, doorway, numbered, parallel, target
from benchmarks.report import Progress

pytestmark = pytest.mark.thorough

QUICK = ("--threads", "4", "--each", "2", "--rounds", "2", "--beside", "5")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("concurrency") / "concurrency.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concurrency, "CALLERS", 8)
        patch.setattr(concurrency, "TASKS", 10)
        assert concurrency.main([*QUICK, "--out", str(out)]) == 0
    assert out.with_suffix(".md").read_text(encoding="utf-8").startswith("# Concurrency")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_every_way_is_measured_beside_the_ideal_time(report: dict[str, Any]) -> None:
    assert list(report["scaling"]) == ["ThreadPoolExecutor", "pybreaker.call", "by hand", "ocrgate"]
    for name, found in report["scaling"].items():
        assert found["4"]["ratio"] >= 1.0, name
        assert found["4"]["ratio"] == pytest.approx(found["4"]["seconds"] / found["4"]["ideal_s"], abs=0.01)
    assert report["scaling"]["ocrgate"]["4"]["calls"] == 8


def test_a_breaker_that_holds_its_lock_during_the_call_lets_one_call_through_at_a_time(report: dict[str, Any]) -> None:
    assert report["eight"]["pybreaker.call"]["seconds"] >= 8 * 0.2
    assert report["scaling"]["by hand"]["4"]["ratio"] >= 4


def test_half_open_lets_one_probe_through_and_keeps_nobody_waiting(report: dict[str, Any]) -> None:
    assert report["half_open"]["ocrgate"] == {"callers": 8, "probes": 1, "refused": 7, "waited": 0}
    assert report["half_open"]["pybreaker.call"]["waited"] == 7
    assert report["half_open"]["pybreaker.calling"]["probes"] == 8


def test_every_call_on_one_loop_is_answered(report: dict[str, Any]) -> None:
    assert report["one_loop"]["answered"] == report["one_loop"]["calls"] == 10


def test_a_pool_that_both_engines_share_keeps_the_good_one_waiting(report: dict[str, Any]) -> None:
    assert report["beside_a_hung_one"]["one pool for both"]["longest_ms"] > 500
    assert report["beside_a_hung_one"]["ocrgate"]["longest_ms"] < 500


def test_targets_are_compared_with_what_was_measured(report: dict[str, Any]) -> None:
    told = {each["what"]: each for each in report["targets"]}
    assert told["half-open, 8 threads: probes"]["met"] is True
    assert told["8 calls of 0.2 s at once: seconds"]["measured"] == report["eight"]["ocrgate"]["seconds"]
    worse = {**report, "half_open": {"ocrgate": {"callers": 8, "probes": 2, "refused": 6, "waited": 0}}}
    missed = [each["what"] for each in concurrency.targets(worse) if not each["met"]]
    assert "half-open, 8 threads: probes" in missed


def test_what_could_not_be_measured_misses_its_target() -> None:
    assert target.aim("x", None, at_most=5)["met"] is False
    assert target.aim("x", 5, at_most=5)["met"] is True
    assert target.aim("x", 4, at_least=5)["met"] is False


def test_a_missed_target_fails_a_run_that_is_checked_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    missed, met = target.aim("calls lost", 1, at_most=0), target.aim("calls made", 5, at_least=5)
    assert target.conclude([missed, met], Progress(), check=True) == 1
    assert target.conclude([missed, met], Progress(), check=False) == 0
    assert target.conclude([met], Progress(), check=True) == 0
    assert "MISSED: calls lost: 1, at most 0\nmet: calls made: 5, at least 5\n" in capsys.readouterr().err


def test_a_way_that_fails_ends_the_measurement() -> None:
    @contextmanager
    def broken(_threads: int, _seconds: float) -> Iterator[parallel.Call]:
        def fail(_number: int) -> None:
            raise RuntimeError("broken")

        yield fail

    with pytest.raises(RuntimeError, match="broken"):
        parallel.side_by_side(broken, 2, 0.01, 1)


def test_a_door_that_lets_nobody_through_is_an_error_of_the_measurement() -> None:
    def no() -> None:
        raise LookupError

    with pytest.raises(RuntimeError, match="nobody got through"):
        doorway.Doorway(LookupError).watch([no, no], 1.0)


def test_who_fails_for_another_reason_at_the_door_has_not_been_turned_away() -> None:
    door = doorway.Doorway(LookupError)

    def fail() -> None:
        raise TypeError("not a refusal")

    with pytest.raises(TypeError, match="not a refusal"):
        door.watch([door.enter, fail], 0.1)


def test_threads_of_a_crowd_begin_together_and_their_time_is_that_of_the_last() -> None:
    gone: list[float] = []
    began = time.perf_counter()
    assert crowd.at_once([lambda: gone.append(time.perf_counter())] * 5).seconds <= time.perf_counter() - began
    assert len(gone) == 5


@pytest.mark.parametrize("number", [0, 1, 12345, numbered.COUNT - 1])
def test_the_number_of_a_picture_is_read_from_its_pixels(number: int) -> None:
    with PIL.Image.open(io.BytesIO(numbered.picture(number))) as image:
        assert numbered.read(image) == numbered.text(number)
    assert numbered.number_of(numbered.text(number)) == number
