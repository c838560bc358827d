"""What the adapter was told, as checked data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocrgate.errors import ConfigError, Problem
from ocrgate_baidu import options
from ocrgate_baidu.credential import Credential, credentials
from ocrgate_baidu.endpoints import ENDPOINTS, Endpoint
from ocrgate_baidu.transport import Wire

LANES = 8


@dataclass(frozen=True, slots=True)
class Told:
    """The adapter's settings.

    Attributes:
        endpoint: that is asked.
        options: of every request, as they are sent.
        wire: how the server is reached.
        credentials: in order of preference.
    """

    endpoint: Endpoint
    options: dict[str, str]
    wire: Wire
    credentials: tuple[Credential, ...]


def told(
    endpoint: object,
    base_url: object,
    tls: Mapping[str, Any] | None,
    proxies: Mapping[str, str] | None,
    trust_env: bool,
    keys: Iterable[Mapping[str, Any]] | None,
    given: Mapping[str, Any] | None,
) -> Told:
    """Everything the constructor was told, checked.

    Raises:
        ConfigError: with all problems at once.
    """
    problems: list[Problem] = []
    where = ENDPOINTS["accurate"]
    sent: dict[str, str] = {}
    try:
        where = options.endpoint(endpoint)
    except ValueError as error:
        problems.append(Problem(str(error), key="endpoint"))
    else:
        if given is None or isinstance(given, Mapping):
            sent, flaws = options.checked(where, given or {})
            problems += [Problem(message, key=f"options.{name}") for name, message in flaws]
        else:
            problems.append(Problem("a mapping of request options", key="options"))
    server = ""
    try:
        server = options.server(base_url)
    except ValueError as error:
        problems.append(Problem(str(error), key="base_url"))
    verify, ca_bundle = checked_tls(tls, problems)
    check_proxies(proxies, problems)
    found: tuple[Credential, ...] = ()
    try:
        found = credentials(keys)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    if "probability" in (where.params or ()):
        # Without it there is no confidence, and a route that asks for one could accept nothing.
        sent.setdefault("probability", "true")
    if "location" in (where.params or ()):
        # Without it the fields of a card have no place on the page.
        sent.setdefault("location", "true")
    return Told(where, sent, Wire(server, verify, ca_bundle, dict(proxies or {}), trust_env, LANES), found)


def checked_tls(tls: Mapping[str, Any] | None, problems: list[Problem]) -> tuple[bool, str | None]:
    """Whether certificates are verified, and the file of authorities; what is wrong goes to the problems."""
    if tls is not None and not isinstance(tls, Mapping):
        problems.append(Problem("a mapping with verify and ca_bundle", key="tls"))
        return True, None
    given = dict(tls or {})
    verify, ca_bundle = given.pop("verify", True), given.pop("ca_bundle", None)
    problems += [Problem(options.nearest(str(name), ("verify", "ca_bundle")), key=f"tls.{name}") for name in given]
    if not isinstance(verify, bool):
        problems.append(Problem("true or false", key="tls.verify"))
    if ca_bundle is not None and not Path(str(ca_bundle)).exists():
        problems.append(Problem(f"no such file: {ca_bundle}", key="tls.ca_bundle"))
    return bool(verify), None if ca_bundle is None else str(ca_bundle)


def check_proxies(proxies: Mapping[str, str] | None, problems: list[Problem]) -> None:
    """What is wrong with the proxies goes to the problems."""
    if proxies is not None and not isinstance(proxies, Mapping):
        problems.append(Problem('a mapping such as {https: "http://proxy.example:8080"}', key="proxies"))
        return
    for scheme, url in (proxies or {}).items():
        # A proxy's URL may hold a password, so it is not quoted.
        if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
            problems.append(Problem("an http:// or https:// URL of a proxy", key=f"proxies.{scheme}"))
