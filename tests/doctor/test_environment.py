"""What the doctor says of environment variables, and what it keeps to itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.ability import Finding
from ocrgate.doctor.environment import environment
from ocrgate.embedded import BAIDU_VARIABLES


def told(name: str, **environ: str) -> list[Finding]:
    return [finding for finding in environment(environ) if finding.name == name]


@pytest.mark.parametrize(
    ("values", "status", "detail"),
    [
        (("", "", ""), "pass", "are not set"),
        (("12", "key", "secret"), "pass", "are set"),
        (("12", "key", ""), "warn", "AIP_APP_ID, AIP_API_KEY set, AIP_SECRET_KEY not"),
        (("", "", "secret"), "warn", "AIP_SECRET_KEY set, AIP_APP_ID, AIP_API_KEY not"),
        (("12", "   ", "secret"), "warn", "AIP_API_KEY not"),
        (("12", "your_api_key", "secret"), "fail", "AIP_API_KEY still holds a placeholder"),
        (("12", "${AIP_API_KEY}", "<secret>"), "fail", "AIP_API_KEY, AIP_SECRET_KEY still hold a placeholder"),
        (("12", "key\n", "'secret'"), "warn", "AIP_API_KEY, AIP_SECRET_KEY with white space or quotation marks"),
    ],
)
def test_the_variables_of_a_key_are_set_unset_or_partly_set(
    values: tuple[str, str, str], status: str, detail: str
) -> None:
    (found,) = told("variables", **dict(zip(BAIDU_VARIABLES, values, strict=True)))
    assert found.status == status
    assert detail in found.detail
    assert bool(found.remedy) == (status != "pass")


@pytest.mark.parametrize(
    ("environ", "statuses", "detail"),
    [
        ({}, ["pass"], "none in the environment"),
        ({"NO_PROXY": "localhost"}, ["pass"], "none in the environment"),
        ({"HTTPS_PROXY": "http://proxy:8080"}, ["pass"], "HTTPS_PROXY names http://proxy:8080"),
        ({"http_proxy": "proxy:8080"}, ["pass"], "HTTP_PROXY names http://proxy:8080"),
        ({"HTTP_PROXY": "http://a:1", "http_proxy": "http://b:2"}, ["warn"], "differ; the latter counts: http://b:2"),
        ({"ALL_PROXY": "socks5://proxy:1080"}, ["warn"], "socks5://proxy:1080, of a kind"),
        ({"HTTPS_PROXY": "http://"}, ["warn"], "HTTPS_PROXY is no URL"),
        ({"HTTPS_PROXY": "http://proxy:port"}, ["warn"], "HTTPS_PROXY is no URL"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a,b"}, ["pass", "pass"], "NO_PROXY spares a,b"),
    ],
)
def test_proxies_are_named(environ: dict[str, str], statuses: list[str], detail: str) -> None:
    found = told("proxy", **environ)
    assert [finding.status for finding in found] == statuses
    assert detail in found[-1].detail


@given(
    user=st.text(st.characters(codec="ascii", exclude_characters="/?#@:[]% \t\r\n"), max_size=8),
    scheme=st.sampled_from(["http://", "https://", "socks5://", ""]),
    place=st.sampled_from(["proxy:8080", "proxy", "proxy:port", "[::1]:80", "[::1", ""]),
)
def test_the_login_of_a_proxy_is_never_told(user: str, scheme: str, place: str) -> None:
    url = f"{scheme}{user}:PLANTED@{place}"
    for finding in environment({"HTTPS_PROXY": url, "https_proxy": url + "/", "ALL_PROXY": url}):
        assert "PLANTED" not in repr(finding)


@given(st.lists(st.text(min_size=6), min_size=3, max_size=3))
def test_no_text_of_a_key_is_ever_told(values: list[str]) -> None:
    planted = [f"PLANTED{value}" for value in values]
    for finding in environment(dict(zip(BAIDU_VARIABLES, planted, strict=True))):
        assert "PLANTED" not in repr(finding)


def test_variables_that_name_certificates_name_something_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    found = told(
        "certificates",
        REQUESTS_CA_BUNDLE=str(file),
        SSL_CERT_FILE=str(tmp_path / "gone.pem"),
        SSL_CERT_DIR=str(file),
        CURL_CA_BUNDLE=str(file),
    )
    assert [(finding.status, finding.detail) for finding in found] == [
        ("fail", f"SSL_CERT_FILE names {tmp_path / 'gone.pem'}, which is not there"),
        ("fail", f"SSL_CERT_DIR names {file}, which is not there"),
        ("pass", f"REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE: {file}"),
    ]
    (none,) = told("certificates")
    assert none.status == "pass"
