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
    reply = {"log_id": 1447188951, "result": {"bank_card_number": "6225 0000 0000 0006", "bank_card_type": 1}}
    page = parse(reply, "card", 10, 10)
    assert page.fields == {
        "bank_card_number": "6225 0000 0000 0006",
        "bank_card_type": "1",
        "card_number": "6225000000000006",
    }
    assert page.text == "6225 0000 0000 0006"


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


def test_paragraphs_count_the_lines_of_the_page_and_not_those_of_the_answer() -> None:
    words = ["one", " ", "two", "three", ""]
    broken: list[Any] = [{"words_result_idx": [0, 1, 2]}, {"words_result_idx": [3, 3, 9, -1, True, "0", 4]}]
    broken += [{"words_result_idx": [1]}, {"words_result_idx": 3}, {}, None, 7]
    reply = {"words_result": [{"words": each} for each in words], "paragraphs_result": broken}
    page = parse(reply, "text", 0, 0)
    assert [line.text for line in page.lines] == ["one", "two", "three"]
    assert page.notes["paragraphs"] == ((0, 1), (2,))


@pytest.mark.parametrize(
    ("sent", "direction", "rotation"),
    [(0, 0, 0), (1, 1, 90), ("2", 2, 180), (3, 3, 270), (-1, -1, None), (9, 9, None), ("left", "left", None)],
)
def test_a_direction_is_kept_and_given_in_degrees(sent: object, direction: object, rotation: int | None) -> None:
    notes = parse({"words_result": [], "direction": sent}, "text", 0, 0).notes
    assert (notes["direction"], notes.get("rotation")) == (direction, rotation)


@pytest.mark.parametrize(("sent", "tag"), [(0, "en"), (1, "ja"), ("2", "ko"), (3, "zh-Hans"), (-1, None), ([], None)])
def test_a_language_is_kept_and_given_as_a_tag(sent: object, tag: str | None) -> None:
    assert parse({"words_result": [], "language": sent}, "text", 0, 0).notes.get("language_tag") == tag


@pytest.mark.parametrize(("sent", "count"), [("3", 3), (12, 12), ("many", None), (0, None), (None, None)])
def test_the_pages_of_a_document_are_counted(sent: object, count: int | None) -> None:
    notes = parse({"words_result": [], "pdf_file_size": sent}, "text", 0, 0).notes
    assert notes.get("page_count") == count
    assert ("pdf_file_size" in notes) == (count is None)


def test_corners_are_taken_from_where_the_endpoint_has_them() -> None:
    corners = [{"x": x, "y": y} for x, y in ((1, 2), (30, 4), (29, 14), (0, 12))]
    box = {"location": {"left": 50, "top": 50, "width": 5, "height": 5}}
    for name in ("vertexes_location", "min_finegrained_vertexes_location", "poly_location"):
        for shape in (corners, {"points": corners}):
            (line,) = parse({"words_result": [{"words": "x", name: shape, **box}]}, "text", 99, 99).lines
            assert line.polygon is not None
            assert line.polygon.top_right == (30, 4)
    (line,) = parse({"words_result": [{"words": "x", "vertexes_location": [], **box}]}, "text", 99, 99).lines
    assert line.polygon is not None
    assert line.polygon.box == (50, 50, 55, 55)


@pytest.mark.parametrize("nowhere", [(0, 0, 0, 0), (-1, -1, -1, -1), (-1, -1, 0, 0), (4, 4, 0, 9), (50, 50, -9, -9)])
def test_what_stands_nowhere_is_missing(nowhere: tuple[int, ...]) -> None:
    location = dict(zip(("left", "top", "width", "height"), nowhere, strict=True))
    reply = {"words_result": {"注册资本": {"words": "无", "location": location}}}
    page = parse(reply, "card", 100, 100)
    assert (page.fields["注册资本"], page.fields["registered_capital"], page.lines) == ("", "", ())


def test_a_field_that_reads_none_and_stands_somewhere_is_read() -> None:
    location = {"left": 1, "top": 1, "width": 9, "height": 9}
    page = parse({"words_result": {"备注": {"words": "无", "location": location}}}, "card", 100, 100)
    assert page.fields["remarks"] == page.text == "无"
    assert parse({"words_result": {"备注": {"words": "无"}}}, "card", 0, 0).fields["备注"] == "无"


