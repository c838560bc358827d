"""`ocrgate recognize`, as somebody at a terminal sees it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.houses import house, picture

from ocrgate import Gateway
from ocrgate.cli import main
from ocrgate.page import Page
from ocrgate.provider import Readiness
from ocrgate.settings import AcceptSettings, RuleSettings
from ocrgate.testing import ScriptedProvider, fails


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "receipt.png"
    path.write_bytes(picture())
    return path


def engines(monkeypatch: pytest.MonkeyPatch, *providers: ScriptedProvider, **route: Any) -> None:
    monkeypatch.setattr(Gateway, "default", lambda: house(*providers, **route))


def test_text_goes_to_standard_output_and_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    engines(monkeypatch, ScriptedProvider("local", "TOTAL 12.30\nThank you"))
    assert main(["recognize", str(image)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "TOTAL 12.30\nThank you\n"
    assert captured.err == ""


def test_the_trace_tells_who_was_asked_and_why_it_was_not_enough(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    engines(monkeypatch, ScriptedProvider("cloud", fails("http_5xx")), ScriptedProvider("local", "text"))
    assert main(["recognize", str(image), "--trace"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "text\n"
    lines = captured.err.splitlines()
    assert "valid, read by local" in lines[0]
    assert "cloud" in lines[1]
    assert "failed" in lines[1]
    assert "The server failed." in lines[1]
    assert "local" in lines[2]
    assert "accepted" in lines[2]


def test_json_is_one_object_for_one_image_and_one_a_line_for_several(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    engines(monkeypatch, ScriptedProvider("local", "字"))
    assert main(["recognize", "--format", "json", str(image)]) == 0
    one = json.loads(capsys.readouterr().out)
    assert (one["source"], one["text"]) == (str(image), "字")
    assert main(["recognize", "--format", "json", str(image), str(image)]) == 0
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == ["字", "字"]


def test_an_image_that_no_engine_could_read_ends_in_1_with_every_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    class Missing(ScriptedProvider):
        def check(self) -> Readiness:
            return Readiness(False, "tesseract is not installed", 'pip install "ocrgate[tesseract]"')

    engines(monkeypatch, Missing("tesseract"), ScriptedProvider("cloud", fails("http_5xx")))
    assert main(["recognize", str(image)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert 'pip install "ocrgate[tesseract]"' in captured.err
    assert "The server failed." in captured.err


def test_a_bad_image_ends_in_3_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    engines(monkeypatch, ScriptedProvider("local"))
    missing, junk = tmp_path / "none.png", tmp_path / "junk.png"
    junk.write_bytes(b"junk")
    for path in (missing, junk):
        assert main(["recognize", str(path)]) == 3
        captured = capsys.readouterr()
        assert captured.err.startswith(f"{path}: ")
        assert "Traceback" not in captured.err


def test_an_answer_that_passes_no_rule_ends_in_4_and_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    accept = AcceptSettings(rules=(RuleSettings("total", r"TOTAL", required=True),))
    engines(monkeypatch, ScriptedProvider("local", "nothing"), accept=accept)
    assert main(["recognize", str(image)]) == 4
    captured = capsys.readouterr()
    assert captured.out == "nothing\n"
    assert "not valid: total: not found" in captured.err


def test_a_bad_image_among_good_ones_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path, tmp_path: Path
) -> None:
    engines(monkeypatch, ScriptedProvider("local", "text"))
    assert main(["recognize", str(tmp_path / "none.png"), str(image)]) == 3
    captured = capsys.readouterr()
    assert f"==> {image} <==\ntext" in captured.out
    assert "none.png" in captured.err


def test_a_missing_or_broken_configuration_ends_in_2(
    capsys: pytest.CaptureFixture[str], image: Path, tmp_path: Path
) -> None:
    assert main(["recognize", str(image), "--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\nprovidres: {}\n")
    assert main(["recognize", str(image), "--config", str(broken)]) == 2
    assert "broken.yaml:2:1" in capsys.readouterr().err


def test_an_unknown_route_ends_in_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    engines(monkeypatch, ScriptedProvider("local"))
    assert main(["recognize", str(image), "--route", "receipts"]) == 2
    assert "no route 'receipts'" in capsys.readouterr().err


def test_wrong_usage_ends_in_2(capsys: pytest.CaptureFixture[str], image: Path) -> None:
    for arguments in (["recognize"], ["recognize", str(image), "--deadline", "0"], ["recognise"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "usage: ocrgate" in capsys.readouterr().err


def test_standard_input_is_read_where_a_dash_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engines(monkeypatch, ScriptedProvider("local", "text"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(picture())))
    assert main(["recognize", "-"]) == 0
    assert capsys.readouterr().out == "text\n"


def test_ctrl_c_ends_in_130_and_closes_the_gateway(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    engine = ScriptedProvider("local", "text")
    engines(monkeypatch, engine)

    def interrupted(*_: object, **__: object) -> Page:
        raise KeyboardInterrupt

    monkeypatch.setattr(Gateway, "recognize_many", interrupted)
    assert main(["recognize", str(image)]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert engine.closed


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"ocrgate {version('ocrgate')}\n"
