"""One owner for each access token: fetched once however many threads need it, and replaced in time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; its text appears in no repr.

    Attributes:
        text: what is sent.
        expires: in the seconds of the owner's `clock.monotonic()`.
        serial: different for every fetched token, for logs.
    """

    text: str = field(repr=False)
    expires: float
    serial: int = field(default=0, compare=False)


class TokenOwner:
    """Hands out the current token and sees to it that there is one. Thread-safe, and usable after a fork.

    Args:
        fetch: asks the other side for a new token by the deadline; whatever it raises goes to every caller that
            waits for it, and the next call tries again.
        clock: for expiry and waiting.
        margin: seconds before expiry from which a new token is fetched; at most half of a token's life.
    """

    def __init__(self, fetch: Callable[[Deadline], Token], clock: Clock = SYSTEM_CLOCK, margin: float = 60.0) -> None:
        self._fetch = fetch
        self._clock = clock
        self._margin = margin
        self._renew()

    def __repr__(self) -> str:
        return f"TokenOwner(fetched={self._serial})"

    def _renew(self) -> None:
        """Locks and flights of another process say nothing here; a token holds in both."""
        self._lock = threading.Lock()
        self._flight: Future[Token | None] | None = None
        self._current: Token | None = getattr(self, "_current", None)
        self._refresh_at: float = getattr(self, "_refresh_at", 0.0)
        self._serial: int = getattr(self, "_serial", 0)
        self._pid = os.getpid()

    @property
    def current(self) -> Token | None:
        """The token in use, or None; fetches nothing."""
        token = self._current
        return token if token is not None and token.expires > self._clock.monotonic() else None

    def get(
        self,
        deadline: Deadline,
        *,
        fetch: Callable[[Deadline], Token] | None = None,
        given_up: Callable[[], bool] = bool,
    ) -> Token:
        """A token that is valid as far as this side knows.

        Args:
            deadline: of the wait or the fetch.
            fetch: used in place of the owner's own, should this call be the one that fetches.
            given_up: asked after a failed fetch; a caller who gave up spoils nothing for those who wait.

        Raises:
            TimeoutError: when another thread's fetch did not end by the deadline.
            Exception: whatever `fetch` raises.
        """
        if self._pid != os.getpid():
            self._renew()
        while True:
            with self._lock:
                token, now = self._current, self._clock.monotonic()
                usable = token is not None and token.expires > now
                if token is not None and usable and (now < self._refresh_at or self._flight is not None):
                    return token
                flight, leads = self._flight, self._flight is None
                if flight is None:
                    flight = self._flight = Future()
            if leads:
                return self._lead(flight, deadline, token if usable else None, fetch or self._fetch, given_up)
            if not self._clock.wait(flight, deadline.remaining):
                raise TimeoutError("the access token did not come in time")
            fetched = flight.result()
            if fetched is not None:
                return fetched
            # The thread that fetched ran out of its own time: that says nothing about the other side.

    def invalidate(self, token: Token) -> bool:
        """Stop using a token that the other side refused; whether it was the current one.

        Any number of threads may have been refused with the same token: the first one drops it, and for the
        others, who come when its successor is already in use, nothing happens.
        """
        if self._pid != os.getpid():
            self._renew()
        with self._lock:
            if self._current is None or self._current.text != token.text:
                return False
            self._current = None
            return True

    def _lead(
        self,
        flight: Future[Token | None],
        deadline: Deadline,
        old: Token | None,
        fetch: Callable[[Deadline], Token],
        given_up: Callable[[], bool],
    ) -> Token:
        try:
            token = fetch(deadline)
        except BaseException as error:
            with self._lock:
                self._flight = None
            if deadline.expired or given_up() or not isinstance(error, Exception):
                flight.set_result(None)
            else:
                flight.set_exception(error)
            if old is not None and isinstance(error, Exception):
                # The refresh came early on purpose; the old token is good for as long as the margin.
                return old
            raise
        with self._lock:
            self._serial += 1
            token = Token(token.text, token.expires, self._serial)
            life = max(0.0, token.expires - self._clock.monotonic())
            self._current, self._flight = token, None
            self._refresh_at = token.expires - min(self._margin, life / 2)
        flight.set_result(token)
        return token
