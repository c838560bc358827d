"""The defects of baidu-aip, each shown in the SDK as it is shipped, and shown not to reach a user of the gateway.

The first half of a test is about the SDK alone. When it fails, a release of the SDK has mended the defect.
"""

from __future__ import annotations

import inspect
import json
import pickle
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ocrgate import Gateway
from ocrgate.diagnosis import Diagnosis
from ocrgate.errors import ConfigError, InvalidImage, OCRError, ProviderError
from ocrgate.provider import ProviderSpec
from ocrgate.testing.simulator import BaiduSimulator, self_signed
from ocrgate_baidu import ENDPOINTS, BaiduProvider
from tests.providers.bare_sdk import TOKEN, Respond, always_says, bare, raw_server, written
from tests.providers.platform import APP, adapter, always, failure, key, once, picture, python, read
from tests.providers.proxy import Proxy

IMAGE = picture()
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def gateway(platform: BaiduSimulator | str, **options: Any) -> Gateway:
    """A gateway with Baidu alone, which does not wait between tries."""
    url = platform if isinstance(platform, str) else platform.url
    provider = {"base_url": url, "keys": [key()], "trust_env": False, "retry": {"base": 0, "throttle_base": 0}}
    return Gateway.from_dict(
        {"version": 1, "providers": {"baidu": {**provider, **options}}, "routes": {"default": {"providers": ["baidu"]}}}
    )


def at(url: str, **options: Any) -> BaiduProvider:
    """An adapter for the server at a URL, whatever that is."""
    return BaiduProvider(base_url=url, keys=[key()], **{"trust_env": False, **options})


def targets(platform: BaiduSimulator, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, list[str]]]]:
    """Path and query of the requests, as they arrive from now on."""
    seen: list[tuple[str, dict[str, list[str]]]] = []
    serve = platform.serve

    def noted(connection: Any, method: str, target: str, body: bytes) -> bool:
        parts = urlsplit(target)
        seen.append((parts.path, parse_qs(parts.query)))
        return serve(connection, method, target, body)

    monkeypatch.setattr(platform, "serve", noted)
    platform.stop()
    platform.start()
    return seen


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.mark.parametrize(
    "fault",
    [
        {
            "kind": "http",
            "status": 401,
            "body": '{"error": "invalid_client", "error_description": "unknown client id"}',
        },
        {"kind": "http", "status": 429, "body": '{"message": "slow down"}'},
        {"kind": "token_poison"},
        {"kind": "no_scope"},
    ],
)
def test_d1_a_bad_token_reply_spoils_one_call_and_not_the_client_for_good(fault: dict[str, Any]) -> None:
    """A token reply without the expected scope makes the SDK sign in another way, for ever, so it only gets 14."""
    plan = [once(path="token", **fault)]
    with BaiduSimulator(faults=plan) as platform, bare(platform) as client:
        assert [client.accurate(IMAGE)["error_code"] for _ in range(3)] == [14, 14, 14]
        assert [each.endpoint for each in platform.requests].count("token") == 1
    with BaiduSimulator(faults=plan) as platform:
        provider = adapter(platform)
        if fault["kind"] != "no_scope":
            failure(provider)
        assert read(provider).lines
        assert "14" not in platform.counts
    with BaiduSimulator(faults=plan) as platform, gateway(platform) as front:
        results = [_outcome(front), _outcome(front)]
        assert "14" not in platform.counts
    # A key that was refused is benched until the configuration changes; a hiccup is not even noticed.
    assert results[0] == ("AllProvidersFailed" if fault.get("status") == 401 else "Result")


def _outcome(front: Gateway) -> str:
    try:
        return type(front.recognize(IMAGE)).__name__
    except OCRError as error:
        return type(error).__name__


def test_d2_threads_that_start_cold_share_one_token() -> None:
    """The SDK has no lock: every cold thread fetches a token of its own."""
    slow = [always("slow", path="token", seconds=0.3)]
    with BaiduSimulator(faults=slow) as platform, bare(platform) as client, ThreadPoolExecutor(12) as pool:
        list(pool.map(client.accurate, [IMAGE] * 12))
        assert platform.tokens_issued > 6
    with BaiduSimulator(faults=slow) as platform, gateway(platform) as front:
        assert all(result.text for result in front.recognize_many([IMAGE] * 12, workers=12))  # type: ignore[union-attr]
        assert platform.tokens_issued == 1


