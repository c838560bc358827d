"""The ring of keys: which one is used, and what a call that failed means for it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ocrgate import fork, period
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.diagnosis import Diagnosis
from ocrgate.events import KeyTrialChanged
from ocrgate.key import Key
from ocrgate.keys.bench import Benches, account
from ocrgate.keys.board import Board
from ocrgate.keys.throttle import Throttle
from ocrgate.keys.trial import Trials, TrialState
from ocrgate.keys.turn import Turns
from ocrgate.period import Period
from ocrgate.state.memory import MemoryStore
from ocrgate.state.name import join
from ocrgate.state.store import Store

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
        calls: how often it was picked by this ring.
        fingerprint: of the key; see `ocrgate.key.Key`.
        since: Unix time in seconds at which the bench began, or None when usable.
        trial: `trial`, `promoted` or `sent back`; None for a key that needs no trial, or whose has not begun.
        successes: calls that succeeded in its trial, over all processes.
    """

    name: str
    account: str
    usable: bool
    until: float | None
    reason: Diagnosis | None
    calls: int
    fingerprint: str = ""
    since: float | None = None
    trial: TrialState | None = None
    successes: int = 0


def _unheard(_event: KeyTrialChanged) -> None:
    return None


class Ring:
    """The keys of one provider. Thread-safe, and usable after a fork.

    The first key is used as long as it can be when all weights are left at 1 and `spread` is off; a spread ring gives
    every key its weight's share of the calls. A key with a `canary` takes only its share until it is promoted.

    Benches and trials are in the store: rings that share one agree at once. They belong to the key's fingerprint, so
    a key with a new secret starts free of them.

    Args:
        keys: in order of preference, names unlike.
        clock: for the ends of benches; its `time()` is what quotas are reset by.
        reset: when the platform's free quota comes back: at midnight in Asia/Shanghai, or with the month there.
        spread: share calls among the keys by weight instead of using them in order.
        provider: configured name; apart from others in the same store.
        type: of the provider, which names the table of its codes.
        store: what is shared with other processes; one of its own when left out. Its errors go to the caller.
        observer: called with `KeyTrialChanged` when a trial ends or begins again, once over all who share the store.

    Raises:
        ValueError: when two keys have the same name.
    """

    def __init__(
        self,
        keys: Iterable[Key],
        clock: Clock = SYSTEM_CLOCK,
        *,
        reset: Period = "day",
        spread: bool = False,
        provider: str = "",
        type: str = "",  # noqa: A002 - a provider's type
        store: Store | None = None,
        observer: Callable[[KeyTrialChanged], object] = _unheard,
    ) -> None:
        self.keys = tuple(keys)
        self.reset = reset
        self._clock = clock
        self._by_name = {key.name: key for key in self.keys}
        if len(self._by_name) != len(self.keys):
            raise ValueError("two keys have the same name")
        self._accounts = {key.name: join(*account(key)) for key in self.keys}
        self._calls = dict.fromkeys(self._by_name, 0)
        self._refused = dict.fromkeys(self._by_name, 0)
        self._refusals = dict.fromkeys(self._by_name, 0)
        self._seen = threading.local()
        self._tried_out = any(key.canary is not None for key in self.keys)
        store = MemoryStore(clock) if store is None else store
        self._board = Board(store, provider)
        self._benches = Benches(self._board, type, self.keys)
        self._trials = Trials(self._board, provider, type, self.keys, clock, observer)
        self._throttle = Throttle(provider, type, store, clock)
        self._turns = Turns(spread=spread)
        self._lock = threading.Lock()
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._throttle.renew()

    def pick(self, tried: Collection[str] = ()) -> str | None:
        """The key for the next call, or None when none is left.

        Args:
            tried: names that this call has already failed with.
        """
        now, entries = self._clock.time(), self._board.entries()
        free = [key for key in self.keys if key.name not in tried and self._benches.of(key, now, entries) is None]
        trying: list[Key] = []
        if self._tried_out:
            stands = {key.name: self._trials.begin(key, entries) for key in free}
            trying = [key for key in free if stands[key.name] == "trial"]
            free = [key for key in free if stands[key.name] in (None, "promoted")]
        with self._lock:
            chosen = self._turns.next(free, trying)
            if chosen is None:
                return None
            self._calls[chosen.name] += 1
            return chosen.name

    def begin(self, name: str) -> None:
        """A call with the key is being sent; a key that was picked once may be sent several times. The thread that says
        so is the one that reports how the call ended."""
        if name in self._by_name:
            self._seen.__dict__[name] = self._refusals[name]
            self._throttle.begin(self._accounts[name])

    def withdraw(self, name: str) -> None:
        """A call that `begin` was told of is not sent after all."""
        if name in self._by_name:
            self._throttle.withdraw(self._accounts[name])

    def sharpen(self, name: str, diagnosis: Diagnosis) -> Diagnosis:
        """What a failed call really means, to be asked for every one of them before anything else is done about it.

        A throttle that answers three lone calls of an account without a success between is not about pace: the
        quota was never claimed, or another program uses the account. When the provider's table has a row
        `<code>_persistent`, that row comes back, with the words and the reference of the original.
        """
        key = self._by_name.get(name)
        return diagnosis if key is None else self._throttle.sharpen(self._accounts[name], diagnosis)

    def report(self, name: str, diagnosis: Diagnosis | None) -> KeyStatus | None:
        """Tell how a call with a key ended; the key's new status, or None after a success.

        A quota that is used up benches every key of the account until its reset, or as long as the other side says; a
        credential that is not accepted benches the key until the configuration changes; everything else leaves the
        bench alone. Each of these sends a key on trial back. None, a success, ends a run of refused tokens.
        """
        key = self._by_name.get(name)
        if key is None:
            return None
        if diagnosis is None:
            if self._refused[name]:
                with self._lock:
                    self._refused[name] = 0
            self._throttle.succeeded(self._accounts[name])
            if self._tried_out:
                self._trials.succeeded(key)
            return None
        now = self._clock.time()
        if diagnosis.fault == "key":
            until = self._until(name, diagnosis, now)
            if until is not None:
                self._benches.put(key, until, diagnosis, now, whole_account=diagnosis.category == "quota")
            self._trials.failed(key, diagnosis, benched=until is not None)
        return self._status(key, now, self._board.entries())

    def release(self, name: str | None = None) -> None:
        """Take one key, with its account, or all of them off the bench, here and in every process that shares the
        store: the configuration or the plan has changed. A key that was sent back gets a new trial."""
        if name is not None and name not in self._by_name:
            return
        self._benches.clear(None if name is None else self._by_name[name])
        entries = self._board.entries()
        for key in self.keys:
            if name in (None, key.name):
                self._trials.restart(key, entries)
                self._throttle.forget(self._accounts[key.name])
                with self._lock:
                    self._refused[key.name] = 0

    def status(self) -> tuple[KeyStatus, ...]:
        """Every key, in order of preference."""
        now, entries = self._clock.time(), self._board.entries()
        for key in self.keys:
            self._trials.settle(key, entries)
        entries = self._board.entries()
        return tuple(self._status(key, now, entries) for key in self.keys)

    def _until(self, name: str, diagnosis: Diagnosis, now: float) -> float | None:
        """Unix time until which a fault of the key benches it, or None when it does not."""
        if diagnosis.category == "quota":
            wait = diagnosis.retry_after
            return now + wait if wait and 0.0 < wait < math.inf else period.end(self.reset, now)
        if diagnosis.category != "auth":
            return None
        if diagnosis.action != "refresh_token":
            return math.inf
        with self._lock:
            if self._seen.__dict__.get(name, self._refusals[name]) != self._refusals[name]:
                return None  # the same token was refused another call meanwhile: one refused token, not two
            self._refusals[name] += 1
            self._refused[name] += 1
            if self._refused[name] < REFUSALS:
                return None
            self._refused[name] = 0
        return now + REFUSED_FOR

    def _status(self, key: Key, now: float, entries: Mapping[str, str]) -> KeyStatus:
        bench = self._benches.of(key, now, entries)
        trial = self._trials.of(key, entries)
        until = since = reason = None
        if bench is not None:
            until, since, reason = bench.until, bench.since, self._benches.reason(bench)
        if trial is not None and trial.state == "sent back" and until != math.inf:
            until, since, reason = math.inf, trial.since, self._trials.reason(trial)
        return KeyStatus(
            name=key.name,
            account=key.account or key.name,
            usable=until is None,
            until=until,
            reason=reason,
            calls=self._calls[key.name],
            fingerprint=key.fingerprint,
            since=since,
            trial=trial.state if trial is not None else None,
            successes=self._trials.successes(key, entries) if trial is not None else 0,
        )
