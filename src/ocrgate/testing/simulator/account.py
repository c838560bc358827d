"""The simulator's books: keys, the tokens given out for them, and what they have used up."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from dataclasses import dataclass, field

from ocrgate.clock import Clock

_DAY = 86400
_SHANGHAI = 8 * 3600


@dataclass(frozen=True, slots=True)
class SimulatedKey:
    """One application of the console.

    Attributes:
        name: how the log of requests calls it.
        api_key, secret_key: what the client sends as `client_id` and `client_secret`.
        qps: calls in any second, or None for no limit.
        per_day: calls in a day of Asia/Shanghai, or None.
        total: calls ever, or None.
        endpoints: names it may call, or None for all.
    """

    name: str = "primary"
    api_key: str = "simulated-api-key"
    secret_key: str = field(default="simulated-secret-key", repr=False)
    qps: float | None = None
    per_day: int | None = None
    total: int | None = None
    endpoints: frozenset[str] | None = None


@dataclass(slots=True)
class _Usage:
    recent: deque[float] = field(default_factory=deque)
    day: int = 0
    today: int = 0
    ever: int = 0


@dataclass(frozen=True, slots=True)
class _Grant:
    key: SimulatedKey
    expires: float


class Books:
    """Who may call, and how often. Thread-safe.

    Args:
        keys: the applications that exist.
        clock: for expiry and quotas.
        life: seconds a token lives.
    """

    def __init__(self, keys: tuple[SimulatedKey, ...], clock: Clock, life: float) -> None:
        self.life = life
        self.issued = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._keys = {key.api_key: key for key in keys}
        self._grants: dict[str, _Grant] = {}
        self._given: list[str] = []
        self._usage = {key.api_key: _Usage() for key in keys}

    def replace(self, keys: tuple[SimulatedKey, ...]) -> None:
        """Other applications from now on; tokens of those that are gone are invalid."""
        with self._lock:
            self._keys = {key.api_key: key for key in keys}
            for key in keys:
                self._usage.setdefault(key.api_key, _Usage())
            self._grants = {
                token: _Grant(self._keys[grant.key.api_key], grant.expires)
                for token, grant in self._grants.items()
                if grant.key.api_key in self._keys
            }

    def key(self, api_key: str) -> SimulatedKey | None:
        return self._keys.get(api_key)

    def grant(self, api_key: str, secret_key: str) -> str:
        """A new token; those given out before stay valid.

        Raises:
            LookupError: with the token endpoint's own words for what is wrong.
        """
        with self._lock:
            key = self._keys.get(api_key)
            if key is None:
                raise LookupError("unknown client id")
            if key.secret_key != secret_key:
                raise LookupError("Client authentication failed")
            token = f"24.{secrets.token_hex(16)}.{int(self.life)}.{int(self._clock.time())}.282335-10000"
            self._grants[token] = _Grant(key, self._clock.monotonic() + self.life)
            self._given.append(token)
            self.issued += 1
            return token

    def holder(self, token: str | None) -> tuple[SimulatedKey | None, int]:
        """Whose token it is, and 0 or the error code that it deserves."""
        if not token:
            return None, 100
        with self._lock:
            grant = self._grants.get(token)
            if grant is None:
                return None, 110
            return grant.key, 111 if grant.expires <= self._clock.monotonic() else 0

    def tokens(self) -> tuple[str, ...]:
        """Every token that was given out and not forgotten."""
        with self._lock:
            return tuple(self._grants)

    def given(self) -> tuple[str, ...]:
        """Every token that was ever given out, forgotten ones too."""
        with self._lock:
            return tuple(self._given)

    def expire(self, api_key: str | None = None) -> None:
        """Let the tokens of one key, or of all, be expired as if their time were over."""
        with self._lock:
            for token, grant in self._grants.items():
                if api_key in (None, grant.key.api_key):
                    self._grants[token] = _Grant(grant.key, self._clock.monotonic())

    def revoke(self, api_key: str | None = None) -> None:
        """Forget the tokens of one key, or of all."""
        with self._lock:
            for token in [token for token, grant in self._grants.items() if api_key in (None, grant.key.api_key)]:
                del self._grants[token]

    def charge(self, key: SimulatedKey) -> int:
        """Count one call; 0, or 18, 17 or 19 when it is one too many (and then it is not counted)."""
        with self._lock:
            usage, now = self._usage[key.api_key], self._clock.monotonic()
            while usage.recent and usage.recent[0] <= now - 1.0:
                usage.recent.popleft()
            today = int(self._clock.time() + _SHANGHAI) // _DAY
            if usage.day != today:
                usage.day, usage.today = today, 0
            if key.qps is not None and len(usage.recent) >= key.qps:
                return 18
            if key.per_day is not None and usage.today >= key.per_day:
                return 17
            if key.total is not None and usage.ever >= key.total:
                return 19
            usage.recent.append(now)
            usage.today += 1
            usage.ever += 1
            return 0

    def used(self, api_key: str) -> int:
        """Calls charged to a key so far."""
        with self._lock:
            return self._usage[api_key].ever
