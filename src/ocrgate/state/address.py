"""The address of a Redis: where it is, how it is spoken to, and under which prefix the names lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs, urlsplit

SCHEMES = ("redis", "rediss", "unix")
PREFIX = "ocrgate"
TIMEOUT = 0.1
TLS_TIMEOUT = 0.3
"""Seconds for each answer and for a connection, and for a connection with TLS, unless the address says otherwise."""

_LONGEST = 3600.0
_OPTIONS = ("db", "username", "password", "socket_timeout", "socket_connect_timeout", "socket_keepalive", "client_name")
_WANTED = (
    "state is redis://[USER:PASSWORD@]HOST:PORT/NUMBER, rediss://… or unix:///PATH?db=NUMBER, with special characters "
    f"of a password written as %XX, and after a ? any of prefix, {', '.join(_OPTIONS)} and ssl_…"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address; shown without its password.

    Attributes:
        place: for messages, as in `redis://127.0.0.1:6379/0`.
        prefix: of every name.
        options: of redis-py's connection, `connection_class` among them.
    """

    place: str
    prefix: str
    options: Mapping[str, Any] = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        return tuple(
            str(self.options[name]) for name in ("password", "username", "ssl_password") if name in self.options
        )


def parse(url: str) -> Address:
    """Take an address apart; nothing is opened.

    Raises:
        ValueError: when it is no such address, or the package `redis` is missing; it does not quote the address.
    """
    if find_spec("redis") is None:
        raise ValueError('a state in Redis needs a package that is missing; pip install "ocrgate[redis]"')
    try:
        return _parsed(url)
    except (ValueError, TypeError, AttributeError):
        # Whatever is wrong, its text may be a part of the password.
        raise ValueError(_WANTED) from None


def _parsed(url: str) -> Address:
    from redis.connection import Connection, parse_url

    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    prefix = query.pop("prefix", [PREFIX])[-1]
    if not prefix or set(prefix) & {"{", "}"}:
        raise ValueError("no prefix of a hash tag")
    if not all(name in _OPTIONS or name.startswith("ssl_") for name in query):
        raise ValueError("an option that is not known")
    if parts.scheme not in SCHEMES or parts.fragment:
        raise ValueError("another kind of address")
    if parts.scheme == "unix":
        if parts.hostname or not parts.path.strip("/"):
            raise ValueError("no path of a socket")
    elif not parts.hostname or not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError("no host, or no number of a database")
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TLS_TIMEOUT if parts.scheme == "rediss" else TIMEOUT,
        "protocol": 2,
        "connection_class": Connection,
        **parse_url(url),  # type: ignore[no-untyped-call]
    }
    options.pop("prefix", None)
    if not all(0 < options[name] <= _LONGEST for name in ("socket_timeout", "socket_connect_timeout")):
        raise ValueError("no time to answer in")
    number = options.get("db", 0)
    if parts.scheme == "unix":
        place = f"unix://{options['path']}?db={number}"
    else:
        host = f"[{options['host']}]" if ":" in options["host"] else options["host"]
        place = f"{parts.scheme}://{host}:{options.get('port', 6379)}/{number}"
    return Address(place, prefix, options)
