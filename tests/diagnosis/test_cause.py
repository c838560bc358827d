"""Network faults are told apart, by the real exceptions of requests, urllib3, ssl, http.client and urllib."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import urllib3

from ocrgate.diagnosis import Diagnosis, diagnose
from ocrgate.diagnosis.cause import network
from ocrgate.testing.simulator import BaiduSimulator, self_signed


@pytest.fixture
def closed() -> Iterator[int]:
    """A port at which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@contextmanager
def answering(reply: bytes | None) -> Iterator[str]:
    """A server that reads a request, then sends `reply` and hangs up; None resets the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                if reply is None:
                    linger_nothing = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_nothing)
                else:
                    connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def raised(call: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


def got(url: str, **more: object) -> Diagnosis:
    """What requests raises for a URL, explained."""
    session = requests.Session()
    session.trust_env = False
    with session:
        return diagnose(raised(lambda: session.get(url, **{"timeout": 3, **more})))  # type: ignore[arg-type]


def test_nothing_listens(closed: int) -> None:
    found = got(f"http://127.0.0.1:{closed}/?secret=1")
    assert (found.code, found.message) == ("connection_refused", "ConnectionRefusedError: Connection refused")
    with pytest.raises(urllib.error.URLError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{closed}/", timeout=3)
    assert diagnose(caught.value).code == "connection_refused"


def test_a_name_that_does_not_exist() -> None:
    assert got("http://no-such-host.invalid/").code == "dns"
    error = raised(lambda: urllib.request.urlopen("http://no-such-host.invalid/", timeout=5))
    assert diagnose(error).code == "dns"


def test_a_name_server_that_does_not_answer_may_be_asked_again() -> None:
    found = diagnose(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    assert (found.code, found.action) == ("dns", "retry")
    unknown = diagnose(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert (unknown.code, unknown.action) == ("dns", "next_provider")


def test_the_other_side_hangs_up() -> None:
    with answering(None) as address:
        assert got(f"http://{address}/").code == "connection_reset"
    with answering(b"") as address:
        assert got(f"http://{address}/").code == "connection_reset"
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") as address:
        assert got(f"http://{address}/").code == "connection_reset"


def test_something_else_than_http_answers() -> None:
    with answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as address:
        assert got(f"http://{address}/").code == "bad_reply"
    with answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc") as address:
        assert got(f"http://{address}/").code == "bad_reply"


def test_no_reply_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert got(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.05).code == "timeout"


def test_no_connection_in_time() -> None:
    found = diagnose(requests.exceptions.ConnectTimeout("x"))
    assert (found.code, found.billed) == ("connect_timeout", False)
    pool = urllib3.HTTPConnectionPool("127.0.0.1")
    reason = urllib3.exceptions.NewConnectionError(
        pool._get_conn(),  # type: ignore[arg-type]
        "Failed to establish a new connection: [Errno 110] Connection timed out",
    )
    assert diagnose(requests.exceptions.ConnectionError(reason)).code == "connect_timeout"
    pool.close()


def test_no_connection_for_another_reason_is_not_taken_for_a_timeout() -> None:
    pool = urllib3.HTTPConnectionPool("127.0.0.1")
    reason = urllib3.exceptions.NewConnectionError(pool._get_conn(), "odd")  # type: ignore[arg-type]
    assert diagnose(requests.exceptions.ConnectionError(reason)).code == "network"
    pool.close()


def test_a_connection_that_was_cut_below_tls_is_no_fault_of_the_certificate() -> None:
    found = diagnose(ssl.SSLEOFError(8, "EOF occurred in violation of protocol (_ssl.c:1007)"))
    assert (found.code, found.action) == ("connection_reset", "retry")


def test_the_innermost_system_error_is_what_is_said() -> None:
    outer = OSError(errno.EIO, "outer")
    outer.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "inner")
    assert network(outer) == ("connection_refused", "ConnectionRefusedError: Connection refused")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENETUNREACH, "unreachable"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.EMFILE, "too_many_files"),
        (errno.ENFILE, "too_many_files"),
        (errno.ECONNREFUSED, "connection_refused"),
        (errno.ECONNRESET, "connection_reset"),
        (errno.EPIPE, "connection_reset"),
        (errno.ETIMEDOUT, "timeout"),
    ],
)
def test_system_errors_are_found_below_whatever_wraps_them(number: int, code: str) -> None:
    error = OSError(number, "said")
    assert diagnose(error).code == code
    assert diagnose(urllib.error.URLError(error)).code == code
    assert (
        diagnose(requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError("aborted", error))).code == code
    )


def test_a_self_signed_certificate(certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator(certificate=certificate) as platform:
        found = got(platform.url)
    assert (found.code, found.action, found.billed) == ("tls", "next_provider", False)
    assert "self-signed" in found.meaning
    assert "自签名" in found.meaning_zh


def test_a_certificate_of_another_host(certificate: tuple[Path, Path]) -> None:
    with BaiduSimulator(certificate=certificate) as platform:
        port = platform.url.rpartition(":")[2]
        context = ssl.create_default_context(cafile=str(certificate[0]))

        def connect() -> None:
            with socket.create_connection(("127.0.0.1", int(port)), timeout=3) as plain:
                context.wrap_socket(plain, server_hostname="aip.baidubce.com").close()

        found = diagnose(raised(connect))
    assert found.code == "tls"
    assert "another host name" in found.meaning


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("certificate has expired", "has expired"),
        ("certificate is not yet valid", "not valid yet"),
        ("self signed certificate in certificate chain", "re-signs"),
        ("self-signed certificate", "self-signed"),
        ("unable to get local issuer certificate", "issuer"),
        ("Hostname mismatch, certificate is not valid for 'a.b'.", "another host name"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_apart(said: str, meaning: str) -> None:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {said}")
    error.verify_message = said
    found = diagnose(requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(None, "/?k=v", error)))  # type: ignore[arg-type]
    assert found.code == "tls"
    assert meaning in found.meaning
    assert found.meaning != diagnose("tls").meaning


def test_tls_where_there_is_none() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        found = got(f"https://{address}/")
    assert found.code == "tls"
    assert "does not speak TLS" in found.meaning


def test_a_file_of_trusted_authorities_that_is_not_there() -> None:
    found = got("https://127.0.0.1/", verify="/no/such/file.pem")
    assert found.code == "tls"
    assert "does not exist" in found.meaning


def test_a_proxy_that_does_not_listen(closed: int) -> None:
    found = got("https://aip.baidubce.com/", proxies={"https": f"http://user:planted@127.0.0.1:{closed}"})
    assert (found.code, found.action) == ("proxy", "retry")
    assert "Nothing listens" in found.meaning
    assert "planted" not in repr(found)


@pytest.mark.parametrize(
    ("status", "meaning", "action"),
    [
        ("407 Proxy Authentication Required", "user name and a password", "next_provider"),
        ("403 Forbidden", "does not allow", "next_provider"),
        ("502 Bad Gateway", "in its turn", "retry"),
    ],
)
def test_a_proxy_that_says_no(status: str, meaning: str, action: str) -> None:
    with answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as address:
        found = got("https://aip.baidubce.com/", proxies={"https": f"http://{address}"})
    assert (found.code, found.action) == ("proxy", action)
    assert meaning in found.meaning
    assert status[:3] in found.message


def test_a_proxy_whose_name_does_not_exist() -> None:
    found = got("https://aip.baidubce.com/", proxies={"https": "http://no-such-proxy.invalid:8080"})
    assert found.code == "proxy"
    assert "could not be resolved" in found.meaning


@pytest.mark.parametrize("url", ["aip.baidubce.com", "nonsense://x/", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    found = got(url)
    assert (found.code, found.fault) == ("bad_url", "caller")


@pytest.mark.parametrize(
    ("status", "fault"), [(401, "key"), (404, "caller"), (429, "key"), (503, "provider"), (599, "provider")]
)
def test_a_status_that_was_raised_as_an_exception(status: int, fault: str) -> None:
    with answering(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()) as address:
        response = requests.get(f"http://{address}/?access_token=planted", timeout=3)
    found = diagnose(raised(response.raise_for_status))
    assert (found.code, found.fault, found.known) == (f"http_{status}", fault, True)
    assert "planted" not in found.message
    with answering(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()) as address:
        error = raised(lambda: urllib.request.urlopen(f"http://{address}/", timeout=3))
    assert diagnose(error).code == f"http_{status}"
    error.close()  # type: ignore[attr-defined]


def test_faults_of_http_client() -> None:
    assert diagnose(http.client.RemoteDisconnected("closed")).code == "connection_reset"
    assert diagnose(http.client.IncompleteRead(b"abc", 7)).code == "connection_reset"
    assert diagnose(http.client.BadStatusLine("x")).code == "bad_reply"


def test_a_fault_is_found_in_a_group_and_below_a_foreign_exception() -> None:
    outer = RuntimeError("could not read")
    outer.__cause__ = ConnectionResetError(errno.ECONNRESET, "reset")
    assert diagnose(outer).code == "connection_reset"

    class Several(Exception):
        exceptions = (ValueError("x"), TimeoutError("late"))

    assert diagnose(Several("two")).code == "timeout"


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert network(first) is None


def test_nothing_of_the_network_is_said_of_other_faults() -> None:
    for error in (
        ValueError("timed out"),
        KeyError("x"),
        FileNotFoundError(errno.ENOENT, "gone", "a.png"),
        OSError("x"),
    ):
        assert network(error) is None, error


def test_no_library_is_imported_to_know_its_exceptions() -> None:
    code = (
        "import sys; from ocrgate import diagnose; diagnose(ValueError('x')); diagnose(TimeoutError()); diagnose(110);"
        "print([name for name in ('requests', 'urllib3', 'ssl', 'http.client', 'aip', 'pytesseract', 'ocrgate_baidu')"
        " if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "[]"
