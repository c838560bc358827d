"""An engine in the cloud that is mostly quick and now and then very slow, and a steady one on this host."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass

from ocrgate.clock import Deadline
from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError
from ocrgate.key import Key
from ocrgate.page import Line, Page, Polygon
from ocrgate.provider import Adapter, Capabilities, Limits, Request
from ocrgate.result import Cost
from ocrgate.settings import HedgeSettings, ProviderSettings, RouteSettings, Settings

PRICE = Cost(0.04, "CNY")
CLOUD_LANES, LOCAL_LANES = 64, 4
_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """How long every call takes, settled beforehand, so that whoever asks has the same calls slow.

    Attributes:
        usual: seconds of most calls to the cloud, the median.
        slow: seconds of the others, give or take a quarter.
        share: of the slow ones, 0–1.
        local: seconds of a call to the engine on this host.
        seed: of the draw.
    """

    usual: float = 0.02
    slow: float = 2.0
    share: float = 0.02
    local: float = 0.2
    seed: int = 1

    def cloud(self, number: int, turn: int) -> float:
        """Seconds of the call number `turn`, from 0, for picture `number`."""
        chance = random.Random(f"{self.seed}/{number}/{turn}")
        if chance.random() < self.share:
            return self.slow * chance.uniform(0.75, 1.25)
        return self.usual * chance.lognormvariate(0.0, _SPREAD)


class _Engine(Adapter):
    """Waits, and ends early when its caller gives up, as a connection does that is closed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.calls = 0
        self._turns: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._page = Page((Line("TOTAL 5.50", Polygon.from_box(4, 4, 80, 20), 0.99),), 96, 32)

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        number = int(request.options["number"])
        with self._lock:
            self.calls += 1
            turn = self._turns[number]
            self._turns[number] += 1
        given_up = threading.Event()
        request.on_cancel(given_up.set)
        seconds, left = self.seconds(number, turn), deadline.remaining
        if given_up.wait(min(seconds, left)):
            raise ProviderError(self.name, lookup("gateway", "cancelled"))
        if seconds > left:
            raise ProviderError(self.name, lookup("gateway", "timeout"))
        return self._page

    def seconds(self, number: int, turn: int) -> float:
        raise NotImplementedError


class CloudEngine(_Engine):
    """In the cloud, with two keys of two accounts."""

    name = "cloud"
    capabilities = Capabilities(limits=Limits(formats=("PNG",)), cloud=True, lanes=CLOUD_LANES)
    keys = (Key("first", account="one"), Key("second", account="two"))

    def seconds(self, number: int, turn: int) -> float:
        return self.plan.cloud(number, turn)


class LocalEngine(_Engine):
    """On this host: never slow, but slower than the cloud mostly is, and with few lanes."""

    name = "local"
    capabilities = Capabilities(limits=Limits(formats=("PNG",)), lanes=LOCAL_LANES)

    def seconds(self, number: int, turn: int) -> float:
        return self.plan.local


def settings(hedge: HedgeSettings | None) -> Settings:
    """A route from the cloud to this host; no picture is shared, for every call is to be one."""
    cloud = ProviderSettings("cloud", "cloud", timeout=10.0, lanes=CLOUD_LANES, price=PRICE)
    local = ProviderSettings("local", "local", timeout=10.0, lanes=LOCAL_LANES)
    route = RouteSettings("default", ("cloud", "local"), deadline=10.0, hedge=hedge)
    return Settings({"cloud": cloud, "local": local}, {"default": route}, single_flight=False)
