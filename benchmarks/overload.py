"""A service near its capacity, its callers, and what they do when it does not answer in time: a discrete-event
simulation in which the policies are those of the gateway, and only time, callers and service are made up.

The service has a line of its own and works off what stands in it, first come first served, whether somebody still waits
for the answer or not. That is what keeps an overload alive when its cause is gone.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from benchmarks.world import SimulatedClock, Stack, Tally, World
from ocrgate.clock import Deadline
from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import Breaker, Permit
from ocrgate.policy.budget import Budget
from ocrgate.policy.limit import Limit
from ocrgate.policy.retry import Retry
from ocrgate.settings import BudgetSettings, RetrySettings

TIMEOUT = lookup("gateway", "timeout")
BUSY = lookup("gateway", "http_503")


class Service:
    """Workers and a line. When a call ends is known the moment it joins the line, since nobody ever leaves it."""

    def __init__(self, world: World, clock: SimulatedClock) -> None:
        self._world = world
        self._clock = clock
        self._random = random.Random(world.seed + 1)
        self._free = [0.0] * world.workers
        self._starts: deque[float] = deque()

    def take(self) -> float | None:
        """When a call that comes now is answered; None when it is turned away."""
        now, starts, world = self._clock.now, self._starts, self._world
        while starts and starts[0] <= now:
            starts.popleft()
        if len(starts) >= world.line:
            return None
        start = max(now, self._free[0])
        took = self._random.expovariate(1 / world.service)
        if world.trouble[0] <= start < world.trouble[1]:
            took *= world.slowdown
        heapq.heapreplace(self._free, start + took)
        if start > now:
            starts.append(start)
        return start + took


class Gateway:
    """One process: the policies around the service."""

    def __init__(self, world: World, stack: Stack, clock: SimulatedClock, chance: random.Random) -> None:
        self.budget = None if stack.budget is None else Budget(stack.budget, clock)
        unlimited = Budget(BudgetSettings(retry_ratio=1.0, minimum=1 << 30), clock)
        self.retry = Retry(RetrySettings(attempts=stack.attempts), self.budget or unlimited, chance.uniform)
        self.breaker = (
            None
            if stack.breaker is None
            else Breaker("service", stack.breaker, lease=world.timeout + 5, clock=clock, jitter=chance.random)
        )
        pace = None if stack.pace is None else stack.pace * world.workers / world.service / world.gateways
        self.limit = None if pace is None else Limit("service", pace, clock)


@dataclass(slots=True)
class Request:
    """One picture that somebody wants read.

    Attributes:
        gateway: through which.
        deadline: in simulated time.
        second: of the run in which it came.
        attempt: number of the current call, from 1.
        permit: the breaker's, for the current call.
    """

    gateway: Gateway
    deadline: Deadline
    second: int
    attempt: int = 0
    permit: Permit | None = None


class Simulation:
    """One run of one stack in one world; the same seeds give the same run.

    Requests come whether the ones before were answered or not, as users do.
    """

    def __init__(self, world: World, stack: Stack) -> None:
        self.world = world
        self.tally = Tally.of(world.seconds)
        self._clock = SimulatedClock()
        self._service = Service(world, self._clock)
        chance = random.Random(world.seed + 2)
        self._gateways = [Gateway(world, stack, self._clock, chance) for _ in range(world.gateways)]
        self._events: list[tuple[float, int, Callable[[Request], None], Request]] = []
        self._order = count()

    def run(self) -> Tally:
        """What came of it, second by second."""
        clock = self._clock
        for at, gateway in self._arrivals():
            self._advance(at)
            clock.now = at
            self.tally.arrived[int(at)] += 1
            self._try(Request(gateway, Deadline(at + self.world.deadline, clock), int(at)))
        self._advance(math.inf)
        return self.tally

    def _advance(self, until: float) -> None:
        """Let happen what is due by then."""
        events = self._events
        while events and events[0][0] <= until:
            self._clock.now, _, happen, request = heapq.heappop(events)
            happen(request)

    def _arrivals(self) -> Iterator[tuple[float, Gateway]]:
        chance, now = random.Random(self.world.seed), 0.0
        while True:
            now += chance.expovariate(self.world.rate)
            if now >= self.world.seconds:
                return
            yield now, chance.choice(self._gateways)

    def _at(self, when: float, happen: Callable[[Request], None], request: Request) -> None:
        heapq.heappush(self._events, (when, next(self._order), happen, request))

    def _count(self, what: list[int]) -> None:
        what[min(int(self._clock.now), len(what) - 1)] += 1

    def _try(self, request: Request) -> None:
        """Ask once more, if the policies let it."""
        gateway = request.gateway
        request.attempt += 1
        try:
            request.permit = gateway.breaker.admit() if gateway.breaker is not None else None
            wait = gateway.limit.reserve(request.deadline) if gateway.limit is not None else 0.0
        except ProviderRefused:
            if request.permit is not None:
                request.permit.ignore()
            self._count(self.tally.refused)
            return
        if wait > 0:
            self._at(self._clock.now + wait, self._send, request)
        else:
            self._send(request)

    def _send(self, request: Request) -> None:
        now, world = self._clock.now, self.world
        self._count(self.tally.sent)
        if request.permit is not None:
            request.permit.begin(now)
        answered = self._service.take()
        if answered is None:
            self._failed(request, BUSY)
            return
        gives_up = min(now + world.timeout, request.deadline.at)
        if answered <= gives_up:
            self._at(answered, self._answered, request)
        else:
            self._at(gives_up, self._timed_out, request)

    def _ended(self, request: Request) -> None:
        """Count an ordinary call when it has ended, as the retries of the gateway do; what was refused is none."""
        if request.gateway.budget is not None and request.attempt == 1:
            request.gateway.budget.call()

    def _answered(self, request: Request) -> None:
        self._ended(request)
        if request.permit is not None:
            request.permit.success()
        self.tally.answered[request.second] += 1

    def _timed_out(self, request: Request) -> None:
        self._failed(request, TIMEOUT)

    def _failed(self, request: Request, diagnosis: Diagnosis) -> None:
        self._ended(request)
        if request.permit is not None:
            request.permit.failure()
            request.permit = None
        gateway, retry = request.gateway, request.gateway.retry
        wait = retry.wait(diagnosis, request.attempt)
        if (
            request.attempt >= retry.settings.attempts
            or wait >= request.deadline.remaining
            or (gateway.budget is not None and not gateway.budget.spend())
        ):
            self._count(self.tally.failed)
            return
        self._at(self._clock.now + wait, self._try, request)
