"""How Baidu's adapter is: its keys, its certificates, the way to the server, and a token for each key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ocrgate.ability import Finding
from ocrgate.clock import Deadline
from ocrgate.keys.presence import others
from ocrgate.keys.process import started_with
from ocrgate_baidu import keyform
from ocrgate_baidu.credential import ENVIRONMENT, Credential, Redactor
from ocrgate_baidu.failure import Failed
from ocrgate_baidu.probe import authorities
from ocrgate_baidu.quiet import quietly
from ocrgate_baidu.transport import Wire
from ocrgate_baidu.walk import Walk
from ocrgate_baidu.way import Stop, Way, way

if TYPE_CHECKING:
    from ocrgate_baidu.connection import Resolver

WHOLE, STEP = 15.0, 3.0
"""Seconds for all that needs the network, and for each step of it."""

RECOGNITION = "recognition"
"""A finding of this name says that a trial recognition would be pointless."""

Fetch = Callable[[Credential, Deadline], object]


def examine(
    wire: Wire,
    credentials: Sequence[Credential],
    fetch: Fetch,
    deadline: Deadline,
    *,
    network: bool = True,
    resolver: Resolver | None = None,
) -> Iterator[Finding]:
    """One finding after the other, each as soon as it is there. Quotes no key, raises nothing.

    The names: `key NAME` and `use of NAME` for each key, `server`, `certificates`; with the network `proxy`, `dns`,
    `connect`, `tls`, `certificate`, `clock` and `token NAME` for each key. A `recognition` that is skipped says that
    no key can be used now, or that there is no way to the server.

    Args:
        wire: how the server is reached.
        credentials: the keys, in order of preference.
        fetch: asks for a new token of a key by a deadline; raises `Failed` when it is refused.
        deadline: of everything; what needs the network ends in at most `WHOLE` seconds all the same.
        network: whether anybody is asked at all.
        resolver: looks names up; the transport's own when None.
    """
    redactor = Redactor([text for each in credentials for text in (each.api_key, each.secret_key)])
    try:
        for finding in _findings(wire, credentials, fetch, deadline, network, resolver):
            yield replace(finding, detail=redactor.clean(finding.detail), remedy=redactor.clean(finding.remedy))
    except Exception as error:  # noqa: BLE001 - an examination that ends in an exception says nothing
        yield Finding(
            "examination", "fail", redactor.clean(f"{type(error).__name__}: {error}"), "report this as a defect"
        )


def _findings(
    wire: Wire,
    credentials: Sequence[Credential],
    fetch: Fetch,
    deadline: Deadline,
    network: bool,
    resolver: Resolver | None,
) -> Iterator[Finding]:
    server = Stop.of(wire.base_url)
    yield from keyform.inspect(credentials, lengths=not server.local)
    for credential in credentials:
        yield _users(credential)
    yield _server(server)
    if find_spec("requests") is None:
        yield Finding(RECOGNITION, "skip", "requests is not installed")
        return
    try:
        route = way(wire)
    except ValueError as error:
        yield Finding("proxy", "fail", str(error), "correct `proxies`, or HTTP_PROXY and HTTPS_PROXY")
        yield Finding(RECOGNITION, "skip", "no way to the server")
        return
    if server.scheme == "https":
        yield _certificates(route)
    if network:
        yield from _online(route, credentials, fetch, deadline.within(WHOLE), resolver)


def _online(
    route: Way, credentials: Sequence[Credential], fetch: Fetch, deadline: Deadline, resolver: Resolver | None
) -> Iterator[Finding]:
    walk = Walk(route, deadline, STEP, resolver or _resolver())
    yield from walk.findings()
    if not walk.arrived:
        if credentials:
            yield Finding("token", "skip", "not asked for: there is no way to the server")
        yield Finding(RECOGNITION, "skip", "there is no way to the server")
        return
    accepted = False
    for credential in credentials:
        found = _token(credential, fetch, deadline)
        accepted = accepted or found.status == "pass"
        yield found
    if not accepted:
        yield Finding(RECOGNITION, "skip", "no key was given a token" if credentials else "there is no key")


def _resolver() -> Resolver:
    """The transport's own."""
    with quietly():
        from ocrgate_baidu.connection import RESOLVER
    return RESOLVER


