"""Names of fields: Baidu's, the stable ones, and both at once."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate_baidu.fields import both, documents, snake, spellings
from ocrgate_baidu.parse import parse

DOCUMENTS = pytest.mark.parametrize("document", documents())


@DOCUMENTS
def test_no_two_fields_of_a_document_share_a_stable_name(document: str) -> None:
    counted = Counter(documents()[document].values())
    assert [stable for stable, times in counted.items() if times > 1] == []


def test_a_name_means_the_same_in_every_document() -> None:
    seen: dict[str, str] = {}
    for names in documents().values():
        for name, stable in names.items():
            assert seen.setdefault(name, stable) == stable


@DOCUMENTS
def test_stable_names_are_snake_case_and_stay_as_they_are(document: str) -> None:
    for stable in documents()[document].values():
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", stable)
        assert snake(stable) == stable


@pytest.mark.parametrize(
    ("name", "stable"),
    [
        ("公民身份号码", "id_number"),
        ("InvoiceNum", "invoice_num"),
        ("FatherID", "father_id_number"),
        ("IDNumber", "id_number"),
        ("AmountInFiguers", "amount_in_figures"),
        ("AmountInFigures", "amount_in_figures"),
        ("amount_in_figuers", "amount_in_figures"),
        ("IsClear_propobility", "is_clear_probability"),
        ("IsClear_probability", "is_clear_probability"),
        ("WWToCity", "moved_to_city"),
        ("bank_card_number", "bank_card_number"),
        ("护照机读码2", "mrz_line_2"),
        ("某字段", None),
        ("", None),
        ("with space", None),
        ("a" * 100, None),
    ],
)
def test_a_field_has_one_stable_name_however_baidu_spells_it(name: str, stable: str | None) -> None:
    assert snake(name) == stable


def test_fields_are_there_under_both_names_for_each_document_of_a_page() -> None:
    named = both({"姓名": "a", "2.姓名": "b", "2.InvoiceNum": "7", "BenPerLst.1.BenNa": "c"})
    assert (named["姓名"], named["name"], named["2.姓名"], named["2.name"]) == ("a", "a", "b", "b")
    assert named["2.invoice_num"] == "7"
    assert named["BenPerLst.1.ben_na"] == "c"


def test_a_name_that_baidu_gives_itself_is_left_alone() -> None:
    assert both({"name": "theirs", "姓名": "ours"})["name"] == "theirs"


def test_a_card_number_is_kept_as_it_is_and_given_without_its_spaces() -> None:
    named = both({"bank_card_number": "6225 0000 0000 0006"})
    assert named == {"bank_card_number": "6225 0000 0000 0006", "card_number": "6225000000000006"}


def test_a_validity_means_a_start_only_beside_an_end() -> None:
    pair = both({"有效期限": "20180601", "至": "20240601"})
    assert (pair["validity_period"], pair["valid_from"], pair["valid_until"]) == ("20180601", "20180601", "20240601")
    assert "valid_from" not in both({"有效期限": "2017.01.01-2027.01.01"})
    span = both({"有效起始日期": "20180601", "有效期限": "6年"})
    assert (span["valid_from"], span["validity_period"]) == ("20180601", "6年")


def test_the_quality_of_a_card_is_told_under_both_spellings() -> None:
    for sent in ("IsClear_propobility", "IsClear_probability"):
        named = spellings({sent: "0.98", "IsClear": "1"})
        assert named["IsClear_propobility"] == named["IsClear_probability"] == named["is_clear_probability"] == "0.98"
        assert named["is_clear"] == "1"
    idcard = {"words_result": {}, "card_quality": {"IsClear_propobility": 0.5}}
    bankcard = {"result": {"bank_card_number": "1", "card_quality": {"IsClear_probability": 0.5}}}
    for reply in (idcard, bankcard):
        assert parse(reply, "card", 0, 0).notes["card_quality"]["is_clear_probability"] == 0.5


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=5), max_size=5))
def test_no_field_is_lost_or_changed_by_its_other_name(fields: dict[str, str]) -> None:
    named = both(fields)
    assert {name: named[name] for name in fields} == fields
    assert set(named.values()) <= {text for field in fields.values() for text in (field, "".join(field.split()))}
