"""Engines that crash, hang or fail when they are told to, and read as they always do otherwise."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ocrgate.clock import Deadline
from ocrgate.diagnosis import lookup
from ocrgate.drill import image
from ocrgate.errors import ProviderError
from ocrgate.page import Line, Page, Polygon
from ocrgate.provider import Adapter, Capabilities, Limits, Provider, ProviderSpec, Readiness, Request

ENGINE = f"{__name__}:DrillEngine"
_LOOK = 0.02

Deed = Literal["crash", "hang", "fail"]


@dataclass(frozen=True, slots=True)
class Order:
    """What an engine is to do.

    Attributes:
        deed: `crash` (its process ends), `hang` (nothing comes) or `fail` (it says that it cannot); None to behave.
        every: only with images whose number can be divided by this.
    """

    deed: Deed | None = None
    every: int = 1


class Switch:
    """How a saboteur is told what to do: by a file, which its worker processes see too.

    Args:
        path: of the file; the folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def set(self, deed: Deed | None, every: int = 1) -> None:
        """Give an order, which holds until the next one."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text("" if deed is None else f"{deed} {every}", encoding="ascii")
        fresh.replace(self.path)

    @property
    def order(self) -> Order:
        """The order in force."""
        try:
            deed, every = self.path.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return Order()
        return Order(deed, int(every))  # type: ignore[arg-type]

    def sign_on(self) -> None:
        """Note that this process serves the engine from now on."""
        with contextlib.suppress(OSError), self._list.open("a", encoding="ascii") as listed:
            listed.write(f"{os.getpid()}\n")

    @property
    def pids(self) -> tuple[int, ...]:
        """Processes that have served the engine, in order."""
        try:
            return tuple(int(line) for line in self._list.read_text(encoding="ascii").split())
        except OSError:
            return ()

    @property
    def _list(self) -> Path:
        return self.path.with_suffix(".pids")


class DrillEngine(Adapter):
    """Reads the images of a drill by their pale squares, at once and without a mistake."""

    capabilities = Capabilities(limits=Limits(max_side=4000), isolation="process", lanes=2)

    def __init__(self, name: str = "local") -> None:
        self.name = name

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        try:
            rows = image.text(image.number(request.image())).splitlines()
        except ValueError as error:
            raise ProviderError(self.name, lookup("gateway", "bad_page", str(error))) from error
        step = request.height / len(rows)
        lines = (
            Line(row, Polygon.from_box(0, place * step, request.width, step), 0.97) for place, row in enumerate(rows)
        )
        return Page(tuple(lines), request.width, request.height)


class Saboteur(Adapter):
    """An engine with a switch in front of it.

    Args:
        name: configured name.
        factory, options: of the engine; see `ProviderSpec`.
        switch: path of the file with the orders.
    """

    def __init__(self, name: str, *, factory: str, options: Mapping[str, Any], switch: str) -> None:
        self.name = name
        self._engine: Provider = ProviderSpec(name, factory, options).build()
        self._switch = Switch(Path(switch))
        self.capabilities = self._engine.capabilities

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        order = self._switch.order
        if order.deed is not None and self._is_meant(order, request):
            self._obey(order.deed, request)
        return self._engine.recognize(request, deadline)

    def check(self) -> Readiness:
        return self._engine.check()

    def warm_up(self) -> None:
        if self.capabilities.isolation == "process":
            self._switch.sign_on()
        self._engine.warm_up()

    def close(self) -> None:
        self._engine.close()

    def _is_meant(self, order: Order, request: Request) -> bool:
        if order.every == 1:
            return True
        try:
            return image.number(request.image()) % order.every == 0
        except ValueError:
            return False

    def _obey(self, deed: Deed, request: Request) -> None:
        if deed == "crash" and self.capabilities.isolation == "process":
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        if deed == "hang":
            # A thread of the host comes back when the drill is over; a worker process is killed before.
            while self._switch.order.deed == "hang" and not request.cancelled():
                time.sleep(_LOOK)
        raise ProviderError(self.name, lookup("gateway", "worker_crash", f"told to {deed} by the drill"))
