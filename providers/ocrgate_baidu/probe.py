"""The way to the server, walked step by step: an address, a connection, TLS, and what time it is there.

Each step ends by its own time and says what it found, or raises OSError (of which ssl.SSLError is one). The steps are
those that the transport takes, with the same proxies, the same certificates and the same settings of TLS.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
import socket
import ssl
from concurrent.futures import TimeoutError as LookupTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocrgate.clock import Deadline
from ocrgate_baidu.quiet import quietly
from ocrgate_baidu.way import Stop, Way

if TYPE_CHECKING:
    from ocrgate_baidu.connection import Addresses, Resolver

_HEAD = 16_384
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----")


def authorities(bundle: str) -> int | None:
    """How many certificates a file holds; None for a folder, which is looked into only when a chain asks for it.

    Raises:
        OSError: when it cannot be read, or its certificates make no sense.
    """
    place = Path(bundle)
    if place.is_dir():
        return None
    count = len(_PEM.findall(place.read_bytes()))
    if count:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=bundle)
    return count


def resolve(stop: Stop, resolver: Resolver, seconds: float) -> Addresses:
    """The addresses of a host. The lookup itself cannot be ended, so it may go on in a thread that nobody waits for.

    Raises:
        OSError: TimeoutError when they did not come in time.
    """
    try:
        return resolver.lookup(stop.host, stop.port).result(seconds)
    except LookupTimeout as error:
        raise TimeoutError("no answer in time") from error
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "no name that can be looked up") from error


def connect(addresses: Addresses, deadline: Deadline) -> socket.socket:
    """A connection to the first address that answers, each with its share of the time. Raises OSError."""
    last: OSError = OSError("the name has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.001, deadline.remaining / (len(addresses) - tried)))
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
            continue
        return sock
    raise last


def tunnel(sock: Any, proxy: Stop, server: Stop, deadline: Deadline) -> int:
    """Ask a proxy to pass the connection on; the HTTP status that it answers with. Raises OSError."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    target = f"{host}:{server.port}"
    return _head(sock, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{proxy.authorization}", deadline)[0]


def secure(sock: Any, way: Way, host: str, deadline: Deadline, *, verify: bool) -> Any:
    """The connection under TLS. Raises OSError; ssl.SSLCertVerificationError when the certificate is not accepted."""
    with quietly():
        from urllib3.util.ssl_ import create_urllib3_context
        from urllib3.util.ssltransport import SSLTransport

        context = create_urllib3_context()
    if verify:
        folder = Path(way.bundle).is_dir()
        context.load_verify_locations(**{"capath" if folder else "cafile": way.bundle})
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    sock.settimeout(max(0.001, deadline.remaining))
    if isinstance(sock, ssl.SSLSocket):  # TLS through a proxy that is itself asked under TLS
        return SSLTransport(sock, context, host)
    return context.wrap_socket(sock, server_hostname=host)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of the server.

    Attributes:
        subject, issuer: organisation or common name.
        until: Unix time in seconds at which it expires.
    """

    subject: str
    issuer: str
    until: float


def certificate(secured: Any) -> Certificate:
    """Whom the other side says it is. Raises ImportError without `cryptography`, ValueError when it is none."""
    with quietly():
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        found = x509.load_der_x509_certificate(secured.getpeercert(True))

        def named(name: x509.Name, *kinds: x509.ObjectIdentifier) -> str:
            texts = [str(each.value) for kind in kinds for each in name.get_attributes_for_oid(kind)]
            return " ".join(texts[:1]) or "nobody"

        return Certificate(
            subject=named(found.subject, NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME),
            issuer=named(found.issuer, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME),
            until=found.not_valid_after_utc.timestamp(),
        )


def served_at(sock: Any, way: Way, deadline: Deadline) -> tuple[int, float | None]:
    """HTTP status of the answer to a request for nothing, and the Unix time that stands in it. Raises OSError."""
    plain_proxy = way.proxy if way.server.scheme == "http" else None
    target = f"http://{way.server.address}{way.path}" if plain_proxy else way.path
    login = plain_proxy.authorization if plain_proxy else ""
    status, head = _head(sock, f"GET {target} HTTP/1.1\r\nHost: {way.server.address}\r\n{login}", deadline)
    told = re.search(r"(?im)^date:[ \t]*(.+?)\r?$", head)
    try:
        when = email.utils.parsedate_to_datetime(told[1]) if told else None
    except (ValueError, TypeError, IndexError):
        when = None
    if when is None:
        return status, None
    return status, (when if when.tzinfo else when.replace(tzinfo=dt.timezone.utc)).timestamp()


def _head(sock: Any, request: str, deadline: Deadline) -> tuple[int, str]:
    """Status and head of the answer to a request without a body."""
    sock.settimeout(max(0.001, deadline.remaining))
    sock.sendall(f"{request}User-Agent: ocrgate\r\n\r\n".encode("latin-1"))
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _HEAD:
        sock.settimeout(max(0.001, deadline.remaining))
        more = sock.recv(4096)
        if not more:
            break
        data += more
    head = data.partition(b"\r\n\r\n")[0].decode("latin-1")
    status = re.match(r"HTTP/1\.[01] (\d{3})\b", head)
    if status is None:
        raise ConnectionError("what answered does not speak HTTP")
    return int(status[1]), head
