"""What the Baidu adapter finds out about its keys and the way to the server, and in which time."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocrgate.ability import Finding
from ocrgate.clock import SYSTEM_CLOCK, Deadline
from ocrgate.keys.process import Process
from ocrgate.testing.simulator import BaiduSimulator, Fault, Match, Rule, SimulatedKey, self_signed
from ocrgate_baidu import examination, grant
from ocrgate_baidu.connection import Resolver
from ocrgate_baidu.credential import Credential, Redactor
from ocrgate_baidu.examination import examine
from ocrgate_baidu.probe import Certificate
from ocrgate_baidu.transport import Transport, Wire
from ocrgate_baidu.trust import judged
from ocrgate_baidu.way import way
from tests.doctor.proxy import Proxy
from tests.providers.certificates import Authority
from tests.providers.platform import always

APP = SimulatedKey()
REAL_API, REAL_SECRET = "A1b2C3d4E5f6G7h8I9j0K1l2", "Z9y8X7w6V5u4T3s2R1q0P9o8N7m6L5k4"
GOOD = Credential("primary", "10000", APP.api_key, APP.secret_key)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody else is on this host."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def findings(
    wire: Wire, *credentials: Credential, seconds: float = 20.0, network: bool = True, resolver: Resolver | None = None
) -> list[Finding]:
    transport = Transport(wire)

    def fetch(credential: Credential, deadline: Deadline) -> object:
        return grant.fetch(transport, credential, Redactor(), SYSTEM_CLOCK, deadline)

    try:
        deadline = Deadline.after(seconds)
        return list(examine(wire, credentials, fetch, deadline, network=network, resolver=resolver))
    finally:
        transport.close()


def by_name(found: list[Finding]) -> dict[str, Finding]:
    """The findings by name, each of which there is once."""
    names = [finding.name for finding in found]
    assert len(set(names)) == len(names)
    return {finding.name: finding for finding in found}


def statuses(found: list[Finding]) -> dict[str, str]:
    return {name: finding.status for name, finding in by_name(found).items()}


def plain(url: str, **more: Any) -> Wire:
    return Wire(url, trust_env=False, **more)


def offline(*credentials: Credential, url: str = "https://ocr.example", **more: Any) -> list[Finding]:
    return findings(plain(url, **more), *credentials, network=False)


def test_all_is_well() -> None:
    with BaiduSimulator() as platform:
        found = findings(plain(platform.url), GOOD)
    assert statuses(found) == {
        "key primary": "pass",
        "use of primary": "pass",
        "server": "pass",
        "proxy": "pass",
        "connect": "pass",
        "clock": "skip" if "time" in by_name(found)["clock"].detail else "pass",
        "token primary": "pass",
    }
    assert platform.tokens_issued == 1


def test_each_finding_comes_as_soon_as_it_is_there() -> None:
    with BaiduSimulator() as platform:
        found = examine(plain(platform.url), [GOOD], lambda *_: None, Deadline.after(5.0))
        assert next(found).name == "key primary"
        assert platform.requests == []


def test_offline_asks_nobody() -> None:
    with BaiduSimulator() as platform:
        found = findings(plain(platform.url), GOOD, network=False)
        assert platform.requests == []
    assert set(statuses(found)) == {"key primary", "use of primary", "server"}


@pytest.mark.parametrize(
    ("credential", "told", "remedy"),
    [
        (Credential("k", "1", APP.api_key, "wrong"), "the Secret Key does not belong to it", "Secret Key"),
        (Credential("k", "1", "nobody", "wrong"), "no application has this API Key", "Access Key of the account"),
    ],
)
def test_a_refused_key_says_which_of_its_two_texts_is_wrong(credential: Credential, told: str, remedy: str) -> None:
    with BaiduSimulator() as platform:
        found = by_name(findings(plain(platform.url), credential))
    assert found["token k"].status == "fail"
    assert told in found["token k"].detail
    assert remedy in found["token k"].remedy
    assert found["recognition"].status == "skip"


def test_one_key_that_works_is_enough_for_a_trial() -> None:
    with BaiduSimulator() as platform:
        found = statuses(findings(plain(platform.url), Credential("bad", "1", "nobody", "nothing"), GOOD))
    assert (found["token bad"], found["token primary"]) == ("fail", "pass")
    assert "recognition" not in found


def test_another_failure_of_the_token_endpoint_is_told_with_its_remedy() -> None:
    with BaiduSimulator(faults=[always("http", path="token", status=503)]) as platform:
        found = by_name(findings(plain(platform.url), GOOD))
    assert found["token primary"].status == "fail"
    assert found["token primary"].detail.startswith("http_5xx: ")
    assert found["token primary"].remedy


@pytest.mark.parametrize(
    ("credential", "status", "told"),
    [
        (Credential("k", "12345", REAL_API, REAL_SECRET), "pass", ""),
        (Credential("k", "12345", "ALTAK" + REAL_API, REAL_SECRET), "fail", "account key"),
        (Credential("k", "12345", REAL_API, "bce-v3/ALTAK-x/y"), "fail", "account key"),
        (Credential("k", "12345", "your_api_key", REAL_SECRET), "fail", "placeholder"),
        (Credential("k", "12345", REAL_API, REAL_API), "fail", "same text"),
        (Credential("k", "12345", REAL_API, "Z9y8X7w6 V5u4T3s2R1q0P9o8N7m6L5k4"), "fail", "white space"),
        (Credential("k", "12345", REAL_API, "Z9y8X7w6密5u4"), "fail", "characters that no key has"),
        (Credential("k", "12345", f'"{REAL_API}"', REAL_SECRET), "fail", "quotation mark"),
        (Credential("k", "12345", REAL_API, ""), "fail", "secret_key is empty"),
        (Credential("k", "12345", REAL_SECRET, REAL_API), "warn", "as long as"),
        (Credential("k", "12345", REAL_API[:-1], REAL_SECRET), "warn", "23 characters"),
        (Credential("k", "my-app", REAL_API, REAL_SECRET), "warn", "app_id is not a number"),
    ],
)
def test_a_key_of_the_wrong_kind_or_form_is_told(credential: Credential, status: str, told: str) -> None:
    found = by_name(offline(credential))["key k"]
    assert found.status == status
    assert told in found.detail
    assert bool(found.remedy) == (status != "pass")


def test_the_same_application_twice_is_told() -> None:
    twice = [Credential(name, "1", REAL_API, REAL_SECRET) for name in ("one", "two")]
    told = [finding for finding in offline(*twice) if finding.name == "key two"]
    assert [finding.status for finding in told] == ["pass", "warn"]
    assert "the same API Key as one" in told[1].detail


def test_lengths_are_no_matter_for_a_simulator_on_this_host() -> None:
    assert statuses(offline(GOOD, url="http://localhost:8866"))["key primary"] == "pass"
    assert statuses(offline(GOOD))["key primary"] == "warn"


def test_a_key_that_cannot_be_one_is_not_sent() -> None:
    with BaiduSimulator() as platform:
        found = statuses(findings(plain(platform.url), Credential("k", "1", "ALTAK" + REAL_API, REAL_SECRET)))
        assert all(request.endpoint != "token" for request in platform.requests)
    assert (found["token k"], found["recognition"]) == ("skip", "skip")


def test_without_a_key_the_way_to_the_server_is_looked_at_all_the_same() -> None:
    with BaiduSimulator() as platform:
        found = statuses(findings(plain(platform.url)))
    assert (found["connect"], found["recognition"]) == ("pass", "skip")


def test_no_secret_is_ever_told() -> None:
    planted = [
        Credential("a", "1", "PLANTED-API-KEY-0123456789", "PLANTED-SECRET-KEY-9876543210"),
        Credential("b", "1", "ALTAKPLANTED0123456789", "PLANTED SECRET"),
    ]
    wires = [plain("https://127.0.0.1:1", proxies={"https": "http://user:PLANTED@127.0.0.1:1"})]
    with BaiduSimulator() as platform:
        wires.append(plain(platform.url))
        for wire in wires:
            for finding in findings(wire, *planted):
                assert "PLANTED" not in repr(finding)


def test_the_login_of_a_proxy_is_in_no_repr() -> None:
    route = way(plain("https://ocr.example", proxies={"https": "http://user:PLANTED@127.0.0.1:1"}))
    assert route.proxy is not None
    assert route.proxy.login == "user:PLANTED"
    assert "PLANTED" not in f"{route!r} {route.proxy}"


def test_an_exception_inside_becomes_a_finding_without_the_secret() -> None:
    def fetch(credential: Credential, _deadline: Deadline) -> object:
        raise RuntimeError(f"with {credential.secret_key}")

    with BaiduSimulator() as platform:
        *_, last = examine(plain(platform.url), [GOOD], fetch, Deadline.after(5.0))
    assert (last.name, last.status, last.detail) == ("examination", "fail", "RuntimeError: with ***")


def test_a_server_that_is_not_running_is_told_and_nothing_is_asked_for() -> None:
    with BaiduSimulator() as platform:
        url = platform.url
    found = by_name(findings(plain(url), GOOD))
    assert found["connect"].status == "fail"
    assert "refused" in found["connect"].detail
    assert (found["token"].status, found["recognition"].status) == ("skip", "skip")


@pytest.mark.parametrize(("url", "status"), [("http://ocr.example", "warn"), ("https://ocr.example", "pass")])
def test_a_server_without_tls_is_a_warning(url: str, status: str) -> None:
    assert by_name(offline(GOOD, url=url))["server"].status == status


def test_a_self_signed_certificate_is_refused_and_accepted_with_its_ca(tmp_path: Path) -> None:
    files = self_signed(tmp_path)
    with BaiduSimulator(certificate=files) as platform:
        refused = by_name(findings(plain(platform.url), GOOD))
        accepted = by_name(findings(plain(platform.url, ca_bundle=str(files[0])), GOOD))
    assert refused["tls"].status == "fail"
    assert "issued by simulator" in refused["tls"].detail
    assert "tls.ca_bundle" in refused["tls"].remedy
    assert refused["recognition"].status == "skip"
    assert accepted["tls"].status == accepted["certificate"].status == accepted["token primary"].status == "pass"
    assert accepted["certificates"].detail == f"{files[0]}: 1 CA"
    assert all(request.endpoint != "token" for request in platform.requests[:-1])


def test_a_certificate_that_is_not_verified_is_a_warning_and_shown(authority: Authority) -> None:
    with BaiduSimulator(certificate=authority.server()) as platform:
        found = by_name(findings(plain(platform.url, verify=False), GOOD))
    assert found["certificates"].status == "warn"
    assert "issued by Test Authority" in found["certificate"].detail
    assert found["token primary"].status == "pass"


@pytest.mark.parametrize(
    ("server", "told", "remedy"),
    [
        ({"days": -3.0}, "expired", "clock"),
        ({"since": 2.0}, "not yet valid", "clock"),
        ({"host": "ocr.example"}, "IP address mismatch", "base_url"),
    ],
)
def test_a_certificate_that_is_not_accepted_says_why(
    authority: Authority, server: dict[str, Any], told: str, remedy: str
) -> None:
    with BaiduSimulator(certificate=authority.server(**server)) as platform:
        found = by_name(findings(plain(platform.url, ca_bundle=str(authority.bundle)), GOOD))["tls"]
    assert found.status == "fail"
    assert told in found.detail
    assert "issued by Test Authority" in found.detail
    assert remedy in found.remedy


@pytest.mark.parametrize(("days", "status"), [(13.5, "warn"), (14.5, "pass")])
def test_a_certificate_that_ends_soon_is_a_warning(authority: Authority, days: float, status: str) -> None:
    with BaiduSimulator(certificate=authority.server(days=days)) as platform:
        found = by_name(findings(plain(platform.url, ca_bundle=str(authority.bundle)), GOOD))["certificate"]
    assert found.status == status
    assert f"expires in {int(days)} days" in found.detail


@pytest.mark.parametrize(
    ("issuer", "host", "status"),
    [
        ("DigiCert Inc", "aip.baidubce.com", "pass"),
        ("Corporate Inspection", "aip.baidubce.com", "warn"),
        ("Corporate Inspection", "ocr.example", "pass"),
    ],
)
def test_a_surprising_issuer_of_the_platform_is_a_hint(issuer: str, host: str, status: str) -> None:
    assert judged(Certificate("server", issuer, 90 * 86400.0), host, 0.0).status == status


@pytest.mark.parametrize(("content", "told"), [(None, "No such file"), ("no certificate", "holds no certificate")])
def test_a_bundle_that_is_none_is_told(tmp_path: Path, content: str | None, told: str) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    found = by_name(offline(GOOD, ca_bundle=str(bundle)))["certificates"]
    assert (found.status, told in found.detail) == ("fail", True)


def test_a_bundle_whose_certificates_make_no_sense_is_told(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert by_name(offline(GOOD, ca_bundle=str(bundle)))["certificates"].status == "fail"


def test_the_bundle_of_the_environment_counts_where_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    told = [
        by_name(findings(Wire("https://ocr.example", trust_env=trusted), GOOD, network=False))["certificates"].detail
        for trusted in (True, False)
    ]
    assert told[0] == f"{authority.bundle}: 1 CA"
    assert told[1].startswith("those shipped")


def _dated(seconds: float) -> Rule:
    when = dt.datetime.fromtimestamp(time.time() + seconds, dt.timezone.utc)
    header = {"Date": email.utils.format_datetime(when, usegmt=True)}
    return Rule(Match(path=""), Fault("code", code=3, headers=header))


@pytest.mark.parametrize(
    ("ahead", "status", "told"),
    [
        (0.0, "pass", "as the server's"),
        (-20.0, "pass", "ahead of"),
        (40.0, "warn", "behind"),
        (-40.0, "warn", "ahead of"),
        (400.0, "fail", "behind"),
        (-400.0, "fail", "ahead of"),
    ],
)
def test_a_clock_that_is_wrong_is_told(ahead: float, status: str, told: str) -> None:
    with BaiduSimulator(faults=[_dated(ahead)]) as platform:
        found = by_name(findings(plain(platform.url), GOOD))
    assert found["clock"].status == status
    assert told in found["clock"].detail
    assert found["token primary"].status == "pass"


@pytest.mark.parametrize("date", ["yesterday", "Thu, 99 Foo 2026 00:00:00 GMT", ""])
def test_a_date_that_is_none_is_passed_over(date: str) -> None:
    rule = Rule(Match(path=""), Fault("code", code=3, headers={"Date": date}))
    with BaiduSimulator(faults=[rule]) as platform:
        found = statuses(findings(plain(platform.url), GOOD))
    assert (found["clock"], found["token primary"]) == ("skip", "pass")


@pytest.mark.parametrize("fault", ["reset", "not_json", "empty"])
def test_a_server_that_answers_oddly_is_asked_for_a_token_all_the_same(fault: Any) -> None:
    with BaiduSimulator(faults=[always(fault, path="")]) as platform:
        assert statuses(findings(plain(platform.url), GOOD))["token primary"] == "pass"


def _never(_host: str, _port: int) -> Any:
    threading.Event().wait(5.0)
    raise socket.gaierror(socket.EAI_AGAIN, "too late")


def _refuses(_host: str, _port: int) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _silent(_host: str, _port: int) -> Any:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.mark.parametrize(
    ("resolve", "told"), [(_refuses, "no such name"), (_silent, "Temporary failure"), (_never, "no answer in time")]
)
def test_a_name_that_is_not_resolved_ends_the_walk_in_time(resolve: Any, told: str) -> None:
    begun = time.monotonic()
    found = by_name(findings(plain("https://ocr.example"), GOOD, seconds=0.4, resolver=Resolver(resolve)))
    assert time.monotonic() - begun < 2.0
    assert found["dns"].status == "fail"
    assert told in found["dns"].detail
    assert set(found) & {"connect", "tls", "clock"} == set()
    assert (found["token"].status, found["recognition"].status) == ("skip", "skip")


@pytest.mark.parametrize(("pause", "status"), [(0.0, "pass"), (0.25, "warn")])
def test_a_slow_lookup_is_a_warning(pause: float, status: str) -> None:
    with BaiduSimulator() as platform:

        def resolve(_host: str, port: int) -> Any:
            threading.Event().wait(pause)
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]

        url = platform.url.replace("127.0.0.1", "localhost")
        found = by_name(findings(plain(url), GOOD, resolver=Resolver(resolve)))
    assert found["dns"].status == status
    assert found["token primary"].status == "pass"


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """A server that takes no connection and refuses none: those that wait to be accepted are too many."""
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


def test_an_address_that_swallows_everything_costs_a_bounded_time() -> None:
    with black_hole() as url:
        begun = time.monotonic()
        found = by_name(findings(plain(url), GOOD, seconds=0.5))
    assert 0.4 < time.monotonic() - begun < 2.0
    assert found["connect"].status == "fail"
    assert "no connection in time" in found["connect"].detail


def test_each_step_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "STEP", 0.3)
    with black_hole() as url:
        begun = time.monotonic()
        findings(plain(url), GOOD)
    assert time.monotonic() - begun < 2.0


def test_a_server_that_never_shakes_hands_is_told_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        begun = time.monotonic()
        found = by_name(findings(plain(url), GOOD, seconds=0.5))
    assert time.monotonic() - begun < 2.0
    assert (found["tls"].status, found["tls"].detail) == ("fail", "no handshake in time")


def test_a_server_that_speaks_no_tls_is_told() -> None:
    with BaiduSimulator() as platform:
        found = by_name(findings(plain(platform.url.replace("http:", "https:")), GOOD))
    assert found["tls"].status == "fail"
    assert "handshake failed" in found["tls"].detail


def test_a_token_that_does_not_come_costs_no_more_than_its_time() -> None:
    with BaiduSimulator(faults=[always("hang", path="token")]) as platform:
        begun = time.monotonic()
        found = by_name(findings(plain(platform.url), GOOD, Credential("late", "1", "k", "s"), seconds=0.6))
    assert time.monotonic() - begun < 2.0
    assert found["token primary"].status == "fail"
    assert found["token late"].status == "skip"


def test_a_proxy_passes_the_connection_on(authority: Authority) -> None:
    with BaiduSimulator(certificate=authority.server()) as platform, Proxy(login="user:PLANTED") as proxy:
        login = proxy.url.replace("//", "//user:PLANTED@")
        wire = plain(platform.url, ca_bundle=str(authority.bundle), proxies={"https": login})
        found = by_name(findings(wire, GOOD))
    assert found["proxy"].detail == f"{proxy.url} of the configuration, with a login"
    names = ("proxy", "connect", "tunnel", "tls", "certificate", "token primary")
    assert {found[name].status for name in names} == {"pass"}
    assert {line.rpartition(" ")[0] for line in proxy.asked} == {f"CONNECT 127.0.0.1:{platform.port}"}


@pytest.mark.parametrize(
    ("proxy", "told"), [(Proxy(403), "HTTP 403 to CONNECT"), (Proxy(login="user:word"), "407: the proxy wants a login")]
)
def test_a_proxy_that_does_not_pass_it_on_says_why(proxy: Proxy, told: str) -> None:
    with proxy:
        found = by_name(findings(plain("https://ocr.example", proxies={"https": proxy.url}), GOOD))
    assert found["tunnel"].status == "fail"
    assert told in found["tunnel"].detail
    assert found["recognition"].status == "skip"


def test_a_wrong_login_is_told_apart_from_a_missing_one() -> None:
    with Proxy(login="user:word") as proxy:
        login = proxy.url.replace("//", "//user:PLANTED@")
        found = by_name(findings(plain("https://ocr.example", proxies={"https": login}), GOOD))["tunnel"]
    assert "does not accept the login" in found.detail
    assert "PLANTED" not in repr(found)


def test_a_proxy_that_wants_a_login_for_plain_http_is_told() -> None:
    with Proxy(login="user:word") as proxy:
        wire = plain("http://ocr.example", proxies={"http": proxy.url})
        found = [finding for finding in findings(wire, GOOD) if finding.status == "fail"]
    assert ["407" in finding.detail for finding in found] == [True]


def test_a_proxy_that_is_not_running_is_told() -> None:
    with Proxy() as proxy:
        url = proxy.url
    found = by_name(findings(plain("https://ocr.example", proxies={"https": url}), GOOD))["connect"]
    assert (found.status, "the proxy" in found.detail) == ("fail", True)


def test_the_proxy_of_the_environment_counts_unless_it_is_bypassed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "no_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Proxy(403) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        used = by_name(findings(Wire("https://127.0.0.1:1"), GOOD))["proxy"]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        spared = by_name(findings(Wire("https://127.0.0.1:1"), GOOD))["proxy"]
        distrusted = by_name(findings(plain("https://127.0.0.1:1"), GOOD))["proxy"]
    assert used.detail == f"{proxy.url} of the environment"
    assert spared.detail == "none: NO_PROXY names this host"
    assert distrusted.detail == "none"


def test_a_proxy_of_another_kind_is_told_and_its_login_is_not() -> None:
    wire = plain("https://ocr.example", proxies={"https": "socks5://user:PLANTED@127.0.0.1:1080"})
    found = findings(wire, GOOD)
    assert [finding.name for finding in found if finding.status == "fail"] == ["proxy"]
    assert "PLANTED" not in repr(found)


def test_other_processes_with_the_key_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "others", lambda _fingerprint: (Process(7, "python shop.py"),))
    monkeypatch.setattr(
        examination,
        "started_with",
        lambda variable, value, known: (
            (Process(9, "python old.py"),)
            if (variable, value, list(known)) == ("AIP_API_KEY", GOOD.api_key, [7])
            else ()
        ),
    )
    found = by_name(offline(GOOD))["use of primary"]
    assert found.status == "warn"
    assert found.detail.startswith("used by 7 (python shop.py); in the environment of 9 (python old.py)")
    assert "state: sqlite" in found.remedy


def test_tls_through_a_proxy_that_is_itself_under_tls(authority: Authority) -> None:
    with (
        BaiduSimulator(certificate=authority.server()) as platform,
        Proxy() as proxy,
        _under_tls(proxy, authority) as port,
    ):
        wire = plain(platform.url, ca_bundle=str(authority.bundle), proxies={"https": f"https://127.0.0.1:{port}"})
        found = by_name(findings(wire, GOOD))
    names = ("connect", "tunnel", "tls", "certificate", "token primary")
    assert [found[name].status for name in names] == ["pass"] * 5, found["token primary"]


@contextlib.contextmanager
def _under_tls(proxy: Proxy, authority: Authority) -> Iterator[int]:
    """A port that takes TLS off what goes to the proxy."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())
    ended: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def serve(server: socket.socket) -> None:
        while True:
            try:
                client = context.wrap_socket(server.accept()[0], server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            inner = socket.create_connection(("127.0.0.1", proxy.port))
            ended.extend((client, inner))
            for pair in ((client, inner), (inner, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for sock in ended:
                sock.close()
