"""Every input ends in a result or in one clear error, and what does not is told."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from benchmarks import accuracy, robustness

from ocrgate import Deadline, Page
from ocrgate.provider import Provider, Request
from ocrgate.testing import ScriptedProvider, fails
from tests.benchmarks.corpora import write_set
from tests.drawing import blank, encoded

pytestmark = pytest.mark.thorough


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    write_set(
        folder / "hard",
        {"text": "A", "decodes": True, "category": "format"},
        {"text": "", "decodes": False, "category": "corrupt", "data": b"\x89PNG\r\n\x1a\nnothing"},
        {"text": "", "decodes": True, "category": "blank", "data": encoded(blank())},
    )
    return folder


def _run(folder: Path, *arguments: str, **providers: Provider) -> tuple[int, dict[str, Any]]:
    out = folder.parent / "robustness.json"
    code = accuracy.main([str(folder), "--robustness", "--out", str(out), *arguments], providers)
    report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return code, report


def test_results_and_invalid_images_are_both_fine(corpus: Path) -> None:
    code, report = _run(corpus, engine=ScriptedProvider("engine", "A", Page()))
    assert code == 0
    assert report["counts"] == {"hard": {"Result": 2, "InvalidImage": 1}}
    assert [(each["image"], each["outcome"], each["blank"]) for each in report["images"]] == [
        ("0.png", "Result", False),
        ("1.png", "InvalidImage", None),
        ("2.png", "Result", True),
    ]
    assert report["failures"] == report["unexpected"] == []
    assert 10 < report["peak_rss_mib"] < 1024
    assert len(report["slowest"]) == 3


def test_any_other_error_fails_the_run_and_is_told(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = _run(corpus, engine=ScriptedProvider("engine", fails("216201"), "B"))
    assert code == 1
    assert [(each["image"], each["outcome"]) for each in report["failures"]] == [("0.png", "AllProvidersFailed")]
    assert "hard/0.png: AllProvidersFailed" in capsys.readouterr().err


def test_a_hang_is_seen_and_the_run_goes_on(corpus: Path) -> None:
    release = threading.Event()

    def hang(_request: Request, _deadline: Deadline) -> Page:
        release.wait(30)
        return Page()

    try:
        code, report = _run(corpus, "--hang", "0.2", engine=ScriptedProvider("engine", hang, "B"))
    finally:
        release.set()
    assert code == 1
    assert [each["outcome"] for each in report["images"]] == ["hang", "InvalidImage", "Result"]


def test_what_the_corpus_says_otherwise_is_listed_but_no_failure(tmp_path: Path) -> None:
    write_set(
        tmp_path / "corpus" / "odd",
        {"text": "", "decodes": True, "data": b"no image at all"},
        {"text": "", "decodes": False},
        {"text": ""},
    )
    code, report = _run(tmp_path / "corpus", engine=ScriptedProvider("engine", "B"))
    assert code == 0
    assert [(each["image"], each["outcome"]) for each in report["unexpected"]] == [
        ("0.png", "InvalidImage"),
        ("1.png", "Result"),
    ]


def test_results_name_no_folder_of_the_machine(corpus: Path, tmp_path: Path) -> None:
    _run(corpus, engine=ScriptedProvider("engine", fails("216201")))
    assert str(tmp_path) not in (tmp_path / "robustness.json").read_text(encoding="utf-8")


def test_a_reason_is_told_without_the_folder(corpus: Path, tmp_path: Path) -> None:
    def lose_the_last(_request: Request, _deadline: Deadline) -> Page:
        (corpus / "hard" / "images" / "2.png").unlink()
        return Page()

    _, report = _run(corpus, engine=ScriptedProvider("engine", lose_the_last))
    assert report["images"][2]["detail"].startswith("there is no file '2.png'")
    assert str(tmp_path) not in (tmp_path / "robustness.json").read_text(encoding="utf-8")


def test_a_swollen_process_fails_the_run(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "RSS_LIMIT", 1 << 20)
    code, report = _run(corpus, engine=ScriptedProvider("engine", "A"))
    assert (code, report["failures"]) == (1, [])


def test_the_peak_is_in_bytes() -> None:
    hoard = bytearray(64 << 20)
    assert robustness.peak_rss() >= len(hoard)
