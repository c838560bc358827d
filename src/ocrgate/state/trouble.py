"""What went wrong with a Redis, in a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterator

from ocrgate.state.address import Address

_CLOSED = "it closed the connection; see whether it restarts, or speaks TLS (rediss://)"

_BY_TYPE = {
    "AuthenticationError": "it does not accept the user or the password; correct them in `state`",
    "AuthenticationWrongNumberOfArgsError": "it knows no users; leave the user out in `state`, or use Redis 6 or later",
    "NoPermissionError": "its user may not do that; allow it +@read +@write +@scripting +@connection ~{PREFIX}:*",
    "ReadOnlyError": "it is a replica, which takes no writes; name the primary in `state`",
    "OutOfMemoryError": "its memory is full; raise its maxmemory, or let it evict what has an end (volatile-ttl)",
    "BusyLoadingError": "it is still loading its data; wait until it has",
    "MovedError": "it is one of a cluster, and not the one for these names; choose another ?prefix=, or another node",
    "ClusterDownError": "its cluster is down; see to the cluster",
    "InvalidResponse": "what answers there is no Redis; correct the port in `state`",
    "gaierror": "its host name is not known; correct it in `state`, or see to the name server",
    "UnicodeError": "its host name is none; correct it in `state`",
    "ConnectionRefusedError": "nothing listens there; start it, or correct the address in `state`",
    "FileNotFoundError": "there is no such socket; start it, or correct the path in `state`",
    **dict.fromkeys(("ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError"), _CLOSED),
    "PermissionError": "this user may not open it; let it",
    "SSLCertVerificationError": "its certificate is not trusted; name its authority with ?ssl_ca_certs=FILE",
    "SSLError": "TLS does not come about; write redis:// when it speaks none, else see to its certificates",
    "TimeoutError": "no answer within TIMEOUT s; see whether it hangs, or the network does",
    **dict.fromkeys(
        ("ValueError", "TypeError", "AttributeError"), "its answer makes no sense; see that it is Redis 6 or later"
    ),
}
"""By the name of the class, of the error or of what led to it; the most telling ones first. `PREFIX` and `TIMEOUT`
stand for those of the address."""

_BY_TEXT = (
    ("unknown command", "it lacks a command; use Redis 6 or Valkey, with its commands not renamed"),
    ("syntax error", "it is too old; use Redis 6 or Valkey"),
    ("MISCONF", "it refuses to write, because it cannot save to its disk; see to that disk"),
    ("WRONGTYPE", "somebody else has such a name; choose another with ?prefix= in `state`"),
    ("DENIED", "it is in protected mode; give it a password, and write that in `state`"),
    ("DB index", "it has no database of that number; correct it in `state`"),
    ("max number of clients", "it takes no more clients; raise its maxclients"),
    ("NOREPLICAS", "it has too few replicas to write; see to them"),
    ("BUSY", "a script keeps it busy; see which"),
    ("Connection closed", _CLOSED),
    # Of these, older versions of redis-py make no class.
    ("MOVED ", _BY_TYPE["MovedError"]),
    ("CLUSTERDOWN ", _BY_TYPE["ClusterDownError"]),
    ("OOM ", _BY_TYPE["OutOfMemoryError"]),
)


def explained(address: Address, error: BaseException) -> str:
    """The place, what is wrong there and what to do. It never holds a password.

    Args:
        address: of the server.
        error: of redis-py, or of the system.
    """
    names = [kind.__name__ for one in _chain(error) for kind in type(one).__mro__]
    text = str(error)
    advice = next((advice for known, advice in _BY_TEXT if known in text), "") or next(
        (advice for known, advice in _BY_TYPE.items() if known in names), ""
    )
    if advice:
        advice = advice.replace("PREFIX", address.prefix).replace("TIMEOUT", f"{address.options['socket_timeout']:g}")
    else:
        said = (text.splitlines() or [""])[0][:200]
        advice = type(error).__name__ if not said or tells(address, said) else said
    return f"{address.place}: {advice}"


def tells(address: Address, text: str) -> bool:
    """Whether a text holds a secret of the address: a server repeats commands that it does not know."""
    return any(secret in text for secret in address.secrets if secret)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
