"""The bench: which keys and accounts are left alone until when, known to all who share a store."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.key import Key
from ocrgate.keys.board import Board

_log = logging.getLogger("ocrgate.keys")


@dataclass(frozen=True, slots=True)
class Bench:
    """Why and how long a key, or an account with all its keys, is left alone.

    Attributes:
        until: Unix time in seconds; infinity until the configuration changes.
        since: Unix time in seconds.
        code, message, log_id: of the diagnosis.
        keys: fingerprints by name of an account's keys when it was benched. A key of that name with another
            fingerprint has a new secret and is free; a name that is not there shares the account's fate.
    """

    until: float
    since: float
    code: str
    message: str = ""
    log_id: str | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def holds(self, key: Key) -> bool:
        """Whether it is that credential which sits on the bench."""
        return key.fingerprint in self.keys.get(key.name, (key.fingerprint,))

    def text(self) -> str:
        """As it is stored: JSON, `until` null for infinity."""
        return json.dumps(
            {
                "until": None if math.isinf(self.until) else self.until,
                "since": self.since,
                "code": self.code,
                "message": self.message,
                "log_id": self.log_id,
                "keys": {name: list(fingerprints) for name, fingerprints in self.keys.items()},
            }
        )

    @classmethod
    def parse(cls, text: str) -> Bench:
        """The bench that `text` tells of.

        Raises:
            ValueError: when it tells of none.
        """
        entry = load(text)
        keys = entry.get("keys", {})
        if not isinstance(keys, dict) or not all(isinstance(each, list) for each in keys.values()):
            raise ValueError("keys are lists of fingerprints by name")
        return cls(
            until=math.inf if entry.get("until", "") is None else number(entry, "until"),
            since=number(entry, "since"),
            code=str(entry.get("code", "")),
            message=str(entry.get("message", "")),
            log_id=None if entry.get("log_id") is None else str(entry["log_id"]),
            keys={name: tuple(map(str, fingerprints)) for name, fingerprints in keys.items()},
        )


def load(text: str) -> dict[str, Any]:
    """The JSON object in a text of the store. Raises ValueError when it is none."""
    try:
        entry = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(entry, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - a wrong text, not a wrong call
    return entry


def number(entry: Mapping[str, Any], name: str) -> float:
    """A finite number of an entry. Raises ValueError when it is none."""
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} is a number")  # noqa: TRY004 - a wrong text, not a wrong call
    try:
        found = float(value)
    except OverflowError as error:
        raise ValueError(f"{name} is too large") from error
    if not math.isfinite(found):
        raise ValueError(f"{name} is finite")
    return found


def place(key: Key) -> tuple[str, str]:
    """What stands for the credential itself: its fingerprint, or its name when the adapter gives none."""
    return ("key", key.fingerprint) if key.fingerprint else ("name", key.name)


def account(key: Key) -> tuple[str, str]:
    """What stands for the account; a key without one has an account of its own, whatever others are called."""
    return ("account", key.account) if key.account else place(key)


class Benches:
    """The benches of one provider's keys. Thread-safe, and usable after a fork.

    Args:
        board: where they are written.
        type: of the provider, for the meaning of codes.
        keys: of the configuration.
    """

    def __init__(self, board: Board, type: str, keys: Iterable[Key]) -> None:  # noqa: A002 - a provider's type
        self._board = board
        self._type = type
        self._keys = tuple(keys)
        self._places = {
            key.name: (board.name("bench", *place(key)), board.name("bench", *account(key))) for key in self._keys
        }
        self._read: tuple[Mapping[str, str], Mapping[str, Bench]] = ({}, {})
        self._own: dict[str, Diagnosis] = {}

    def of(self, key: Key, now: float, entries: Mapping[str, str]) -> Bench | None:
        """The bench that a key sits on at a Unix time, by the board's entries, or None."""
        benches = self._parsed(entries)
        if not benches:
            return None
        found = [benches[name] for name in self._places[key.name] if name in benches]
        return max((each for each in found if each.until > now and each.holds(key)), key=_until, default=None)

    def reason(self, bench: Bench) -> Diagnosis:
        """What put a key there; as this process heard it, or as the tables explain what another one wrote."""
        own = self._own.get(bench.code)
        if own is not None and (own.message, own.log_id) == (bench.message, bench.log_id):
            return own
        return lookup(self._type, bench.code, bench.message, log_id=bench.log_id)

    def put(self, key: Key, until: float, diagnosis: Diagnosis, now: float, *, whole_account: bool = False) -> None:
        """Bench a key, or its whole account; a bench that lasts longer stays as it is."""
        own, shared = self._places[key.name]
        name = shared if whole_account else own
        wanted = Bench(until, now, diagnosis.code, diagnosis.message, diagnosis.log_id, self._cover(key, whole_account))
        while True:
            text = self._board.store.get(name)
            old = None if text is None else _parse(name, text)
            new = wanted if old is None else _merged(old, wanted)
            if new == old:
                return
            ttl = None if math.isinf(new.until) else max(0.001, new.until - now)
            if self._board.change(name, text, new.text(), ttl):
                self._own[diagnosis.code] = diagnosis
                return

    def clear(self, key: Key | None = None) -> None:
        """Take a key with its account, or all keys of the provider, off the bench."""
        if key is None:
            self._board.clear("bench")
            return
        for name in set(self._places[key.name]):
            text = self._board.store.get(name)
            if text is not None:
                self._board.change(name, text, None)

    def _cover(self, key: Key, whole_account: bool) -> dict[str, tuple[str, ...]]:
        if not whole_account or not key.account:
            return {}
        return {each.name: (each.fingerprint,) for each in self._keys if each.account == key.account}

    def _parsed(self, entries: Mapping[str, str]) -> Mapping[str, Bench]:
        seen, benches = self._read
        if seen is not entries:
            wanted = {name for names in self._places.values() for name in names}
            parsed = {name: _parse(name, entries[name]) for name in wanted & entries.keys()}
            benches = {name: bench for name, bench in parsed.items() if bench is not None}
            self._read = (entries, benches)
        return benches


def _until(bench: Bench) -> float:
    return bench.until


def _merged(old: Bench, new: Bench) -> Bench:
    """The one that lasts longer, for the credentials of both."""
    names = {**old.keys, **new.keys}
    keys = {name: tuple(sorted({*old.keys.get(name, ()), *new.keys.get(name, ())})) for name in names}
    return replace(new if new.until > old.until else old, keys=keys)


def _parse(name: str, text: str) -> Bench | None:
    try:
        return Bench.parse(text)
    except ValueError as error:
        _log.warning("%s in the shared state is not readable, so nothing is benched by it: %s", name, error)
        return None
