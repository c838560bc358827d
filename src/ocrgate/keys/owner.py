"""One owner for each access token: fetched once however many threads need it, and replaced in time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from ocrgate import fork
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.keys.shared import SharedToken
from ocrgate.keys.token import Token, refresh_at

_REFUSED = 8
"""Refused tokens that are remembered, so that none of them is taken from another process again."""


class TokenOwner:
    """Hands out the current token and sees to it that there is one. Thread-safe, and usable after a fork.

    Args:
        fetch: asks the other side for a new token by the deadline; whatever it raises goes to every caller that
            waits for it, and the next call tries again.
        clock: for expiry and waiting.
        margin: seconds before expiry from which a new token is fetched; at most half of a token's life.
        shared: where other processes have theirs from; None keeps it to this process.
    """

    def __init__(
        self,
        fetch: Callable[[Deadline], Token],
        clock: Clock = SYSTEM_CLOCK,
        margin: float = 60.0,
        shared: SharedToken | None = None,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._margin = margin
        self._shared = shared
        self._refused: deque[str] = deque(maxlen=_REFUSED)
        self._current: Token | None = None
        self._refresh_at = 0.0
        self._serial = 0
        self.after_fork()
        fork.renew(self)

    def __repr__(self) -> str:
        return f"TokenOwner(tokens={self._serial})"

    def share(self, shared: SharedToken | None) -> None:
        """Use the token of other processes from now on, and give them one's own; None ends that."""
        self._shared = shared

    def after_fork(self) -> None:
        """Locks and flights of another process say nothing here; a token holds in both."""
        self._lock = threading.Lock()
        self._flight: Future[Token | None] | None = None

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
            given_up: asked after a failed fetch, and while another process fetches; a caller who gave up spoils
                nothing for those who wait.

        Raises:
            TimeoutError: when another thread's or process's fetch did not end by the deadline.
            Exception: whatever `fetch` raises.
        """
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
        others, who come when its successor is already in use, nothing happens. It is the same over processes: the
        shared one is dropped only if it still is that token.
        """
        with self._lock:
            # Noted before anybody can look for another one in the store.
            if token.text not in self._refused:
                self._refused.append(token.text)
            current = self._current is not None and self._current.text == token.text
            if current:
                self._current = None
        if self._shared is not None:
            self._shared.drop(token)
        return current

    def _lead(
        self,
        flight: Future[Token | None],
        deadline: Deadline,
        old: Token | None,
        fetch: Callable[[Deadline], Token],
        given_up: Callable[[], bool],
    ) -> Token:
        try:
            token, refresh = self._obtain(deadline, old, fetch, given_up)
        except BaseException as error:
            with self._lock:
                self._flight = None
                if old is not None:
                    self._refresh_at = self._later(old)
            if deadline.expired or given_up() or not isinstance(error, Exception):
                flight.set_result(None)
            else:
                flight.set_exception(error)
            if old is not None and isinstance(error, Exception):
                # The refresh came early on purpose; the old token is good for as long as the margin.
                return old
            raise
        with self._lock:
            self._flight = None
            if old is not None and token.text == old.text:
                # It stays, unless it was refused in the meantime.
                token, self._refresh_at = old, self._later(old)
            else:
                self._serial += 1
                self._current = token = Token(token.text, token.expires, self._serial)
                self._refresh_at = refresh
                if token.text in self._refused:
                    # Refused once, yet handed out anew: the other side means it to be used.
                    self._refused.remove(token.text)
        flight.set_result(token)
        return token

    def _obtain(
        self,
        deadline: Deadline,
        old: Token | None,
        fetch: Callable[[Deadline], Token],
        given_up: Callable[[], bool],
    ) -> tuple[Token, float]:
        """A token, of this or another process, and when it is to be replaced."""
        if self._shared is None:
            token = fetch(deadline)
            life = max(0.0, token.expires - self._clock.monotonic())
        else:
            found = self._shared.obtain(
                fetch, deadline, margin=self._margin, old=old, refused=tuple(self._refused), given_up=given_up
            )
            token, life = found.token, found.life
        return token, refresh_at(token.expires, life, self._margin)

    def _later(self, old: Token) -> float:
        """When to try again to replace a token: not with every call, and more often the closer its end is."""
        now = self._clock.monotonic()
        return now + max(0.0, old.expires - now) / 2
