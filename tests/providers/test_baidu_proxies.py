"""The Baidu adapter behind a proxy: CONNECT, logins, and whose word counts when the environment names one, too."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrgate.testing.simulator import BaiduSimulator, self_signed
from tests.providers.platform import adapter, failure, read
from tests.providers.proxy import Proxy

LOGIN = ("gateway", "PLANTED-proxy-password")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _no_proxy_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a proxy that is down."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.mark.parametrize("login", [None, LOGIN])
def test_calls_go_through_one_connect(certificate: tuple[Path, Path], login: tuple[str, str] | None) -> None:
    with BaiduSimulator(certificate=certificate) as platform, Proxy(login=login) as proxy:
        provider = adapter(platform, tls={"ca_bundle": str(certificate[0])}, proxies={"https": proxy.url})
        for _ in range(4):
            assert read(provider).lines
        provider.close()
        assert [line.rpartition(" ")[0] for line in proxy.lines] == [f"CONNECT 127.0.0.1:{platform.port}"]
        assert [each.endpoint for each in platform.requests] == ["token", *["accurate"] * 4]


def test_the_certificate_behind_a_proxy_is_checked(certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator(certificate=certificate) as platform, Proxy() as proxy:
        told = failure(adapter(platform, proxies={"https": proxy.url}))
        assert proxy.lines
        assert platform.requests == []
    assert (told.code, told.action) == ("tls", "next_provider")


@pytest.mark.parametrize("tls", [True, False])
def test_a_proxy_that_refuses_the_login_is_a_fault_of_the_proxy(tls: bool, certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator(certificate=certificate if tls else None) as platform, Proxy(login=LOGIN) as proxy:
        url = proxy.url.replace(LOGIN[1], "PLANTED-other-password")
        ca = {"ca_bundle": str(certificate[0])}
        told = failure(adapter(platform, tls=ca, proxies={"https": url, "http": url}))
        assert platform.requests == []
    assert (told.code, told.category, told.fault) == ("proxy", "network", "network")
    assert "407" in told.message
    assert told.remedy
    assert "PLANTED" not in repr(told)


@pytest.mark.parametrize("tls", [True, False])
def test_a_proxy_that_is_down_is_told_from_a_platform_that_is_down(
    tls: bool, certificate: tuple[Path, Path], nobody: str
) -> None:
    url = nobody.replace("//", "//gateway:PLANTED-proxy-password@")
    with BaiduSimulator(certificate=certificate if tls else None) as platform:
        told = failure(adapter(platform, proxies={"https": url, "http": url}))
    assert (told.code, told.fault) == ("proxy", "network")
    assert "PLANTED" not in repr(told)
    with Proxy() as proxy:
        behind = failure(adapter(platform, proxies={"https": proxy.url, "http": proxy.url}))
    assert behind.code == ("proxy" if tls else "http_5xx")
    assert "502" in behind.message


@pytest.mark.parametrize("tls", [True, False])
def test_a_proxy_that_hangs_is_left_at_the_end_of_the_attempt(tls: bool, certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator(certificate=certificate if tls else None) as platform, Proxy(hangs=True) as proxy:
        begun = time.monotonic()
        told = failure(adapter(platform, proxies={"https": proxy.url, "http": proxy.url}), 0.3)
        elapsed = time.monotonic() - begun
        assert proxy.lines
    assert told.code == "timeout"
    assert 0.2 < elapsed < 0.6


@pytest.mark.parametrize("spelling", ["HTTP_PROXY", "http_proxy"])
def test_the_environment_counts_where_it_was_let_in(
    spelling: str, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    monkeypatch.setenv(spelling, nobody)
    with BaiduSimulator() as platform:
        assert failure(adapter(platform, trust_env=True)).code == "proxy"
        assert read(adapter(platform, trust_env=False)).lines
        monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
        assert read(adapter(platform, trust_env=True)).lines


def test_a_configured_proxy_comes_before_the_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", nobody)
    with BaiduSimulator() as platform, Proxy() as proxy:
        assert read(adapter(platform, trust_env=True, proxies={"http": proxy.url})).lines
        assert proxy.lines


def test_what_a_proxy_writes_down_holds_no_secret_key(certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator() as platform, Proxy() as proxy:
        read(adapter(platform, proxies={"http": proxy.url}))
        token = next(iter(platform.books._grants))
        assert [line.split("?")[0].split(" ")[1] for line in proxy.lines] == [
            f"{platform.url}/oauth/2.0/token",
            f"{platform.url}/rest/2.0/ocr/v1/accurate",
        ]
        written = "\n".join(proxy.heads)
        assert platform.keys[0].secret_key not in written
        assert platform.keys[0].api_key not in written
        # Baidu takes the token in the URL only: without TLS it stands in a proxy's log, with TLS it does not.
        assert token in written
    with BaiduSimulator(certificate=certificate) as platform, Proxy() as proxy:
        read(adapter(platform, tls={"ca_bundle": str(certificate[0])}, proxies={"https": proxy.url}))
        assert next(iter(platform.books._grants)) not in "\n".join(proxy.heads)
