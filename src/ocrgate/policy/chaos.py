"""Faults on purpose: a small share of calls is spoilt, to see in production that it is survived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline, Wake
from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError
from ocrgate.settings import ChaosSettings

Fault = Literal["error", "timeout", "slow", "throttle", "crash"]
FAULTS: tuple[str, ...] = get_args(Fault)


class Chaos:
    """Spoils calls by chance; thread-safe, and of no effect at a rate of 0.

    Every fault has a code of its own (`injected_error`, `injected_timeout`, `injected_throttle`, `injected_crash`), so
    that nobody who reads attempts, events or logs takes it for a real one. Nothing is sent, so nothing is billed.

    Args:
        settings: see `ChaosSettings`.
        clock: on which slow calls and timeouts pass.
        draw: a number from 0, inclusive, to 1.
        choose: one of several names, with equal chance.

    Raises:
        ValueError: when the rate is no share, a fault has no such name or none is named, or the delay is below 0.
    """

    def __init__(
        self,
        settings: ChaosSettings,
        clock: Clock = SYSTEM_CLOCK,
        *,
        draw: Callable[[], float],
        choose: Callable[[Sequence[str]], str],
    ) -> None:
        if not 0.0 <= settings.rate <= 1.0:
            raise ValueError(f"chaos.rate is a share from 0 to 1, got {settings.rate!r}")
        unknown = [name for name in settings.faults if name not in FAULTS]
        if unknown or not settings.faults:
            named = f"no fault is called {unknown[0]!r}" if unknown else "no fault is named"
            raise ValueError(f"chaos.faults: {named}; there are {', '.join(FAULTS)}")
        if settings.delay < 0:
            raise ValueError(f"chaos.delay is a time from 0 seconds, got {settings.delay!r}")
        self._settings = settings
        self._clock = clock
        self._draw = draw
        self._choose = choose

    def strike(self, provider: str, timeout: float, deadline: Deadline, wake: Wake) -> None:
        """Let the call that is about to be sent go on, or spoil it.

        Args:
            provider: configured name of the engine that is asked.
            timeout: seconds of one attempt.
            deadline: that no pause goes beyond.
            wake: set when the caller gives up, which ends a pause; what becomes of the call is then the caller's.

        Raises:
            ProviderError: with one of the codes above.
        """
        chosen = self._settings
        if (chosen.providers and provider not in chosen.providers) or self._draw() >= chosen.rate:
            return
        fault = self._choose(chosen.faults)
        if fault in ("slow", "timeout"):
            pause = chosen.delay if fault == "slow" else timeout
            given_up = self._clock.sleep(min(pause, deadline.remaining), wake)
            if given_up or fault == "slow":
                return
        raise ProviderError(provider, lookup("gateway", f"injected_{fault}"))
