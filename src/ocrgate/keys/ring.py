"""Which of several keys is used, and which sit on the bench until when."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ocrgate import period
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.period import Period
from ocrgate.provider import Key

REFUSALS = 3
"""Refused tokens in a row, each of them fresh, after which it is the key that is not accepted."""
REFUSED_FOR = 300.0

__all__ = ["Key", "KeyStatus", "Ring"]


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key right now.

    Attributes:
        name, account: of the key.
        usable: whether `pick` may choose it.
        until: Unix time in seconds at which the bench ends; None when usable, infinity until the configuration changes.
        reason: the diagnosis that put it on the bench, or None.
        calls: how often it was picked.
    """

    name: str
    account: str
    usable: bool
    until: float | None
    reason: Diagnosis | None
    calls: int


@dataclass(slots=True)
class _Bench:
    until: float
    reason: Diagnosis


class Ring:
    """The keys of one provider. Thread-safe.

    The first key is used as long as it can be when all weights are left at 1 and `spread` is off; a spread ring gives
    every key its weight's share of the calls.

    Args:
        keys: in order of preference, names unlike.
        clock: for the ends of benches; its `time()` is what quotas are reset by.
        reset: when the platform's free quota comes back: at midnight in Asia/Shanghai, or with the month there.
        spread: share calls among the keys by weight instead of using them in order.

    Raises:
        ValueError: when two keys have the same name.
    """

    def __init__(
        self, keys: Iterable[Key], clock: Clock = SYSTEM_CLOCK, *, reset: Period = "day", spread: bool = False
    ) -> None:
        self.keys = tuple(keys)
        self.reset = reset
        self._spread = spread
        self._clock = clock
        self._lock = threading.Lock()
        self._benches: dict[str, _Bench] = {}
        self._accounts: dict[str, _Bench] = {}
        self._calls = {key.name: 0 for key in self.keys}
        self._refused = dict.fromkeys(self._calls, 0)
        if len(self._calls) != len(self.keys):
            raise ValueError("two keys have the same name")

    def pick(self, tried: Collection[str] = ()) -> str | None:
        """The key for the next call, or None when none is left.

        Args:
            tried: names that this call has already failed with.
        """
        with self._lock:
            now = self._clock.time()
            left = [key for key in self.keys if key.name not in tried and self._bench(key, now) is None]
            if not left:
                return None
            chosen = min(left, key=self._load) if self._spread else max(left, key=lambda key: key.weight > 0)
            self._calls[chosen.name] += 1
            return chosen.name

    def report(self, name: str, diagnosis: Diagnosis | None) -> KeyStatus | None:
        """Tell how a call with a key ended; the key's new status, or None for a name the ring does not know.

        A quota that is used up benches every key of the account until its reset; a credential that is not accepted
        benches the key until the configuration changes; everything else leaves the bench alone. None, a success,
        ends a run of refused tokens.
        """
        with self._lock:
            key = next((key for key in self.keys if key.name == name), None)
            if key is None:
                return None
            now = self._clock.time()
            if diagnosis is None:
                self._refused[name] = 0
            elif diagnosis.fault == "key" and diagnosis.category == "quota":
                self._accounts[self._account(key)] = _Bench(period.end(self.reset, now), diagnosis)
            elif diagnosis.fault == "key" and diagnosis.category == "auth":
                self._refuse(name, diagnosis, now)
            return self._status(key, now)

    def release(self, name: str | None = None) -> None:
        """Take one key, with its account, or all of them off the bench: the configuration or the plan has changed."""
        with self._lock:
            for key in self.keys:
                if name in (None, key.name):
                    self._benches.pop(key.name, None)
                    self._accounts.pop(self._account(key), None)
                    self._refused[key.name] = 0

    def status(self) -> tuple[KeyStatus, ...]:
        """Every key, in order of preference."""
        with self._lock:
            now = self._clock.time()
            return tuple(self._status(key, now) for key in self.keys)

    def _refuse(self, name: str, diagnosis: Diagnosis, now: float) -> None:
        if diagnosis.action != "refresh_token":
            self._benches[name] = _Bench(math.inf, diagnosis)
            return
        self._refused[name] += 1
        if self._refused[name] >= REFUSALS:
            self._refused[name] = 0
            self._benches[name] = _Bench(now + REFUSED_FOR, diagnosis)

    def _load(self, key: Key) -> float:
        return (self._calls[key.name] + 1) / key.weight if key.weight else math.inf

    def _account(self, key: Key) -> str:
        return key.account or f"key {key.name}"

    def _bench(self, key: Key, now: float) -> _Bench | None:
        benches = (self._benches.get(key.name), self._accounts.get(self._account(key)))
        live = [bench for bench in benches if bench is not None and bench.until > now]
        return max(live, key=lambda bench: bench.until, default=None)

    def _status(self, key: Key, now: float) -> KeyStatus:
        bench = self._bench(key, now)
        return KeyStatus(
            name=key.name,
            account=key.account or key.name,
            usable=bench is None,
            until=bench.until if bench else None,
            reason=bench.reason if bench else None,
            calls=self._calls[key.name],
        )
