"""The table of Baidu's codes: complete, and with the verdicts that the gateway acts by."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ocrgate.diagnosis import diagnose, lookup, table
from ocrgate_baidu.quiet import quietly

# What each documented code asks for, by who is to blame and what is done; the sources stand in the table itself.
VERDICTS = {
    ("provider", "retry"): """
        1 2 4 216300 216400 216401 216402 216500 216600 216602 216630 216632 216634 282000 282001 282005 282112 282810
        336000 invalid_request unsupported_grant_type server_error temporarily_unavailable""",
    ("provider", "next_provider"): "216015 216635 282134",
    ("network", "retry"): "SDK108",
    ("key", "refresh_token"): "13 14 100 102 110 111 112 113 114",
    ("key", "next_key"): """
        5 6 7 15 17 18_persistent 19 23 101 104 216110 216111 216604 282160 invalid_client unauthorized_client""",
    ("key", "retry"): "18 282161 403002",
    ("caller", "fix_request"): """
        103 105 106 107 108 109 210 211 212 216100 216101 216103 216200 216201 216202 216203 216205 216306 216308
        216603 216631 216633 272000 272001 272002 272003 282002 282003 282006 282100 282101 282102 282103 282110 282111
        282113 282114 282808 282809 283300 336001 336002 336003 306004 SDK100 SDK101 SDK102 SDK109
        non_idcard other_type_card blurred over_exposure over_dark unknown""",
    ("caller", "next_provider"): "3 216017 216102 272004 282004 216601",
}
QUOTA = "17 18_persistent 19 216604 282160"
AUTH = """
    5 6 7 13 14 15 23 100 101 102 104 110 111 112 113 114 216110 216111 invalid_client unauthorized_client"""
THROTTLE = "4 18 282161 403002"
CERTAINTY = {
    "official": """
        1 2 3 4 6 13 14 15 17 18 18_persistent 19 100 110 111 216017 216100 216101 216102 216103 216110 216200 216201
        216202 216203 216630 216631 282000 282110 282111 282112 282113 283300 336000 336001 336002 336003
        invalid_client SDK100 SDK101 SDK102 SDK108 SDK109
        non_idcard other_type_card blurred over_exposure over_dark unknown""",
    "copy": """
        216205 216306 216308 216401 216402 216600 216601 216602 216603 216604 216633 216634 272000 272001 272002
        272003 272004 282003 282004 282005 282006 282100 282101 282102 282103 282114 282134 282160 282161 282808
        282809 282810""",
    "legacy": "216015 216111 216300 216400 216500 216632 216635 282001 282002",
    "observed": "23",
    "inferred": """
        5 7 101 102 103 104 105 106 107 108 109 112 113 114 210 211 212 306004 403002 invalid_request
        unsupported_grant_type unauthorized_client server_error temporarily_unavailable""",
}
OWN = {code for code in table("baidu") if code.startswith("sdk_") or code == "engine_missing"}


@pytest.mark.parametrize(
    ("code", "verdict"), [(code, verdict) for verdict, codes in VERDICTS.items() for code in codes.split()]
)
def test_a_documented_code_has_the_verdict_of_the_documents(code: str, verdict: tuple[str, str]) -> None:
    row = lookup("baidu", code)
    assert (row.fault, row.action) == verdict
    assert row.counts_in_breaker == (verdict[0] in ("provider", "network"))
    assert row.code in table("baidu")


def test_no_code_of_the_table_is_without_a_verdict_here() -> None:
    listed = [code for codes in VERDICTS.values() for code in codes.split()]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(table("baidu")) - OWN
    certain = [code for codes in CERTAINTY.values() for code in codes.split()]
    assert sorted(certain) == sorted(listed)


@pytest.mark.parametrize(
    ("code", "certainty"), [(code, certainty) for certainty, codes in CERTAINTY.items() for code in codes.split()]
)
def test_a_row_says_how_sure_it_is(code: str, certainty: str) -> None:
    assert lookup("baidu", code).certainty == certainty


def test_quota_credentials_and_throttling_are_told_apart() -> None:
    rows = table("baidu").values()
    for category, codes in (("quota", QUOTA), ("auth", AUTH), ("throttle", THROTTLE)):
        assert {row.code for row in rows if row.category == category} == set(codes.split()), category


def test_only_what_arrives_as_a_success_is_billed() -> None:
    states = {"non_idcard", "other_type_card", "blurred", "over_exposure", "over_dark", "unknown"}
    assert {row.code for row in table("baidu").values() if row.billed} == states
    unknowable = {row.code for row in table("baidu").values() if row.billed is None}
    assert unknowable == {"SDK108", "282005", "sdk_not_a_mapping", "sdk_reply_not_json", "sdk_reply_not_utf8"}


@pytest.mark.parametrize(
    ("code", "reading", "truth"),
    [
        ("110", "network connection failed", "token is invalid"),
        ("111", "request timeout", "token expired"),
        ("282000", "AccessKey invalid", "key is fine"),
        ("306004", "4096", "No table"),
        ("403002", "rate limit", "No table"),
    ],
)
def test_popular_misreadings_are_named_with_what_is_true(code: str, reading: str, truth: str) -> None:
    row = diagnose(code)
    assert row.note.startswith("Popular guides read")
    assert reading in row.note
    assert truth in row.note
    assert "Baidu's" in row.note
    assert "流行的指南" in row.note_zh


def test_codes_that_guides_made_up_are_not_called_known() -> None:
    for code in ("306004", "403002"):
        row = diagnose(code)
        assert not row.known
        assert "no table" in row.meaning
        assert "官方错误码表中没有" in row.meaning_zh


@pytest.mark.parametrize(
    ("codes", "category", "fault", "action"),
    [
        ("8 16 55 99", "server", "provider", "retry"),
        ("115 150 199", "auth", "key", "refresh_token"),
        ("216104 216199 216206 216299", "request", "caller", "fix_request"),
        ("216605 216699 282007 282999", "server", "provider", "retry"),
        ("0 200 250 300 399 404 500 1000 216016 216700 281999 283000 999111", "unknown", "provider", "next_provider"),
    ],
)
def test_a_code_in_no_table_is_read_by_its_neighbours(codes: str, category: str, fault: str, action: str) -> None:
    for code in codes.split():
        row = diagnose(int(code))
        assert (code, row.category, row.fault, row.action) == (code, category, fault, action)
        assert not row.known
        assert row.certainty == ("" if category == "unknown" else "inferred")
        assert "in no table" in row.meaning
        assert "不在任何" in row.meaning_zh
        assert code in row.meaning
        assert code in row.meaning_zh


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (150, "communication"),
        (250, "authentication"),
        (350, "request"),
        (450, "server errors"),
        (306005, "306004"),
        (403001, "403002"),
    ],
)
def test_the_scheme_of_guides_is_named_for_unknown_codes_that_fall_into_it(code: int, said: str) -> None:
    row = diagnose(code)
    assert said in row.note
    assert "no table of Baidu's knows that scheme" in row.note
    assert "没有这种划分" in row.note_zh


def test_an_unknown_code_keeps_what_the_reply_said() -> None:
    row = diagnose({"error_code": 999111, "error_msg": "new", "log_id": 5})
    assert (row.code, row.known, row.message, row.log_id) == ("999111", False, "new", "5")


def test_lasting_throttling_says_that_waiting_does_not_help() -> None:
    row = lookup("baidu", "18_persistent", "Open api qps request limit reached")
    assert (row.category, row.fault, row.action) == ("quota", "key", "next_key")
    assert "never claimed" in row.meaning
    assert "another program or host" in row.meaning


class Reply:
    """What the SDK takes for a response of requests."""

    def __init__(self, body: bytes) -> None:
        self.content = body

    def json(self) -> Any:
        import requests

        response = requests.Response()
        response._content = self.content
        return response.json()

    def close(self) -> None:
        return None


class Client:
    """A stand-in for requests inside of the SDK: one answer for tokens, one for everything else."""

    def __init__(self, token: bytes, answer: bytes) -> None:
        self._token, self._answer = token, answer

    def get(self, *_: object, **__: object) -> Reply:
        return Reply(self._token)

    def post(self, *_: object, **__: object) -> Reply:
        return Reply(self._answer)


TOKEN = json.dumps({"access_token": "t", "scope": "brain_all_scope", "expires_in": 2592000}).encode()
HTML = b"<html>502 Bad Gateway</html>"
Call = Callable[[Any], object]


def general(sdk: Any) -> object:
    return sdk.basicGeneral(b"image")


def table_of(sdk: Any) -> object:
    return sdk.tableRecognition(b"image", {}, 1000)


def words(sdk: Any) -> object:
    return sdk.basicGeneral(b"image")["words_result"]


@pytest.mark.parametrize(
    ("token", "answer", "call", "code"),
    [
        (b'{"scope": "brain_all_scope"}', b"{}", general, "sdk_no_token"),
        (HTML, b"{}", general, "sdk_token_not_json"),
        (b'{"access_token": "t", "scope": null}', b"{}", general, "sdk_scope"),
        (b"[]", b"{}", general, "sdk_not_a_mapping"),
        (TOKEN, b"[1]", general, "sdk_not_a_mapping"),
        (TOKEN, HTML, general, "sdk_reply_not_json"),
        (TOKEN, b"", general, "sdk_reply_not_json"),
        (TOKEN, b'\xef\xbb\xbf{"log_id": 1}', general, "sdk_reply_not_json"),
        (TOKEN, b"\x1f\x8b\xff", general, "sdk_reply_not_utf8"),
        (TOKEN, b'{"error_code": 17}', words, "sdk_no_words"),
        (TOKEN, b'{"log_id": 1}', table_of, "sdk_no_result"),
        (TOKEN, b"{}", lambda sdk: sdk.basicGeneral("photo.jpg"), "sdk_image_type"),
        (TOKEN, b"{}", lambda sdk: sdk.basicGeneral(None), "sdk_image_type"),
        (
            b'{"error": "invalid_client"}',
            b"{}",
            lambda sdk: sdk.post("https://aip.baidubce.com/rest?flag", {}),
            "sdk_bad_query",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None) or repr(value)[:40],
)
def test_what_the_bare_sdk_lets_out_is_explained(token: bytes, answer: bytes, call: Call, code: str) -> None:
    with quietly():
        from aip import AipOcr
    sdk = AipOcr("id", "key", "secret")
    sdk.s = sdk._AipBase__client = Client(token, answer)
    with pytest.raises(Exception) as caught:
        call(sdk)
    row = diagnose(caught.value)
    assert row.code == code
    assert row.known
    last_line = f"{type(caught.value).__module__}.{type(caught.value).__name__}: {caught.value}".removeprefix(
        "builtins."
    )
    assert diagnose(last_line).code == code


@pytest.mark.parametrize("milliseconds", [0, -1])
def test_a_timeout_of_zero_in_the_bare_sdk_is_explained(milliseconds: int) -> None:
    with quietly():
        from aip import AipOcr
    sdk = AipOcr("id", "key", "secret")
    sdk.setConnectionTimeoutInMillis(milliseconds)
    with pytest.raises(ValueError) as caught:
        sdk.basicGeneral(b"image")
    assert diagnose(caught.value).code == "sdk_zero_timeout"


def test_a_missing_sdk_is_explained_with_the_name_of_its_package() -> None:
    assert "baidu-aip" in diagnose(ModuleNotFoundError("No module named 'aip'")).meaning
    assert "chardet" in diagnose(ModuleNotFoundError("No module named 'chardet'")).meaning
    assert diagnose(ModuleNotFoundError("No module named 'chardet'")).code == "engine_missing"
