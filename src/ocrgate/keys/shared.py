"""An access token that several processes use, and which one of them fetches."""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.keys.token import Token, refresh_at
from ocrgate.state.store import Store, StoreError

LEASE = 15.0
"""Seconds after which a process that went to fetch a token, and has not come back, is no longer waited for."""
_POLL = 0.03

_log = logging.getLogger("ocrgate.keys")


@runtime_checkable
class Seal(Protocol):
    """Makes a text unreadable for those who do not have the key."""

    def seal(self, text: str) -> str:
        """The text, sealed."""
        ...

    def open(self, text: str) -> str | None:
        """What was sealed; None, never an error, for whatever cannot be opened."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A token found in the store.

    Attributes:
        token: in the seconds of this process's `clock.monotonic()`.
        life: seconds it had when it was fetched.
        sealed: the text in the store.
    """

    token: Token
    life: float
    sealed: str


class SharedToken:
    """The place of one token in a store. Trouble with the store is logged and costs sharing, never a call.

    Args:
        store: where; the token is `token/<name>`, the right to fetch one `token-lease/<name>`.
        name: of the credential, the same in every process and telling nothing of it: its fingerprint.
        seal: closes and opens what is written.
        clock: Unix time for what is written, monotonic time for what is handed out, and for waiting.
    """

    def __init__(self, store: Store, name: str, seal: Seal, clock: Clock = SYSTEM_CLOCK) -> None:
        self._store = store
        self._token = f"token/{name}"
        self._lease = f"token-lease/{name}"
        self._seal = seal
        self._clock = clock
        self._unreadable = ""

    def __repr__(self) -> str:
        return f"SharedToken({self._token!r})"

    def load(self) -> Stored | None:
        """The token in the store; None when there is none, it has expired or cannot be opened."""
        try:
            sealed = self._store.get(self._token)
        except StoreError as error:
            _log.warning("the access token of other processes cannot be read: %s", error)
            return None
        return None if sealed is None else self._parsed(sealed)

    def offer(self, token: Token) -> None:
        """Let the other processes have a token that was just fetched."""
        life = token.expires - self._clock.monotonic()
        if not (0 < life < math.inf):
            return
        written = {"text": token.text, "expires": self._clock.time() + life, "life": life}
        try:
            self._store.put(self._token, self._seal.seal(json.dumps(written)), life)
        except StoreError as error:
            _log.warning("other processes cannot be given the access token: %s", error)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being sealed, the token is good
            _log.warning("the access token cannot be sealed, so it is not shared: %s", type(error).__name__)

    def lease(self, seconds: float) -> str | None:
        """Take the right to fetch a token for so long; what `give_back` wants, or None while another process has it."""
        mine = secrets.token_hex(8)
        try:
            return mine if self._store.swap(self._lease, None, mine, seconds) else None
        except StoreError as error:
            _log.warning("an access token is fetched without asking other processes: %s", error)
            return mine

    def give_back(self, lease: str) -> None:
        """Let another process fetch; does nothing when the time was over and another one has taken it."""
        try:
            self._store.swap(self._lease, lease, None)
        except StoreError as error:
            _log.warning("other processes wait up to %.0f s for an access token: %s", LEASE, error)

    def drop(self, token: Token) -> bool:
        """Take a refused token out of the store; False when it holds another one by now, or none."""
        stored = self.load()
        if stored is None or stored.token.text != token.text:
            return False
        try:
            return self._store.swap(self._token, stored.sealed, None)
        except StoreError as error:
            _log.warning("other processes will go on with a refused access token: %s", error)
            return False

    def obtain(
        self,
        fetch: Callable[[Deadline], Token],
        deadline: Deadline,
        *,
        margin: float,
        old: Token | None = None,
        refused: Collection[str] = (),
        given_up: Callable[[], bool] = bool,
    ) -> Stored:
        """A token fetched by whichever process is first; the others wait for it.

        Args:
            fetch: asks the other side.
            deadline: of the wait or the fetch.
            margin: seconds before its expiry from which a token is to be replaced.
            old: one that still holds, which is good enough while another process fetches its successor.
            refused: texts that the other side does not accept, wherever they are found.
            given_up: asked while waiting.

        Raises:
            TimeoutError: when the fetch of another process did not end by the deadline, or the caller gave up.
            Exception: whatever `fetch` raises; another process that waits then tries itself.
        """
        while True:
            found = self._usable(refused)
            if found is not None and self._lasts(found, margin):
                return found
            spare = found or (None if old is None else Stored(old, self._left(old), ""))
            lease = self.lease(max(_POLL, min(LEASE, deadline.remaining)))
            if lease is not None:
                try:
                    return self._fetched(fetch, deadline, margin, refused)
                except Exception:
                    # It was to be replaced early on purpose, so what there is will do.
                    if spare is None:
                        raise
                    return spare
                finally:
                    self.give_back(lease)
            if spare is not None:
                return spare
            if deadline.expired or given_up():
                raise TimeoutError("the access token that another process fetches did not come in time")
            self._clock.sleep(min(_POLL, deadline.remaining))

    def _fetched(
        self, fetch: Callable[[Deadline], Token], deadline: Deadline, margin: float, refused: Collection[str]
    ) -> Stored:
        """What was written just before the lease was free, or else a new one."""
        found = self._usable(refused)
        if found is not None and self._lasts(found, margin):
            return found
        token = fetch(deadline)
        self.offer(token)
        return Stored(token, self._left(token), "")

    def _usable(self, refused: Collection[str]) -> Stored | None:
        found = self.load()
        return None if found is None or found.token.text in refused else found

    def _lasts(self, found: Stored, margin: float) -> bool:
        return self._clock.monotonic() < refresh_at(found.token.expires, found.life, margin)

    def _left(self, token: Token) -> float:
        return max(0.0, token.expires - self._clock.monotonic())

    def _parsed(self, sealed: str) -> Stored | None:
        opened = self._seal.open(sealed)
        try:
            written = json.loads(opened or "")
            text, expires, life = written["text"], float(written["expires"]), float(written["life"])
        except (ValueError, TypeError, KeyError, OverflowError):
            if sealed != self._unreadable:
                _log.warning("the access token in the shared state cannot be opened; another one is fetched")
            self._unreadable = sealed
            return None
        left = expires - self._clock.time()
        if not isinstance(text, str) or not text or not (left > 0 and 0 < life < math.inf):
            return None
        # More left than it ever had: the clock was set back meanwhile.
        return Stored(Token(text, self._clock.monotonic() + min(left, life)), life, sealed)
