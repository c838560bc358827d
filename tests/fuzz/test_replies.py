"""Whatever a server answers, the adapter gives a sound page or a diagnosis, and the gateway a result or an error."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from benchmarks.fuzz_replies import HEIGHT, WIDTH, Fuzz
from benchmarks.mutation import Mutant, mutant
from benchmarks.replies import TOKEN, replies
from benchmarks.soundness import diagnosis_flaws, page_flaws
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocrgate import Gateway
from ocrgate.clock import Deadline
from ocrgate.errors import OCRError, ProviderError
from ocrgate.provider import Request
from ocrgate_baidu import ENDPOINTS, BaiduProvider
from ocrgate_baidu.transport import RawReply
from tests.providers.bare_sdk import TOKEN as GOOD_TOKEN
from tests.providers.bare_sdk import raw_server, written
from tests.providers.platform import picture, request

pytestmark = pytest.mark.thorough

REQUEST = Request(picture((WIDTH, HEIGHT)), "PNG", WIDTH, HEIGHT)
FUZZ = Fuzz(seed=0)
KEYS = [{"name": "a", "api_key": "an-api-key", "secret_key": "a-secret-key"}]
ENDPOINT = st.sampled_from(sorted(ENDPOINTS))
NAMES = st.sampled_from(
    [
        *("words_result", "words", "word", "location", "left", "top", "width", "height", "probability", "average"),
        *("vertexes_location", "x", "y", "chars", "char", "char_prob", "result", "data", "ret", "word_name", "log_id"),
        *("paragraphs_result", "words_result_idx", "number", "codes_result", "text", "type", "姓名", "image_status"),
        *("error_code", "error_msg", "errno", "msg", "error", "error_description", "message", "tables_result", "body"),
    ]
)
# The texts hold lone surrogates: JSON can say them, and nothing else can.
TEXT = st.one_of(st.text(st.characters(), max_size=8), st.sampled_from(["\ud83d", "无", "1e999", "\x00", "0.5", "110"]))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT)
TREE = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(NAMES, TEXT), inner, max_size=5)),
    max_leaves=25,
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "location", "content-type", "content-encoding"]),
    st.text(st.characters(max_codepoint=255), max_size=30),
    max_size=3,
)


def judge(endpoint: str, reply: RawReply, token: RawReply | None = None) -> None:
    """Put replies through the adapter; whatever comes back has to be sound."""
    provider, canned = FUZZ.provider(endpoint, cold=token is not None)
    canned.token = token or RawReply(200, {}, json.dumps(TOKEN).encode())
    canned.reply = reply
    assert flaws(provider, REQUEST, 60.0) == []


def flaws(provider: BaiduProvider, asked: Request, seconds: float) -> list[str]:
    """What is wrong with the page or the diagnosis that comes back; another exception goes through."""
    try:
        page = provider.recognize(asked, Deadline.after(seconds))
    except ProviderError as error:
        return diagnosis_flaws(error.diagnosis)
    return page_flaws(page, asked.width, asked.height)


@settings(max_examples=300, deadline=None)
@given(endpoint=ENDPOINT, tree=TREE, status=st.sampled_from([200, 200, 200, 302, 403, 500]), headers=HEADERS)
@example("accurate", {"words_result": [{"words": "half of an emoji \ud83d"}]}, 200, {})
@example("idcard", {"words_result": {"\ud800": {"words": "\udfff"}}, "log_id": "\ud800"}, 200, {})
@example("accurate", {"error_code": "\ud800", "error_msg": "\udc00"}, 200, {})
@example("accurate", {}, 302, {"location": "http://["})
@example("accurate", {}, 429, {"retry-after": "Mon, 99999999999 Jan 2026 00:00:00 GMT"})
@example("accurate", {}, 429, {"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"})
def test_any_json_is_a_page_or_a_diagnosis(endpoint: str, tree: Any, status: int, headers: dict[str, str]) -> None:
    judge(endpoint, RawReply(status, headers, json.dumps(tree).encode()))


@settings(max_examples=200, deadline=None)
@given(endpoint=ENDPOINT, body=st.binary(max_size=200), status=st.integers(100, 599), headers=HEADERS)
@example("accurate", b'{"words_result": [{"words": "\xed\xa0\x80"}]}', 200, {})
@example("accurate", b'{"words_result": [], "direction": 1e999}', 200, {})
@example("idcard", b"", 200, {})
def test_any_bytes_are_a_page_or_a_diagnosis(endpoint: str, body: bytes, status: int, headers: dict[str, str]) -> None:
    judge(endpoint, RawReply(status, headers, body))


@settings(max_examples=200, deadline=None)
@given(endpoint=ENDPOINT, seed=st.integers(0, 2**32), pick=st.integers(0, 100))
def test_any_spoilt_reply_is_a_page_or_a_diagnosis(endpoint: str, seed: int, pick: int) -> None:
    shapes = replies(endpoint, ENDPOINTS[endpoint].kind)
    spoilt = mutant(random.Random(seed), shapes[pick % len(shapes)])
    judge(endpoint, RawReply(spoilt.status, spoilt.headers, spoilt.body))


@settings(max_examples=200, deadline=None)
@given(tree=TREE, seed=st.integers(0, 2**32), spoil=st.booleans())
@example({"access_token": "24.\ud800", "expires_in": 1}, 0, False)
@example({"access_token": "24.x", "expires_in": "1e999"}, 0, False)
@example({"access_token": "24.x\r\nHost: evil.example", "expires_in": 99}, 0, False)
def test_any_token_reply_is_a_token_or_a_diagnosis(tree: Any, seed: int, spoil: bool) -> None:
    spoilt = mutant(random.Random(seed), TOKEN) if spoil else Mutant((), 200, {}, json.dumps(tree).encode())
    good = RawReply(200, {}, json.dumps(dict(replies("accurate", "text")[0])).encode())
    judge("accurate", good, RawReply(spoilt.status, spoilt.headers, spoilt.body))


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
def test_good_replies_are_pages_so_that_the_fuzz_begins_at_something(endpoint: str) -> None:
    shapes = replies(endpoint, ENDPOINTS[endpoint].kind)
    provider, canned = FUZZ.provider(endpoint)
    canned.token = RawReply(200, {}, json.dumps(TOKEN).encode())
    canned.reply = RawReply(200, {}, json.dumps(shapes[0]).encode())
    page = provider.recognize(REQUEST, Deadline.after(60.0))
    assert page_flaws(page, WIDTH, HEIGHT) == []
    assert page.lines


@contextmanager
def answering(first: bytes) -> Iterator[BaiduProvider]:
    """An adapter whose server gives a good token and then sends some bytes as its whole reply."""
    with raw_server(lambda _c, _r, line: written(GOOD_TOKEN) if "/oauth/" in line else first) as url:
        provider = BaiduProvider(base_url=url, keys=KEYS, trust_env=False)
        yield provider
        provider.close()


@settings(max_examples=60, deadline=None)
@given(
    wire=st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=200).map(lambda noise: b"HTTP/1.1 200 OK\r\n" + noise),
        st.binary(max_size=100).map(lambda noise: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + noise + b"\r\n\r\n{}"),
        st.binary(max_size=60).map(lambda noise: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + noise),
    )
)
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
@example(b"HTTP/1.1 99999 OK\r\n\r\n{}")
@example(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n")
@example(b"HTTP/1.1 100 Continue\r\n\r\n" * 200)
def test_any_bytes_on_the_wire_are_a_page_or_a_diagnosis(wire: bytes) -> None:
    with answering(wire) as provider:
        assert flaws(provider, request(), 0.1) == []


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32), endpoint=st.sampled_from(["accurate", "general_basic", "bankcard", "table", "qrcode"])
)
def test_what_the_gateway_makes_of_it_can_be_printed_and_stored(seed: int, endpoint: str) -> None:
    chance = random.Random(seed)
    spoilt = mutant(chance, replies(endpoint, ENDPOINTS[endpoint].kind)[0])
    provider, canned = FUZZ.provider(endpoint)
    canned.token = RawReply(200, {}, json.dumps(TOKEN).encode())
    canned.reply = RawReply(spoilt.status, spoilt.headers, spoilt.body)
    with _front(provider) as front:
        try:
            result = front.recognize(picture((WIDTH, HEIGHT)))
        except OCRError as error:
            str(error).encode("utf-8")
        else:
            json.loads(result.to_json().encode("utf-8"))
            result.text.encode("utf-8")
        json.dumps(front.status(), default=repr, ensure_ascii=False).encode("utf-8")


def _front(provider: BaiduProvider) -> Gateway:
    from ocrgate.config import parse

    wanted = parse(
        {
            "version": 1,
            "providers": {"baidu": {"keys": KEYS, "retry": {"attempts": 1}}},
            "routes": {"default": {"providers": ["baidu"], "accept": {"on_invalid": "best"}}},
        }
    )
    return Gateway(wanted, providers={"baidu": provider})
