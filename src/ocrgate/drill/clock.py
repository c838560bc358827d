"""The machine's clock, whose wall time can be set wrong."""

from __future__ import annotations

from ocrgate.clock import SystemClock


class JumpingClock(SystemClock):
    """Real time; `time()` is ahead of it, or behind, by what it was made to jump."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def jump(self, seconds: float) -> None:
        """Set the wall clock ahead, or back with a negative number; durations are not touched."""
        self._ahead += seconds

    def time(self) -> float:
        return super().time() + self._ahead
