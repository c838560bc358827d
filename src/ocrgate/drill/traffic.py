"""Those who call the gateway during a drill: some threads, each with one image after the other."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Sequence

from ocrgate.drill import image
from ocrgate.drill.observation import Call
from ocrgate.gateway import Gateway

PAUSE = 0.03
"""Seconds between the calls of one thread, on average."""
GRACE = 5.0
"""Seconds beyond its deadline after which a call counts as lost."""
_LOOK = 0.02


class Traffic:
    """Distinct images for one gateway, and what becomes of them.

    Args:
        gateway: that is called.
        routes: which images take turns in going down.
        seed: of the pauses.

    Attributes:
        images: numbers that were handed in.
    """

    def __init__(self, gateway: Gateway, routes: Sequence[str], seed: int = 0) -> None:
        self.images: list[int] = []
        self._gateway = gateway
        self._routes = tuple(routes)
        self._seed = seed
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._under_way: dict[int, float] = {}
        self._workers: list[threading.Thread] = []

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that have ended, in that order."""
        with self._lock:
            return tuple(self._calls)

    @property
    def settled(self) -> tuple[Call, ...]:
        """Those of them that began before every call that is still under way: no more can come between them."""
        with self._lock:
            first = min(self._under_way.values(), default=float("inf"))
            return tuple(call for call in self._calls if call.begun < first)

    def drive(self, phase: str, *, threads: int, seconds: float, until: Callable[[], bool] = bool) -> None:
        """Call for some time, and wait for all calls to end.

        Args:
            phase: which the calls belong to.
            threads: calls at once.
            seconds: after which no call is begun.
            until: asked now and then; no call is begun once it holds.
        """
        stop = threading.Event()
        self._workers = [
            threading.Thread(target=self._work, args=(phase, place, stop), name=f"drill-{place}", daemon=True)
            for place in range(threads)
        ]
        end = time.monotonic() + seconds
        try:
            for worker in self._workers:
                worker.start()
            while time.monotonic() < end and not until():
                time.sleep(_LOOK)
        finally:
            stop.set()
        longest = max(self._gateway.settings.routes[route].deadline for route in self._routes) + GRACE
        self.join(longest)

    def join(self, seconds: float) -> None:
        """Wait for all calls to end."""
        patience = time.monotonic() + seconds
        for worker in self._workers:
            if worker.ident is not None:
                worker.join(max(0.0, patience - time.monotonic()))

    def _work(self, phase: str, place: int, stop: threading.Event) -> None:
        chance = random.Random(f"{self._seed} {phase} {place}")
        while not stop.is_set():
            with self._lock:
                number = next(self._numbers)
                if number >= image.MOST:
                    return
                self.images.append(number)
            self._call(phase, number)
            stop.wait(PAUSE * chance.uniform(0.5, 1.5))

    def _call(self, phase: str, number: int) -> None:
        route = self._routes[number % len(self._routes)]
        data = image.draw(number)
        with self._lock:
            begun = self._under_way[number] = time.monotonic()
        try:
            result = self._gateway.recognize(data, route=route)
        except BaseException as error:  # noqa: BLE001 - whatever it is, is what came of the image
            call = Call(number, route, phase, begun, time.monotonic(), error=error)
        else:
            call = Call(number, route, phase, begun, time.monotonic(), result=result)
        with self._lock:
            del self._under_way[number]
            self._calls.append(call)
