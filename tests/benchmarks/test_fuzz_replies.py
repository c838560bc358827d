"""The fuzz of replies, from the command line to its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import fuzz_replies
from benchmarks.fuzz_replies import Fuzz
from benchmarks.mutation import mutant
from benchmarks.soundness import diagnosis_flaws, page_flaws

from ocrgate.diagnosis import Diagnosis
from ocrgate.page import Line, Page, Polygon
from ocrgate_baidu import ENDPOINTS, BaiduProvider

pytestmark = pytest.mark.thorough


def _run(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    out = tmp_path / "fuzz.json"
    code = fuzz_replies.main(["--count", "1500", "--out", str(out), *arguments])
    report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return code, report


def test_no_spoilt_reply_ends_in_anything_but_a_page_or_a_diagnosis(tmp_path: Path) -> None:
    code, report = _run(tmp_path, "--seed", "1")
    assert report["failures"] == []
    assert code == 0
    assert (report["count"], report["seed"], report["failed"]) == (1500, 1, 0)
    assert set(report["outcomes"]) == {"page", "empty page", "diagnosis"}
    assert sum(report["outcomes"].values()) == sum(report["endpoints"].values()) == 1500
    assert report["outcomes"]["diagnosis"] == sum(report["codes"].values())
    # A fuzz that only makes rubbish tries one door.
    assert report["outcomes"]["page"] > 300
    assert set(report["endpoints"]) >= {*ENDPOINTS, "token"}
    assert len(report["codes"]) > 10
    assert len(report["slowest"]) == 10


def test_a_reply_that_breaks_the_adapter_fails_the_run_and_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recognize = BaiduProvider.recognize

    def broken(self: BaiduProvider, *arguments: Any) -> Page:
        page = recognize(self, *arguments)
        if len(page.lines) > 1:
            raise KeyError("words_result")
        return page

    monkeypatch.setattr(BaiduProvider, "recognize", broken)
    code, report = _run(tmp_path)
    assert code == 1
    assert report["failed"] == report["outcomes"]["KeyError"] > 10
    first = report["failures"][0]
    assert first["outcome"] == "KeyError"
    again = Fuzz(0).case(first["number"])
    assert (again.endpoint, list(again.how), again.outcome) == (first["endpoint"], first["how"], "KeyError")
    assert fuzz_replies.main(["--only", str(first["number"])]) == 0
    assert "KeyError" in capsys.readouterr().err


def test_a_slow_reply_fails_the_run(tmp_path: Path) -> None:
    code, report = _run(tmp_path, "--count", "20", "--limit", "0")
    assert (code, report["failed"]) == (1, 20)
    assert report["failures"][0]["flaws"] == ["slow"]


def test_a_seed_makes_the_same_mutants_and_another_one_others() -> None:
    import random

    reply = {"words_result": [{"words": "a", "location": {"left": 1, "top": 2, "width": 3, "height": 4}}], "log_id": 1}
    first, again, other = ([mutant(random.Random(f"{seed}:{n}"), reply) for n in range(200)] for seed in (0, 0, 1))
    assert first == again != other
    assert len({each.body for each in first}) > 100
    assert reply["log_id"] == 1


@pytest.mark.parametrize(
    ("page", "flaw"),
    [
        (None, "no Page"),
        (Page(width=1, height=1), "1 × 1"),
        (Page((Line("\ud800"),), 10, 10), "UTF-8"),
        (Page((Line("a", Polygon.from_box(5, 5, 50, 2)),), 10, 10), "a corner at 55, 5"),
        (Page((), 10, 10, {"a": 5}), "not text"),  # type: ignore[dict-item]
        (Page((), 10, 10, {"\ud800": ""}), "name of a field"),
        (Page((), 10, 10, notes={"a": [{"b": "\ud800"}]}), "a note"),
        (Page((), 10, 10, notes={"a": float("inf")}), "a note holds inf"),
    ],
)
def test_unsound_pages_are_seen(page: Page | None, flaw: str) -> None:
    assert any(flaw in each for each in page_flaws(page, 10, 10))


@pytest.mark.parametrize(
    ("diagnosis", "flaw"),
    [
        (Diagnosis("17"), "no meaning"),
        (Diagnosis("adapter_error", "KeyError: 'x'", meaning="broken"), "the adapter broke"),
        (Diagnosis("17", "\ud800", meaning="x"), "message"),
        (Diagnosis("17", "x" * 3000, meaning="x"), "characters to read"),
        (Diagnosis("17", meaning="x", retry_after=float("nan")), "a wait of nan"),
    ],
)
def test_unsound_diagnoses_are_seen(diagnosis: Diagnosis, flaw: str) -> None:
    assert any(flaw in each for each in diagnosis_flaws(diagnosis))


def test_sound_ones_pass() -> None:
    page = Page((Line("百度", Polygon.from_box(1, 1, 9, 9), 0.5),), 10, 10, {"name": "x"}, notes={"direction": 0})
    assert page_flaws(page, 10, 10) == []
    assert diagnosis_flaws(Diagnosis("17", "limit", "quota", "key", "next_key", "used up")) == []
