"""`ocrgate audit verify`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from ocrgate.cli import audit
from ocrgate.errors import ConfigError
from tests.audit.ledgers import NAME, written


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser(prog="ocrgate")
    audit.add_parser(parser.add_subparsers())
    options = parser.parse_args(["audit", *map(str, arguments)])
    return int(options.run(options))


def test_a_whole_ledger_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, 6, files=2)
    assert run("verify", path) == 0
    last = json.loads(path.read_bytes().splitlines()[-1])
    assert capsys.readouterr().out == f"{path}: whole: 6 lines in 2 files, seq 1 to 6, hash {last['hash']}\n"


def test_a_flawed_one_ends_with_1_and_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2].replace(b"primary", b"backup") + lines[3])
    assert run("verify", path) == 1
    out = capsys.readouterr().out
    assert f"{NAME}:2: changed: is not as it was written\n" in out
    assert "dropped" in out
    assert out.endswith("problems; 2 lines in 1 file hold\n")


def test_json_holds_the_whole_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, 4)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert run("verify", path, "--json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["file"], shown["ok"], shown["lines"], shown["last"]) == (str(path), False, 3, 3)
    assert shown["problems"] == [
        {"file": NAME, "line": None, "seq": 4, "kind": "dropped", "detail": "seq 4 is missing at the end"}
    ]


def test_what_cannot_be_read_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", tmp_path / "nothing.jsonl") == 2
    assert "there is no ledger here" in capsys.readouterr().err


def test_a_missing_or_wrong_key_ends_with_2_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, 2, key="planted-secret")
    assert run("verify", path) == 2
    assert "was made with a key; give it" in capsys.readouterr().out
    monkeypatch.setenv("WRONG_KEY", "another")
    assert run("verify", path, "--key-env", "WRONG_KEY") == 2
    assert "another key than the one given" in capsys.readouterr().out
    monkeypatch.setenv("RIGHT_KEY", "planted-secret")
    assert run("verify", path, "--key-env", "RIGHT_KEY") == 0
    shown = capsys.readouterr()
    assert "planted-secret" not in shown.out + shown.err


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("AUDIT_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("AUDIT_KEY", value)
    with pytest.raises(ConfigError, match="AUDIT_KEY is not set"):
        run("verify", written(tmp_path, 1), "--key-env", "AUDIT_KEY")


def test_warnings_are_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, 2)
    (tmp_path / f"{NAME}.head").unlink()
    assert run("verify", path) == 0
    assert capsys.readouterr().out.startswith(f"note: {NAME}.head is missing")
