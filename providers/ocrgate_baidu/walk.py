"""The steps to the server as findings: proxy, name, connection, TLS, certificate and clock."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ocrgate.ability import Finding
from ocrgate.clock import Deadline
from ocrgate_baidu import probe, trust
from ocrgate_baidu.trust import Refusal, said
from ocrgate_baidu.way import Way

if TYPE_CHECKING:
    from ocrgate_baidu.connection import Addresses, Resolver

SLOW_LOOKUP = 0.2
SKEW, BAD_SKEW = 30.0, 300.0


class Walk:
    """One walk to the server.

    Args:
        way: that is taken.
        deadline: of all steps together.
        step: seconds for each.
        resolver: looks names up.

    Attributes:
        arrived: whether the server, or whoever stands in its place, was reached and is trusted.
    """

    def __init__(self, way: Way, deadline: Deadline, step: float, resolver: Resolver) -> None:
        self.arrived = False
        self._way = way
        self._deadline = deadline
        self._step = step
        self._resolver = resolver
        self._clock = deadline.clock
        self._addresses: Addresses = []
        self._elapsed = ""

    def findings(self) -> Iterator[Finding]:
        """Every step's finding; the walk ends with the first that fails."""
        yield self._proxy()
        if (found := self._lookup()) is not None:
            yield found
            if found.status == "fail":
                return
        with ExitStack() as held:
            sock, found = self._connect(held)
            yield found
            if found.status == "fail":
                return
            if self._way.proxy is not None and self._way.server.scheme == "https":
                found = self._tunnel(sock)
                yield found
                if found.status == "fail":
                    return
            if self._way.server.scheme == "https":
                sock, found = self._secure(held, sock)
                yield found
                if found.status == "fail":
                    return
                yield self._certificate(sock)
            found = self._served_at(sock)
            self.arrived = found.name == "clock"
            yield found

    def _try(
        self, name: str, act: Callable[[Deadline], Any], told: Callable[[OSError], Refusal]
    ) -> tuple[Any, Finding | None]:
        """What a step brought and None, or None and the finding that says why it failed."""
        begun = self._clock.monotonic()
        try:
            brought = act(self._deadline.within(self._step))
        except OSError as error:
            return None, Finding(name, "fail", *told(error))
        self._elapsed = f"{1000 * (self._clock.monotonic() - begun):.0f} ms"
        return brought, None

    def _proxy(self) -> Finding:
        way = self._way
        if way.proxy is None:
            why = ": NO_PROXY names this host" if way.bypassed else ""
            return Finding("proxy", "pass", f"none{why}")
        source = "of the configuration" if way.configured else "of the environment"
        login = ", with a login" if way.proxy.login else ""
        return Finding("proxy", "pass", f"{way.proxy} {source}{login}")

    def _lookup(self) -> Finding | None:
        first = self._way.first
        begun = self._clock.monotonic()
        addresses, failed = self._try(
            "dns",
            lambda deadline: probe.resolve(first, self._resolver, deadline.remaining),
            lambda error: _unresolved(first.host, error),
        )
        if failed is not None:
            return failed
        self._addresses = addresses
        if first.host == addresses[0][4][0]:
            return None  # an address needs no lookup
        detail = f"{first.host} in {self._elapsed}"
        if self._clock.monotonic() - begun > SLOW_LOOKUP:
            return Finding("dns", "warn", detail, "use a nearer name server, or one that keeps answers")
        return Finding("dns", "pass", detail)

    def _connect(self, held: ExitStack) -> tuple[Any, Finding]:
        first = self._way.first
        who = f"the proxy {first}" if self._way.proxy else str(first)

        def act(deadline: Deadline) -> Any:
            sock = probe.connect(self._addresses, deadline)
            held.callback(sock.close)
            if first is not self._way.server and first.scheme == "https":
                sock = held.enter_context(_closing(probe.secure(sock, self._way, first.host, deadline, verify=True)))
            return sock

        sock, failed = self._try("connect", act, lambda error: _unreached(who, error, bool(self._way.proxy)))
        return sock, failed or Finding("connect", "pass", f"{who} in {self._elapsed}")

    def _tunnel(self, sock: Any) -> Finding:
        proxy, server = self._way.proxy, self._way.server
        assert proxy is not None
        status, failed = self._try(
            "tunnel",
            lambda deadline: probe.tunnel(sock, proxy, server, deadline),
            lambda error: (f"{proxy} did not answer CONNECT: {said(error)}", "ask whoever runs the proxy"),
        )
        if failed is not None:
            return failed
        if status == 407:
            return _wants_login("tunnel", bool(proxy.login))
        if not 200 <= status < 300:
            remedy = f"ask whoever runs the proxy to let CONNECT {server.host}:{server.port} through"
            return Finding("tunnel", "fail", f"{proxy} answers HTTP {status} to CONNECT", remedy)
        return Finding("tunnel", "pass", f"{proxy} passes on, in {self._elapsed}")

    def _secure(self, held: ExitStack, sock: Any) -> tuple[Any, Finding]:
        way = self._way

        def act(deadline: Deadline) -> Any:
            return held.enter_context(_closing(probe.secure(sock, way, way.server.host, deadline, verify=way.verify)))

        secured, failed = self._try("tls", act, self._untrusted)
        if failed is not None:
            return None, failed
        checked = "chain verified" if way.verify else "chain not verified"
        return secured, Finding("tls", "pass", f"{secured.version()} in {self._elapsed}, {checked}")

    def _untrusted(self, error: OSError) -> Refusal:
        return trust.untrusted(error, self._shown() if isinstance(error, ssl.SSLCertVerificationError) else None)

    def _shown(self) -> probe.Certificate | None:
        """The certificate that was not accepted, looked at over a connection that nothing is sent on."""
        deadline = self._deadline.within(self._step)
        way = self._way
        with ExitStack() as held, contextlib.suppress(OSError, ImportError, ValueError):
            sock: Any = probe.connect(self._addresses, deadline)
            held.callback(sock.close)
            if way.proxy is not None:
                if way.proxy.scheme == "https":
                    sock = held.enter_context(_closing(probe.secure(sock, way, way.proxy.host, deadline, verify=True)))
                probe.tunnel(sock, way.proxy, way.server, deadline)
            secured = probe.secure(sock, way, way.server.host, deadline, verify=False)
            held.enter_context(_closing(secured))
            return probe.certificate(secured)
        return None

    def _certificate(self, secured: Any) -> Finding:
        try:
            shown = probe.certificate(secured)
        except (ImportError, ValueError) as error:
            return Finding("certificate", "skip", f"cannot be read: {error}", 'pip install "ocrgate[baidu]"')
        return trust.judged(shown, self._way.server.host, self._clock.time())

    def _served_at(self, sock: Any) -> Finding:
        before = self._clock.time()
        try:
            status, then = probe.served_at(sock, self._way, self._deadline.within(self._step))
        except OSError as error:
            return Finding("clock", "skip", f"the server does not say what time it is: {said(error)}")
        if status == 407:
            return _wants_login("proxy", bool(self._way.proxy and self._way.proxy.login))
        if then is None:
            return Finding("clock", "skip", "the server does not say what time it is")
        # The header has whole seconds, and was written at some time between the two.
        after = self._clock.time()
        skew = max(0.0, before - then - 1.0, then - after)
        detail = (
            f"{skew:.0f} s {'ahead of' if then < before else 'behind'} the server's" if skew >= 1 else "as the server's"
        )
        if skew <= SKEW:
            return Finding("clock", "pass", detail)
        remedy = "let this host take its time from the network (NTP); certificates and signatures depend on it"
        return Finding("clock", "fail" if skew > BAD_SKEW else "warn", detail, remedy)


