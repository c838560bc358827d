"""Every drill, with the embedded house: real time, a real simulator, real worker processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrgate.drill import SCENARIOS, drill, embedded, judged
from ocrgate.drill.scoreboard import Score
from tests.drill.stage import seen

pytestmark = pytest.mark.thorough

PROMISED = (
    "token_poisoned 502_storm brown_out hang slow_drip qps_storm quota_end tls_interception key_revoked engine_crash"
    " engine_hang store_down disk_full clock_jump total_blackout"
)


def broken(score: Score) -> list[str]:
    return [f"{name}: {verdict.evidence}" for name, verdict in score.verdicts if verdict.ok is False]


def test_the_scenarios_are_those_that_are_promised() -> None:
    assert list(SCENARIOS) == PROMISED.split()


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if not scenario.apart])
def test_every_invariant_holds(name: str) -> None:
    score = judged(SCENARIOS[name], seen(name))
    assert broken(score) == []
    assert score.ok
    assert [invariant for invariant, verdict in score.verdicts if verdict.ok is None] == []
    assert score.numbers.calls > 20
    assert score.numbers.recovery is not None


def test_a_full_disk_is_survived_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (score,) = drill([SCENARIOS["disk_full"]], embedded())
    assert broken(score) == []
    assert score.ok
    assert list(tmp_path.glob("ocrgate-drill-*")) == []
    assert list(tmp_path.glob("ocrgate-*/*")) == []


def test_the_faults_were_met() -> None:
    """A drill that spoils nothing would pass just as well."""
    codes = {
        name: {request.code for request in seen(name).asked("fault")}
        for name in PROMISED.split()
        if name != "disk_full"
    }
    assert codes["502_storm"] == codes["clock_jump"] == {"http_502"}
    assert codes["hang"] == {"hang"}
    assert codes["slow_drip"] == {"drip"}
    assert codes["token_poisoned"] & {"token_poison", "http_503", "token_down"}
    assert "18" in codes["qps_storm"]
    assert "17" in codes["quota_end"]
    assert "110" in codes["key_revoked"]
    assert {request.fault for request in seen("brown_out").asked("fault")} == {"slow"}
    assert codes["tls_interception"] == codes["total_blackout"] == set()


def test_a_breaker_opened_where_the_platform_was_dead() -> None:
    for name in ("token_poisoned", "502_storm", "hang", "slow_drip", "brown_out", "clock_jump", "tls_interception"):
        assert any(getattr(event, "new", "") == "open" for _, event in seen(name).events), name
