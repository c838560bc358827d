"""What a simulation is about: its time, what happens to everybody alike, who has which policies, what is counted."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from ocrgate.clock import Wake
from ocrgate.settings import BreakerSettings, BudgetSettings


class SimulatedClock:
    """Stands still between events. Nobody may wait by it: whoever has to wait is an event."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
        raise RuntimeError("a policy slept in a simulation")

    def wait(self, future: Future[Any], seconds: float) -> bool:
        raise RuntimeError("a policy waited in a simulation")


@dataclass(frozen=True, slots=True)
class World:
    """What happens to everybody alike; times are seconds.

    Attributes:
        seconds: of the whole run.
        workers: calls that the service works on at once.
        service: what a call takes it on average, exponentially distributed.
        line: calls that may stand in line; one more is turned away at once.
        load: calls that arrive, as a share of what the service can do.
        timeout: after which a caller no longer waits for a call.
        deadline: after which an answer is of no use.
        trouble: from when until when the service is slow.
        slowdown: how many times slower.
        gateways: processes that the callers use, each with policies of its own.
        seed: of everything random.
    """

    seconds: float = 320.0
    workers: int = 10
    service: float = 0.01
    line: int = 3000
    load: float = 0.75
    timeout: float = 1.0
    deadline: float = 5.0
    trouble: tuple[float, float] = (60.0, 75.0)
    slowdown: float = 4.0
    gateways: int = 10
    seed: int = 1

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.load * self.workers / self.service


@dataclass(frozen=True, slots=True)
class Stack:
    """Which policies a gateway has.

    Attributes:
        what: one line for people.
        attempts: calls of a request in all.
        budget: calls beyond the first of each request, as a share; None for as many as wanted.
        breaker: None for none.
        pace: calls a second of all gateways together, as a share of what the service can do; None for no limit.
    """

    what: str
    attempts: int = 3
    budget: BudgetSettings | None = None
    breaker: BreakerSettings | None = None
    pace: float | None = None


@dataclass(slots=True)
class Tally:
    """What was counted in each second of the run.

    Attributes:
        arrived: requests, by when they came.
        answered: requests whose answer came in time, by when they came.
        sent: calls, repeated ones included.
        refused: requests that a policy kept from the service, so that another engine could have been asked at once.
        failed: requests whose last call failed, and which have waited for that.
    """

    arrived: list[int]
    answered: list[int]
    sent: list[int]
    refused: list[int]
    failed: list[int]

    @classmethod
    def of(cls, seconds: float) -> Tally:
        whole = int(seconds) + 1
        return cls(*([0] * whole for _ in range(5)))
