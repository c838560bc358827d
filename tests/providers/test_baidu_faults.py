"""The Baidu adapter when platform or network misbehave: a diagnosis each time, in time, and nothing else."""

from __future__ import annotations

import gc
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocrgate.errors import ProviderError
from ocrgate.testing import ManualClock
from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey, self_signed
from ocrgate_baidu import BaiduProvider
from ocrgate_baidu.attempt import Attempt
from ocrgate_baidu.connection import RESOLVER
from tests.providers.platform import adapter, always, failure, key, once, python, read

PLANTED = SimulatedKey("primary", "PLANTED-API-KEY-0123456789", "PLANTED-SECRET-KEY-9876543210")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


def _elapsed(provider: BaiduProvider, seconds: float) -> tuple[str, float]:
    begun = time.monotonic()
    code = failure(provider, seconds).code
    return code, time.monotonic() - begun


@pytest.mark.parametrize(
    ("fault", "details"),
    [
        ("hang", {}),
        ("drip", {"where": "head", "interval": 0.02}),
        ("drip", {"where": "body", "interval": 0.02}),
        ("slow", {"seconds": 5.0}),
    ],
)
@pytest.mark.parametrize("path", ["token", "ocr"])
def test_an_attempt_ends_by_its_deadline_however_the_answer_dawdles(
    fault: str, details: dict[str, Any], path: str
) -> None:
    with BaiduSimulator(faults=[always(fault, path=path, **details)]) as platform:
        code, elapsed = _elapsed(adapter(platform), 0.3)
    assert code == "timeout"
    assert 0.2 < elapsed < 0.55


def test_a_drip_under_tls_ends_by_the_deadline(certificate: tuple[Path, Path]) -> None:
    rule = always("drip", where="body", interval=0.02)
    with BaiduSimulator(faults=[rule], certificate=certificate) as platform:
        code, elapsed = _elapsed(adapter(platform, tls={"ca_bundle": str(certificate[0])}), 0.4)
    assert code == "timeout"
    assert elapsed < 0.65


def test_a_server_that_accepts_and_never_shakes_hands_ends_by_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        code, elapsed = _elapsed(BaiduProvider(base_url=url, keys=[key()], trust_env=False), 0.3)
    assert code == "timeout"
    assert elapsed < 0.55


def test_giving_up_ends_the_attempt_at_once() -> None:
    hooks: list[Any] = []
    registered = threading.Event()

    def on_cancel(action: Any) -> None:
        hooks.append(action)
        if len(hooks) == 2:
            registered.set()

    with BaiduSimulator(faults=[always("hang")]) as platform:
        provider = adapter(platform)
        canceller = threading.Thread(target=lambda: (registered.wait(5), hooks[1]()))
        canceller.start()
        begun = time.monotonic()
        told = failure(provider, 5.0, on_cancel=on_cancel)
        canceller.join()
    assert (told.code, told.fault) == ("cancelled", "caller")
    assert time.monotonic() - begun < 1.0


def test_closing_ends_calls_in_flight() -> None:
    with BaiduSimulator(faults=[always("hang")]) as platform:
        provider = adapter(platform)

        def close_in_flight() -> None:
            pause = threading.Event()
            while len(platform.requests) < 2:
                pause.wait(0.01)
            provider.close()

        closer = threading.Thread(target=close_in_flight)
        closer.start()
        assert failure(provider, 5.0).code == "cancelled"
        closer.join()


