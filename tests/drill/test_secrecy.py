"""Secrets are found in whatever form they are written, and wherever."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.drill.secrecy import leaks

SECRET = "a+b/c=0123456789abcdef"


def found(folder: Path, *said: tuple[str, str], secret: str = SECRET) -> list[str]:
    return list(leaks({"the key": secret}, folder, said))


@pytest.mark.parametrize("place", ["state/state.db", "ledger/audit.jsonl", "deep/er/cache.db-wal"])
def test_a_secret_in_a_file_is_found(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0\xff" + SECRET.encode() + b"\0")
    assert found(tmp_path) == [f"the key stands in the file {path.name}"]


def test_a_secret_in_what_is_said_is_found_once_for_each_place(tmp_path: Path) -> None:
    said = [("the log", "fine"), ("the log", f"GET /?k={SECRET}"), ("an event", SECRET), ("the log", SECRET)]
    assert found(tmp_path, *said) == ["the key stands in the log", "the key stands in an event"]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(SECRET[:-1] + " " + SECRET[1:])
    assert found(tmp_path, ("the log", "api_key=***")) == []


@given(st.binary(max_size=7), st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=32))
def test_a_secret_is_found_behind_base64_whatever_stands_around_it(before: bytes, secret: str) -> None:
    text = base64.b64encode(before + secret.encode() + before).decode()
    assert found(Path("/nonexistent"), ("a header", f"Basic {text}"), secret=secret)


def test_a_secret_is_found_in_a_url(tmp_path: Path) -> None:
    assert found(tmp_path, ("the log", f"POST /token?client_secret={quote(SECRET, safe='')}"))