def _users(credential: Credential) -> Finding:
    """Who else uses the key on this host: what asks through this library says so, what asks without it may show it."""
    name = f"use of {credential.name}"
    announced = others(credential.key.fingerprint)
    started = started_with(ENVIRONMENT[1], credential.api_key, known=[process.pid for process in announced])
    if not announced and not started:
        return Finding(name, "pass", "no other process of this user on this host")
    told = [f"used by {', '.join(map(str, announced))}"] if announced else []
    told += [f"in the environment of {', '.join(map(str, started))}"] if started else []
    return Finding(
        name,
        "warn",
        f"{'; '.join(told)}: calls a second and quota are shared",
        "let processes that use ocrgate share a state (`state: sqlite:FILE`); give other programs a key of another "
        "account",
    )


def _server(server: Stop) -> Finding:
    if server.scheme == "https":
        return Finding("server", "pass", str(server))
    if server.local:
        return Finding("server", "pass", f"{server}, without TLS, on this host")
    return Finding(
        "server", "warn", f"{server}: keys, tokens and images travel unencrypted", "write `base_url` with https://"
    )


def _certificates(route: Way) -> Finding:
    name = "certificates"
    if not route.verify:
        return Finding(
            name,
            "warn",
            "not verified: key, token and image go to whoever answers",
            "leave `tls.verify` on, and name the CA of your server or proxy in `tls.ca_bundle`",
        )
    remedy = "name a PEM file of CA certificates in `tls.ca_bundle`, or in REQUESTS_CA_BUNDLE, or leave both out"
    where = "those shipped with the HTTP library" if route.shipped else route.bundle
    try:
        count = authorities(route.bundle)
    except OSError as error:
        return Finding(name, "fail", f"{route.bundle}: {error.strerror or error}", remedy)
    if count == 0:
        return Finding(name, "fail", f"{route.bundle} holds no certificate", remedy)
    held = "a folder" if count is None else "1 CA" if count == 1 else f"{count} CAs"
    return Finding(name, "pass", f"{where}: {held}")


def _token(credential: Credential, fetch: Fetch, deadline: Deadline) -> Finding:
    name = f"token {credential.name}"
    if credential.flaw:
        return Finding(name, "skip", "not asked for with such a key")
    if deadline.expired:
        return Finding(name, "skip", "no time was left to ask")
    begun = deadline.clock.monotonic()
    try:
        fetch(credential, deadline.within(STEP))
    except Failed as failure:
        return _refused(name, failure)
    return Finding(name, "pass", f"granted in {1000 * (deadline.clock.monotonic() - begun):.0f} ms")


def _refused(name: str, failure: Failed) -> Finding:
    """Which of the two texts is wrong is in the words, not in the code."""
    diagnosis = failure.diagnosis
    said = diagnosis.message.lower()
    if diagnosis.code == "invalid_client" and "unknown client" in said:
        return Finding(
            name,
            "fail",
            f"{diagnosis.code}: no application has this API Key [{diagnosis.message}]",
            "copy API Key and Secret Key again from the application's page in the console; the Access Key of the "
            "account is another thing",
        )
    if diagnosis.code == "invalid_client" and "authentication failed" in said:
        return Finding(
            name,
            "fail",
            f"{diagnosis.code}: the API Key is known, the Secret Key does not belong to it [{diagnosis.message}]",
            "copy the Secret Key of the same application again; it changes when it is reset in the console",
        )
    return Finding(name, "fail", str(diagnosis), diagnosis.remedy)
