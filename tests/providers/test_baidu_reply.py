"""Is a reply an answer? Judged by what it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocrgate.diagnosis import Diagnosis
from ocrgate_baidu.failure import Failed
from ocrgate_baidu.parse import parse
from ocrgate_baidu.reply import answer
from ocrgate_baidu.transport import RawReply


def reply(content: object, status: int = 200, **headers: str) -> RawReply:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return RawReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def refused(content: object, status: int = 200, **headers: str) -> Diagnosis:
    with pytest.raises(Failed) as caught:
        answer(reply(content, status, **headers))
    return caught.value.diagnosis


@pytest.mark.parametrize("log_id", [7, "7"])
def test_a_reference_is_a_text_however_it_comes(log_id: object) -> None:
    assert answer(reply({"log_id": log_id, "words_result": []}))["log_id"] == "7"
    assert refused({"log_id": log_id, "error_code": 17}).log_id == "7"
    assert refused({"logid": log_id, "errno": 216201, "msg": "image format error"}).log_id == "7"


def test_a_huge_reference_is_a_text_too() -> None:
    body = b'{"log_id": ' + b"9" * 3000 + b', "words_result": []}'
    assert answer(reply(body))["log_id"] == "9" * 200


@pytest.mark.parametrize("log_id", [None, True, [], {}, 1.5])
def test_a_reference_that_is_none_is_left_out(log_id: object) -> None:
    assert "log_id" not in answer(reply({"log_id": log_id, "words_result": []}))


def test_the_older_wrapping_is_taken_off() -> None:
    content = answer(reply({"errno": 0, "msg": "success", "data": {"words_result": [{"words": "x"}], "log_id": 3}}))
    assert parse(content, "text", 0, 0).text == "x"
    assert content["log_id"] == "3"
    told = refused({"errno": 216202, "msg": "image size error", "data": {}})
    assert (told.code, told.message) == ("216202", "image size error")


@pytest.mark.parametrize("code", [0, "0", "", None])
def test_no_error_is_no_error_however_it_is_written(code: object) -> None:
    assert answer(reply({"error_code": code, "words_result": []}))["words_result"] == []


@pytest.mark.parametrize("code", [110, "110", 110.0, " 110 "])
def test_an_error_is_one_however_it_is_written(code: object) -> None:
    assert refused({"error_code": code, "error_msg": "x", "words_result": []}).code == "110"


@pytest.mark.parametrize("status", ["non_idcard", "other_type_card"])
def test_another_document_is_the_callers_although_it_arrives_as_a_success(status: str) -> None:
    told = refused({"log_id": 7, "image_status": status, "words_result": {}, "words_result_num": 0})
    assert (told.code, told.fault, told.log_id) == (status, "caller", "7")


@pytest.mark.parametrize("status", ["blurred", "over_exposure", "over_dark", "unknown"])
def test_a_bad_photograph_is_refused_unless_something_was_read_of_it(status: str) -> None:
    name = {"words": "伍云龙", "location": {"left": 1, "top": 1, "width": 5, "height": 5}}
    assert refused({"image_status": status, "words_result": {"姓名": {"words": ""}}}).code == status
    page = parse(answer(reply({"image_status": status, "words_result": {"姓名": name}})), "card", 0, 0)
    assert (page.fields["name"], page.notes["image_status"]) == ("伍云龙", status)


def test_the_other_side_of_a_card_is_read_and_told() -> None:
    back = {"image_status": "reversed_side", "words_result": {"签发机关": {"words": "江山市公安局"}}}
    page = parse(answer(reply(back)), "card", 0, 0)
    assert page.fields["issuing_authority"] == "江山市公安局"
    assert page.notes["image_status"] == "reversed_side"


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"log_id": 1},
        {"result": "done"},
        {"words_result": None},
        {"words_result": 3},
        [],
        "text",
        None,
        5,
        b"",
        b"{",
    ],
)
def test_what_holds_no_answer_is_none(content: object) -> None:
    assert refused(content).code == "bad_reply"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 5000])
def test_numbers_that_are_none_are_no_json(number: bytes) -> None:
    assert refused(b'{"words_result": [], "x": ' + number + b"}").code == "bad_reply"


def test_half_a_character_is_replaced_and_a_whole_one_kept() -> None:
    content = answer(reply(b'{"log_id": "\\ud83d", "words_result": [{"words": "a\\uDC00b \\ud83d\\ude00"}]}'))
    assert content["log_id"] == "\ufffd"
    assert parse(content, "text", 0, 0).text == "a\ufffdb \U0001f600"


def test_a_byte_order_mark_is_no_matter() -> None:
    assert answer(reply(b"\xef\xbb\xbf" + b'{"words_result": []}'))["words_result"] == []


@pytest.mark.parametrize("location", ["http://[", "", "/elsewhere", "https://" + "a" * 5000])
def test_a_redirect_is_told_in_few_words(location: str) -> None:
    told = refused({}, 302, location=location)
    assert told.code == "bad_reply"
    assert len(told.message) < 300


def test_headers_of_any_length_make_no_long_story() -> None:
    assert len(refused(b"<html>" + b"x" * 9000, 200, content_type="y" * 9000).message) < 300


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("3", 3.0), ("", None), ("soon", None), ("-1", None), ("9" * 12, None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_a_wait_is_seconds_or_a_date_or_nothing(after: str, seconds: float | None) -> None:
    assert refused({}, 503, retry_after=after).retry_after == seconds


@pytest.mark.parametrize(
    ("status", "code"), [(401, "http_401"), (403, "http_403"), (413, "http_413"), (429, "http_429"), (500, "http_5xx")]
)
def test_a_status_counts_although_the_content_is_json(status: int, code: str) -> None:
    told = refused({"message": "too large"}, status)
    assert (told.code, "too large" in told.message) == (code, True)
    assert refused({"words_result": []}, status).code == code


def test_deep_notes_are_no_page() -> None:
    nested: Any = 1
    for _ in range(100):
        nested = [nested]
    content = answer(reply({"words_result": [], "extra": nested}))
    with pytest.raises(ValueError, match="deeply"):
        parse(content, "text", 0, 0)
