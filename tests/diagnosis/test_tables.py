"""The tables of codes: whole, in both languages, and each code once."""

from __future__ import annotations

import re
from importlib import resources
from typing import get_args

import pytest
import yaml

from ocrgate.diagnosis import Action, Category, Diagnosis, Fault, diagnose, table

TABLES = {
    "baidu": "ocrgate_baidu/codes.yaml",
    "easyocr": "ocrgate_easyocr/codes.yaml",
    "gateway": "ocrgate.diagnosis/codes/gateway.yaml",
    "rapidocr": "ocrgate_rapidocr/codes.yaml",
    "tesseract": "ocrgate_tesseract/codes.yaml",
}
ROWS = [(name, row) for name in TABLES for row in table(name).values()]


@pytest.mark.parametrize(("name", "row"), ROWS, ids=lambda value: value.code if isinstance(value, Diagnosis) else value)
def test_a_row_says_what_happened_who_is_to_blame_and_what_to_do(name: str, row: Diagnosis) -> None:
    assert row.category in get_args(Category)
    assert row.fault in get_args(Fault)
    assert row.action in get_args(Action)
    assert row.known
    assert row.source
    for english, chinese in ((row.meaning, row.meaning_zh), (row.remedy, row.remedy_zh)):
        assert english
        assert english.endswith((".", "?", ")", '"'))
        assert re.search(r"[\u4e00-\u9fff]", chinese)
        assert not re.search(r"[\u4e00-\u9fff][,;]", chinese), "half-width punctuation after a Chinese character"


@pytest.mark.parametrize(("name", "place"), TABLES.items())
def test_no_code_has_two_rows(name: str, place: str) -> None:
    package, _, path = place.partition("/")
    codes = [row["code"] for row in yaml.safe_load(resources.files(package).joinpath(path).read_text(encoding="utf-8"))]
    assert len(codes) == len(set(codes)) == len(table(name)) > 5
    assert all(isinstance(code, str) for code in codes)


@pytest.mark.parametrize(
    "subject",
    [
        18,
        "18",
        " 18 ",
        {"error_code": 18, "error_msg": "x"},
        '{"error_code": "18", "log_id": 7}',
        b'{"error_code": 18}',
    ],
)
def test_a_code_is_found_in_whatever_form_it_comes(subject: object) -> None:
    assert (diagnose(subject).code, diagnose(subject).category) == ("18", "throttle")


def test_the_reference_and_the_words_of_a_reply_are_kept() -> None:
    found = diagnose(
        {"error_code": 18, "error_msg": "Open api qps request limit reached", "log_id": 18446744073709551615}
    )
    assert (found.message, found.log_id) == ("Open api qps request limit reached", "18446744073709551615")


def test_an_unknown_code_is_an_honest_unknown() -> None:
    found = diagnose(987654321)
    assert (found.code, found.known, found.category) == ("987654321", False, "unknown")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError("late"), "timeout"),
        (ConnectionRefusedError("no"), "connection_refused"),
        (ConnectionResetError("gone"), "connection_reset"),
        (ModuleNotFoundError("aip"), "engine_missing"),
        (MemoryError(), "worker_memory"),
        (KeyError("x"), "adapter_error"),
    ],
)
def test_an_exception_has_a_diagnosis_too(error: BaseException, code: str) -> None:
    found = diagnose(error)
    assert (found.code, found.known) == (code, True)
    assert type(error).__name__ in found.message


@pytest.mark.parametrize("subject", ["", "{", "{}", "[1]", None, 3.5, {}, {"a": 1}])
def test_nonsense_has_a_diagnosis_too(subject: object) -> None:
    assert isinstance(diagnose(subject), Diagnosis)


def test_in_words_a_diagnosis_has_its_meaning_and_what_the_other_side_said() -> None:
    assert str(diagnose({"error": "invalid_client", "error_description": "unknown client id"})).endswith(
        "[unknown client id]"
    )
    assert str(Diagnosis("x", "only this")) == "x: only this"
    assert str(Diagnosis("x", meaning="Only that.")) == "x: Only that."