@pytest.mark.parametrize(
    ("fault", "details", "code", "fault_of", "action"),
    [
        ("reset", {}, "connection_reset", "network", "retry"),
        ("truncate", {}, "connection_reset", "network", "retry"),
        ("html", {}, "http_5xx", "provider", "retry"),
        ("http", {"status": 503}, "http_5xx", "provider", "retry"),
        ("http", {"status": 403}, "http_403", "key", "next_key"),
        ("http", {"status": 413, "body": '{"message": "too large"}'}, "http_413", "caller", "fix_request"),
        (
            "http",
            {"status": 500, "body": '{"error_code": 282000, "error_msg": "internal error"}'},
            "282000",
            "provider",
            "retry",
        ),
        ("http", {"status": 200, "body": '{"error_code": "216201"}'}, "216201", "caller", "fix_request"),
        ("http", {"status": 200, "body": '{"errno": 216202, "msg": "x"}'}, "216202", "caller", "fix_request"),
        ("http", {"status": 200, "body": '{"log_id": 1}'}, "bad_reply", "provider", "retry"),
        ("http", {"status": 200, "body": '{"words_result": [{"words": 5}]}'}, "bad_reply", "provider", "retry"),
        ("empty", {}, "bad_reply", "provider", "retry"),
        ("not_json", {}, "bad_reply", "provider", "retry"),
        ("list", {}, "bad_reply", "provider", "retry"),
        ("null", {}, "bad_reply", "provider", "retry"),
        ("nan", {}, "bad_reply", "provider", "retry"),
        ("redirect", {"body": "http://evil.example/x"}, "bad_reply", "provider", "retry"),
        ("oversize", {"size": 33_000_000}, "bad_reply", "provider", "retry"),
        ("code", {"code": 18}, "18", "key", "retry"),
        ("code", {"code": 17}, "17", "key", "next_key"),
        ("code", {"code": 6}, "6", "key", "next_key"),
        ("code", {"code": 4}, "4", "provider", "retry"),
        ("code", {"code": 987654}, "987654", "provider", "next_provider"),
    ],
)
def test_a_bad_answer_is_a_diagnosis_and_the_next_call_works(
    fault: str, details: dict[str, Any], code: str, fault_of: str, action: str
) -> None:
    with BaiduSimulator(faults=[once(fault, **details)]) as platform:
        provider = adapter(platform)
        told = failure(provider)
        assert (told.code, told.fault, told.action) == (code, fault_of, action)
        assert read(provider).lines


def test_a_reply_behind_a_byte_order_mark_is_read() -> None:
    with BaiduSimulator(faults=[once("bom")]) as platform:
        assert read(adapter(platform)).lines


def test_the_time_that_the_server_asks_for_is_told() -> None:
    with BaiduSimulator(faults=[once("http", status=429, headers={"Retry-After": "7"})]) as platform:
        told = failure(adapter(platform))
    assert (told.code, told.retry_after) == ("http_429", 7.0)


def test_a_redirect_is_not_followed() -> None:
    with BaiduSimulator() as elsewhere, BaiduSimulator(faults=[once("redirect", body=elsewhere.url)]) as platform:
        failure(adapter(platform))
        assert elsewhere.requests == []


@pytest.mark.parametrize("code", [110, "110", 111, 100, 13, 14])
def test_a_refused_token_is_dropped_and_the_next_call_has_a_new_one(code: int | str) -> None:
    with BaiduSimulator(faults=[once("code", code=code, number=2)]) as platform:
        provider = adapter(platform)
        read(provider)
        told = failure(provider)
        assert (told.code, told.fault, told.action) == (str(code), "key", "refresh_token")
        assert read(provider).lines
        assert platform.tokens_issued == 2


def test_tokens_that_expire_at_the_platform_are_replaced() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        read(provider)
        platform.expire_tokens()
        assert failure(provider).code == "111"
        assert read(provider).lines
        platform.revoke_tokens()
        assert failure(provider).code == "110"
        assert read(provider).lines


def test_a_token_is_replaced_before_it_expires() -> None:
    clock = ManualClock()
    with BaiduSimulator(clock=clock, token_life=1000) as platform:
        provider = adapter(platform, clock=clock)
        read(provider)
        clock.advance(930)
        read(provider)
        assert platform.tokens_issued == 1
        clock.advance(20)
        read(provider)
        assert platform.tokens_issued == 2
        assert [each.code for each in platform.requests if each.endpoint != "token"] == ["ok"] * 3


