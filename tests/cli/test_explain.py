"""`ocrgate explain`: the whole of a diagnosis, for people and for programs."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from dataclasses import fields

import pytest

from ocrgate.cli.explain import add_parser
from ocrgate.diagnosis import Diagnosis, diagnose, table
from ocrgate.diagnosis.catalogue import lookup

HAN = re.compile(r"[\u4e00-\u9fff]")
LABELS = ["meaning", "to blame", "gateway", "you", "billed", "how sure", "source", "table"]


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="ocrgate")
    add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["explain", *arguments])
    code: int = args.run(args)
    return code


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def flat(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def test_a_code_is_explained_with_all_that_is_known_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("17") == 0
    out = capsys.readouterr().out
    row = lookup("baidu", "17")
    assert out.splitlines()[0] == "17: Open api daily request limit reached"
    labels = re.findall(r"^  (\S.*?)  ", out, re.MULTILINE)
    assert labels == LABELS
    for text in (row.meaning, row.remedy, row.source, "does not count", "key of another account, then", "next_key"):
        assert text in flat(out)
    assert "official: read on a page of the provider" in out


@pytest.mark.parametrize(
    ("code", "reading"),
    [("110", "network"), ("111", "timeout"), ("282000", "AccessKey"), ("306004", "4096"), ("403002", "rate limit")],
)
def test_the_readings_of_guides_are_shown_and_why_they_mislead(
    code: str, reading: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(code) == 0
    out = flat(capsys.readouterr().out)
    assert "Popular guides read" in out
    assert reading in out
    assert "Baidu's" in out


def test_several_codes_are_explained_at_once_with_a_gap_between(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("110", "tls", "SDK108") == 0
    parts = capsys.readouterr().out.split("\n\n")
    assert [part.split(":")[0].split("\n")[0] for part in parts] == ["110", "tls", "SDK108"]


def test_a_reply_is_explained_from_an_argument_and_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = '{"error": "invalid_client", "error_description": "unknown client id"}'
    assert run(reply) == 0
    from_argument = capsys.readouterr().out
    stdin = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + reply.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("-") == 0
    assert capsys.readouterr().out == from_argument
    assert "The API Key is not that of any application." in from_argument


def test_the_readings_of_one_code_are_listed_when_nothing_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("invalid_client") == 0
    out = flat(capsys.readouterr().out)
    assert "also `unknown client id`: The API Key" in out
    assert "also `client authentication failed`: The Secret Key" in out


def test_a_code_of_two_tables_is_told_from_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--provider", "tesseract", "timeout") == 0
    out = flat(capsys.readouterr().out)
    assert table("tesseract")["timeout"].meaning in out
    assert "table tesseract" in out
    assert f"elsewhere timeout of gateway: {table('gateway')['timeout'].meaning}" in out


def test_a_number_that_is_a_status_of_http_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("403") == 0
    out = flat(capsys.readouterr().out)
    assert "no table of Baidu's knows that scheme" in out
    assert "elsewhere http_403 of gateway" in out


def test_an_unknown_code_is_explained_honestly_and_is_no_failure_of_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("282999", "no_such_name") == 0
    out = flat(capsys.readouterr().out)
    assert "Unknown: the code 282999 is in no table." in out
    assert "inferred: concluded from similar codes" in out
    assert "The code no_such_name is in no table." in out
    assert "how sure unknown" in out
    assert "in none, neither of baidu nor of gateway" in out


def test_chinese_is_chinese_all_through(capsys: pytest.CaptureFixture[str]) -> None:
    codes = [*table("baidu"), *table("gateway"), "282999", "404", "no_such_name"]
    assert run("--lang", "zh", *codes) == 0
    out = capsys.readouterr().out
    for part in out.split("\n\n"):
        for line in part.split("\n")[1:]:
            label = line[:12].strip()
            assert not label or HAN.search(label), line
        body = flat(re.sub(r"https?://\S+|`[^`]*`|\"[^\"]*\"|“[^”]*”", "", part.partition("\n")[2]))
        words = re.findall(r"(?:\b[a-z]{2,}\b[ ,.]+){4,}", body)
        assert not words, words


def test_chinese_lines_fit_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from unicodedata import east_asian_width

    monkeypatch.setenv("COLUMNS", "60")
    assert run("--lang", "zh", *table("baidu")) == 0
    assert run(*table("baidu")) == 0
    for line in capsys.readouterr().out.splitlines():
        columns = sum(2 if east_asian_width(character) in "WF" else 1 for character in line)
        assert columns <= 64 or "://" in line, line  # a closing mark may stand out
        assert not re.match(r" {12}[，。；：、！？）]", line), line


def test_json_holds_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "110", "404") == 0
    first, second = json.loads(capsys.readouterr().out)
    row = diagnose(110)
    for field in fields(Diagnosis):
        assert first[field.name] == getattr(row, field.name)
    assert (first["table"], first["elsewhere"]) == ("baidu", [])
    assert (second["known"], second["table"], second["elsewhere"]) == (False, None, ["gateway:http_404"])


@pytest.mark.parametrize("arguments", [["--json", "110"], ["--lang", "zh", "110"]])
def test_a_terminal_that_knows_no_chinese_is_no_failure(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    assert run(*arguments) == 0
    stdout.flush()
    written = stdout.buffer.getvalue().decode("ascii")
    if "--json" in arguments:
        assert json.loads(written)[0]["meaning_zh"] == diagnose(110).meaning_zh
    else:
        assert written.startswith("110")


def test_no_secret_of_an_argument_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    text = "requests.exceptions.HTTPError: 403 Client Error: No for url: https://x/?client_secret=planted"
    assert run(text, "--json") == 0
    assert run(text, "https://x/?access_token=planted") == 0
    assert "planted" not in capsys.readouterr().out


def test_a_provider_that_does_not_exist_is_a_usage_error_with_the_nearest_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--provider", "tesserat", "1") == 2
    assert capsys.readouterr().err == "ocrgate explain: no provider 'tesserat'; did you mean 'tesseract'?\n"
    assert run("--provider", "x", "1") == 2
    assert "there are baidu, easyocr" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--lang", "fr", "1"], ["--jsn", "1"]])
def test_a_wrong_call_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
