"""Calls of every kind a gateway sees in its life, and what each has to end in."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from itertools import islice
from typing import Any

from benchmarks import numbered
from ocrgate import Gateway
from ocrgate.clock import Deadline
from ocrgate.diagnosis import lookup
from ocrgate.errors import AllProvidersFailed, InvalidImage, NoValidResult, OCRError, ProviderError
from ocrgate.key import Key
from ocrgate.page import Line, Page, Polygon
from ocrgate.provider import Adapter, Capabilities, Limits, Request
from ocrgate.result import Result
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    HedgeSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    RuleSettings,
    Settings,
)

SLOW, GIVEN_UP_AFTER = 0.03, 0.004
_HANG_LIMIT = 0.25


def _page(request: Request, text: str) -> Page:
    line = Line(text, Polygon.from_box(0, 0, request.width, request.height), 0.99)
    return Page((line,), request.width, request.height)


class Actor(Adapter):
    """Does what the options of a request say: reads it, fails, reads something else, is slow, or hangs.

    Args:
        name: configured name; what is said to `cloud` is done by the engine of that name alone.
        isolation: `thread` or `process`.
    """

    def __init__(self, name: str = "cloud", isolation: Any = "thread") -> None:
        cloud = name == "cloud"
        self.name = name
        self._keys = (Key("only"),) if cloud else ()
        self.capabilities = Capabilities(
            limits=Limits(formats=("PNG",)) if cloud else Limits(), cloud=cloud, lanes=8, isolation=isolation
        )

    @property
    def keys(self) -> tuple[Key, ...]:
        return self._keys

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        what = request.options.get(self.name, "")
        if what == "fail":
            raise ProviderError(self.name, lookup("baidu", "282000"))
        if what == "die":
            os._exit(3)
        if what in ("slow", "hang"):
            given_up = threading.Event()
            request.on_cancel(given_up.set)
            given_up.wait(SLOW if what == "slow" else _HANG_LIMIT)
        if what == "linger":
            time.sleep(60.0)
        if what == "nothing":
            return Page((), request.width, request.height)
        return _page(request, "something else" if what == "reject" else numbered.read(request.image()))


Outcome = Result | BaseException
Check = Callable[[Outcome, int], bool]
"""Whether a call of this number has ended as it has to."""


def _right(outcome: Outcome, number: int) -> bool:
    return isinstance(outcome, Result) and outcome.valid and outcome.text == numbered.text(number)


def _right_locally(outcome: Outcome, number: int) -> bool:
    return _right(outcome, number) and isinstance(outcome, Result) and outcome.provider == "local"


def _blank(outcome: Outcome, _number: int) -> bool:
    return isinstance(outcome, Result) and outcome.blank and outcome.valid


def _cancelled_or_right(outcome: Outcome, number: int) -> bool:
    """An answer can be there before anybody gives up, when the first engine is not asked at all."""
    return isinstance(outcome, (asyncio.CancelledError, FutureTimeout, TimeoutError)) or _right(outcome, number)


def _raises(*kinds: type[BaseException]) -> Check:
    return lambda outcome, _number: isinstance(outcome, kinds)


KINDS: Mapping[str, tuple[int, dict[str, str], Check]] = {
    "good": (50, {}, _right),
    "first engine fails": (12, {"cloud": "fail"}, _right_locally),
    "first answer rejected": (10, {"cloud": "reject"}, _right_locally),
    "blank page": (7, {"cloud": "nothing", "local": "nothing"}, _blank),
    "slow, so hedged": (5, {"cloud": "slow"}, _right),
    "cancelled": (5, {"cloud": "hang"}, _cancelled_or_right),
    "no image": (5, {}, _raises(InvalidImage)),
    "every engine fails": (3, {"cloud": "fail", "local": "fail"}, _raises(AllProvidersFailed)),
    "every answer rejected": (3, {"cloud": "reject", "local": "reject"}, _raises(NoValidResult)),
}
"""Calls of a hundred, what is said to the engines, and what the call has to end in."""

_ORDER = [kind for kind, (share, _, _) in KINDS.items() for _ in range(share)]
_BLANK = numbered.blank()


def kind_of(number: int) -> str:
    """The kind of a call: mixed, and the same in every run."""
    return _ORDER[number * 37 % len(_ORDER)]


def numbers(kind: str, count: int) -> list[int]:
    """So many numbers of calls of one kind, none of which a run comes to."""
    found = (number for number in range(numbered.COUNT - 1, 0, -1) if kind_of(number) == kind)
    return list(islice(found, count))


def settings(state: str = "memory") -> Settings:
    """Everything on, with times short enough for many calls."""
    breaker = BreakerSettings(window=100, minimum=50, open_for=0.05)
    often = RetrySettings(attempts=2, base=0.001, cap=0.001)
    accept = AcceptSettings(rules=(RuleSettings("number", numbered.PATTERN, required=True),))
    hedge = HedgeSettings(after=0.005, quantile=False, budget=0.2)
    return Settings(
        {
            "cloud": ProviderSettings("cloud", "actor", timeout=1.0, retry=often, breaker=breaker, qps=1e6),
            "local": ProviderSettings("local", "actor", timeout=1.0, retry=often, breaker=breaker),
        },
        {"default": RouteSettings("default", ("cloud", "local"), deadline=2.0, accept=accept, hedge=hedge)},
        state=state,
    )


@contextmanager
def caller(gateway: Gateway) -> Iterator[Callable[[int], str | None]]:
    """A function that makes the call of a number, as its kind says; what it returns tells what was unexpected."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="soak-loop", daemon=True)
    thread.start()

    def call(number: int) -> str | None:
        kind = kind_of(number)
        _, options, check = KINDS[kind]
        outcome = _made(gateway, loop, kind, number, options)
        return None if check(outcome, number) else f"{kind}: {outcome!r:.300}"

    try:
        yield call
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _made(
    gateway: Gateway, loop: asyncio.AbstractEventLoop, kind: str, number: int, options: Mapping[str, str]
) -> Outcome:
    image = {"blank page": _BLANK, "no image": b"not a picture"}.get(kind) or numbered.picture(number)
    try:
        if kind == "cancelled":
            waiting = asyncio.wait_for(gateway.arecognize(image, options=options), GIVEN_UP_AFTER)
            return asyncio.run_coroutine_threadsafe(waiting, loop).result(30.0)
        return gateway.recognize(image, options=options)
    except (OCRError, TimeoutError, FutureTimeout, asyncio.CancelledError) as error:
        return error


def mortal_settings(lanes: int) -> Settings:
    """One engine in worker processes, that are replaced after a while even when nothing happens to them."""
    local = ProviderSettings(
        "local",
        "actor",
        timeout=0.3,
        lanes=lanes,
        recycle=200,
        retry=RetrySettings(attempts=1),
        options={"isolation": "process"},
    )
    return Settings({"local": local}, {"default": RouteSettings("default", ("local",), deadline=20.0)})


def mortal_call(gateway: Gateway, number: int) -> str | None:
    """A call of which every fortieth ends its process and every hundredth hangs until the process is killed."""
    what = "die" if number % 40 == 39 else "linger" if number % 100 == 50 else ""
    outcome: Outcome
    try:
        outcome = gateway.recognize(numbered.picture(number), options={"local": what})
    except OCRError as error:
        outcome = error
    expected = isinstance(outcome, AllProvidersFailed) if what else _right(outcome, number)
    return None if expected else f"{what or 'good'}: {outcome!r:.300}"
