"""The tables of codes: whole, in both languages, and each code once."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any, get_args

import pytest
import yaml

from ocrgate.diagnosis import Action, Category, Certainty, Diagnosis, Fault, lookup, table
from ocrgate.diagnosis.book import Book, book, read
from ocrgate.diagnosis.words import ACTIONS, BILLED, CATEGORIES, CERTAINTIES, FAULTS, blamed, doing, sure

TABLES = {
    "baidu": "ocrgate_baidu/codes.yaml",
    "easyocr": "ocrgate_easyocr/codes.yaml",
    "gateway": "ocrgate.diagnosis/codes/gateway.yaml",
    "rapidocr": "ocrgate_rapidocr/codes.yaml",
    "tesseract": "ocrgate_tesseract/codes.yaml",
}
HAN = r"[\u4e00-\u9fff]"
END = (".", "?", ")", '"', "`", "]")
END_ZH = ("。", "？", "）", '"', "`", "]")


def readings() -> list[tuple[str, str, Diagnosis]]:
    """Every row, and every reading of a row that its message decides."""
    found = []
    for name in TABLES:
        for code, row in book(name).rows.items():
            found.append((name, code, row))
            found += [(name, f"{code}~{case.says[0]}", case.diagnosis) for case in book(name).cases.get(code, ())]
    return found


READINGS = readings()
EVERY = pytest.mark.parametrize(("name", "place", "row"), READINGS, ids=[f"{each[0]}:{each[1]}" for each in READINGS])


def plain(text: str) -> str:
    """The text without what is quoted as code."""
    return re.sub(r"`[^`]*`|\"[^\"]*\"", "", text)


@EVERY
def test_a_row_says_what_happened_who_is_to_blame_and_what_to_do(name: str, place: str, row: Diagnosis) -> None:
    assert row.category in get_args(Category)
    assert row.fault in get_args(Fault)
    assert row.action in get_args(Action)
    assert row.source
    assert row.certainty in get_args(Certainty)
    assert row.certainty
    assert row.billed in (True, False, None)
    assert row.known == (row.code not in ("306004", "403002")), "every row but the two that guides made up is known"


@EVERY
def test_a_row_speaks_both_languages(name: str, place: str, row: Diagnosis) -> None:
    for english, chinese in ((row.meaning, row.meaning_zh), (row.remedy, row.remedy_zh)):
        assert english.endswith(END), english
        assert chinese.endswith(END_ZH), chinese
        assert re.search(HAN, chinese)
        assert not re.search(HAN, english)
    assert bool(row.note) == bool(row.note_zh)
    assert not row.note or (row.note.endswith(END) and row.note_zh.endswith(END_ZH))


@EVERY
def test_chinese_has_full_width_punctuation(name: str, place: str, row: Diagnosis) -> None:
    for text in (row.meaning_zh, row.remedy_zh, row.note_zh):
        assert not re.search(rf"{HAN}[,;:!?()]|[,;!?()]{HAN}", plain(text)), text
        assert plain(text).count("（") == plain(text).count("）"), text
        assert not re.search(rf"{HAN}\.(?!\w)", plain(text)), text


@EVERY
def test_what_is_to_blame_fits_what_is_done(name: str, place: str, row: Diagnosis) -> None:
    if row.action in ("refresh_token", "next_key"):
        assert row.fault == "key"
    if row.action == "fix_request":
        assert row.fault == "caller"
    if row.category in ("auth", "quota") and row.fault == "key":
        assert row.action in ("refresh_token", "next_key", "next_provider")
    if row.fault == "caller":
        assert row.action != "retry"


@pytest.mark.parametrize(("name", "place"), TABLES.items())
def test_no_code_has_two_rows(name: str, place: str) -> None:
    package, _, path = place.partition("/")
    data = yaml.safe_load(resources.files(package).joinpath(path).read_text(encoding="utf-8"))
    codes = [row["code"] for row in data["codes"]]
    assert len(codes) == len(set(codes)) == len(table(name)) > 5
    assert all(isinstance(code, str) for code in codes)
    assert set(data) <= {"sources", "remedies", "codes", "classes", "exceptions"}


@pytest.mark.parametrize("name", TABLES)
def test_every_rule_and_class_leads_to_a_row(name: str) -> None:
    for rule in book(name).rules:
        assert lookup(name, rule.code).code in {**table("gateway"), **table(name)}, rule
        assert rule.types or rule.errors or rule.says or rule.pattern, f"{rule} fits everything"
    for each in book(name).classes:
        assert not each.like or each.like in table(name)
        assert each.like or {"meaning", "meaning_zh", "remedy", "remedy_zh"} <= set(each.values)


@pytest.mark.parametrize("name", TABLES)
def test_no_reading_hides_another(name: str) -> None:
    for code, cases in book(name).cases.items():
        said = [text for case in cases for text in case.says]
        assert all(text == text.casefold() for text in said)
        for place, text in enumerate(said):
            assert not any(earlier in text for earlier in said[:place]), f"{code}: {text!r} is never reached"


def test_sources_that_are_sentences_are_told_in_chinese_too() -> None:
    chinese = book("baidu").chinese
    for row in table("baidu").values():
        assert re.search(HAN, chinese[row.source]), row.source


@pytest.mark.parametrize(
    ("words", "values"),
    [(CATEGORIES, get_args(Category)), (FAULTS, get_args(Fault)), (ACTIONS, get_args(Action))],
)
def test_every_value_has_a_word_in_both_languages(words: Any, values: tuple[str, ...]) -> None:
    assert set(words) == set(values)
    assert all(set(each) == {"en", "zh"} and all(each.values()) for each in words.values())


def test_every_certainty_has_a_word_in_both_languages() -> None:
    assert {*CERTAINTIES, ""} == set(get_args(Certainty))
    assert set(BILLED) == {True, False, None}


@EVERY
def test_a_row_can_be_put_into_words(name: str, place: str, row: Diagnosis) -> None:
    for tell in (doing, blamed, sure):
        assert not re.search(HAN, tell(row, "en"))
        assert re.search(HAN, tell(row, "zh"))


def test_what_may_have_been_done_on_the_other_side_may_have_been_billed() -> None:
    unknowable = {"timeout", "connection_reset", "network", "bad_reply", "http_5xx", "http_502", "http_503", "http_504"}
    for code in unknowable | {"worker_timeout", "worker_crash", "adapter_error", "bad_page", "cancelled"}:
        assert lookup("gateway", code).billed is None, code
    for code in ("breaker_open", "no_key", "quota", "spend", "audit", "dns", "connect_timeout", "tls", "http_403"):
        assert lookup("gateway", code).billed is False, code


@pytest.mark.parametrize(
    ("reason", "category", "fault", "action"),
    [
        ("quota", "quota", "key", "next_key"),
        ("spend", "quota", "caller", "next_provider"),
        ("audit", "config", "caller", "next_provider"),
    ],
)
def test_refusals_to_spend_have_their_rows(reason: str, category: str, fault: str, action: str) -> None:
    row = lookup("gateway", reason)
    assert (row.category, row.fault, row.action, row.counts_in_breaker) == (category, fault, action, False)


def test_a_simple_list_of_rows_is_a_table_too() -> None:
    book = read('- {code: "17", meaning: Used up., action: next_key, fault: key}\n')
    assert book == Book({"17": Diagnosis("17", meaning="Used up.", action="next_key", fault="key")})


def test_a_class_gives_codes_without_a_row_their_meaning() -> None:
    known = read(
        "codes:\n- {code: e_xx, meaning: Any., known: true}\n"
        "classes:\n"
        "- {range: [10, 19], meaning: 'It is {code}.', action: retry}\n"
        "- {pattern: 'e_\\d\\d', like: e_xx}\n"
    )
    found = known.inferred("15")
    assert found is not None
    assert (found.code, found.meaning, found.action, found.known) == ("15", "It is 15.", "retry", False)
    like = known.inferred("e_07")
    assert like is not None
    assert (like.code, like.meaning, like.known) == ("e_07", "Any.", True)
    for other in ("9", "20", "1५", "-15", "15.0", "", "e_1", "10" * 200):
        assert known.inferred(other) is None, other


def test_in_words_a_diagnosis_has_its_meaning_and_what_the_other_side_said() -> None:
    assert str(lookup("baidu", "18", "slow down")).endswith("[slow down]")
    assert str(Diagnosis("x", "only this")) == "x: only this"
    assert str(Diagnosis("x", meaning="Only that.")) == "x: Only that."
