"""Lanes: how many calls an engine has in flight at once, and how one of them is stopped.

Every attempt runs in a lane of its provider. A lane that is busy with one engine never delays another engine, and the
caller waits on a ticket, not on the engine: it can give up at any moment and has its thread back.

The threads are daemons of our own, because the threads of `concurrent.futures` are joined when the interpreter exits:
one hung engine would keep the host program from ending.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Lock, Thread
from typing import Literal

from ocrgate.clock import Deadline
from ocrgate.errors import ProviderRefused
from ocrgate.page import Page
from ocrgate.provider import Request

Phase = Literal["queued", "starting", "running", "done"]


class Ticket:
    """A place in a lane, and at its end the page or the error.

    Attributes:
        request: what the engine is asked; None only asks it to be ready.
        deadline: until when the caller waits; once the engine is asked, until when it may take.
        timeout: seconds that the engine may take, counted from the moment it is asked; None for no limit of its own.
        future: done when the engine has answered, failed or been given up.
        phase: how far the call has come.
    """

    def __init__(self, request: Request | None, deadline: Deadline, timeout: float | None = None) -> None:
        self.request = request
        self.deadline = deadline
        self.timeout = timeout
        self.future: Future[Page] = Future()
        self.phase: Phase = "queued"
        self._lock = Lock()
        self._hooks: list[Callable[[], None]] = []

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
        return self.future.done()

    def on_give_up(self, action: Callable[[], None]) -> None:
        """Run `action` when the call is given up, at once if it has been."""
        with self._lock:
            if not self.future.done():
                self._hooks.append(action)
                return
        action()

    def move(self, phase: Phase) -> bool:
        """Go on to the next phase; False when the call has been given up meanwhile."""
        with self._lock:
            if self.future.done():
                return False
            if phase == "running":
                self.deadline = self.deadline.within(self.timeout)
            self.phase = phase
            return True

    def resolve(self, answer: Page | BaseException) -> bool:
        """Hand the answer over; False when nobody waits for it any more."""
        with self._lock:
            if self.future.done():
                return False
            self.phase = "done"
            self._hooks.clear()
            if isinstance(answer, BaseException):
                self.future.set_exception(answer)
            else:
                self.future.set_result(answer)
            return True

    def give_up(self, error: Callable[[Phase], BaseException]) -> None:
        """Stop waiting: `error` makes what the future holds from here on; the engine is stopped if it can be."""
        with self._lock:
            if self.future.done():
                return
            phase, self.phase = self.phase, "done"
            hooks, self._hooks = self._hooks, []
            self.future.set_exception(error(phase))
        for action in hooks:
            action()


class Lane:
    """A bounded pool of threads, each of which asks one engine one thing at a time.

    Args:
        name: of the provider.
        work: asks the engine; called as `work(ticket)`, returns the page or raises.
        size: calls in flight at once.
        queue: calls that may wait for their turn.
        leave: whether a call that was given up is left behind and its lane given to the next call at once, for
            engines that run in this process and cannot be stopped.
        rest: called in the thread after each call, when nobody waits for the answer any more.
        finish: called in each thread when it ends.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Ticket], Page],
        *,
        size: int,
        queue: int = 64,
        leave: bool = True,
        rest: Callable[[], None] = lambda: None,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.size = size
        self.queue = queue
        self._work = work
        self._leave = leave
        self._rest = rest
        self._finish = finish
        self._closed = False
        self._reset()
        _lanes.add(self)

    def _reset(self) -> None:
        self._turn = Condition(Lock())
        self._waiting: deque[Ticket] = deque()
        self._idle = 0
        self._threads = 0
        self._stray = 0
        self.in_use = 0

    def submit(self, request: Request | None, deadline: Deadline, timeout: float | None = None) -> Ticket:
        """Queue a call, or, without a request, only have the engine loaded.

        Raises:
            ProviderRefused: when all lanes are busy and the queue is full, or the gateway is closed.
        """
        ticket = Ticket(request, deadline, timeout)
        with self._turn:
            if self._closed:
                raise ProviderRefused(self.name, "lane_full", "the gateway is closed")
            while self._waiting and self._waiting[0].given_up:
                self._waiting.popleft()
            if self._idle <= len(self._waiting) and len(self._waiting) >= self.queue + self._room():
                raise ProviderRefused(self.name, "lane_full", f"{self.size} in use, {self.queue} waiting")
            self._waiting.append(ticket)
            if self._idle < len(self._waiting) and self._room():
                self._threads += 1
                Thread(target=self._serve, name=f"ocrgate-{self.name}", daemon=True).start()
            else:
                self._turn.notify()
        return ticket

    def _room(self) -> int:
        # A call that cannot be stopped is left behind and its lane given to the next; but not without end.
        return max(0, min(self.size - self._threads + self._stray, 4 * self.size - self._threads))

    def _serve(self) -> None:
        try:
            while (ticket := self._next()) is not None:
                if not self._run(ticket):
                    return
        finally:
            self._finish()

    def _next(self) -> Ticket | None:
        with self._turn:
            self._idle += 1
            try:
                while True:
                    while self._waiting:
                        ticket = self._waiting.popleft()
                        if not ticket.given_up:
                            self.in_use += 1
                            return ticket
                    if self._closed:
                        self._threads -= 1
                        return None
                    self._turn.wait()
            finally:
                self._idle -= 1

    def _run(self, ticket: Ticket) -> bool:
        """Ask the engine; False when this thread was left behind and another has its place."""
        stray = _Stray(self)
        if self._leave:
            ticket.on_give_up(stray.mark)
        try:
            answer: Page | BaseException = self._work(ticket)
        except BaseException as error:  # noqa: BLE001 - the caller gets whatever it was
            answer = error
        keep = stray.settle()
        ticket.resolve(answer)
        del answer
        self._rest()
        return keep

    def close(self) -> None:
        """Give up every call and end the threads; those of engines that cannot be stopped end when these return."""
        with self._turn:
            self._closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
            self._turn.notify_all()
        for ticket in waiting:
            ticket.give_up(lambda _phase: ProviderRefused(self.name, "cancelled", "the gateway was closed"))


class _Stray:
    """One running call, as the lane counts it: in use, until it ends or is left behind."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._state: Literal["running", "stray", "settled"] = "running"

    def mark(self) -> None:
        lane = self._lane
        with lane._turn:
            if self._state == "running":
                self._state = "stray"
                lane._stray += 1
                lane.in_use -= 1
                if lane._waiting and lane._idle < len(lane._waiting) and lane._room():
                    lane._threads += 1
                    Thread(target=lane._serve, name=f"ocrgate-{lane.name}", daemon=True).start()

    def settle(self) -> bool:
        lane = self._lane
        with lane._turn:
            stray = self._state == "stray"
            self._state = "settled"
            if not stray:
                lane.in_use -= 1
                return True
            lane._stray -= 1
            if lane._threads - lane._stray > lane.size:
                lane._threads -= 1
                return False
            return True


_lanes: weakref.WeakSet[Lane] = weakref.WeakSet()


def _forget_threads() -> None:
    for lane in list(_lanes):
        lane._reset()


if hasattr(os, "register_at_fork"):
    # A forked child has none of its parent's threads, and locks in whatever state they were.
    os.register_at_fork(after_in_child=_forget_threads)
