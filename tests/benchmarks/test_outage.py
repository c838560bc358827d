"""The outage benchmark, from the command line to its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import numbered, outage, recovery
from benchmarks.stacks import STACKS, Reading, settings
from benchmarks.timeline import Course, Pace, Phase, phases
from benchmarks.traffic import Shot, back, figures

from ocrgate.settings import BreakerSettings
from ocrgate.testing.simulator import LoggedRequest

pytestmark = pytest.mark.thorough

PACE = Pace(1.0, 20.0)
DEADLINE = 0.75


def shot(number: int, by: str, *, begun: float | None = None, took: float = 0.1, text: str | None = None) -> Shot:
    """A picture that was due, and begun, at its number in seconds."""
    start = float(number) if begun is None else begun
    reading = Reading(numbered.text(number) if text is None else text, by)
    return Shot(number, float(number), start, start + took, reading)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("outage") / "outage.json"
    quick = ["--quick", "--open-for", "0.6", "--rate", "20", "--lengths", "2", "--stacks", "by hand", "ocrgate"]
    assert outage.main([*quick, "--out", str(out)]) == 0
    assert out.with_suffix(".md").read_text(encoding="utf-8").startswith("# Outage")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_every_image_that_was_due_is_accounted_for(report: dict[str, Any]) -> None:
    for found in report["stacks"].values():
        assert found["due"] == sum(phase["due"] for phase in found["phases"]) > 0
        assert found["valid"] == found["by_cloud"] + found["by_local"]
    assert [phase["name"] for phase in report["timeline"]] == ["healthy", "hang", "healthy", "502"]


def test_the_platform_is_asked_when_it_is_well_and_hardly_when_it_is_not(report: dict[str, Any]) -> None:
    first, hang, _, html = report["stacks"]["ocrgate"]["phases"]
    assert first["by_cloud"] > 0
    assert first["by_local"] <= first["due"] / 2
    assert hang["by_local"] > 0
    assert html["by_local"] > 0
    assert html["by_cloud"] <= 2
    assert hang["sent"] < hang["due"]


def test_no_stack_gives_a_wrong_text_and_ocrgate_leaves_nothing_behind(report: dict[str, Any]) -> None:
    assert [found["wrong"] for found in report["stacks"].values()] == [0, 0]
    left = report["stacks"]["ocrgate"]["left_over"]
    assert (left["processes"], left["callers"]) == (0, 0)


def test_targets_are_compared_with_what_was_measured(report: dict[str, Any]) -> None:
    told = {each["what"]: each["measured"] for each in report["targets"]}
    found = report["stacks"]["ocrgate"]
    assert told["ocrgate: wrong answers"] == found["wrong"]
    assert told["ocrgate: valid answers in %"] == pytest.approx(100 * found["valid"] / found["due"], abs=0.01)
    longest = max(max(report["simulated"][trouble]) for trouble in recovery.TROUBLES)
    assert told["ocrgate: longest way back after an outage of any length in open_for"] == longest


def test_a_checked_run_fails_when_a_target_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "sweep", lambda *_: {trouble: [9.0] for trouble in recovery.TROUBLES})
    monkeypatch.setattr(outage, "phases", lambda _pace, quick: [Phase("healthy", 0.2)])
    out = ["--open-for", "0.5", "--rate", "10", "--stacks", "ocrgate", "--out", str(tmp_path / "outage.json")]
    assert outage.main([*out, "--check"]) == 1
    assert outage.main(out) == 0


def asked(time: float, endpoint: str = "accurate") -> LoggedRequest:
    return LoggedRequest("/", endpoint, "first", "ok", None, time, 0, "POST", {})


def test_wasted_are_the_calls_that_a_dead_platform_got_beside_the_images_of_that_time() -> None:
    plan = [Phase("healthy", 2.0), Phase("hang", 4.0, dead=True), Phase("healthy", 6.0)]
    course = Course([(0.0, 100.0), (2.0, 102.0), (6.0, 106.0), (12.0, 112.0)])
    shots = [shot(number, "local" if 2 <= number < 7 else "cloud") for number in range(12)]
    sent = [asked(101.0), asked(102.0), asked(103.0, "token"), asked(106.0), asked(107.0)]
    found = outage.summary(shots, sent, course, plan, PACE)
    assert found["wasted_share"] == 1 / 4
    assert [(phase["due"], phase["sent"]) for phase in found["phases"]] == [(2, 1), (4, 1), (6, 2)]
    assert found["back"] == [{"after": "hang", "open_for": 1.1}]


def test_a_platform_that_is_not_used_again_is_a_missed_target() -> None:
    plan = [Phase("hang", 2.0, dead=True), Phase("healthy", 2.0)]
    course = Course([(0.0, 100.0), (2.0, 102.0), (4.0, 104.0)])
    found = outage.summary([shot(number, "local") for number in range(4)], [], course, plan, PACE)
    told = outage.targets({**found, "left_over": {"threads": 0, "processes": 0, "callers": 0}})
    assert [each["met"] for each in told if "longest way back" in each["what"]] == [False]


def test_an_answer_after_the_deadline_is_valid_but_not_in_time() -> None:
    found = figures([shot(0, "cloud"), shot(1, "local", took=2.0)], DEADLINE)
    assert (found["due"], found["valid"], found["valid_in_time"], found["kept"]) == (2, 2, 1, 1)
    assert (found["by_cloud"], found["by_local"]) == (1, 1)


def test_a_picture_whose_caller_was_busy_until_the_end_was_never_asked() -> None:
    found = figures([Shot(0, 0.0), Shot(1, 1.0, 1.0)], DEADLINE)
    assert (found["never_asked"], found["in_time"], found["valid"]) == (1, 0, 0)
    assert found["p50_ms"] is None


def test_a_text_of_another_picture_is_wrong_and_an_unclear_error_keeps_no_promise() -> None:
    wrong, error = shot(0, "local", text=numbered.text(7)), Shot(1, 1.0, 1.0, 1.1, Reading(None, error="OSError"))
    clear = Shot(2, 2.0, 2.0, 2.1, Reading(None, error="DeadlineExceeded", clear=True))
    found = figures([wrong, error, clear], DEADLINE)
    assert (found["wrong"], found["kept"], found["in_time"]) == (1, 1, 3)


def test_back_is_the_first_of_five_answers_of_the_platform_one_after_the_other() -> None:
    by = ["local", "cloud", "local", "cloud", "cloud", "cloud", "cloud", "cloud"]
    shots = [shot(number, engine) for number, engine in enumerate(by)]
    assert back(shots, since=0.0, until=10.0) == pytest.approx(3.1)
    assert back(shots, since=0.0, until=7.0) is None
    assert back(shots, since=4.0, until=10.0) is None


def test_a_picture_that_was_begun_before_the_trouble_ended_says_nothing_of_the_way_back() -> None:
    shots = [shot(number, "cloud") for number in range(1, 7)] + [shot(7, "local", begun=0.5, took=3.0)]
    assert back(shots, since=1.0, until=10.0) == pytest.approx(0.1)


def test_every_dead_stretch_of_the_timeline_is_followed_by_a_healthy_one_that_is_long_enough() -> None:
    plan = phases(PACE)
    for place, phase in enumerate(plan[:-1]):
        assert phase.healthy is (place % 2 == 0)
        if not phase.healthy:
            assert plan[place + 1].length > 1.5
    assert [phase.name for phase in plan if phase.dead] == ["hang", "502"]


def test_the_rules_of_each_phase_are_put_into_force_in_order() -> None:
    course, seen = Course(), []
    plan = [Phase("healthy", 0.01), Phase("502", 0.01, [{"fault": "html"}], dead=True)]
    course.follow(plan, PACE, 0.0, lambda rules: seen.append(rules[0]["fault"]))
    assert seen[0] == {"kind": "slow", "seconds": PACE.usual}
    assert seen[1] == "html"
    assert len(course.begun) == 3


def test_callers_are_so_many_that_none_is_late_for_its_next_picture() -> None:
    for pace in (PACE, Pace(2.0, 40.0)):
        assert pace.threads / pace.rate > pace.deadline


def test_the_measured_configuration_is_in_proportion_to_the_open_time() -> None:
    small, large = (settings("http://127.0.0.1:1", Pace(open_for, 1)).providers["baidu"] for open_for in (1.0, 2.0))
    assert large.breaker.open_for == 2 * small.breaker.open_for == 2.0
    assert large.timeout == 2 * small.timeout
    assert large.breaker.slow_call == 2 * small.breaker.slow_call
    assert list(STACKS) == ["baidu-aip", "by hand", "ocrgate"]


@pytest.mark.parametrize("trouble", recovery.TROUBLES)
def test_after_an_outage_the_platform_is_back_when_the_open_time_is_over(trouble: recovery.Trouble) -> None:
    breaker = BreakerSettings(window=10, minimum=5, open_for=PACE.open_for)
    assert 0 < recovery.away(trouble, 0.5, breaker, PACE) <= 1.5


def test_a_longer_open_time_is_a_longer_way_back() -> None:
    short, long = (BreakerSettings(window=10, minimum=5, open_for=seconds) for seconds in (1.0, 3.0))
    assert recovery.away("error", 0.5, short, PACE) < 1.0
    assert recovery.away("error", 0.5, long, PACE) > 2.0


def test_the_way_back_ends_when_the_breaker_has_closed_not_at_the_first_answer() -> None:
    few, many = (BreakerSettings(window=10, minimum=5, open_for=1.0, successes=number) for number in (1, 20))
    assert recovery.away("error", 0.5, many, PACE) > recovery.away("error", 0.5, few, PACE) + 0.2


def test_an_open_time_that_may_grow_far_is_seen_in_the_sweep() -> None:
    near, far = (BreakerSettings(window=10, minimum=5, open_for=1.0, growth=growth) for growth in (1.25, 8.0))
    for trouble, (first, second) in recovery.sweep(near, PACE, [1.3, 3.7]).items():
        assert max(first, second) <= 1.5, trouble
    assert recovery.sweep(far, PACE, [3.7])["error"][0] > 1.5