@pytest.mark.parametrize("code", [111, 100, "110", "111", 13])
def test_d3_every_way_of_saying_that_the_token_is_no_good_fetches_another(code: int | str) -> None:
    """The SDK refreshes on the number 110 only, and hands everything else back with the dead token kept."""
    with BaiduSimulator(faults=[once("code", code=code, number=2)]) as platform, bare(platform) as client:
        assert "words_result" in client.accurate(IMAGE)
        assert client.accurate(IMAGE)["error_code"] == code
        client.accurate(IMAGE)
        assert platform.tokens_issued == 1
    with BaiduSimulator(faults=[once("code", code=code, number=2)]) as platform, gateway(platform) as front:
        front.recognize(IMAGE)
        result = front.recognize(IMAGE)
        assert [attempt.outcome for attempt in result.attempts] == ["failed", "accepted"]
        assert platform.tokens_issued == 2


def test_d3_tokens_that_expire_at_the_platform_do_not_fail_a_call() -> None:
    """A token that the platform lets expire stays in use in the SDK until the program is started again."""
    with BaiduSimulator() as platform, bare(platform) as client:
        client.accurate(IMAGE)
        platform.expire_tokens()
        assert [client.accurate(IMAGE)["error_code"] for _ in range(3)] == [111] * 3
    with BaiduSimulator() as platform, gateway(platform) as front:
        front.recognize(IMAGE)
        platform.expire_tokens()
        assert front.recognize(IMAGE).valid
        assert platform.counts["111"] == 1


def test_d4_nothing_is_sent_without_a_token() -> None:
    """When the refresh is refused, the SDK sends the whole image again with neither token nor signature."""
    with BaiduSimulator() as platform, bare(platform) as client:
        client.accurate(IMAGE)
        platform.revoke_tokens()
        platform.plan_faults([always("token_poison", path="token")])
        assert client.accurate(IMAGE)["error_code"] == 14
        assert (platform.requests[-1].key, platform.requests[-1].size > len(IMAGE)) == (None, True)
    with BaiduSimulator() as platform, gateway(platform) as front:
        front.recognize(IMAGE)
        platform.revoke_tokens()
        platform.plan_faults([always("token_poison", path="token")])
        assert _outcome(front) == "AllProvidersFailed"
        asked = [each for each in platform.requests if each.endpoint == "accurate"]
        assert [each.code for each in asked] == ["ok", "110"]


