"""No diagnosis quotes a secret, whatever library quoted it first."""

from __future__ import annotations

import base64

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.diagnosis import diagnose
from ocrgate.diagnosis.redaction import redacted

SECRET = "q7Zk0PlantedSecret9w"
TOKEN = "24.0123456789abcdef0123456789abcdef.2592000.1700000000.282335-10000"
ENCODED = base64.b64encode(f"user:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"url: /oauth/2.0/token?grant_type=client_credentials&client_id={SECRET}&client_secret={SECRET} (Caused by x)",
        f"https://aip.baidubce.com/rest/2.0/ocr/v1/general?access_token={SECRET}",
        f"POST /x?whatever={SECRET}&other={SECRET}#part",
        f"proxy http://user:{SECRET}@proxy.example:8080 refused",
        f"http://{SECRET}@proxy.example",
        f"Authorization: Bearer {SECRET}",
        f"Proxy-Authorization: Basic {ENCODED}",
        f"{{'access_token': '{SECRET}', 'expires_in': 1}}",
        f'{{"client_secret": "{SECRET}"}}',
        f"api_key={SECRET}, secret_key={SECRET}",
        f"API Key: {SECRET}",
        f"password = {SECRET}",
        f"authorization: bce-auth-v1/{SECRET}/2026-11-22T12:00:00Z/1800/host/{SECRET}",
        f"session_key: {SECRET}; session_secret: {SECRET}",
    ],
)
def test_a_secret_is_hidden_wherever_libraries_quote_it(text: str) -> None:
    shown = redacted(text)
    assert SECRET not in shown
    assert ENCODED not in shown
    assert "***" in shown


def test_a_token_is_known_by_its_form() -> None:
    assert TOKEN not in redacted(f"the token {TOKEN} was refused")


@pytest.mark.parametrize(
    "text",
    [
        "Access token invalid or no longer valid",
        "param image not exist",
        "KeyError: 'access_token'",
        "invalid parameter, appId doesn't own this template nor not launch",
        "HTTPSConnectionPool(host='aip.baidubce.com', port=443): Read timed out. (read timeout=10)",
        "Error opening data file /usr/share/tessdata/xyz.traineddata",
    ],
)
def test_what_holds_no_secret_is_left_as_it_is(text: str) -> None:
    assert redacted(text) == text


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&#'\"<>"), min_size=1))
def test_no_value_of_a_query_survives(value: str) -> None:
    marked = f"Planted{value}"
    assert marked not in redacted(f"GET https://example.com/x?a={marked}&b={marked} failed")


def exceptions() -> list[BaseException]:
    url = f"https://127.0.0.1:1/oauth/2.0/token?client_id={SECRET}&client_secret={SECRET}"
    found: list[BaseException] = [
        KeyError(f"access_token={SECRET}"),
        RuntimeError(f"401 for {url}"),
        requests.exceptions.InvalidURL(f"Invalid URL {url!r}"),
        requests.exceptions.HTTPError(f"403 Client Error: Forbidden for url: {url}"),
    ]
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        requests.get(url, timeout=2, proxies={"https": ""})
    return [*found, caught.value]


@pytest.mark.parametrize("provider", ["baidu", "gateway", "tesseract"])
def test_the_diagnosis_of_an_exception_quotes_no_secret(provider: str) -> None:
    for error in exceptions():
        assert SECRET in str(error), "the exception itself does quote it"
        assert SECRET not in repr(diagnose(error, provider))
        assert SECRET not in repr(diagnose(f"{type(error).__name__}: {error}", provider))


def test_a_reply_or_a_text_that_echoes_a_secret_does_not_bring_it_along() -> None:
    for subject in (
        {"error_code": 110, "error_msg": f"bad access_token={SECRET}"},
        {"error": f"see https://x/?client_secret={SECRET}"},
        f"https://x/?client_secret={SECRET}",
        f"error_code: 110 for https://x/?access_token={SECRET}",
    ):
        assert SECRET not in repr(diagnose(subject))
