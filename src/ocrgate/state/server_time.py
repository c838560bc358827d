"""The clock of a server, as far as is known on this side."""

from __future__ import annotations

import math

from ocrgate.clock import Clock

EVERY = 30.0
"""Seconds from one measurement to the next."""


class ServerTime:
    """The server's time as an offset from monotonic time, so that it goes on evenly without the server.

    Each measurement says between which bounds the offset lies; the offset moves only as far as it must to lie there.

    Args:
        clock: this side's; its `time()` stands in before the first measurement.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset: float | None = None
        self._due = -math.inf

    @property
    def due(self) -> bool:
        """Whether it is time to measure."""
        return self._clock.monotonic() >= self._due

    @property
    def known(self) -> bool:
        return self._offset is not None

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        offset = self._offset
        return self._clock.time() if offset is None else self._clock.monotonic() + offset

    def measured(self, before: float, server: float, after: float) -> None:
        """Take in what the server said of its time.

        Args:
            before, after: monotonic seconds at which it was asked and had answered.
            server: its Unix time in seconds, of some moment between.
        """
        low, high = server - after, server - before
        offset = (low + high) / 2 if self._offset is None else self._offset
        self._offset = min(max(offset, low), high)
        self._due = after + EVERY

    def doubt(self) -> None:
        """Have it measured before the next operation: it may be another server."""
        self._due = -math.inf
