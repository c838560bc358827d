"""Steady traffic of pictures that are all different, and what became of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from benchmarks import numbered
from benchmarks.stacks import Read, Reading
from benchmarks.timeline import Pace

GRACE = 0.25
"""Seconds by which an answer may be later than its deadline."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture; times are monotonic.

    Attributes:
        number: of the picture.
        due: when it had to be read; it is begun later when its caller is still busy with the one before.
        begun, ended: None while that has not happened.
        reading: None without an end.
    """

    number: int
    due: float
    begun: float | None = None
    ended: float | None = None
    reading: Reading | None = None

    @property
    def right(self) -> bool:
        """Whether the text is that of the picture."""
        return self.reading is not None and self.reading.text == numbered.text(self.number)

    @property
    def wrong(self) -> bool:
        """Whether there is a text that is not that of the picture."""
        return self.reading is not None and self.reading.text is not None and not self.right

    def in_time(self, deadline: float) -> bool:
        """Whether the caller had an answer or an error within the deadline, counted from when it asked."""
        if self.begun is None or self.ended is None:
            return False
        return self.ended - self.begun <= deadline + GRACE

    def kept(self, deadline: float) -> bool:
        """Whether all that was promised was kept: the right text, or a clear error, in time."""
        clear = self.reading is not None and self.reading.clear
        return self.in_time(deadline) and (self.right or clear)


class Traffic:
    """Callers who each send a picture as often as it is their turn.

    Args:
        read: how a picture is read.
        pace: how many pictures a second, and how many callers.
        start: of the first one, in monotonic time.
        length: seconds.
    """

    def __init__(self, read: Read, pace: Pace, start: float, length: float) -> None:
        self._read = read
        self._pace = pace
        self._start = start
        self._number = int(length * pace.rate)
        self._end = start + length
        self._lock = threading.Lock()
        self._shots = {number: Shot(number, start + number / pace.rate) for number in range(self._number)}
        self._threads = [
            threading.Thread(target=self._send, args=(place,), name=f"caller-{place}", daemon=True)
            for place in range(pace.threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait until the callers have ended, at most until `seconds` after the last picture was due."""
        until = self._end + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def shots(self) -> list[Shot]:
        """Every picture, in the order in which they were due, as far as it has come."""
        with self._lock:
            return [self._shots[number] for number in range(self._number)]

    def _send(self, place: int) -> None:
        for number in range(place, self._number, self._pace.threads):
            shot = self._shots[number]
            image = numbered.picture(number)
            time.sleep(max(0.0, shot.due - time.monotonic()))
            begun = time.monotonic()
            if begun >= self._end:
                return
            self._note(Shot(number, shot.due, begun))
            reading = self._read(image)
            self._note(Shot(number, shot.due, begun, time.monotonic(), reading))

    def _note(self, shot: Shot) -> None:
        with self._lock:
            self._shots[shot.number] = shot


def figures(shots: Sequence[Shot], deadline: float) -> dict[str, float | int | None]:
    """What became of some pictures; shares are of all that were due, times count from when one was due."""
    times = sorted(1000 * (shot.ended - shot.due) for shot in shots if shot.ended is not None)
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    by = [shot.reading.by for shot in shots if shot.reading is not None and shot.right]
    return {
        "due": len(shots),
        "valid": sum(shot.right for shot in shots),
        "valid_in_time": sum(shot.right and shot.in_time(deadline) for shot in shots),
        "in_time": sum(shot.in_time(deadline) for shot in shots),
        "kept": sum(shot.kept(deadline) for shot in shots),
        "wrong": sum(shot.wrong for shot in shots),
        "never_asked": sum(shot.begun is None for shot in shots),
        "by_cloud": by.count("cloud"),
        "by_local": by.count("local"),
        "p50_ms": round(cuts[49], 1) if cuts else None,
        "p99_ms": round(cuts[98], 1) if cuts else None,
    }


def back(shots: Sequence[Shot], since: float, until: float, run: int = 5) -> float | None:
    """Seconds from `since` until the first of `run` right answers of the cloud one after the other.

    Counted are pictures that were begun between `since` and `until`, in the order in which they were begun; None when
    there are no such answers.
    """
    begun = sorted(
        (shot for shot in shots if shot.begun is not None and since <= shot.begun < until),
        key=lambda shot: shot.begun or 0.0,
    )
    length = 0
    for place, shot in enumerate(begun):
        cloud = shot.right and shot.reading is not None and shot.reading.by == "cloud"
        length = length + 1 if cloud else 0
        if length == run:
            first = begun[place - run + 1]
            return (first.ended or since) - since
    return None