@contextlib.contextmanager
def _closing(sock: Any) -> Iterator[Any]:
    try:
        yield sock
    finally:
        with contextlib.suppress(OSError):
            sock.close()


def _wants_login(name: str, given: bool) -> Finding:
    detail = "HTTP 407: the proxy does not accept the login" if given else "HTTP 407: the proxy wants a login"
    return Finding(name, "fail", detail, "write it into the proxy's URL: http://USER:PASSWORD@HOST:PORT")


def _unresolved(host: str, error: OSError) -> Refusal:
    if isinstance(error, TimeoutError):
        return f"{host}: no answer in time", "look at the name servers of this host, and whether it has a network"
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        return f"{host}: no such name", "look at the spelling of `base_url` or of the proxy, and at the network"
    return f"{host}: {said(error)}", "look at the name servers of this host, and whether it has a network"


def _unreached(who: str, error: OSError, proxied: bool) -> Refusal:
    if isinstance(error, TimeoutError):
        return f"{who}: no connection in time", "look whether a firewall drops it; behind a proxy, name it in `proxies`"
    if isinstance(error, ConnectionRefusedError):
        what = "the proxy is running" if proxied else "the server is running, and at the port in `base_url`"
        return f"{who}: connection refused", f"look whether {what}"
    return f"{who}: {said(error)}", "look whether this host has a network, and a way to that address"
