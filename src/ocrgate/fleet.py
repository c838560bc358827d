"""One configuration, built: its engines and routes, in use until the last call that began with them has ended."""

from __future__ import annotations

import contextlib
import difflib
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ocrgate import catalog, fork
from ocrgate.answers import Questions
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.commons import Commons
from ocrgate.engine import Engine
from ocrgate.errors import ConfigError, OCRError, Problem
from ocrgate.events import Event
from ocrgate.policy.chaos import Chaos
from ocrgate.provider import Provider
from ocrgate.route import Route
from ocrgate.settings import ChaosSettings, Settings


class Fleet:
    """The engines and routes of one configuration; thread-safe.

    Args:
        settings: the configuration.
        providers: adapters that are there already, by configured name; the others are built from their entry points.
        clock: time.
        emit: hears of events.
        commons: what outlives this configuration.

    Raises:
        ConfigError: when an adapter or a route cannot be built.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        providers: Mapping[str, Provider] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        emit: Callable[[Event], None] = lambda _event: None,
        commons: Commons | None = None,
    ) -> None:
        self.settings = settings
        self.commons = Commons(clock=clock) if commons is None else commons
        self._retired = False
        self.after_fork()
        fork.renew(self)
        given = providers or {}
        chaos = None if settings.chaos is None else _chaos(settings.chaos, clock)
        self.engines: dict[str, Engine] = {}
        for name, wanted in settings.providers.items():
            if name in given:
                provider = given[name]
                spec = catalog.given_spec(provider, wanted)
            else:
                spec = catalog.spec_of(wanted)
                provider = catalog.build(spec)
            self.engines[name] = Engine(
                wanted, spec, provider, clock=clock, emit=emit, commons=self.commons, chaos=chaos
            )
        self.routes = {
            name: Route(route, self.engines, clock, store=self.commons.store) for name, route in settings.routes.items()
        }
        self._questions: dict[str, Questions] = {}
        self._open = True
        self.commons.hold()

    def after_fork(self) -> None:
        # Calls of the parent's other threads do not go on here, so nobody will tell of their end.
        self._lock = threading.Lock()
        self._calls = 0

    def route(self, name: str | None) -> Route:
        """The route of that name; without one `default`, or the first.

        Raises:
            ConfigError: when there is none.
        """
        wanted = name or ("default" if "default" in self.routes else next(iter(self.routes), ""))
        found = self.routes.get(wanted)
        if found is None:
            near = difflib.get_close_matches(wanted, self.routes, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.routes) or 'none'}"
            raise ConfigError([Problem(f"no route {wanted!r}; {hint}", "routes")])
        return found

    def engine(self, name: str) -> Engine:
        """The engine of that configured name.

        Raises:
            ConfigError: when there is none.
        """
        if name not in self.engines:
            raise ConfigError([Problem(f"no provider {name!r}; there are: {', '.join(self.engines)}", "providers")])
        return self.engines[name]

    def questions(self, route: Route) -> Questions:
        """What may be asked of one of the routes."""
        found = self._questions.get(route.name)
        if found is None:
            providers = [(engine.settings, engine.revision) for engine in route.engines]
            found = self._questions[route.name] = Questions(route.settings, providers, self.settings.image)
        return found

    def hold(self) -> contextlib.AbstractContextManager[Fleet]:
        """Hold the fleet from now until the end of the `with` block of one call.

        Raises:
            OCRError: when it has been closed.
        """
        with self._lock:
            if self._retired:
                raise OCRError("the gateway is closed")
            self._calls += 1
        return self._held()

    @contextlib.contextmanager
    def _held(self) -> Iterator[Fleet]:
        try:
            yield self
        finally:
            with self._lock:
                self._calls -= 1
                last = self._retired and self._calls <= 0
            if last:
                self._close()

    def retire(self) -> None:
        """Take no more calls; close when the last one has ended."""
        with self._lock:
            if self._retired:
                return
            self._retired = True
            idle = self._calls == 0
        if idle:
            self._close()

    def close(self) -> None:
        """Take no more calls, and end those that are under way."""
        with self._lock:
            self._retired = True
        self._close()

    def release_keys(self) -> None:
        """Take all keys off their benches: the configuration has changed."""
        for engine in self.engines.values():
            engine.release_keys()

    def _close(self) -> None:
        with self._lock:
            was_open, self._open = self._open, False
        for engine in self.engines.values():
            engine.close()
        if was_open:
            self.commons.release()

    def status(self) -> dict[str, Any]:
        """See `Gateway.status`."""
        return {name: engine.status() for name, engine in self.engines.items()}


def _chaos(settings: ChaosSettings, clock: Clock) -> Chaos:
    try:
        return Chaos(settings, clock, draw=random.random, choose=random.choice)
    except ValueError as error:
        raise ConfigError([Problem(str(error), "chaos")]) from error
