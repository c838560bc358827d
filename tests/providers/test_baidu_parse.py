"""Baidu's answers as pages: recorded shapes, and anything at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.page import Line, Page, Word
from ocrgate_baidu.endpoints import Kind
from ocrgate_baidu.failure import Failed
from ocrgate_baidu.fields import snake
from ocrgate_baidu.parse import parse
from ocrgate_baidu.reply import answer
from ocrgate_baidu.transport import RawReply

KINDS: tuple[Kind, ...] = ("text", "card", "other")

GENERAL = {
    "log_id": 8210485853468967382,
    "direction": 0,
    "words_result_num": 1,
    "words_result": [
        {
            "words": ", house",
            "probability": {"average": 0.988221, "variance": 0.000139, "min": 0.976443},
            "location": {"width": 139, "top": 12, "left": 0, "height": 27},
            "vertexes_location": [{"y": 12, "x": 0}, {"y": 12, "x": 137}, {"y": 38, "x": 137}, {"y": 38, "x": 0}],
        }
    ],
}
ACCURATE = {
    "log_id": 3523983603,
    "direction": 0,
    "words_result_num": 2,
    "words_result": [
        {
            "location": {"left": 35, "top": 53, "width": 193, "height": 109},
            "words": "感动",
            "chars": [
                {"location": {"left": 56, "top": 65, "width": 69, "height": 88}, "char": "感"},
                {"location": {"left": 140, "top": 65, "width": 70, "height": 88}, "char": "动"},
            ],
        }
    ],
}


def test_corners_come_before_the_rectangle() -> None:
    (line,) = parse(GENERAL, "text", 200, 60).lines
    assert line.polygon is not None
    assert line.polygon.box == (0, 12, 137, 38)
    assert line.confidence == pytest.approx(0.988221)


def test_characters_become_words() -> None:
    (line,) = parse(ACCURATE, "text", 400, 400).lines
    assert [word.text for word in line.words] == ["感", "动"]
    assert line.words[1].polygon is not None
    assert line.words[1].polygon.box == (140, 65, 210, 153)
    assert line.confidence is None


def test_a_page_without_words_is_an_answer() -> None:
    assert parse({"words_result": [], "words_result_num": 0}, "text", 10, 10).lines == ()


def test_polygons_stay_on_the_page_and_those_off_it_are_none() -> None:
    entries = [
        {"words": "over", "location": {"left": -5, "top": 90, "width": 50, "height": 50}},
        {"words": "off", "location": {"left": 300, "top": 0, "width": 10, "height": 10}},
    ]
    over, off = parse({"words_result": entries}, "text", 100, 100).lines
    assert over.polygon is not None
    assert over.polygon.box == (0, 90, 45, 100)
    assert off.polygon is None


def test_a_card_number_under_result_is_a_field() -> None:
    reply = {"log_id": 1447188951, "result": {"bank_card_number": "622500000000000", "bank_card_type": 1}}
    page = parse(reply, "card", 10, 10)
    assert page.fields == {"bank_card_number": "622500000000000", "bank_card_type": "1"}
    assert page.text == "622500000000000"


def test_several_invoices_on_one_page_keep_apart() -> None:
    reply = {
        "words_result": [
            {"type": "taxi_receipt", "result": {"Fare": [{"word": "23.00"}]}},
            {"type": "train_ticket", "result": {"Fare": [{"word": "73.50"}], "Date": [{"word": "2026年"}]}},
        ]
    }
    fields = parse(reply, "card", 10, 10).fields
    assert (fields["Fare"], fields["2.Fare"], fields["2.fare"], fields["2.type"]) == (
        *("23.00", "73.50", "73.50", "train_ticket"),
    )


def test_named_fields_of_a_template_are_fields() -> None:
    reply = {
        "data": {
            "ret": [{"word_name": "合计", "word": "9.90", "location": {"left": 1, "top": 1, "width": 5, "height": 5}}]
        }
    }
    page = parse(reply, "card", 10, 10)
    assert page.fields["合计"] == "9.90"
    assert page.lines[0].polygon is not None


def test_codes_and_tables_are_lines() -> None:
    codes = {"codes_result": [{"type": "QR_CODE", "text": ["one", "two"]}], "codes_result_num": 1}
    assert parse(codes, "other", 10, 10).text == "one\ntwo"
    table = {"tables_result": [{"header": [{"words": "head"}], "body": [{"words": "cell", "row_start": 1}]}]}
    assert parse(table, "other", 10, 10).text == "head\ncell"


@pytest.mark.parametrize(
    "junk",
    [
        None,
        [],
        {},
        {"words_result": {}},
        {"words_result": [1]},
        {"words_result": [{}]},
        {"words_result": [{"words": 1}]},
        {"words_result": [{"words": "x", "probability": {"average": 2}}]},
        {"words_result": [{"words": "x", "location": {"left": "a", "top": 0, "width": 1, "height": 1}}]},
        {"words_result": [{"words": "x", "chars": [{}]}]},
        {"words_result": [{"words": "x", "location": {"left": 10**400, "top": 0, "width": 1, "height": 1}}]},
    ],
)
def test_junk_is_a_value_error(junk: object) -> None:
    with pytest.raises(ValueError):
        parse(junk, "text", 100, 100)


def test_stable_names_are_snake_case() -> None:
    names = ("InvoiceNum", "AmountInFiguers", "bank_card_number", "公民身份号码", "IDNumber", "某字段")
    assert [snake(name) for name in names] == [
        *("invoice_num", "amount_in_figures", "bank_card_number", "id_number", "id_number", None),
    ]


_NAMES = st.sampled_from(
    [
        *("words_result", "words", "word", "location", "left", "top", "width", "height", "probability", "average"),
        *("vertexes_location", "x", "y", "chars", "char", "char_prob", "result", "data", "ret", "word_name", "log_id"),
        *("paragraphs_result", "words_result_idx", "number", "codes_result", "text", "type", "姓名", "image_status"),
    ]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["无", "0.5"]),
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(_NAMES, st.text(max_size=4)), inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(reply=_JSON, kind=st.sampled_from(KINDS), width=st.integers(0, 300), height=st.integers(0, 300))
def test_any_json_is_a_page_or_a_value_error(reply: Any, kind: Kind, width: int, height: int) -> None:
    try:
        page = parse(reply, kind, width, height)
    except ValueError:
        return
    assert isinstance(page, Page)
    parts: list[Line | Word] = [*page.lines]
    parts += [word for line in page.lines for word in line.words]
    for part in parts:
        assert part.confidence is None or 0 <= part.confidence <= 1
        for x, y in part.polygon or ():
            assert 0 <= x <= (width or x)
            assert 0 <= y <= (height or y)


@settings(max_examples=200, deadline=None)
@given(
    entries=st.lists(
        st.fixed_dictionaries({"words": st.text(max_size=5)}, optional={"location": _JSON, "chars": _JSON})
    )
)
def test_any_list_of_words_is_a_page_or_a_value_error(entries: list[Any]) -> None:
    try:
        page = parse({"words_result": entries}, "text", 100, 100)
    except ValueError:
        return
    assert len(page.lines) == sum(bool(entry["words"].strip()) for entry in entries)


@settings(max_examples=300, deadline=None)
@given(
    body=st.one_of(st.binary(max_size=60), _JSON.map(lambda value: json.dumps(value).encode())),
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(["retry-after", "content-type", "location"]), st.text(max_size=20)),
)
def test_any_reply_is_an_answer_or_a_diagnosis(body: bytes, status: int, headers: dict[str, str]) -> None:
    try:
        content = answer(RawReply(status, headers, body))
    except Failed as failure:
        failed = failure.diagnosis
    else:
        assert isinstance(content, dict)
        assert 200 <= status < 300
        return
    assert failed.code
    assert failed.meaning


def test_nesting_without_end_is_a_diagnosis() -> None:
    deep = b'{"words_result": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(Failed):
        answer(RawReply(200, {}, deep))
    nested: Any = "x"
    for _ in range(200):
        nested = {"a": nested}
    for kind in ("card", "other"):
        with pytest.raises(ValueError, match="deeply"):
            parse({"words_result": nested}, kind, 1, 1)
