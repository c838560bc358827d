"""Whether a gateway becomes slower by what it has done."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks.contender import gateway, small_png
from benchmarks.way import Contender

LOOKED_AT = 1000
"""Calls at either end of a history."""


def history(calls: int, block: int) -> dict[str, Any]:
    """The first thousand calls of a new gateway beside the last thousand of one that has already made the others.

    The two take turns in blocks, so that a slow moment of the machine hits both.

    Args:
        calls: of the older one in all.
        block: calls in a turn.

    Returns:
        `calls`, `first_p50_ms`, `last_p50_ms`, their `ratio`.
    """
    looked_at = min(LOOKED_AT, calls // 2)
    with ExitStack() as stack:
        old, new = _way(stack), _way(stack)
        old.block(calls - looked_at)
        new.block(block)  # the first calls of all start the threads
        first: list[float] = []
        last: list[float] = []
        turn = [(new, first), (old, last)]
        while len(last) < looked_at:
            for way, seconds in turn:
                seconds.extend(way.block(block).seconds)
            # Whoever always comes second is more often the one that a busy machine interrupts.
            turn.reverse()
    return {
        "calls": calls,
        "looked_at": looked_at,
        "first_p50_ms": round(1000 * median(first), 4),
        "last_p50_ms": round(1000 * median(last), 4),
        "ratio": round(median(last) / median(first), 3),
    }


def _way(stack: ExitStack) -> Contender:
    opened, image = gateway(stack), small_png()
    return Contender("gateway", "", lambda: opened.recognize(image))
