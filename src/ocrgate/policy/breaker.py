"""The circuit breaker: when a provider is no longer asked, and when it is tried again.

It is asked before a call and told after it, and holds no lock meanwhile. All that it knows is one record, a `Circuit`,
kept in this process or in a store that processes and hosts share; the algorithm is the same. pybreaker is led along the
record's transitions, notices those that other processes made, and tells its listeners; its own `call()` is not used,
because it holds a lock while the call runs.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from typing import get_args

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.errors import ProviderRefused
from ocrgate.policy.announcer import Announcer, Observer
from ocrgate.policy.circuit import Circuit, Leave, Outcome
from ocrgate.policy.codec import CircuitCodec
from ocrgate.policy.status import BreakerStatus, State
from ocrgate.settings import BreakerMode, BreakerSettings
from ocrgate.state.cell import open_cell
from ocrgate.state.name import join
from ocrgate.state.store import Store

__all__ = ["Breaker", "BreakerStatus", "Observer", "Permit", "State"]

_LIFE = 10 * 365 * 86_400.0
"""Seconds for which a shared record is kept after its last change: an operator's word holds until the next one."""


class Permit:
    """The breaker's leave for one call; tell it how the call ended, once."""

    __slots__ = ("_breaker", "_done", "_leave", "started")

    def __init__(self, breaker: Breaker, leave: Leave, started: float) -> None:
        self._breaker = breaker
        self._done = False
        self._leave = leave
        self.started = started

    @property
    def probe(self) -> bool:
        """Whether the call tries a provider that was not asked for a while."""
        return self._leave.lease is not None

    def begin(self, at: float) -> None:
        """The provider was asked only then (monotonic time): waiting for a turn or a lane is not its slowness, nor the
        probe's time."""
        self.started = at
        if self._leave.lease is not None and not self._done:
            self._breaker._renew(self._leave.lease, at)

    def check(self) -> None:
        """Ask again, for a call that had to wait: the provider may have been found to be down meanwhile.

        Raises:
            ProviderRefused: `breaker_open`.
        """
        if self._leave.counts and self._leave.lease is None:
            self._breaker._check(self._leave)

    def success(self) -> None:
        """The provider answered; what the answer is worth is not the breaker's business."""
        self._tell("success")

    def failure(self) -> None:
        """The provider or the way to it failed."""
        self._tell("failure")

    def ignore(self) -> None:
        """The call said nothing about the provider's health."""
        self._tell("ignored")

    def _tell(self, outcome: Outcome) -> None:
        if not self._done:
            self._done = True
            if self._leave.counts:
                self._breaker._told(self._leave, self.started, outcome)


class Breaker:
    """One provider's circuit breaker; thread-safe, usable after a fork.

    Args:
        name: of the provider.
        settings: see `BreakerSettings`.
        lease: seconds after which a probe that was never told about is given to another call.
        clock, jitter: time, and a number from 0 to 1.
        observer: told of each transition; what it raises is logged.
        store: where the record is kept, one that raises no StoreError; None for this process alone.
    """

    def __init__(
        self,
        name: str,
        settings: BreakerSettings,
        *,
        lease: float = 60.0,
        clock: Clock = SYSTEM_CLOCK,
        jitter: Callable[[], float] = random.random,
        observer: Observer | None = None,
        store: Store | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self._lease = lease
        self._clock = clock
        self._jitter = jitter
        self._cell = open_cell(store, join("breaker", name), CircuitCodec(settings), _LIFE, clock)
        self._announcer = Announcer(name, lambda: self._cell.look(Circuit.sight), clock, observer)

    @property
    def state(self) -> State:
        """`closed`, `open` or `half-open`; a breaker that is forced open is open, a disabled one closed."""
        return self.status().state

    @property
    def mode(self) -> BreakerMode:
        """The mode in force: the operator's, or the configured one."""
        return self.status().mode

    @property
    def retry_in(self) -> float | None:
        """Seconds until a call is let through: 0 when it is now, None when nobody knows."""
        return self.status().retry_in

    def admit(self) -> Permit:
        """Leave for one call.

        Raises:
            ProviderRefused: `breaker_open`, with `retry_in`.
        """
        leave = self._cell.look(Circuit.glance)
        if leave is None:
            self._join()
            identity, lease = secrets.token_hex(8), self._lease
            leave = self._cell.change(lambda circuit, now: circuit.admit(now, identity, lease))
        self._follow(leave.epoch)
        if leave.refusal:
            raise ProviderRefused(self.name, "breaker_open", leave.refusal, leave.retry_in)
        return Permit(self, leave, self._clock.monotonic())

    def pass_by(self) -> Permit:
        """Leave for a call that is made whatever the breaker says, and whose outcome counts nowhere."""
        return Permit(self, _UNCOUNTED, self._clock.monotonic())

    def would_refuse(self) -> bool:
        """Whether a call now would be refused, without asking for leave."""
        leave = self._cell.look(Circuit.glance)
        if leave is None:
            return False
        self._follow(leave.epoch)
        return bool(leave.refusal)

    def force(self, mode: BreakerMode | None) -> None:
        """Set a mode, in every process that shares the record and until somebody sets another; None gives the
        configured one back. Between `enforce` and `shadow` the breaker goes on, else it begins anew, closed.

        Raises:
            ValueError: when there is no such mode.
        """
        if mode is not None and mode not in get_args(BreakerMode):
            raise ValueError(f"no mode {mode!r}; there are: {', '.join(get_args(BreakerMode))}")
        self._join()
        self._follow(self._cell.change(lambda circuit, now: circuit.force(mode, now)))

    def status(self) -> BreakerStatus:
        """What an operator asks."""
        epoch, status = self._cell.look(lambda circuit, now: (circuit.epoch, circuit.status(now)))
        self._follow(epoch)
        return status

    def _check(self, leave: Leave) -> None:
        now = self._cell.look(Circuit.glance)
        if now is not None and now.refusal and now.epoch != leave.epoch:
            raise ProviderRefused(self.name, "breaker_open", now.refusal, now.retry_in)

    def _renew(self, lease: str, at: float) -> None:
        ago, length = self._clock.monotonic() - at, self._lease
        self._cell.change(lambda circuit, now: circuit.renew(lease, now - ago, length))

    def _told(self, leave: Leave, started: float, outcome: Outcome) -> None:
        if outcome == "ignored" and leave.lease is None:
            return
        slow = self._clock.monotonic() - started >= self.settings.slow_call
        jitter = self._jitter
        self._follow(self._cell.change(lambda circuit, now: circuit.told(leave, outcome, slow, now, jitter)))

    def _join(self) -> None:
        """See the record before changing it, so that the change is news."""
        if self._announcer.heard is None:
            self._announcer.follow()

    def _follow(self, epoch: int) -> None:
        """Tell what has happened when the record is not where it was."""
        if epoch != self._announcer.heard:
            self._announcer.follow()


_UNCOUNTED = Leave(0, counts=False)
