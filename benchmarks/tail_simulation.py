"""Hedging in simulated time: when to hedge and whether the budget allows it is asked of the gateway's own code, and
only time and the engines are made up."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from benchmarks.straggler import LOCAL_LANES, CloudEngine, LocalEngine, Plan, settings
from benchmarks.world import SimulatedClock
from ocrgate import hedge
from ocrgate.fleet import Fleet
from ocrgate.settings import HedgeSettings


@dataclass(slots=True)
class Run:
    """What came of a run.

    Attributes:
        seconds: of every call, as its caller saw it.
        cloud: calls to the cloud, hedges included.
        hedges: calls beside another one.
    """

    seconds: list[float]
    cloud: int = 0
    hedges: int = 0


@dataclass(slots=True)
class _Call:
    """One call; times are simulated.

    Attributes:
        number: of the picture.
        begun: when.
        hedged: when the second engine was asked, or None.
        done: whether an answer came.
    """

    number: int
    begun: float
    hedged: float | None = None
    done: bool = False


class Simulation:
    """Calls that come at random moments, `rate` a second on average, whatever became of the ones before."""

    def __init__(self, plan: Plan, hedging: HedgeSettings | None, rate: float) -> None:
        self._plan = plan
        self._rate = rate
        self._clock = SimulatedClock()
        self._fleet = Fleet(
            settings(hedging), providers={"cloud": CloudEngine(plan), "local": LocalEngine(plan)}, clock=self._clock
        )
        self._route = self._fleet.route(None)
        self._step = next(iter(self._route.plan()))
        self._hedging = hedging
        self._local = hedging is not None and hedging.to == ("local",)
        self._local_busy = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._run = Run([])

    def run(self, calls: int) -> Run:
        """Make so many calls."""
        chance, now = random.Random(self._plan.seed), 0.0
        for number in range(calls):
            now += chance.expovariate(self._rate)
            self._advance(now)
            self._clock.now = now
            self._begin(_Call(number, now))
        self._advance(float("inf"))
        self._fleet.close()
        return self._run

    def _advance(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self._clock.now, _, happen = heapq.heappop(self._events)
            happen()

    def _after(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._clock.now + seconds, next(self._order), happen))

    def _begin(self, call: _Call) -> None:
        self._run.cloud += 1
        after = hedge.delay(self._route, self._step)
        seconds = self._plan.cloud(call.number, 0)
        self._after(seconds, lambda: self._answered(call, seconds))
        if after is not None and after < seconds:
            self._after(after, lambda: self._hedge(call))

    def _hedge(self, call: _Call) -> None:
        assert self._hedging is not None
        if self._local and self._local_busy >= LOCAL_LANES:
            return
        if not self._route.budget.spend(hedges=self._hedging.budget):
            return
        self._run.hedges += 1
        call.hedged = self._clock.now
        if self._local:
            self._local_busy += 1
            self._after(self._plan.local, lambda: self._local_answered(call))
        else:
            self._run.cloud += 1
            seconds = self._plan.cloud(call.number, 1)
            self._after(seconds, lambda: self._answered(call, seconds, second=True))

    def _answered(self, call: _Call, seconds: float, *, second: bool = False) -> None:
        """An answer from the cloud; if it is the first, the other call is given up."""
        if call.done:
            return
        self._step.engine.latency.add(seconds)
        if second:
            self._given_up(call.begun)
        elif call.hedged is not None and self._local:
            self._local_busy -= 1
        elif call.hedged is not None:
            self._given_up(call.hedged)
        self._end(call)

    def _local_answered(self, call: _Call) -> None:
        if call.done:
            return
        self._local_busy -= 1
        self._given_up(call.begun)
        self._end(call)

    def _given_up(self, since: float) -> None:
        """A call to the cloud had taken so long when nobody waited for it any more."""
        self._step.engine.latency.add(self._clock.now - since, stopped=True)

    def _end(self, call: _Call) -> None:
        # An ordinary call is counted when it has ended, or was given up, as the gateway does.
        self._route.budget.call()
        call.done = True
        self._run.seconds.append(self._clock.now - call.begun)