def test_d5_the_secret_is_handed_to_nobody_whose_certificate_is_not_trusted(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK verifies no certificate, whatever its session and the environment say."""
    bundle = str(certificate[0])
    with BaiduSimulator(certificate=certificate) as platform:
        with bare(platform) as client:
            client.s.verify = True
            assert "words_result" in client.accurate(IMAGE)
            assert platform.requests[0].key == APP.name
        seen = len(platform.requests)
        assert failure(adapter(platform)).code == "tls"
        with gateway(platform) as front:
            assert _outcome(front) == "AllProvidersFailed"
        assert len(platform.requests) == seen
        with gateway(platform, tls={"ca_bundle": bundle}) as front:
            assert front.recognize(IMAGE).valid
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        assert read(adapter(platform, trust_env=True)).lines
        assert failure(adapter(platform, trust_env=False)).code == "tls"


HOST_PROGRAM = """
import logging, os, signal, socket, ssl, sys, threading, warnings

def host():
    loggers = {name: (each.level, tuple(each.handlers), each.disabled, each.propagate)
               for name, each in logging.root.manager.loggerDict.items() if isinstance(each, logging.Logger)}
    root = logging.root
    return {
        "filters": list(warnings.filters), "show": warnings.showwarning, "format": warnings.formatwarning,
        "root": (root.level, tuple(root.handlers), logging.raiseExceptions, logging.Logger.manager.disable),
        "configured": {name: state for name, state in loggers.items() if state != (0, (), False, True)},
        "timeout": socket.getdefaulttimeout(), "resolve": socket.getaddrinfo, "tls": ssl._create_default_https_context,
        "hooks": (sys.excepthook, threading.excepthook, sys.unraisablehook), "environ": dict(os.environ),
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
    }
"""


def test_d6_importing_and_using_it_changes_nothing_in_the_host_program() -> None:
    """Importing the SDK switches off every warning of urllib3 for the whole program."""
    told = python(f"{HOST_PROGRAM}\nbefore = host()\nimport aip\nprint(host()['filters'][0], host() == before)")
    assert "ignore" in told
    assert "HTTPWarning" in told
    assert told.strip().endswith("False")
    code = f"""{HOST_PROGRAM}
import ocrgate, urllib3, requests
import pytest  # which brings a hook for exceptions on old versions of Python
before = host()
import ocrgate_baidu
from tests.providers.platform import key, read
provider = ocrgate_baidu.BaiduProvider(base_url=sys.argv[1], keys=[key()], trust_env=False)
assert read(provider).lines
provider.close()
after = host()
# urllib3 and requests give their own loggers a NullHandler, as every library may.
print([name for name in before if before[name] != after[name]])
"""
    with BaiduSimulator() as platform:
        assert python(code, platform.url).strip() == "[]"


def test_d7_the_secret_stands_in_no_url_and_no_exception(nobody: int) -> None:
    """The SDK puts key and secret into the URL of a GET, and so into proxy logs and exception texts."""
    down = f"http://127.0.0.1:{nobody}"
    with bare(down) as client, pytest.raises(requests.ConnectionError) as caught:
        client.accurate(IMAGE)
    assert f"client_secret={APP.secret_key}" in str(caught.value)
    with BaiduSimulator() as platform, Proxy() as proxy, bare(platform) as client:
        client.setProxies({"http": proxy.url})
        client.accurate(IMAGE)
        assert f"client_secret={APP.secret_key}" in proxy.lines[0]
    assert APP.secret_key not in repr(failure(at(down)))
    with BaiduSimulator() as platform, Proxy() as proxy, gateway(platform, proxies={"http": proxy.url}) as front:
        front.recognize(IMAGE)
        assert len(proxy.heads) == 2
        assert APP.secret_key not in "".join(proxy.heads)


NO_SCOPE = b'{"access_token": "t", "expires_in": 99, "scope": null}'
NO_TOKEN = b'{"expires_in": 99, "scope": "brain_all_scope"}'


def _token(body: bytes) -> Respond:
    return lambda _connection, _request, _line: written(body)


def _cut(_connection: int, _request: int, line: str) -> bytes | None:
    return written(TOKEN) if "/oauth/" in line else None


@pytest.mark.parametrize(
    ("respond", "escapes", "code"),
    [
        (_cut, "ConnectionError", "connection_reset"),
        (_token(b"<html>503</html>"), "JSONDecodeError", "bad_reply"),
        (_token(NO_SCOPE), "AttributeError", None),
        (_token(NO_TOKEN), "KeyError", "bad_reply"),
        (_token(b"[]"), "AttributeError", "bad_reply"),
        (always_says(b"<html>502</html>", "502 Bad Gateway"), "JSONDecodeError", "http_5xx"),
        (always_says(b""), "JSONDecodeError", "bad_reply"),
        (always_says(b"\xef\xbb\xbf{}"), "JSONDecodeError", "bad_reply"),
        (always_says(b'{"words_result": [{"words": "\xc4\xe3"}]}'), "UnicodeDecodeError", "bad_reply"),
        (always_says(b'["words"]'), "AttributeError", "bad_reply"),
        (always_says(b'"words"'), "AttributeError", "bad_reply"),
    ],
)
def test_d8_whatever_happens_escapes_as_a_provider_error_with_a_diagnosis(
    respond: Respond, escapes: str, code: str | None
) -> None:
    """The SDK catches two kinds of timeout; everything else escapes as whatever some library below it raised."""
    with raw_server(respond) as url:
        with bare(url) as client, pytest.raises(Exception) as caught:
            client.accurate(IMAGE)
        assert escapes in {each.__name__ for each in type(caught.value).__mro__}
        assert not isinstance(caught.value, OCRError)
        if code is None:
            # A token without a scope is a token.
            told = failure(at(url))
            assert told.code == "bad_reply"
            return
        with pytest.raises(ProviderError) as own:
            read(at(url))
    assert isinstance(own.value.diagnosis, Diagnosis)
    assert (own.value.diagnosis.code, own.value.diagnosis.known) == (code, True)


def test_d8_network_faults_escape_as_a_diagnosis_too(nobody: int) -> None:
    """A refused connection, a dead proxy and a failed handshake escape from the SDK as three kinds of exception."""
    down = f"http://127.0.0.1:{nobody}"
    with BaiduSimulator() as platform:
        tls = platform.url.replace("http://", "https://")
        for url, proxies, escapes, code in (
            (down, {}, requests.ConnectionError, "connection_refused"),
            (platform.url, {"http": down}, requests.exceptions.ProxyError, "proxy"),
            (tls, {}, requests.exceptions.SSLError, "tls"),
        ):
            with bare(url) as client:
                client.setProxies(proxies)
                with pytest.raises(escapes):
                    client.accurate(IMAGE)
            assert failure(BaiduProvider(base_url=url, keys=[key()], trust_env=False, proxies=proxies)).code == code


def test_d8_wrong_arguments_are_told_before_anything_is_sent() -> None:
    """No key, no image, no time, a wait on a table: each is another built-in exception of the SDK."""
    with BaiduSimulator() as platform, bare(platform) as client:
        with pytest.raises(AttributeError):
            type(client)("1", None, "secret")
        for image in (None, "a text"):
            with pytest.raises(TypeError):
                client.accurate(image)
        client.setSocketTimeoutInMillis(0)
        with pytest.raises(ValueError, match="0"):
            client.accurate(IMAGE)
    with BaiduSimulator() as platform, gateway(platform) as front:
        for given in (None, b"", b"no image"):
            with pytest.raises(InvalidImage):
                front.recognize(given)
        assert platform.requests == []
    wrongs: list[dict[str, Any]] = [{"keys": [{**key(), "api_key": None}]}, {"timeout": 0}, {"timeout": "0ms"}]
    for wrong in wrongs:
        with pytest.raises(ConfigError):
            gateway("http://127.0.0.1:1", **wrong)


@pytest.mark.parametrize(
    ("body", "status", "taken_for", "code"),
    [
        (b'{"message": "too large"}', "413 Payload Too Large", {"message": "too large"}, "http_413"),
        (b'{"message": "slow down"}', "429 Too Many Requests", {"message": "slow down"}, "http_429"),
        (b'{"message": "no"}', "403 Forbidden", {"message": "no"}, "http_403"),
        (b'{"log_id": 1}', "500 Internal Server Error", {"log_id": 1}, "http_5xx"),
        (b"null", "200 OK", {}, "bad_reply"),
        (b'{"log_id": 7}', "200 OK", {"log_id": 7}, "bad_reply"),
    ],
)
def test_d9_a_reply_without_an_answer_is_a_failure_whatever_it_says(
    body: bytes, status: str, taken_for: dict[str, Any], code: str
) -> None:
    """The SDK looks at no HTTP status and takes everything without the number 110 for an answer."""
    with raw_server(always_says(body, status)) as url:
        with bare(url) as client:
            assert client.accurate(IMAGE) == taken_for
        assert failure(at(url)).code == code


def test_d9_numbers_that_json_does_not_have_are_a_failure() -> None:
    """NaN in a reply is handed on by the SDK as a number."""
    with BaiduSimulator(faults=[always("nan")]) as platform:
        with bare(platform) as client:
            assert client.accurate(IMAGE)["words_result_num"] != client.accurate(IMAGE)["words_result_num"]
        assert failure(adapter(platform)).code == "bad_reply"


PAGE = json.dumps({"log_id": 1, "words_result_num": 1, "words_result": [{"words": "TOTAL 5.50"}]}).encode()


def _closes_what_rested(connection: int, request: int, line: str) -> bytes | None:
    """Serves the first two requests of the first connection, and is gone when the third arrives."""
    if connection == 1 and request > 2:
        return None
    return written(TOKEN) if "/oauth/" in line else written(PAGE)


def test_d10_a_connection_that_died_while_it_rested_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK keeps connections although it says otherwise, and raises when the server has closed one meanwhile."""
    served: list[tuple[int, str]] = []

    def closes(connection: int, request: int, line: str) -> bytes | None:
        served.append((connection, line.split("?", maxsplit=1)[0]))
        # The SDK fetches its token through another connection.
        return _closes_what_rested(connection - 1, request + 1, line)

    with raw_server(closes) as url, bare(url) as client:
        client.accurate(IMAGE)
        with pytest.raises(requests.ConnectionError):
            client.accurate(IMAGE)
        assert [connection for connection, _ in served] == [1, 2, 2]
    with raw_server(_closes_what_rested) as url:
        provider = at(url)
        read(provider)
        # One that answered a moment ago and now says nothing is a fault of the server, and is told.
        assert failure(provider).code == "connection_reset"
    monkeypatch.setattr("ocrgate_baidu.connection.STALE", 0.0)
    with raw_server(_closes_what_rested) as url:
        provider = at(url)
        assert [read(provider).text for _ in range(3)] == ["TOTAL 5.50"] * 3
    with raw_server(lambda _connection, request, line: written(TOKEN) if "/oauth/" in line else None) as url:
        assert failure(at(url)).code == "connection_reset"


def test_d11_every_request_takes_the_one_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK fetches tokens and repeats calls past its own session, so what was mounted there does not apply."""
    sent: list[str] = []

    class Counting(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
            sent.append(request.path_url.split("?")[0])
            return super().send(request, *arguments, **options)

    with BaiduSimulator(faults=[once("code", code=110)]) as platform, bare(platform) as client:
        client.s.mount("http://", Counting())
        assert "words_result" in client.accurate(IMAGE)
        assert len(platform.requests) == 4
        assert len(sent) == 1
    from ocrgate_baidu.connection import PooledAdapter

    passed: list[str] = []
    send = PooledAdapter.send

    def counted(self: Any, request: Any, *arguments: Any, **options: Any) -> Any:
        passed.append(request.path_url.split("?")[0])
        return send(self, request, *arguments, **options)

    monkeypatch.setattr(PooledAdapter, "send", counted)
    with BaiduSimulator(faults=[once("code", code=110)]) as platform, gateway(platform) as front:
        front.recognize(IMAGE)
        assert passed == [each.path for each in platform.requests]
        assert len(passed) == 4


def test_d12_an_attempt_is_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits a minute to connect and a minute for each chunk, in up to four requests a call."""
    asked: list[Any] = []
    dripping = [always("drip", interval=0.004)]
    with BaiduSimulator(faults=dripping) as platform, bare(platform) as client:
        assert (client._AipBase__connectTimeout, client._AipBase__socketTimeout) == (60.0, 60.0)
        post = client.s.post

        def posted(*arguments: Any, **options: Any) -> Any:
            asked.append(options["timeout"])
            return post(*arguments, **options)

        monkeypatch.setattr(client.s, "post", posted)
        client.setConnectionTimeoutInMillis(100)
        client.setSocketTimeoutInMillis(100)
        begun = time.monotonic()
        assert "words_result" in client.accurate(IMAGE)
        assert time.monotonic() - begun > 4 * 0.1
    assert asked == [(0.1, 0.1)]
    with BaiduSimulator(faults=dripping) as platform, gateway(platform, timeout=0.2, retry={"attempts": 1}) as front:
        begun = time.monotonic()
        assert _outcome(front) in ("AllProvidersFailed", "DeadlineExceeded")
        assert time.monotonic() - begun < 0.6


def test_d13_a_repeated_call_is_the_same_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's repetition after 110 leaves out what the first request said in its query."""
    with BaiduSimulator(faults=[once("code", code=110)]) as platform, bare(platform) as client:
        seen = targets(platform, monkeypatch)
        client.accurate(IMAGE)
        first, again = (query for path, query in seen if path.endswith("accurate"))
        assert first.keys() - again.keys() == {"aipSdk", "aipVersion"}
    with BaiduSimulator(faults=[once("code", code=110)]) as platform:
        seen = targets(platform, monkeypatch)
        with gateway(platform) as front:
            front.recognize(IMAGE)
        first, again = (query for path, query in seen if path.endswith("accurate"))
        assert first.keys() == again.keys() == {"aipSdk", "aipVersion", "access_token"}
        assert first["access_token"] != again["access_token"]


def test_d14_calls_are_never_signed_in_the_other_way() -> None:
    """Signing leaves its signature in the caller's own headers, and breaks on a header that is no text."""
    with BaiduSimulator() as platform, bare(platform) as client:
        client._isCloudUser = True
        headers: dict[str, Any] = {"X-Mine": "1"}
        client.post(f"{platform.url}/rest/2.0/ocr/v1/accurate", {"image": ""}, headers)
        assert headers["authorization"].startswith("bce-auth-v1/")
        with pytest.raises(AttributeError):
            client.post(f"{platform.url}/rest/2.0/ocr/v1/accurate", {"image": ""}, {"X-Mine": 1})
    plan = [once("token_poison", path="token"), once("code", code=14)]
    with BaiduSimulator(faults=plan) as platform, Proxy() as proxy:
        provider = adapter(platform, proxies={"http": proxy.url})
        told = [failure(provider).code, failure(provider).code]
        assert read(provider).lines
        assert told == ["server_error", "14"]
        assert len(proxy.heads) == 5
        assert "authorization" not in "".join(proxy.heads).lower()


def test_d15_signing_warns_and_is_never_done() -> None:
    """On Python from 3.12 the SDK's signing asks for the time in a way that warns."""
    code = """
import sys, warnings
from tests.providers.bare_sdk import bare
from tests.providers.platform import picture
with bare(sys.argv[1]) as client:
    client._isCloudUser = True
    warnings.simplefilter("error", DeprecationWarning)
    try:
        print(client.accurate(picture())["error_code"])
    except DeprecationWarning:
        print("warned")
"""
    with BaiduSimulator() as platform:
        assert python(code, platform.url).strip() == ("warned" if sys.version_info >= (3, 12) else "14")


def test_d15_warnings_as_errors_break_no_call(tmp_path: Path) -> None:
    """With every warning an error from the first line on, a program reads through the gateway."""
    (tmp_path / "a.png").write_bytes(IMAGE)
    code = """
import warnings
warnings.simplefilter("error")
import sys
from ocrgate import Gateway
keys = [{"name": "a", "api_key": sys.argv[2], "secret_key": sys.argv[3]}]
with Gateway.from_dict({"version": 1, "routes": {"default": {"providers": ["baidu"]}},
        "providers": {"baidu": {"base_url": sys.argv[1], "trust_env": False, "keys": keys}}}) as gateway:
    print(len(gateway.recognize(sys.argv[4]).lines))
"""
    with BaiduSimulator() as platform:
        assert python(code, platform.url, APP.api_key, APP.secret_key, str(tmp_path / "a.png")).strip() == "2"


def test_d16_what_the_sdk_needs_and_does_not_say_is_named_with_its_remedy() -> None:
    """The SDK imports chardet and does not declare it, so importing it fails after a clean installation."""
    code = """
import sys
sys.modules["chardet"] = None
try:
    import aip
except ImportError as error:
    print(error)
"""
    told = python(code)
    assert "chardet" in told
    assert not any("chardet" in each for each in distribution("baidu-aip").requires or ())
    code = """
import sys
sys.modules["chardet"] = None
from ocrgate.errors import ProviderError
from tests.providers.platform import key, read
from ocrgate_baidu import BaiduProvider
provider = BaiduProvider(keys=[key()], base_url="http://127.0.0.1:1")
print(provider.check().ready, provider.check().detail, provider.check().remedy)
try:
    read(provider)
except ProviderError as error:
    print(error.diagnosis.code, error.diagnosis.action, error.diagnosis.message)
"""
    ready, asked = python(code).splitlines()
    assert ready.startswith("False")
    assert "chardet" in ready
    assert asked.startswith("engine_missing next_provider")
    for line in (ready, asked):
        assert 'pip install "ocrgate[baidu]"' in line
    assert any("chardet" in each for each in distribution("ocrgate").requires or ())


def test_d17_building_a_gateway_imports_no_part_of_the_sdk() -> None:
    """Importing one class of the SDK imports all its services."""
    told = python("import sys\nfrom aip import AipOcr\nprint('aip.speech' in sys.modules, 'aip.kg' in sys.modules)")
    assert told.split() == ["True", "True"]
    code = """
import sys
from ocrgate import Gateway
gateway = Gateway.from_dict({"version": 1, "providers": {"baidu": {"keys": [
    {"name": "a", "api_key": "an-api-key", "secret_key": "a-secret"}]}},
    "routes": {"default": {"providers": ["baidu"]}}})
gateway.status()
print(sorted(name for name in sys.modules if name.split(".")[0] in ("aip", "chardet", "requests", "urllib3")))
"""
    assert python(code).strip() == "[]"


def _table(_connection: int, _request: int, line: str) -> bytes:
    if "/oauth/" in line:
        return written(TOKEN)
    if line.split("?", maxsplit=1)[0].endswith("/request"):
        return written(b'{"result": [{"request_id": "1"}]}')
    return written(b'{"error_code": 18, "error_msg": "Open api qps request limit reached"}')


def test_d18_there_is_no_call_that_waits_in_the_callers_thread() -> None:
    """The SDK's table call drops its options, sleeps between its polls and breaks on any error of a poll."""
    with raw_server(_table) as url, bare(url) as client, pytest.raises(KeyError):
        client.tableRecognition(IMAGE, {"result_type": "json"}, 1000)
    methods = {method for each in ENDPOINTS.values() for method in (each.image, each.url, each.pdf)}
    assert not {method for method in methods if method.startswith(("tableRecognition", "getTable"))}
    assert ENDPOINTS["table"].image == "table"
    with pytest.raises(ConfigError, match="endpoint"):
        BaiduProvider(endpoint="tableRecognition", keys=[key()])


def test_d19_what_the_sdk_leaves_out_is_no_surprise() -> None:
    """Some methods of the SDK take no options, and none takes an OFD document, whatever the endpoint allows."""
    with BaiduSimulator() as platform, bare(platform) as client:
        assert not [name for name in dir(client) if name.lower().endswith("ofd")]
        with pytest.raises(TypeError):
            client.onlineTaxiItinerary(IMAGE, {"pdf_file_num": "1"})
    with pytest.raises(ConfigError):
        BaiduProvider(endpoint="online_taxi_itinerary", options={"detect_direction": True}, keys=[key()])
    code = """
import inspect
from aip import AipOcr
from ocrgate_baidu import ENDPOINTS
for endpoint in ENDPOINTS.values():
    for name in filter(None, (endpoint.image, endpoint.url, endpoint.pdf)):
        parameters = list(inspect.signature(getattr(AipOcr, name)).parameters)
        assert len(parameters) >= 2 + len(endpoint.positional), name
        asked = set(endpoint.params or ()) - {"pdf_file_num", "ofd_file_num"}
        assert "options" in parameters or not asked, name
print("ok")
"""
    assert python(code).strip() == "ok"


@pytest.mark.parametrize(
    "empty", [{"api_key": ""}, {"secret_key": "  "}, {"api_key": "two words"}, {"secret_key": None}]
)
def test_d20_keys_that_cannot_be_right_are_refused_with_the_configuration(empty: dict[str, Any]) -> None:
    """The SDK takes any three texts for credentials, and the first call shows that they are none."""
    with BaiduSimulator() as platform, bare(platform) as client:
        type(client)("", "", "").s.close()
        assert type(client)("1", "two words", "")._apiKey == "two words"
    with pytest.raises(ConfigError, match=f"keys.*{next(iter(empty))}"):
        gateway("http://127.0.0.1:1", keys=[{**key(), **empty}])
    placeholder = BaiduProvider(keys=[{**key(), "api_key": "your-api-key"}]).check()
    assert not placeholder.ready
    assert "placeholder" in placeholder.detail


def test_d21_what_the_platform_would_refuse_is_not_sent() -> None:
    """The SDK looks at nothing it sends, and an option may replace the image."""
    with BaiduSimulator() as platform, bare(platform) as client:
        assert client.accurate(b"")["error_code"] == 216200
        assert client.accurate(b"GIF89a")["error_code"] == 216201
        assert client.accurate(IMAGE, {"image": ""})["error_code"] == 216200
        assert len(platform.requests) == 4
    with BaiduSimulator() as platform, gateway(platform) as front:
        with pytest.raises(InvalidImage):
            front.recognize(b"")
        with pytest.raises(OCRError, match="216100"):
            front.recognize(IMAGE, options={"image": ""})
        assert platform.requests == []
        # What has to be changed is changed before it is sent: GIF is not taken, PNG is.
        assert front.recognize(_gif()).valid
    with pytest.raises(ConfigError, match="not an option"):
        at("http://127.0.0.1:1", options={"image": ""})


def _gif() -> bytes:
    import io

    from PIL import Image, ImageDraw

    image, buffer = Image.new("L", (200, 80), 255), io.BytesIO()
    ImageDraw.Draw(image).text((20, 30), "TOTAL 5.50")
    image.save(buffer, "GIF")
    return buffer.getvalue()


def test_d22_short_lives_of_tokens_cost_no_token_a_call() -> None:
    """The SDK gives a token up thirty seconds early by the wall clock, however short its life."""
    with BaiduSimulator(token_life=20) as platform:
        with bare(platform) as client:
            for _ in range(3):
                client.accurate(IMAGE)
        assert platform.tokens_issued == 3
    with BaiduSimulator(token_life=20) as platform, gateway(platform) as front:
        for _ in range(3):
            front.recognize(IMAGE)
        assert platform.tokens_issued == 1


def test_d23_whether_the_environment_counts_is_a_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The SDK follows proxies and logins of the environment although it was given none."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password of-another-service\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with BaiduSimulator() as platform, Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with bare(platform) as client:
            assert client._proxies == {}
            client.accurate(IMAGE)
        assert len(proxy.heads) == 2
        assert "authorization: basic" in "".join(proxy.heads).lower()
        with gateway(platform, trust_env=False) as front:
            front.recognize(IMAGE)
        assert len(proxy.heads) == 2
        with gateway(platform, trust_env=True) as front:
            front.recognize(IMAGE)
        assert len(proxy.heads) == 4
        # A login of another service is never sent along.
        assert "authorization" not in "".join(proxy.heads[2:]).lower()


def test_d24_the_command_is_a_program_that_runs_and_writes_nothing(tmp_path: Path) -> None:
    """The SDK installs a script without a working first line, in Python 2, that writes beside itself."""
    files = distribution("baidu-aip").files or []
    (script,) = (Path(str(each.locate())) for each in files if each.name == "aip_client")
    text = script.read_text(encoding="utf-8")
    assert not text.startswith("#!")
    assert "print '''" in text
    assert "> $PYTHONSTARTUP" in text
    code = """
import os, sys
os.chdir(sys.argv[1])
from ocrgate.cli import main
sys.exit(main(["explain", "110"]) if "explain" in sys.argv else main(["--version"]))
"""
    python(code, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    scripts = [each for each in distribution("ocrgate").entry_points if each.group == "console_scripts"]
    assert [(each.name, each.value) for each in scripts] == [("ocrgate", "ocrgate.cli:main")]


def test_d25_what_travels_between_processes_is_the_recipe() -> None:
    """The SDK's client cannot be pickled, because it keeps a module for its connection."""
    with BaiduSimulator() as platform, bare(platform) as client:
        with pytest.raises(TypeError, match="module"):
            pickle.dumps(client)
    code = """
import pickle, sys
from tests.providers.platform import read
provider = pickle.loads(bytes.fromhex(sys.argv[1])).build()
print(type(provider).__name__, len(read(provider).lines))
"""
    with BaiduSimulator() as platform:
        options = {"base_url": platform.url, "keys": [key()], "trust_env": False}
        spec = ProviderSpec("baidu", "ocrgate_baidu:BaiduProvider", options)
        assert python(code, pickle.dumps(spec).hex()).split() == ["BaiduProvider", "2"]
        # The adapter itself holds connections and secrets, and does not travel.
        with pytest.raises(TypeError, match="ProviderSpec"):
            pickle.dumps(spec.build())


def test_every_defect_has_its_test() -> None:
    numbers = {name.split("_")[1] for name, each in globals().items() if name.startswith("test_d") and callable(each)}
    assert numbers == {f"d{number}" for number in range(1, 26)}
    untold = [name for name, each in globals().items() if name.startswith("test_d") and not inspect.getdoc(each)]
    assert untold == []
