"""`diagnose()`: whatever people hold in their hand has a diagnosis, and the right one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.diagnosis import Diagnosis, diagnose, lookup, table
from ocrgate.errors import (
    AllProvidersFailed,
    ConfigError,
    DeadlineExceeded,
    InvalidImage,
    NoValidResult,
    ProviderError,
    ProviderRefused,
)
from ocrgate.result import Attempt, Result


@pytest.mark.parametrize(
    "subject",
    [
        18,
        18.0,
        "18",
        " 18 ",
        "18.0",
        "１８",
        "\ufeff18\n",
        b"18",
        bytearray(b"18"),
        memoryview(b"18"),
        "error_code: 18",
        "error_code=18",
        "error code 18",
        "Error Code is 18",
        "错误码：18",
        "返回码为18",
        "errno: 18",
        "18: Open api qps request limit reached",
        "[18] Open api qps request limit reached",
        "18 Open api qps request limit reached",
        "Open api QPS request limit reached.",
        {"error_code": 18, "error_msg": "x"},
        {"error_code": 18.0},
        {"error_code": " 18 "},
        {"errno": 18, "msg": "x"},
        {"err_no": "18"},
        {"error_code": 0, "errno": 18},
        {"error": {"code": 18, "message": "x"}},
        '{"error_code": "18", "log_id": 7}',
        "{'error_code': 18, 'error_msg': 'as Python prints it'}",
        b'{"error_code": 18}',
        '\ufeff{"error_code": 18}',
        b'\xef\xbb\xbf{"error_code": 18}',
        '{"error_code": 18}'.encode("utf-16"),
        '{"error_code": 18, "error_msg": "额度"}'.encode("gb18030"),
        'ERROR 2026-11-22 baidu said {"error_code": 18, "error_msg": "x"} in 0.2 s',
        "WARNING reply was {'log_id': 1, 'error_code': 18}",
        '"18"',
        [{"error_code": 18}],
        '[{"log_id": 1}, {"error_code": 18}]',
    ],
    ids=repr,
)
def test_a_code_is_found_in_whatever_form_it_comes(subject: object) -> None:
    assert (diagnose(subject).code, diagnose(subject).category) == ("18", "throttle")


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("sdk108", "SDK108"),
        ("SDK108: connection or read data timeout", "SDK108"),
        ("TLS", "tls"),
        ("breaker_open", "breaker_open"),
        ("HTTP 502", "http_502"),
        ("HTTP/1.1 403 Forbidden", "http_403"),
        ("http status code: 429", "http_429"),
        ("status_code=413", "http_413"),
        ("502 Bad Gateway", "http_502"),
        ("404 Client Error: Not Found for url: https://aip.baidubce.com/x", "http_404"),
        ("HTTP 418", "http_418"),
        ("[Errno 111] Connection refused", "connection_refused"),
        ("[WinError 10061] No connection could be made", "WSA"),
        ("invalid_client: unknown client id", "invalid_client"),
        ("unknown client id", "invalid_client"),
        ("<html><head><title>502 Bad Gateway</title></head></html>", "bad_reply"),
        ("", "bad_reply"),
        (b"", "bad_reply"),
        ("   \n", "bad_reply"),
        (None, "bad_reply"),
        ("{}", "bad_reply"),
        ({}, "bad_reply"),
        ([], "bad_reply"),
        ({"message": "too large"}, "bad_reply"),
        ({"words_result": [{"words": "a"}], "log_id": 1}, "no_error"),
        ({"error_code": 0, "errno": "0", "result": {"x": 1}}, "no_error"),
        ({"image_status": "non_idcard", "words_result": {"x": 1}}, "non_idcard"),
    ],
    ids=repr,
)
def test_other_things_are_found_too(subject: object, code: str) -> None:
    if code == "WSA":  # a number of another system means nothing on this one
        assert isinstance(diagnose(subject), Diagnosis)
        return
    assert diagnose(subject).code == code


@pytest.mark.parametrize(
    "subject",
    [
        "3 images failed",
        "I sent 18 images",
        "018",
        "+18",
        "18a",
        "1 8",
        "page 18",
        "image size error",
        "-18",
        "zip code",
    ],
)
def test_a_number_in_a_sentence_is_not_taken_for_a_code(subject: str) -> None:
    assert not diagnose(subject).known


def test_the_reference_and_the_words_of_a_reply_are_kept() -> None:
    found = diagnose(
        {"error_code": 18, "error_msg": "Open api qps request limit reached", "log_id": 18446744073709551615}
    )
    assert (found.message, found.log_id) == ("Open api qps request limit reached", "18446744073709551615")
    assert diagnose({"error_code": 18, "log_id": None, "logid": "7"}).log_id == "7"


@pytest.mark.parametrize(
    ("words", "who"), [("unknown client id", "API Key"), ("Client authentication failed", "Secret Key")]
)
def test_a_wrong_api_key_is_told_from_a_wrong_secret_key(words: str, who: str) -> None:
    found = diagnose({"error": "invalid_client", "error_description": words})
    other = {"API Key", "Secret Key"} - {who}
    assert (found.code, found.fault, found.action, found.message) == ("invalid_client", "key", "next_key", words)
    for text in (found.meaning, found.meaning_zh, found.remedy, found.remedy_zh):
        assert who in text
    assert not any(each in found.remedy for each in other)


def test_both_meanings_of_216202_are_told_apart() -> None:
    whole = diagnose({"error_code": 216202, "error_msg": "input oversize"})
    image = diagnose({"error_code": 216202, "error_msg": "image size error"})
    assert "10 MB" in whole.meaning
    assert "sides" in image.meaning
    assert whole.action == image.action == "fix_request"


@pytest.mark.parametrize(
    "subject", ["{", "[1]", 3.5, float("nan"), True, object(), {"a": 1}, {1: 2}, b"\x89PNG\r\n\xff"]
)
def test_nonsense_has_a_diagnosis_too(subject: object) -> None:
    found = diagnose(subject)
    assert isinstance(found, Diagnosis)
    assert found.code


def test_an_unknown_code_is_an_honest_unknown() -> None:
    found = diagnose(987654321)
    assert (found.code, found.known, found.category, found.certainty) == ("987654321", False, "unknown", "")
    assert "in no table" in found.meaning


@given(st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.none(), st.booleans()))
def test_anything_has_a_diagnosis(subject: object) -> None:
    found = diagnose(subject)
    assert found.code
    assert len(found.code) <= 80
    assert len(found.message) <= 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error_code", "errno", "error", "error_msg", "log_id", "words_result", "image_status"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_reply_has_the_same_diagnosis_as_its_json(reply: Any) -> None:
    if not isinstance(reply, dict):
        return
    text = json.dumps(reply)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert diagnose(text).code == diagnose(json.loads(text)).code
    assert diagnose(text.encode()).code == diagnose(json.loads(text)).code


@given(st.sampled_from(sorted(table("baidu"))))
def test_every_code_of_the_table_is_found_as_reply_text_and_name(code: str) -> None:
    assert diagnose(code).code == code
    assert diagnose({"error_code": code}).code == code
    assert diagnose(json.dumps({"error_code": code})).code == code
    assert diagnose(f"error_code: {code}").code == code or not code[-1].isdigit() or "_" in code


def test_a_deeply_nested_text_ends_in_a_diagnosis() -> None:
    for text in ("[" * 100_000, "{" * 100_000, '{"a":' * 50_000, "(" * 10_000):
        assert isinstance(diagnose(text), Diagnosis)


def test_what_already_has_a_diagnosis_keeps_it() -> None:
    row = lookup("baidu", "17", "said")
    assert diagnose(row) is row
    assert diagnose(ProviderError("cloud", row)) is row


def test_a_refusal_is_explained_by_its_reason() -> None:
    found = diagnose(ProviderRefused("cloud", "quota", "1000 of 1000 used", 5.0))
    assert (found.code, found.message) == ("quota", "1000 of 1000 used")


def test_errors_of_this_library_are_explained() -> None:
    row = lookup("baidu", "17")
    attempts = [Attempt("a", "failed", diagnosis=row), Attempt("b", "refused", diagnosis=lookup("gateway", "no_key"))]
    assert diagnose(AllProvidersFailed(attempts)) == row
    assert diagnose(DeadlineExceeded(attempts)) == row
    assert diagnose(AllProvidersFailed()).code == "all_failed"
    assert diagnose(DeadlineExceeded()).code == "deadline"
    assert diagnose(InvalidImage("truncated")).code == "invalid_image"
    assert diagnose(ConfigError("no")).code == "bad_config"
    assert diagnose(NoValidResult(Result((), "a"), attempts)).code == "no_valid_result"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError("late"), "timeout"),
        (ConnectionRefusedError("no"), "connection_refused"),
        (ConnectionResetError("gone"), "connection_reset"),
        (ConnectionError("somehow"), "connection_reset"),
        (ModuleNotFoundError("aip"), "engine_missing"),
        (ImportError("cannot import name 'x'"), "engine_missing"),
        (MemoryError(), "worker_memory"),
        (asyncio.CancelledError(), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("provider", ["baidu", "gateway", "no_such_provider"])
def test_an_exception_of_python_has_a_diagnosis_too(error: BaseException, code: str, provider: str) -> None:
    found = diagnose(error, provider)
    assert (found.code, found.known) == (code, True)
    assert type(error).__name__ in found.message


def test_an_exception_that_nobody_knows_is_an_honest_unknown() -> None:
    found = diagnose(KeyError("x"))
    assert (found.code, found.known, found.category) == ("KeyError", False, "unknown")
    assert found.message == "KeyError: 'x'"


def test_within_the_gateway_it_is_a_defect_of_the_adapter() -> None:
    found = diagnose(KeyError("x"), "gateway")
    assert (found.code, found.known, found.counts_in_breaker) == ("adapter_error", True, True)


def test_an_exception_that_cannot_even_be_printed_has_a_diagnosis() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert diagnose(Mute()).message == "Mute"


UNREACHABLE = (
    "Max retries exceeded with url: / (Caused by NewConnectionError('<urllib3>: Failed to establish a new connection:"
    " [Errno 101] Network is unreachable'))"
)
DENIED = (
    "Max retries exceeded with url: / (Caused by ProxyError('no', OSError('Tunnel connection failed: 407 Denied')))"
)
TRACEBACK = """Traceback (most recent call last):
  File "a.py", line 3, in <module>
    print(reply["words_result"])
KeyError: 'words_result'
"""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("KeyError: 'access_token'", "sdk_no_token"),
        ("TimeoutError", "timeout"),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", "connection_reset"),
        ("socket.gaierror: [Errno -2] Name or service not known", "dns"),
        ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired (_ssl.c:1007)", "tls"),
        ("requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://x/?a=b", "http_403"),
        (
            f"requests.exceptions.ConnectionError: {UNREACHABLE}",
            "unreachable",
        ),
        (
            f"requests.exceptions.ProxyError: {DENIED}",
            "proxy",
        ),
        ("requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='x', port=443): Read timed out.", "timeout"),
        ("NoSuchThingError: what", "NoSuchThingError"),
        (
            TRACEBACK,
            "sdk_no_words",
        ),
    ],
)
def test_an_exception_that_was_copied_from_a_terminal_is_recognised(text: str, code: str) -> None:
    assert diagnose(text).code == code
