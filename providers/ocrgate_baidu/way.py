"""Who is asked on the way to the server: itself, or a proxy before it, and whose certificates are trusted."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from ocrgate_baidu.quiet import quietly
from ocrgate_baidu.transport import Wire

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Stop:
    """A host on the way: the server, or a proxy before it.

    Attributes:
        scheme, host, port: of its URL.
        login: user name and password of a proxy, or empty.
    """

    scheme: str
    host: str
    port: int
    login: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Stop:
        """The host that a URL names. Raises ValueError when it names none."""
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme.lower() not in _PORTS:
            raise ValueError("no http:// or https:// URL")
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        scheme = parts.scheme.lower()
        return cls(scheme, parts.hostname, parts.port or _PORTS[scheme], "" if login == ":" else login)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether it is this very host."""
        return self.host in ("localhost", "::1") or bool(re.fullmatch(r"127(\.\d{1,3}){3}", self.host))

    @property
    def authorization(self) -> str:
        """The header line with the login, or nothing."""
        if not self.login:
            return ""
        return f"Proxy-Authorization: Basic {base64.b64encode(self.login.encode()).decode()}\r\n"


@dataclass(frozen=True, slots=True)
class Way:
    """How the server is reached.

    Attributes:
        server: where it is.
        path: of the base URL.
        proxy: through which it is asked, or None.
        configured: whether the proxy stands in the configuration, and not in the environment.
        bypassed: whether `NO_PROXY` keeps the proxy of the environment out of it.
        verify: whether the certificate is checked.
        bundle: file or folder of the CAs that are trusted.
        shipped: whether that is the one that is installed with the HTTP library.
    """

    server: Stop
    path: str
    proxy: Stop | None
    configured: bool
    bypassed: bool
    verify: bool
    bundle: str
    shipped: bool

    @property
    def first(self) -> Stop:
        """Whom a connection is made to."""
        return self.proxy or self.server


def way(wire: Wire) -> Way:
    """The way that the transport takes.

    Raises:
        ValueError: when the URL of a proxy makes no sense; no login is quoted.
    """
    with quietly():
        import requests
        from requests.utils import DEFAULT_CA_BUNDLE_PATH, prepend_scheme_if_needed, select_proxy

    prepend: Any = prepend_scheme_if_needed
    verify: bool | str = (wire.ca_bundle or True) if wire.verify else False
    with requests.Session() as session:
        session.trust_env = wire.trust_env
        merged = session.merge_environment_settings(wire.base_url, dict(wire.proxies), True, verify, None)
    url = select_proxy(wire.base_url, merged["proxies"])
    server = Stop.of(wire.base_url)
    bypassed = wire.trust_env and not url and bool(select_proxy(wire.base_url, getproxies()))
    bundle = merged["verify"] if isinstance(merged["verify"], str) else DEFAULT_CA_BUNDLE_PATH
    return Way(
        server=server,
        path=urlsplit(wire.base_url).path or "/",
        proxy=Stop.of(str(prepend(url, "http"))) if url else None,
        configured=bool(url) and select_proxy(wire.base_url, dict(wire.proxies)) == url,
        bypassed=bypassed,
        verify=merged["verify"] is not False,
        bundle=str(bundle),
        shipped=bundle == DEFAULT_CA_BUNDLE_PATH,
    )