@pytest.mark.parametrize(
    ("fault", "details", "code"),
    [
        ("token_poison", {}, "server_error"),
        ("token_poison", {"body": "{}"}, "bad_reply"),
        ("token_poison", {"body": '{"access_token": null, "expires_in": 5}'}, "bad_reply"),
        ("token_poison", {"body": '{"access_token": "t"}'}, "bad_reply"),
        ("token_poison", {"body": '{"access_token": "t&x=1", "expires_in": 5}'}, "bad_reply"),
        ("token_html", {}, "http_5xx"),
        ("token_html", {"status": 200}, "bad_reply"),
        ("token_down", {}, "connection_reset"),
        ("http", {"status": 429, "body": '{"message": "slow down"}'}, "http_429"),
    ],
)
def test_a_hiccup_of_the_token_endpoint_heals_by_itself(fault: str, details: dict[str, Any], code: str) -> None:
    with BaiduSimulator(faults=[once(fault, path="token", **details)]) as platform:
        provider = adapter(platform)
        told = failure(provider)
        assert told.code == code
        assert told.category != "auth"
        assert read(provider).lines
        # Nothing was sent without a token, and nothing signed in another way.
        assert [each.code for each in platform.requests if each.endpoint == "accurate"] == ["ok"]


def test_a_token_without_the_sdks_favourite_scope_is_a_token() -> None:
    with BaiduSimulator(faults=[always("no_scope", path="token")]) as platform:
        assert read(adapter(platform)).lines


@pytest.mark.parametrize(
    "app", [SimulatedKey("primary", "wrong-api-key", APP_SECRET := "wrong-secret"), SimulatedKey(secret_key=APP_SECRET)]
)
def test_a_wrong_key_is_the_keys_fault(app: SimulatedKey) -> None:
    with BaiduSimulator() as platform:
        told = failure(adapter(platform, keys=[key(app=app)]))
    assert (told.code, told.category, told.fault, told.action) == ("invalid_client", "auth", "key", "next_key")


def test_a_corrected_key_works_without_a_new_adapter() -> None:
    with BaiduSimulator(keys=[]) as platform:
        provider = adapter(platform)
        assert failure(provider).code == "invalid_client"
        platform.replace_keys([SimulatedKey()])
        assert read(provider).lines


def test_the_secret_travels_in_the_body_of_a_post() -> None:
    with BaiduSimulator() as platform:
        read(adapter(platform))
        token = platform.requests[0]
    assert (token.endpoint, token.method, token.path) == ("token", "POST", "/oauth/2.0/token")
    assert token.size > 0


def test_network_faults_are_told_apart() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert failure(_to(refused)).code == "connection_refused"
        told = failure(BaiduProvider(base_url="http://127.0.0.1:1", keys=[key()], proxies={"http": refused}))
        assert (told.code, told.fault) == ("proxy", "network")
    assert failure(_to("https://no-such-host.invalid")).code == "dns"


def _to(url: str) -> BaiduProvider:
    return BaiduProvider(base_url=url, keys=[key()], trust_env=False)


def test_a_name_server_that_does_not_answer_ends_by_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(RESOLVER, "_resolve", lambda _host, _port: answered.wait(5) and [])
    try:
        code, elapsed = _elapsed(_to("http://slow.invalid"), 0.2)
    finally:
        answered.set()
    assert code == "connect_timeout"
    assert elapsed < 0.45


