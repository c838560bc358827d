"""Too often, or never allowed: a throttle that answers even a lone call is no matter of pace."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace

from ocrgate.clock import Clock
from ocrgate.diagnosis import Diagnosis, table
from ocrgate.state.name import join
from ocrgate.state.store import Store

LONE_SECONDS = 1.0
"""A call is alone when no other of its account began within this time before it."""
PERSISTENT = 3
"""Lone calls in a row that were throttled, after which it is not the pace."""
PERSISTENT_FOR = 600.0
"""Seconds until such an account is tried again."""

_FORGOTTEN = 60.0
_EVERY = 1.0
_KEPT = 16
"""Begins: two, and those before them that count again when the latest are withdrawn."""


@dataclass(slots=True)
class _Account:
    """What is known of an account's calls; times are monotonic, `since` is Unix time.

    Attributes:
        open: begins of the calls whose end was not told, oldest first.
        begins: the latest of all, oldest first.
        lone: throttled lone calls since the last success.
        since: the first of them.
        passed: when a success was last made known to others.
    """

    open: deque[float] = field(default_factory=deque)
    begins: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    lone: int = 0
    since: float = 0.0
    passed: float = float("-inf")

    def end(self, now: float) -> bool:
        """A call ended; whether it was alone.

        Which of several open calls it was is not known, so the oldest stands for it: then the stretch that has to be
        free of other calls is rather too long than too short.
        """
        self.forget(now)
        begun = self.open.popleft() if self.open else now
        return len(self.begins) < 2 or self.begins[-2] <= begun - LONE_SECONDS

    def forget(self, now: float) -> None:
        """Do without the ends of calls that are long since over: the caller left, or was interrupted."""
        while self.open and self.open[0] < now - _FORGOTTEN:
            self.open.popleft()


class Throttle:
    """Tells a throttle that our pace explains from one that it does not. Thread-safe.

    Only calls of this process are seen to begin. Successes are seen in all processes that share the store, if a
    second late: an account whose calls get through there is only asked too often.

    Args:
        provider: configured name.
        type: of the provider. Its table may have a row `<code>_persistent` for a throttle `<code>`; without, nothing
            is told apart.
        store: shared with other processes.
        clock: time.
    """

    def __init__(self, provider: str, type: str, store: Store, clock: Clock) -> None:  # noqa: A002 - a provider's type
        self._provider = provider
        self._type = type
        self._store = store
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self.renew()

    def renew(self) -> None:
        """Take a lock of one's own: after a fork the old one may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def begin(self, account: str) -> None:
        """A call of the account is being sent."""
        with self._lock:
            now, calls = self._clock.monotonic(), self._of(account)
            calls.begins.append(now)
            calls.open.append(now)
            calls.forget(now)

    def withdraw(self, account: str) -> None:
        """The call of the account that began last is not sent after all; it was no company to any other."""
        with self._lock:
            calls = self._of(account)
            for begins in (calls.open, calls.begins):
                if begins:
                    begins.pop()

    def succeeded(self, account: str) -> None:
        """A call of the account succeeded."""
        with self._lock:
            now, calls = self._clock.monotonic(), self._of(account)
            calls.end(now)
            calls.lone = 0
            tell = self._store.shared and now - calls.passed >= _EVERY
            if tell:
                calls.passed = now
        if tell:
            self._store.put(self._name(account), repr(self._clock.time()))

    def sharpen(self, account: str, diagnosis: Diagnosis) -> Diagnosis:
        """The diagnosis of a call that failed, made sharper when a throttle is not a matter of pace.

        Args:
            account: the call's.
            diagnosis: of every failed call, throttled or not, for that is how its end is known.
        """
        throttled = diagnosis.category == "throttle" and diagnosis.fault == "key"
        row = table(self._type).get(f"{diagnosis.code}_persistent") if throttled else None
        with self._lock:
            now, calls = self._clock.time(), self._of(account)
            lone = calls.end(self._clock.monotonic())
            if row is None or not lone:
                return diagnosis
            if calls.lone == 0:
                calls.since = now
            calls.lone += 1
            if calls.lone < PERSISTENT:
                return diagnosis
            since = calls.since
        if self._passed(account) >= since:
            with self._lock:
                calls.lone, calls.since = 1, now
            return diagnosis
        return replace(row, message=diagnosis.message, retry_after=PERSISTENT_FOR, log_id=diagnosis.log_id)

    def forget(self, account: str) -> None:
        """The configuration or the plan of the account has changed."""
        with self._lock:
            self._of(account).lone = 0

    def _of(self, account: str) -> _Account:
        found = self._accounts.get(account)
        return self._accounts.setdefault(account, _Account()) if found is None else found

    def _name(self, account: str) -> str:
        return join("passed", self._provider, account)

    def _passed(self, account: str) -> float:
        """Unix time of the last success that another process told of."""
        try:
            return float(self._store.get(self._name(account)) or "-inf")
        except ValueError:
            return float("-inf")
