"""Calls that ask the same at the same time: one of them reads, the others are given what it got."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, replace

from ocrgate import fork
from ocrgate.cancel import Cancellation
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded, InvalidImage, NoValidResult
from ocrgate.result import Attempt, Cost, Result

_HURRIED = frozenset({"deadline", "cancelled", "lane_full", "rate_limit", "worker_starting"})
"""Codes, besides those of timeouts, of attempts that might have gone otherwise with more time."""


@dataclass(eq=False, slots=True)
class _Flight:
    """One reading for all who ask the same.

    Attributes:
        until: the leader's deadline, in monotonic seconds.
        waiting: one future for each follower, done when there is something to look at.
        landed: whether the leader is done.
        outcome: what it got; None when it leaves the question to the others.
        hurried: whether the outcome is what it is, perhaps, for want of time.
    """

    until: float
    waiting: set[Future[None]] = field(default_factory=set)
    landed: bool = False
    outcome: Result | Exception | None = None
    hurried: bool = False


class Flights:
    """The questions that are being read right now; thread-safe, holds no lock meanwhile, and nothing afterwards.

    Args:
        clock: time.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._closed = False
        self._shared = 0
        self.after_fork()
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    def fly(
        self, question: str, read: Callable[[], Result], *, deadline: Deadline, cancel: Cancellation
    ) -> tuple[Result, bool]:
        """Read, unless another call is at it: then wait for what that one gets, an error included.

        A follower that is left alone takes the lead with what is left of its own time: when the leader has given up,
        was interrupted or closed, or got no good answer for want of time while the follower has more of it.

        Args:
            question: what is asked; see `Questions`.
            read: reads; called once at most.
            deadline: of this call, no wait is longer; may be infinite.
            cancel: how this call's caller gives up.

        Returns:
            The result, and whether another call read it.

        Raises:
            DeadlineExceeded: when the time was over before the leader had an answer.
            AllProvidersFailed: when the caller gave up meanwhile.
            Exception: what `read` raised, here or in the leader's call.
        """
        while not self._closed:
            mine = _Flight(deadline.at)
            try:
                theirs = self._board(question, mine)
                if theirs is None:
                    return self._lead(mine, read, deadline, cancel), False
            finally:
                # Interrupted at any point after boarding, the flight does not go on without a leader.
                self._leave(question, mine)
            outcome = self._follow(*theirs, deadline, cancel)
            if outcome is not None:
                return _taken_over(outcome), True
        return read(), False

    def close(self) -> None:
        """Share nothing any more; those who wait for somebody who fails now find out for themselves."""
        self._closed = True

    def status(self) -> dict[str, int]:
        """`in_flight`: questions being read. `waiting`: calls that wait for another's answer. `shared`: answers and
        errors so far that were another call's."""
        with self._lock:
            waiting = sum(len(flight.waiting) for flight in self._flights.values())
            return {"in_flight": len(self._flights), "waiting": waiting, "shared": self._shared}

    def _board(self, question: str, mine: _Flight) -> tuple[_Flight, Future[None]] | None:
        """The flight that is under way with a seat in it, or None when it is `mine` from now on."""
        with self._lock:
            flight = self._flights.setdefault(question, mine)
            if flight is mine:
                return None
            seat: Future[None] = Future()
            flight.waiting.add(seat)
            return flight, seat

    def _lead(self, flight: _Flight, read: Callable[[], Result], deadline: Deadline, cancel: Cancellation) -> Result:
        try:
            result = read()
        except Exception as error:
            self._keep(flight, error, deadline, cancel)
            raise
        self._keep(flight, result, deadline, cancel)
        return result

    def _keep(self, flight: _Flight, outcome: Result | Exception, deadline: Deadline, cancel: Cancellation) -> None:
        """Have the outcome for the followers, unless it is the leader's own misfortune."""
        if not _is_certain(outcome):
            if cancel() or self._closed:
                return
            flight.hurried = deadline.expired or any(map(_is_hurried, getattr(outcome, "attempts", ())))
        flight.outcome = outcome

    def _leave(self, question: str, flight: _Flight) -> None:
        """No longer lead, if this one did, and have the followers look."""
        with self._lock:
            if self._flights.get(question) is flight:
                del self._flights[question]
            flight.landed = True
            waiting = list(flight.waiting)
        for seat in waiting:
            _wake(seat)

    def _follow(
        self, flight: _Flight, seat: Future[None], deadline: Deadline, cancel: Cancellation
    ) -> Result | Exception | None:
        """What the leader got; None when this call is to try by itself."""
        unhook = cancel.hook(lambda: _wake(seat))
        try:
            self._clock.wait(seat, deadline.remaining)
        finally:
            unhook()
            with self._lock:
                flight.waiting.discard(seat)
        outcome = flight.outcome if flight.landed else None
        if outcome is not None and (not flight.hurried or deadline.at <= flight.until):
            with self._lock:
                self._shared += 1
            return outcome
        if cancel():
            raise AllProvidersFailed
        if deadline.expired:
            raise DeadlineExceeded
        return None


def _is_certain(outcome: Result | Exception) -> bool:
    """Whether it would have been the same for anybody at any time."""
    if isinstance(outcome, Result):
        return outcome.valid and not outcome.degraded
    return isinstance(outcome, InvalidImage)


def _is_hurried(attempt: Attempt) -> bool:
    code = attempt.diagnosis.code if attempt.diagnosis is not None else ""
    return code in _HURRIED or code.endswith("timeout")


def _wake(seat: Future[None]) -> None:
    # The leader's end and the follower's own giving up may come together.
    with contextlib.suppress(InvalidStateError):
        seat.set_result(None)


def _taken_over(outcome: Result | Exception) -> Result:
    """The result as another call's, or the error in an object of its own, raised."""
    if isinstance(outcome, Result):
        return _free(outcome)
    if isinstance(outcome, NoValidResult):
        raise NoValidResult(_free(outcome.best), outcome.attempts)
    try:
        # Several threads that raise one object would write into each other's traceback.
        fresh = copy.copy(outcome)
    except Exception:  # noqa: BLE001 - an error of an adapter's own making may not be made twice
        fresh = outcome.with_traceback(None)
    raise fresh


def _free(result: Result) -> Result:
    """The result without its cost, which the call has that read it."""
    return replace(result, origin="flight", cost=Cost(0.0, result.cost.currency), fields=dict(result.fields))
