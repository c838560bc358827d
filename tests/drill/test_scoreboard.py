"""The scoreboard says who passed, who failed and why, and who was not asked."""

from __future__ import annotations

from ocrgate.drill import Score, Scoreboard, Verdict
from ocrgate.drill.invariant import COMMON
from ocrgate.drill.scoreboard import Numbers

GOOD = Verdict(True, "as it should be")


def score(name: str, *own: tuple[str, Verdict], **broken: Verdict) -> Score:
    verdicts = [(each.name, broken.get(each.name, GOOD)) for each in COMMON]
    return Score(name, (*verdicts, *own), Numbers(calls=12, valid=10, errors=2, p50=0.0042, p99=1.5, recovery=0.456))


def row(board: Scoreboard, name: str, place: int = 0) -> list[str]:
    """Cells of a scenario's row in one of the tables."""
    found = [line.split() for line in board.text().splitlines() if line.startswith(f"{name} ")]
    return found[place][1:]


def test_a_drill_without_a_broken_invariant_is_passed() -> None:
    board = Scoreboard((score("hang"), Score("key_revoked", reason="baidu has one key")))
    assert board.ok
    assert board.text().splitlines()[-1] == "1 passed, 1 not applicable"
    assert row(board, "hang") == ["pass"] * len(COMMON) + ["–"]
    assert row(board, "hang", 1) == ["12", "10", "0", "2", "4", "1500", "0", "0.46"]


def test_one_broken_invariant_breaks_it_and_is_told_in_a_sentence() -> None:
    bad = score("hang", ("second_key", GOOD), recovery=Verdict(False, "baidu is not back 9.0 s after the fault"))
    board = Scoreboard((score("502_storm"), bad))
    assert not board.ok
    assert "FAIL hang: recovery: baidu is not back 9.0 s after the fault" in board.text().splitlines()
    assert row(board, "hang").count("FAIL") == 1
    assert row(board, "hang")[-1] == "pass"
    assert board.text().splitlines()[-1] == "1 passed, 1 failed"


def test_a_broken_invariant_of_its_own_shows_in_the_last_column() -> None:
    bad = score("hang", ("second_key", GOOD), ("first_key_back", Verdict(False, "it is not")))
    assert row(Scoreboard((bad,)), "hang")[-1] == "FAIL"


def test_nothing_to_judge_is_neither_passed_nor_failed() -> None:
    board = Scoreboard((score("hang", ledger_whole=Verdict(None, "there is no ledger")),))
    assert board.ok
    assert row(board, "hang")[len(COMMON) - 1] == "–"


def test_a_scenario_that_does_not_apply_is_never_passed() -> None:
    board = Scoreboard((Score("disk_full", reason="nothing is written"),), notes=("chaos is off",))
    assert board.to_dict()["scenarios"][0]["ok"] is None
    assert board.text().split("\n\n") == [
        "not applicable: disk_full: nothing is written",
        "note: chaos is off",
        "1 not applicable",
    ]


def test_a_provider_that_is_not_back_has_no_time_of_recovery() -> None:
    board = Scoreboard((Score("hang", (("recovery", GOOD),), Numbers()),))
    assert row(board, "hang", 1) == ["0", "0", "0", "0", "–", "–", "0", "–"]
