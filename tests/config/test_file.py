from __future__ import annotations

from pathlib import Path

import pytest

from ocrgate.config import load
from ocrgate.config.file import MAX_BYTES
from ocrgate.errors import ConfigError

GOOD = "providers: {paper: {option: 发票}}\n"


def refused(path: Path | str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.path == str(path)
    assert str(caught.value).startswith(f"{path}:")
    return caught.value


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_bytes(mark + GOOD.encode())
    assert load(file) == load(str(file))
    assert load(file).providers["paper"].options == {"option": "发票"}


def test_a_problem_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_text("providers: {paper: {lanes: 0}}\n")
    assert str(refused(file)) == f"{file}:1:28: providers.paper.lanes: expected at least 1; got 0"


def test_a_missing_file_is_told_with_the_way_to_get_one(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.yaml")
    assert str(error) == f"{error.path}: no such file; `ocrgate config example` prints one to start from"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert "this is a directory" in str(refused(tmp_path))


@pytest.mark.parametrize("name", ["a\x00b", "x" * 5000])
def test_a_path_that_cannot_exist_is_refused(name: str) -> None:
    assert "cannot be read" in str(refused(name))


def test_a_path_through_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be read" in str(refused(tmp_path / "file" / "ocr.yaml"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named_or_refused(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_bytes(GOOD.encode(encoding))
    assert "UTF-8" in str(refused(file)) or "not allowed" in str(refused(file))


def test_bytes_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_bytes("\ufeff# 说明\r\nproviders: {paper: {option: ".encode() + "发票".encode("gbk") + b"}}\n")
    error = refused(file)
    assert (error.problems[0].line, error.problems[0].column) == (2, 29)
    assert "byte 0xb7 is not UTF-8" in str(error)


def test_a_byte_order_mark_takes_no_column(tmp_path: Path) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xff\n")
    assert (refused(file).problems[0].line, refused(file).problems[0].column) == (1, 4)


def test_a_file_far_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "ocr.yaml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    assert "larger than 1 MiB" in str(refused(file))
