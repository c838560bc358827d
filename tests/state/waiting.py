"""Waiting for what comes by itself, for as long as it needs and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 20.0


def until(true: Callable[[], object], what: str = "", seconds: float = PATIENCE) -> float:
    """Ask until it is true; the seconds that took. Fails when it does not become true."""
    begun, never = time.monotonic(), threading.Event()
    while not true():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s: {what}"
        never.wait(0.001)
    return time.monotonic() - begun
