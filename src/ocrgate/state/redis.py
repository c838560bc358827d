"""The store of several hosts: a Redis, or a Valkey."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.state.address import Address, parse
from ocrgate.state.counter import added
from ocrgate.state.line import Line
from ocrgate.state.script import ADD, PUT, SCAN, SWAP, SWEEP, Script
from ocrgate.state.server_time import ServerTime
from ocrgate.state.store import StoreError
from ocrgate.state.trouble import explained, tells

T = TypeVar("T")

_EXACT = 10**15
"""Numbers below it are added by Lua, which has only floating point; others on this side."""
_TRIES = 100
_SWEEP_EVERY = 64
_SWEPT = b"128"
"""Writes of one process from one look at so many names to the next, for those that have outlived their time."""


class RedisStore:
    """Values shared by hosts through a Redis, or a Valkey, of version 6 or later, as one server or behind one address.

    Building it opens nothing. Nothing is tried twice, and an operation waits no longer than `socket_connect_timeout`
    for a connection and `socket_timeout` for each answer, a tenth of a second each (with TLS, 0.3 s for a connection)
    unless the address says otherwise.
    After an error the connections are made anew. Ends of lives are the server's, and so is `time`.

    All keys begin with `{PREFIX}:`, so that they are in one slot of a cluster. A server that evicts keys without an
    end (`allkeys-…`) forgets benches and counters; `noeviction` and `volatile-…` do not.

    Args:
        url: `redis://[USER:PASSWORD@]HOST:PORT/NUMBER`, `rediss://…` with TLS or `unix:///PATH?db=NUMBER`, with options
            of redis-py's connections and `prefix` (default `ocrgate`) in the query.
        clock: its `monotonic()` carries the server's time on between measurements.

    Raises:
        ValueError: when it is no such address, or the package `redis` is missing; it does not quote the address.
    """

    kind = "redis"
    shared = True

    def __init__(self, url: str, clock: Clock = SYSTEM_CLOCK) -> None:
        from redis.exceptions import NoScriptError, RedisError

        self._address: Address = parse(url)
        self._clock = clock
        self._time = ServerTime(clock)
        self._line = Line(self._address.options, self._time.doubt)
        # The last three: an answer that is none.
        self._errors = (RedisError, OSError, ValueError, TypeError, AttributeError)
        self._unknown = NoScriptError
        self._entry = _bytes(f"{{{self._address.prefix}}}:entry/")
        self._names = _bytes(f"{{{self._address.prefix}}}:names")
        self._asked = False
        self._writes = 0
        self._swept = b"-"

    def __repr__(self) -> str:
        return f"RedisStore({self._address.place!r})"

    @property
    def place(self) -> str:
        return self._address.place

    def time(self) -> float:
        """The server's clock; this host's when the server could not be asked even once."""
        if not self._asked:
            with contextlib.suppress(StoreError):
                self._ask(bool, b"PING")
        return self._time.now()

    def get(self, name: str) -> str | None:
        return self._ask(_text_or_none, b"GET", self._entry + _bytes(name))

    def put(self, name: str, text: str, ttl: float | None = None) -> None:
        self._write(bool, PUT, name, _bytes(text), _life(ttl))

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        return self._swap(name, old, b"" if new is None else _bytes(new), b"0" if new is None else _life(ttl))

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        if abs(amount) < _EXACT and abs(limit or 0) < _EXACT:
            bound = b"" if limit is None else b"%d" % limit
            known, total = self._write(_sum, ADD, name, b"%d" % amount, bound, _life(ttl))
            if known:
                return total
        for _ in range(_TRIES):
            text = self.get(name)
            sum_ = added(name, text, amount, limit)
            if sum_ is None or self._swap(name, text, b"%d" % sum_, _life(ttl) if text is None else b"keep"):
                return sum_
        raise StoreError(f"{self.place}: others changed a counter {_TRIES} times in a row; see what they do")

    def scan(self, prefix: str) -> Mapping[str, str]:
        first = _bytes(prefix)
        # No byte of a name is 255, so the bound comes after all that begin with the prefix, and before all others.
        return self._run(_pairs, SCAN, self._names, arguments=(self._entry, b"[" + first, b"(" + first + b"\xff"))

    def close(self) -> None:
        """Close the connections; whoever still uses the store opens others."""
        self._line.close()

    def _swap(self, name: str, old: str | None, new: bytes, life: bytes) -> bool:
        expected = (b"", b"") if old is None else (b"1", _bytes(old))
        return self._write(_yes, SWAP, name, *expected, new, life)

    def _write(self, read: Callable[[Any], T], script: Script, name: str, *arguments: bytes) -> T:
        # Before the write: after it, a failure would have it counted twice.
        if self._writes % _SWEEP_EVERY == _SWEEP_EVERY - 1:
            self._swept = self._run(_bound, SWEEP, self._names, arguments=(self._entry, self._swept, _SWEPT))
        self._writes += 1
        key = _bytes(name)
        return self._run(read, script, self._entry + key, self._names, arguments=(key, *arguments))

    def _run(self, read: Callable[[Any], T], script: Script, *keys: bytes, arguments: tuple[bytes, ...]) -> T:
        rest = (b"%d" % len(keys), *keys, *arguments)
        return self._ask(read, b"EVALSHA", script.digest, *rest, instead=(b"EVAL", script.text, *rest))

    def _ask(self, read: Callable[[Any], T], *command: bytes, instead: tuple[bytes, ...] = ()) -> T:
        """What `read` makes of the answer. Raises StoreError."""
        self._asked = True
        try:
            if self._time.due:
                self._measure()
            try:
                answer = self._line.ask(*command)
            except self._unknown:
                # The server has restarted, or never had it; nothing was done.
                answer = self._line.ask(*instead)
            return read(answer)
        except self._errors as error:
            # A cause that repeats the password is not passed on.
            cause = None if tells(self._address, str(error)) else error
            raise StoreError(explained(self._address, error)) from cause

    def _measure(self) -> None:
        # Twice: the first time may be that of a connection being made.
        for _ in range(2):
            before = self._clock.monotonic()
            seconds, microseconds = self._line.ask(b"TIME")
            self._time.measured(before, int(seconds) + int(microseconds) / 1e6, self._clock.monotonic())


def _life(ttl: float | None) -> bytes:
    """As the scripts take it; what is beyond all years is for ever."""
    if ttl is None or not ttl * 1000 < _EXACT:
        return b""
    return b"%d" % max(0, math.ceil(ttl * 1000))


def _bytes(text: str) -> bytes:
    # Any text is taken, halves of surrogate pairs included, and told apart and sorted by its bytes.
    return text.encode("utf-8", "surrogatepass")


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        # The work of another program under these very names; it can still be replaced.
        return value.decode("utf-8", "replace")


def _text_or_none(answer: Any) -> str | None:
    return None if answer is None else _text(answer)


def _yes(answer: Any) -> bool:
    return int(answer) == 1


def _bound(answer: Any) -> bytes:
    return bytes(memoryview(answer))


def _sum(answer: Any) -> tuple[bool, int | None]:
    """Whether the script could add, and the sum, or None above the limit."""
    if isinstance(answer, list):
        return False, None
    return True, None if answer is None else int(answer)


def _pairs(answer: Any) -> dict[str, str]:
    return {_text(name): _text(text) for name, text in zip(answer[::2], answer[1::2], strict=True)}
