from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from ocrgate.cli.config import add_parser
from ocrgate.config import example, schema


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="ocrgate")
    add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["config", *arguments])
    code: int = args.run(args)
    return code


def test_check_prints_each_problem_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_text("providers:\n  paper: {lanes: 0}\nrouts: {}\n")
    assert run("check", str(file)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{file}:2:18: providers.paper.lanes: expected at least 1; got 0",
        f"{file}:3:1: routs: unknown key 'routs'; did you mean 'routes'?",
        f"{file}: 2 problems",
    ]


def test_check_of_a_good_file_sums_it_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_text(
        "providers: {paper: , cloud: {type: acme}}\n"
        "routes:\n"
        "  default: {providers: [cloud, paper]}\n"
        "  private: {providers: [paper], deadline: 1500ms, residency: local,\n"
        "            accept: {rules: [{name: total, pattern: a}]}, enhance: [grey]}\n"
    )
    assert run("check", str(file)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        f"{file}: ok",
        "providers: paper, cloud (acme)",
        "route default: cloud > paper; deadline 15 s",
        "route private: paper; deadline 1.5 s; local only; rules total",
        "note: routes.private.enhance (line 5) is accepted but has no effect in this version",
    ]


def test_check_of_no_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "none.yaml"
    assert run("check", str(file)) == 2
    assert capsys.readouterr().err == f"{file}: no such file; `ocrgate config example` prints one to start from\n"


def test_the_example_that_is_printed_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("example") == 0
    printed = capsys.readouterr().out
    assert printed == example()
    file = tmp_path / "ocr.yaml"
    file.write_text(printed, encoding="utf-8")
    assert run("check", str(file)) == 0


def test_the_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    assert json.loads(capsys.readouterr().out) == schema()


@pytest.mark.parametrize("arguments", [[], ["check"], ["chek", "x"]])
def test_a_wrong_call_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