def test_rows_stay_in_the_row_that_they_stand_in() -> None:
    rows = {
        "CommodityName": [{"row": "1", "word": "a"}, {"row": "2", "word": "b"}, {"row": "3", "word": "c"}],
        "CommodityNum": [{"row": "3", "word": "7"}, {"row": "1", "word": "2"}],
        "CommodityUnit": [{"row": "1", "word": "kg"}, {"row": "1", "word": "g"}],
        "CommodityTax": [{"row": "99999", "word": "1"}],
        "PassengerName": ["d", "e"],
        "Nothing": [],
    }
    fields = parse({"words_result": rows}, "card", 0, 0).fields
    assert fields["commodity_name"].split("\n") == ["a", "b", "c"]
    assert fields["commodity_num"].split("\n") == ["2", "", "7"]
    assert fields["commodity_unit"].split("\n") == ["kg", "g"]
    assert fields["commodity_tax"] == "1"
    assert fields["passenger_name"].split("\n") == ["d", "e"]
    assert fields["nothing"] == ""


def test_rows_are_lines_with_place_and_confidence() -> None:
    row = {"word": "9.90", "location": {"left": 1, "top": 2, "width": 30, "height": 9}, "probability": {"average": 0.9}}
    (line,) = parse({"words_result": [{"type": "invoice", "result": {"total": [row]}}]}, "card", 99, 99).lines
    assert line.polygon is not None
    assert (line.text, line.confidence, line.polygon.box) == ("9.90", 0.9, (1, 2, 31, 11))


def test_a_place_that_is_read_is_a_field_and_one_in_the_picture_is_none() -> None:
    reply = {"words_result": {"location": "浙江省", "city": [{"word": "杭州"}], "card_location": {"left": 1, "top": 1}}}
    assert set(parse(reply, "card", 0, 0).fields) == {"location", "city"}
    listed = {"words_result": [{"result": {"location": [{"word": "浙江省"}]}}]}
    assert parse(listed, "card", 0, 0).fields == {"location": "浙江省"}


def test_the_place_of_a_field_may_stand_beside_it() -> None:
    where = {"left": 5, "top": 5, "width": 50, "height": 10}
    reply = {"result": {"bank_card_number": "6225 0000", "bank_card_number_location": where, "bank_name": "x"}}
    number, bank = parse(reply, "card", 99, 99).lines
    assert number.polygon is not None
    assert (number.polygon.box, bank.polygon) == ((5, 5, 55, 15), None)


def test_what_is_said_of_each_document_is_noted() -> None:
    reply = {
        "words_result": [
            {"card_info": {"card_type": "idcard_front", "risk_type": "copy"}, "card_result": {"姓名": {"words": "a"}}},
            {"type": "other", "left": 3, "result": {"姓名": {"words": "b"}}},
        ]
    }
    page = parse(reply, "card", 0, 0)
    assert page.notes["documents"] == ({"card_type": "idcard_front", "risk_type": "copy"}, {"type": "other", "left": 3})
    assert (page.fields["card_type"], page.fields["2.type"]) == ("idcard_front", "other")
    assert (page.fields["name"], page.fields["2.name"]) == ("a", "b")


def test_named_rows_are_fields_and_a_name_that_comes_again_is_counted() -> None:
    rows = [{"word_name": "品名", "word": "a"}, {"word_name": "品名", "word": "b"}, {"word_name": "合计", "word": "2"}]
    assert parse({"data": {"ret": rows}}, "card", 0, 0).fields == {"品名": "a", "品名.2": "b", "合计": "2"}
    nested = {"words_result": {"CostDetail": [[{"name": "项目", "word": "药"}, {"name": "金额", "word": "3"}], ["x"]]}}
    fields = parse(nested, "card", 0, 0).fields
    assert (fields["CostDetail.1.项目"], fields["CostDetail.1.金额"], fields["CostDetail.2"]) == ("药", "3", "x")


