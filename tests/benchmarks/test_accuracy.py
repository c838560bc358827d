"""The accuracy benchmark, from the command line to its files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import accuracy

from ocrgate.provider import Provider
from ocrgate.testing import ScriptedProvider, fails
from tests.benchmarks.corpora import write_set

pytestmark = pytest.mark.thorough


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two sets: two receipts, and a label beside an image that nobody has transcribed."""
    folder = tmp_path / "corpus"
    write_set(folder / "receipts", {"text": "TOTAL 5.50", "lang": "en"}, {"text": "TOTAL 7.10", "lang": "en"})
    write_set(folder / "labels", {"text": "VS1", "lang": "en"}, {"text": None})
    return folder


def _run(folder: Path, *arguments: str, **providers: Provider) -> tuple[int, dict[str, Any]]:
    out = folder.parent / "out" / "accuracy.json"
    engines = ["--engines", ",".join(providers)] if providers else []
    words = [str(folder), *engines, "--out", str(out), *arguments]
    code = accuracy.main(words, providers)
    report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    return code, report


def test_every_engine_is_measured_on_every_set(corpus: Path) -> None:
    good = ScriptedProvider("good", "VS1", "TOTAL 5.50", "Total 7.10")
    bad = ScriptedProvider("bad", fails("216201"), "TOTAL", "TOTAL")
    code, report = _run(corpus, good=good, bad=bad)
    assert code == 0
    rows = {(row["set"], row["engine"]): row for row in report["results"]}
    assert set(rows) == {("labels", "good"), ("labels", "bad"), ("receipts", "good"), ("receipts", "bad")}
    assert rows["receipts", "good"]["cer_micro"] == 0.0
    assert rows["receipts", "bad"]["cer_micro"] == round(8 / 18, 4)
    assert rows["labels", "good"]["exact"] == 1
    assert rows["labels", "good"]["unlabelled"] == 1
    assert rows["labels", "bad"]["errors"] == {"failed: 216201": 1}
    assert report["complete"] is True
    assert report["machine"]["cores"] >= 1
    assert report["machine"]["versions"]["ocrgate"]


def test_the_table_shows_every_row(corpus: Path) -> None:
    _run(corpus, good=ScriptedProvider("good", "VS1"))
    text = (corpus.parent / "out" / "accuracy.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert rows[2].startswith("| labels | good | 1 | 0.0 |")
    assert "1/1" in rows[2]


def test_results_name_no_folder_of_the_machine(corpus: Path, tmp_path: Path) -> None:
    code, report = _run(corpus, good=ScriptedProvider("good", "VS1"))
    assert code == 0
    assert report["command"] == "python benchmarks/accuracy.py corpus --engines good --out accuracy.json"
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir())
    assert str(tmp_path) not in written
    assert str(Path.home()) + "/" not in written


def test_sets_and_limit_choose_what_is_read(corpus: Path) -> None:
    engine = ScriptedProvider("engine", "TOTAL 5.50")
    _, report = _run(corpus, "--sets", "receipts", "--limit", "1", engine=engine)
    assert [(row["set"], row["n"]) for row in report["results"]] == [("receipts", 1)]
    assert len(engine.requests) == 1


def test_the_limit_counts_images_that_can_be_compared(tmp_path: Path) -> None:
    write_set(tmp_path / "corpus" / "s", {"text": None}, {"text": ""}, {"text": "A"}, {"text": "B"})
    _, report = _run(tmp_path / "corpus", "--limit", "1", engine=ScriptedProvider("engine", "A"))
    assert [(row["n"], row["exact"], row["unlabelled"]) for row in report["results"]] == [(1, 1, 2)]


def test_an_interrupted_run_writes_what_there_is(corpus: Path) -> None:
    engine = ScriptedProvider("engine", "VS1", "TOTAL 5.50", KeyboardInterrupt())
    code, report = _run(corpus, engine=engine)
    assert code == 130
    assert report["complete"] is False
    assert [(row["set"], row["n"], row["whole"]) for row in report["results"]] == [
        ("labels", 1, True),
        ("receipts", 1, False),
    ]
    assert "Ended early" in (corpus.parent / "out" / "accuracy.md").read_text(encoding="utf-8")


def test_a_missing_engine_is_one_line_and_the_others_are_measured(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = _run(corpus, "--engines", "nosuch,engine", engine=ScriptedProvider("engine", "VS1"))
    assert code == 0
    assert list(report["missing"]) == ["nosuch"]
    assert {row["engine"] for row in report["results"]} == {"engine"}
    assert sum("nosuch is missing" in line for line in capsys.readouterr().err.splitlines()) == 1


def test_with_no_engine_at_all_nothing_is_written(corpus: Path) -> None:
    code, report = _run(corpus, "--engines", "nosuch")
    assert (code, report) == (2, {})


def test_rows_of_another_run_are_kept_only_when_asked(corpus: Path) -> None:
    _run(corpus, first=ScriptedProvider("first", "VS1"))
    _, report = _run(corpus, "--keep", "--sets", "labels", second=ScriptedProvider("second", "V51"))
    assert [(row["set"], row["engine"]) for row in report["results"]] == [
        ("labels", "first"),
        ("labels", "second"),
        ("receipts", "first"),
    ]
    _, report = _run(corpus, "--keep", "--sets", "labels", first=ScriptedProvider("first", "XXX"))
    assert [row["exact"] for row in report["results"] if row["engine"] == "first"] == [0, None]
    _, report = _run(corpus, second=ScriptedProvider("second", "VS1"))
    assert {row["engine"] for row in report["results"]} == {"second"}


def test_rows_of_another_machine_are_never_kept(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, report = _run(corpus, first=ScriptedProvider("first", "VS1"))
    report["machine"]["cores"] += 1
    out = corpus.parent / "out" / "accuracy.json"
    out.write_text(json.dumps(report), encoding="utf-8")
    engine = ScriptedProvider("second", "VS1")
    code, after = _run(corpus, "--keep", second=engine)
    assert (code, after) == (2, report)
    assert not engine.requests
    assert "another machine" in capsys.readouterr().err


def test_details_tell_every_image(corpus: Path, tmp_path: Path) -> None:
    log = tmp_path / "details.jsonl"
    _run(corpus, "--details", str(log), engine=ScriptedProvider("engine", "VS1", fails("216201"), "TOTAL"))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["set"], line["read"], line["error"]) for line in lines] == [
        ("labels", "VS1", None),
        ("receipts", None, "failed: 216201"),
        ("receipts", "TOTAL", None),
    ]


def test_a_corpus_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accuracy.main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_rapidfuzz_the_command_says_how_to_get_it(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    code, report = _run(corpus, engine=ScriptedProvider("engine", "VS1"))
    assert (code, report) == (2, {})
    assert "pip install rapidfuzz" in capsys.readouterr().err


def test_engines_of_a_configuration_are_asked_as_it_says(corpus: Path, tmp_path: Path) -> None:
    config = tmp_path / "ocrgate.yaml"
    config.write_text("version: 1\nproviders:\n  mine: {type: tesseract}\n", encoding="utf-8")
    out = tmp_path / "out" / "accuracy.json"
    engine = ScriptedProvider("mine", "VS1")
    assert accuracy.main([str(corpus), "--config", str(config), "--out", str(out)], {"mine": engine}) == 0
    assert {row["engine"] for row in json.loads(out.read_text(encoding="utf-8"))["results"]} == {"mine"}
    config.write_text("version: 1\nprovider: {}\n", encoding="utf-8")
    assert accuracy.main([str(corpus), "--config", str(config), "--out", str(out)], {"mine": engine}) == 2