def test_a_self_signed_certificate_is_refused_and_accepted_with_its_ca_named(certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator(certificate=certificate) as platform:
        told = failure(adapter(platform))
        assert (told.code, told.action) == ("tls", "next_provider")
        assert platform.requests == []
        assert read(adapter(platform, tls={"ca_bundle": str(certificate[0])})).lines


def test_verification_can_be_switched_off_only_by_saying_so(certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator(certificate=certificate) as platform:
        open_to_all = adapter(platform, tls={"verify": False})
        assert read(open_to_all).lines
        assert "not verified" in open_to_all.check().detail


def test_connections_are_kept_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        peers = _peers(platform, monkeypatch)
        for _ in range(5):
            read(provider)
        assert len(peers) == 6
        assert len(set(peers)) == 1
        provider.close()


def test_a_platform_that_was_restarted_is_asked_again() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        read(provider)
        platform.stop()
        assert failure(provider).code in ("connection_refused", "connection_reset")
        platform.start()
        assert read(provider).lines
        assert platform.tokens_issued == 1


def test_a_forked_process_opens_connections_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import os, sys
from tests.providers.platform import key, read
from ocrgate_baidu import BaiduProvider
provider = BaiduProvider(base_url=sys.argv[1], keys=[key()], trust_env=False)
read(provider)
child = os.fork()
if child == 0:
    os._exit(0 if read(provider).lines else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(read(provider).lines))
"""
    with BaiduSimulator() as platform:
        peers = _peers(platform, monkeypatch)
        assert python(code, platform.url).split() == ["0", "2"]
        assert platform.tokens_issued == 1
        token, parent, child, parent_again = peers
        assert token == parent == parent_again != child


def _peers(platform: BaiduSimulator, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Where the requests come from, as they arrive from now on."""
    peers: list[object] = []
    serve = platform.serve

    def seen(connection: Any, *rest: Any) -> bool:
        peers.append(connection._socket.getpeername())
        return serve(connection, *rest)

    monkeypatch.setattr(platform, "serve", seen)
    platform.stop()
    platform.start()
    return peers


def _everything(error: BaseException | None) -> Iterator[str]:
    """All that a log, a crash reporter or a debugger could show of an exception."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield from (str(error), repr(error), repr(vars(error)))
        own = error.__traceback__
        while own is not None and "ocrgate" not in Path(own.tb_frame.f_code.co_filename).parent.name:
            own = own.tb_next
        assert own is not None, "the adapter is not in the traceback"
        yield from traceback.StackSummary.extract(traceback.walk_tb(own), capture_locals=True).format()
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("path", "kind"),
    [(path, kind) for path in ("ocr", "token") for kind in ("reset", "html", "hang", "truncate", "empty", "code")],
)
def test_no_secret_shows_in_errors_logs_or_reprs(
    path: str, kind: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    token = ""
    with BaiduSimulator(keys=[PLANTED]) as platform:
        provider = adapter(platform, keys=[key(app=PLANTED)])
        read(provider)
        token = next(iter(platform.books._grants))
        if path == "token":
            platform.revoke_tokens()
            failure(provider)
        details = {"message": f"no: {token} {PLANTED.secret_key}"} if kind == "code" else {}
        platform.plan_faults([always(kind, path=path, **details)])
        with pytest.raises(ProviderError) as caught:
            read(provider, 0.3)
        shown = [*_everything(caught.value), repr(provider), repr(vars(provider)), caplog.text, *capsys.readouterr()]
        shown += [repr(owner) + repr(owner.current) for owner in provider._owners.values()]
    whole = "\n".join(shown)
    for secret in (PLANTED.api_key, PLANTED.secret_key, token):
        assert secret not in whole


def test_importing_the_adapter_imports_no_engine() -> None:
    code = """
import sys
import ocrgate_baidu
provider = ocrgate_baidu.BaiduProvider(keys=[])
provider.check()
print(sorted({"aip", "requests", "urllib3", "pydantic", "PIL"} & set(sys.modules)))
"""
    assert python(code).strip() == "[]"


def test_using_the_adapter_leaves_the_warning_filters_of_the_program_alone() -> None:
    code = """
import warnings
warnings.simplefilter("error")
before = list(warnings.filters)
import ocrgate_baidu
ocrgate_baidu.BaiduProvider(keys=[]).warm_up()
assert list(warnings.filters) == before, "changed"
print("same")
"""
    assert python(code).strip() == "same"


def test_no_thread_or_socket_is_left_after_closing() -> None:
    before = set(threading.enumerate())
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        read(provider)
        provider.close()
    assert not set(threading.enumerate()) - before
    # A socket that nobody closed would warn now, and warnings are errors here.
    gc.collect()


def test_a_missing_sdk_is_said_with_the_command_that_installs_it() -> None:
    code = """
import sys
sys.modules["aip"] = None
import ocrgate_baidu
from ocrgate.errors import ProviderError
try:
    ocrgate_baidu.BaiduProvider(keys=[]).warm_up()
except ProviderError as error:
    print(error.diagnosis.code, error.diagnosis.message)
"""
    told = python(code)
    assert told.startswith("engine_missing")
    assert 'pip install "ocrgate[baidu]"' in told


def test_tls_faults_below_the_certificate_are_tls_faults() -> None:
    with BaiduSimulator() as plain:
        told = failure(_to(plain.url.replace("http://", "https://")))
    assert told.code == "tls"


def test_an_attempt_that_ends_late_leaves_a_connection_alone_that_it_has_given_back() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        session = provider._transport._open()
        attempt = Attempt()
        with attempt.current():
            assert session.get(platform.url, stream=True).content
            attempt.cancel()
        assert attempt.reason is None
        session.close()
