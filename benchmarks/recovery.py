"""How long a gateway stays away from a platform that works again, for outages of every length; in simulated time.

Where in its open time a breaker is when an outage ends is chance, of which one run in real time shows one case. Here
every length is tried, with the same policies and a clock that is moved by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from benchmarks import numbered
from benchmarks.timeline import Pace
from ocrgate import Gateway
from ocrgate.clock import Deadline
from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError
from ocrgate.page import Page
from ocrgate.provider import Capabilities, Request
from ocrgate.settings import BreakerSettings, ProviderSettings, RetrySettings, RouteSettings, Settings
from ocrgate.testing import ManualClock, ScriptedProvider, says, takes

Trouble = Literal["error", "hang"]
TROUBLES: tuple[Trouble, ...] = ("error", "hang")
STEP = 0.02
"""Of `open_for`, between two pictures."""


class _Platform(ScriptedProvider):
    """Answers at once, or is in trouble until it is over."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__("platform", capabilities=Capabilities(cloud=True, lanes=2))
        self.trouble: Trouble = "error"
        self.over = 0.0
        self._clock = clock
        self._answer = says(numbered.text(1))

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        if self._clock.monotonic() >= self.over:
            return self._answer(request, deadline)
        if self.trouble == "hang":
            self._clock.advance(deadline.remaining)
        raise ProviderError(self.name, lookup("gateway" if self.trouble == "hang" else "baidu", _CODES[self.trouble]))


_CODES = {"hang": "timeout", "error": "282000"}


def away(trouble: Trouble, length: float, breaker: BreakerSettings, pace: Pace) -> float:
    """How long after the end of an outage the platform answers again and its breaker is closed.

    Args:
        trouble: what every call ends in.
        length: of the outage, in multiples of `open_for`.
        breaker: what is measured.
        pace: its times.

    Returns:
        Multiples of `open_for`.
    """
    clock = ManualClock()
    platform = _Platform(clock)
    local = ScriptedProvider("local", takes(pace.usual, clock, numbered.text(1)))
    platform.trouble = trouble
    engines = {"platform": platform, "local": local}
    settings = Settings(
        providers={
            name: ProviderSettings(
                name, "scripted", timeout=pace.timeout, retry=RetrySettings(attempts=1), breaker=breaker, lanes=2
            )
            for name in engines
        },
        routes={"default": RouteSettings("default", tuple(engines), deadline=pace.deadline)},
    )
    image = numbered.picture(1)
    with Gateway(settings, providers=engines, clock=clock) as gateway:
        begun = clock.monotonic()
        platform.over = begun + length * pace.open_for
        while True:
            answered = gateway.recognize(image).provider == "platform"
            if answered and gateway.status()["platform"]["breaker"] == "closed" and clock.monotonic() >= platform.over:
                return (clock.monotonic() - platform.over) / pace.open_for
            clock.advance(STEP * pace.open_for)


def sweep(breaker: BreakerSettings, pace: Pace, lengths: Sequence[float]) -> dict[str, list[float]]:
    """`away` for every length, by trouble."""
    return {trouble: [round(away(trouble, length, breaker, pace), 3) for length in lengths] for trouble in TROUBLES}
