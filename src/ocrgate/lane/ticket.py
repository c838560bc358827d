"""A place in a lane: what is asked, until when, how far it has come, and at its end the page or the error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock
from types import MappingProxyType
from typing import Any, Literal

from ocrgate.cancel import Hooks
from ocrgate.clock import Deadline
from ocrgate.page import Page
from ocrgate.provider import Request

NOTHING: Mapping[str, Any] = MappingProxyType({})
Phase = Literal["queued", "starting", "running", "done"]


class Ticket:
    """A place in a lane, and at its end the page or the error.

    Attributes:
        request: what the engine is asked; None only asks it to be ready.
        deadline: until when the caller waits; once the engine is asked, until when it may take.
        timeout: seconds that the engine may take, counted from the moment it is asked; None for no limit of its own.
        future: done when the engine has answered, failed or been given up.
        phase: how far the call has come.
        asked_at: when the engine was asked, in monotonic time; None before.
        hooks: fields of the request that concern this one call, beside those that concern its lane.
        gate: raises when a call that had to wait is no longer to be made; None lets it go on in any case.
    """

    def __init__(
        self,
        request: Request | None,
        deadline: Deadline,
        timeout: float | None = None,
        gate: Callable[[], None] | None = None,
        hooks: Mapping[str, Any] = NOTHING,
    ) -> None:
        self.request = request
        self.deadline = deadline
        self.timeout = timeout
        self.future: Future[Page] = Future()
        self.phase: Phase = "queued"
        self.asked_at: float | None = None
        self.gate = gate
        self.hooks = hooks
        self._lock = Lock()
        self._hooks = Hooks()

    @property
    def patience(self) -> float:
        """Seconds after which it is worth looking whether the call is overdue."""
        if self.phase == "running" or self.timeout is None:
            return self.deadline.remaining
        return min(self.deadline.remaining, self.timeout)

    @property
    def overdue(self) -> bool:
        return self.deadline.expired

    @property
    def given_up(self) -> bool:
        return self.phase == "done"

    def on_give_up(self, action: Callable[[], None]) -> Callable[[], None]:
        """Run `action` when the call is given up, at once if it has been; returns what takes that back."""
        return self._hooks.add(action)

    def move(self, phase: Phase) -> bool:
        """Go on to the next phase; False when the call has been given up meanwhile."""
        with self._lock:
            if self.phase == "done":
                return False
            if phase == "running":
                self.asked_at = self.deadline.clock.monotonic()
                self.deadline = self.deadline.within(self.timeout)
            self.phase = phase
            return True

    def resolve(self, answer: Page | BaseException) -> bool:
        """Hand the answer over; False when nobody waits for it any more."""
        with self._lock:
            if self.phase == "done":
                return False
            self.phase = "done"
            self._hooks.drop()
            if isinstance(answer, BaseException):
                self.future.set_exception(answer)
            else:
                self.future.set_result(answer)
            return True

    def give_up(self, error: Callable[[Phase], BaseException]) -> None:
        """Stop waiting: `error` makes what the future holds from here on; the engine is stopped if it can be."""
        with self._lock:
            if self.phase == "done":
                return
            reason = error(self.phase)
            self.phase = "done"
            self.future.set_exception(reason)
        self._hooks.run()