def test_every_plate_of_a_scene_is_read() -> None:
    def plate(number: str, left: int) -> dict[str, Any]:
        corners = [{"x": x, "y": y} for x, y in ((left, 0), (left + 9, 0), (left + 9, 5), (left, 5))]
        return {"number": number, "color": "blue", "vertexes_location": corners, "probability": [0.5, 1.0]}

    page = parse({"words_result": [plate("浙A12345", 0), plate("浙A00000", 20)]}, "card", 99, 99)
    assert [line.text for line in page.lines] == ["浙A12345", "浙A00000"]
    assert page.lines[1].confidence == 0.75
    assert (page.fields["number"], page.fields["2.number"], page.fields["2.color"]) == ("浙A12345", "浙A00000", "blue")


def test_a_result_beside_empty_words_is_read() -> None:
    assert parse({"words_result": {}, "result": {"bank_name": "x"}}, "card", 0, 0).fields == {"bank_name": "x"}
    assert parse({"words_result": {}}, "card", 0, 0).fields == {}
    assert parse({"words_result": []}, "card", 0, 0).fields == {}


def test_cut_outs_are_noted_and_are_no_text() -> None:
    reply = {"photo": "a" * 500, "words_result": [{"card_info": {"photo": "b" * 500}, "card_result": {}}]}
    page = parse(reply, "card", 0, 0)
    assert page.notes["photo"] == "a" * 500
    assert page.notes["documents"][0]["photo"] == "b" * 500
    assert page.lines == ()


def test_a_table_is_lines_and_cells() -> None:
    corners = [{"x": x, "y": y} for x, y in ((0, 20), (60, 20), (60, 40), (0, 40))]
    span = {"row_start": 0, "row_end": 1, "col_start": 0, "col_end": 2}
    contents = [{"poly_location": corners, "word": "云"}, {"poly_location": corners, "word": "杉"}]
    cell = {"cell_location": corners, **span, "words": "云\n杉", "contents": contents}
    reply = {"tables_result": [{"header": [{"words": "h"}], "body": [cell], "footer": [{"words": "f"}]}]}
    page = parse(reply, "other", 99, 99)
    assert [line.text for line in page.lines] == ["h", "云 杉", "f"]
    assert [word.text for word in page.lines[1].words] == ["云", "杉"]
    assert page.lines[1].polygon is not None
    (table,) = page.notes["tables"]
    assert table == {"header": ("h",), "cells": ({"text": "云\n杉", **span},), "footer": ("f",)}


def test_the_older_table_counts_from_one() -> None:
    reply = {"forms_result": [{"body": [{"row": [2, 3], "column": [1], "words": "x"}]}]}
    (cell,) = parse(reply, "other", 0, 0).notes["tables"][0]["cells"]
    assert cell == {"text": "x", "row_start": 1, "row_end": 3, "col_start": 0, "col_end": 1}


def test_text_without_a_place_stands_where_its_seal_does() -> None:
    where = {"left": 5, "top": 5, "width": 50, "height": 50}
    seal = {
        "type": "circle",
        "location": where,
        "major": {"words": "云杉", "probability": 0.9},
        "minor": [{"words": "章"}],
    }
    page = parse({"result": [seal]}, "other", 99, 99)
    assert [(line.text, line.polygon and line.polygon.box) for line in page.lines] == [
        ("云杉", (5, 5, 55, 55)),
        ("章", (5, 5, 55, 55)),
    ]
    assert page.notes["documents"][0]["type"] == "circle"


def test_formulas_are_noted_and_are_lines_when_nothing_else_is() -> None:
    formula = {"form_words": "x=1", "form_location": {"left": 1, "top": 1, "width": 9, "height": 9}}
    both = parse({"words_result": [{"words": "so x=1"}], "formula_result": [formula]}, "other", 99, 99)
    assert (both.text, both.notes["formulas"]) == ("so x=1", ("x=1",))
    alone = parse({"formula_result": [formula]}, "other", 99, 99)
    assert alone.text == "x=1"
    assert alone.lines[0].polygon is not None


def test_lines_of_a_document_carry_their_own_probability() -> None:
    words = {
        "word": "x",
        "words_location": {"left": 1, "top": 1, "width": 9, "height": 9},
        "line_probability": {"average": 0.5},
    }
    (line,) = parse({"results": [{"words_type": "print", "words": words}]}, "other", 99, 99).lines
    assert line.confidence == 0.5
    assert line.polygon is not None


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


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@pytest.mark.thorough
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
