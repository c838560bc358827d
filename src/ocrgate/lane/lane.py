"""Lanes: how many calls an engine has in flight at once, and how one of them is stopped.

Every attempt runs in a lane of its provider. A lane that is busy with one engine never delays another engine, and the
caller waits on a ticket, not on the engine: it can give up at any moment and has its thread back.

The threads are daemons of our own, because the threads of `concurrent.futures` are joined when the interpreter exits:
one hung engine would keep the host program from ending.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from threading import Condition, Lock, Thread
from typing import Any

from ocrgate import fork
from ocrgate.clock import Deadline
from ocrgate.diagnosis import lookup
from ocrgate.errors import OCRError, ProviderError, ProviderRefused
from ocrgate.lane.ticket import NOTHING, Phase, Ticket
from ocrgate.page import Page
from ocrgate.provider import Request

_log = logging.getLogger("ocrgate.lane")


class Lane:
    """A bounded pool of threads, each of which asks one engine one thing at a time.

    Args:
        name: of the provider.
        work: asks the engine; called as `work(ticket)`, returns the page or raises.
        size: calls in flight at once; `limit` may keep them to fewer.
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
        self._limit = size
        self._reset()
        fork.renew(self)

    def after_fork(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._turn = Condition(Lock())
        self._waiting: deque[Ticket] = deque()
        self._calls: set[Ticket] = set()
        self._idle = 0
        self._threads = 0
        self._stray = 0

    @property
    def in_use(self) -> int:
        """Calls in flight, without those that were left behind."""
        return len(self._calls)

    @property
    def limit(self) -> int:
        """Calls that may be in flight at present, from 1 to `size`; the others wait in the queue.

        Raised, it lets those who wait go on; lowered, it leaves alone what is in flight.
        """
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        limit = min(max(limit, 1), self.size)
        if limit == self._limit:
            return
        with self._turn:
            self._limit = limit
            self._turn.notify(self._dispatch())

    def submit(
        self,
        request: Request | None,
        deadline: Deadline,
        timeout: float | None = None,
        gate: Callable[[], None] | None = None,
        hooks: Mapping[str, Any] = NOTHING,
    ) -> Ticket:
        """Queue a call, or, without a request, only have the engine loaded.

        Args:
            request: what the engine is asked.
            deadline: until when the caller waits.
            timeout: seconds that the engine may take.
            gate: asked once the call has waited for a lane; what it raises is the answer then.
            hooks: see `Ticket`.

        Raises:
            ProviderRefused: when all lanes are busy and the queue is full, or the gateway is closed.
        """
        ticket = Ticket(request, deadline, timeout, gate, hooks)
        with self._turn:
            if self._closed:
                raise ProviderRefused(self.name, "lane_full", "the gateway is closed")
            if self._full():
                raise ProviderRefused(self.name, "lane_full", f"{self._limit} in use, {self.queue} waiting")
            if not self._waiting and len(self._calls) < self._limit:
                ticket.gate = None  # it goes on at once
            self._waiting.append(ticket)
            if self._dispatch():
                self._turn.notify()
            if self._threads == self._stray < 4 * self.size:
                self._waiting.pop()
                raise ProviderRefused(self.name, "lane_full", "this machine has no thread left")
        return ticket

    def _dispatch(self) -> int:
        """Start threads for the calls that may run now and have none to wait for; how many may run."""
        wanted = max(0, min(len(self._waiting), self._limit - len(self._calls)))
        while self._idle < wanted and self._grow():
            pass
        return wanted

    def _full(self) -> bool:
        # Lanes that hung calls have taken for good are not worth waiting for.
        places = min(self._limit, 4 * self.size - self._stray) + self.queue
        if len(self._calls) + len(self._waiting) >= places:
            self._waiting = deque(ticket for ticket in self._waiting if not ticket.given_up)
        return len(self._calls) + len(self._waiting) >= places

    def _grow(self) -> bool:
        """Start a thread; False when there is room for none, or the machine has none left."""
        # A call that cannot be stopped is left behind and its lane given to the next; but not without end.
        if self._threads >= min(self.size + self._stray, 4 * self.size):
            return False
        try:
            Thread(target=self._serve, name=f"ocrgate-{self.name}", daemon=True).start()
        except RuntimeError:
            return False
        self._threads += 1
        # Counted from here on, so that two calls in a row do not start three threads.
        self._idle += 1
        return True

    def _serve(self) -> None:
        try:
            going = self._serve_one(idle=True)
            while going:
                going = self._serve_one(idle=False)
        finally:
            self._finish()

    def _serve_one(self, *, idle: bool) -> bool:
        # A method of its own, so that a thread that waits for work holds no image of the last call.
        ticket = self._next(idle=idle)
        return ticket is not None and self._run(ticket)

    def _next(self, *, idle: bool) -> Ticket | None:
        with self._turn:
            if not idle:
                self._idle += 1
            try:
                while not self._waiting or len(self._calls) >= self._limit:
                    if self._closed:
                        self._threads -= 1
                        return None
                    self._turn.wait()
                ticket = self._waiting.popleft()
                self._calls.add(ticket)
                return ticket
            finally:
                self._idle -= 1

    def _run(self, ticket: Ticket) -> bool:
        """Ask the engine; False when this thread was left behind and another has its place."""
        if ticket.given_up:
            return self._settle(ticket)
        if self._leave:
            ticket.on_give_up(lambda: self._leave_behind(ticket))
        try:
            if ticket.gate is not None:
                ticket.gate()
            answer: Page | BaseException = self._work(ticket)
        except BaseException as error:  # noqa: BLE001 - the caller gets whatever it was
            answer = error
        keep = self._settle(ticket)
        ticket.resolve(answer)
        del answer
        try:
            self._rest()
        except Exception:  # noqa: BLE001 - nobody waits for it, and the thread has to serve the next call
            _log.exception("%s: a lane could not be made ready for the next call", self.name)
        return keep

    def _leave_behind(self, ticket: Ticket) -> None:
        """The engine may never come back from this call: it keeps its thread, and the next call gets another."""
        with self._turn:
            if ticket in self._calls:
                self._calls.remove(ticket)
                self._stray += 1
                if self._dispatch():
                    self._turn.notify()

    def _settle(self, ticket: Ticket) -> bool:
        """The call has ended; False when its thread is one too many, because its place was given away."""
        with self._turn:
            if ticket in self._calls:
                self._calls.remove(ticket)
                if self._waiting and self._idle:
                    # This thread may yet have to start another worker before it can serve.
                    self._turn.notify()
                return True
            self._stray -= 1
            if self._threads - self._stray > self.size:
                self._threads -= 1
                return False
            return True

    def close(self) -> None:
        """Give up every call and end the threads; those of engines that cannot be stopped end when these return."""
        with self._turn:
            self._closed = True
            calls = [*self._waiting, *self._calls]
            self._waiting.clear()
            self._turn.notify_all()
        for ticket in calls:
            ticket.give_up(self._closing)

    def _closing(self, phase: Phase) -> OCRError:
        if phase == "running":
            return ProviderError(self.name, lookup("gateway", "cancelled", "the gateway was closed"))
        return ProviderRefused(self.name, "cancelled", "the gateway was closed")
