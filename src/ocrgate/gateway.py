"""The front door."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ocrgate import fork
from ocrgate.cancel import Cancellation
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.commons import Commons, Shared
from ocrgate.errors import ConfigError, OCRError, Problem
from ocrgate.events import ConfigurationChanged, Events, Listener
from ocrgate.fleet import Fleet
from ocrgate.provider import Provider
from ocrgate.recognition import Wish, recognize
from ocrgate.result import Failure, Result
from ocrgate.settings import BreakerMode, Settings
from ocrgate.source import Source

_log = logging.getLogger("ocrgate")


class Gateway:
    """Reads images, whichever engine it takes.

    Thread-safe. Building one loads no engine and opens no connection; `close()`, or the end of a `with` block, leaves
    no thread busy and no process behind. One made before a fork works in the children.

    Args:
        settings: the configuration; `from_yaml`, `from_dict` and `default` make it for you.
        providers: adapters of your own by configured name, in place of the installed ones.
        clock: time; tests hand in one of their own.

    Raises:
        ConfigError: when an engine or a route cannot be built.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        providers: Mapping[str, Provider] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._clock = clock
        self._given = dict(providers or {})
        self._events = Events()
        self._lock = fork.Lock()
        self._source: Source | None = None
        self._changing = fork.Lock()
        self._fleet = self._build(settings, None)

    @classmethod
    def from_yaml(cls, path: str | os.PathLike[str]) -> Gateway:
        """A gateway as a YAML file says; docs/configuration.md has every setting.

        Raises:
            ConfigError: with every problem of the file and its line.
        """
        from ocrgate.config import load

        return cls._from(Source(lambda: load(path), Path(path)))

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Gateway:
        """A gateway as a mapping of the same shape as the YAML file says.

        Raises:
            ConfigError: with every problem of the mapping.
        """
        from ocrgate.config import parse

        return cls(parse(mapping))

    @classmethod
    def default(cls) -> Gateway:
        """A gateway that needs no file and no key: every local engine that is usable here, best first; Baidu before
        them when `AIP_APP_ID`, `AIP_API_KEY` and `AIP_SECRET_KEY` are set.

        Raises:
            ConfigError: when no engine is installed.
        """
        from ocrgate.embedded import default_settings

        return cls._from(Source(default_settings))

    @classmethod
    def _from(cls, source: Source) -> Gateway:
        gateway = cls(source.read())
        gateway._source = source
        return gateway

    def _build(self, settings: Settings, before: Fleet | None) -> Fleet:
        for notice in settings.notices:
            _log.warning("%s", notice)
        shared = Shared(settings.state, settings.audit, settings.cache, settings.single_flight)
        commons = before.commons if before is not None and before.commons.settings == shared else None
        if commons is None:
            commons = Commons(shared, self._clock)
        return Fleet(settings, providers=self._given, clock=self._clock, emit=self._events.emit, commons=commons)

    def _use(self) -> contextlib.AbstractContextManager[Fleet]:
        if self._source is not None and self._source.changed():
            self._take_changed_file()
        with self._lock:  # so that a reload does not retire the fleet between being chosen and being used
            return self._fleet.hold()

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self._fleet.settings

    def recognize(
        self,
        image: Any,
        *,
        route: str | None = None,
        deadline: float | None = None,
        languages: Iterable[str] | str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Result:
        """Read an image.

        Args:
            image: path, bytes, binary file, `PIL.Image.Image` or numpy array (height × width [× 1, 3 or 4 channels]).
            route: name of a configured route; `default` without one.
            deadline: seconds for the whole call. Without it the route's own holds, for each page of a document.
            languages: BCP 47 tags or any engine's names for them; engines that do not read them are not asked.
            options: request options, handed to the engines as they are.

        Returns:
            The text with its story. With `on_invalid: best` it may be not `valid`.

        Raises:
            InvalidImage: the input cannot be read; no engine was asked.
            NoValidResult: engines answered, but no answer passed the route's rules.
            AllProvidersFailed: no engine gave an answer.
            DeadlineExceeded: no engine answered in time.
            ConfigError: there is no such route.
        """
        return self._recognize(Wish(image, route, deadline, languages, options))

    async def arecognize(
        self,
        image: Any,
        *,
        route: str | None = None,
        deadline: float | None = None,
        languages: Iterable[str] | str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Result:
        """`recognize` for asyncio; cancelling the task stops the engine that is at work."""
        from ocrgate.awaiting import in_thread

        return await in_thread(lambda cancel: self._recognize(Wish(image, route, deadline, languages, options, cancel)))

    def recognize_many(
        self,
        images: Iterable[Any],
        *,
        route: str | None = None,
        workers: int | None = None,
        ordered: bool = True,
        deadline: float | None = None,
        languages: Iterable[str] | str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Iterator[Result | Failure]:
        """Read many images, several at once.

        Args:
            images: as for `recognize`; taken lazily, a few ahead of what has been handed out.
            route, deadline, languages, options: as for `recognize`; the deadline is each image's own.
            workers: images read at once; without it one for each lane of the route's first engine.
            ordered: whether answers come in the order of the images, or as they are ready.

        Yields:
            A `Result`, or a `Failure(source, error)`; one bad image never ends the iteration.

        Raises:
            ValueError: at once, when `workers` is below 1.
            ConfigError: at once, when there is no such route.
        """
        from ocrgate.many import recognize_many

        lanes = self._fleet.route(route).engines[0].lanes
        cancel = Cancellation()
        return recognize_many(
            lambda image: self._recognize(Wish(image, route, deadline, languages, options, cancel)),
            cancel.cancel,
            images,
            workers=lanes if workers is None else workers,
            ordered=ordered,
        )

    def _recognize(self, wish: Wish) -> Result:
        with self._use() as fleet:
            return recognize(wish, fleet, self._clock, self._events.emit)

    def warm_up(self, route: str | None = None) -> None:
        """Load the engines of a route, or of all, ahead of use. An engine that cannot be loaded is passed over: it
        would be refused when it is asked, too, and `status()` says why."""
        with self._use() as fleet:
            engines = fleet.route(route).engines if route else tuple(fleet.engines.values())
            for engine in engines:
                try:
                    engine.warm_up()
                except OCRError as error:
                    _log.warning("%s", error)

    def status(self) -> dict[str, Any]:
        """The state of every provider, by name.

        Returns:
            For each: `type`, `cloud`, `ready` and `detail`, `breaker` (`closed`, `open`, `half-open`), `retry_in`
            (seconds until a probe), `breaker_detail` (a `BreakerStatus`), `lanes` (`in_use`, `size`, and `limit`: how
            many may be in use now), `latency` (p50, p95 and p99 of the last calls in seconds, None where they are too
            few), `keys` (by name: usable, or benched until when and why, on trial or not), `quota` (as configured),
            `usage` (by key: calls and money of the day and month, what is left of the quota), `last_diagnosis`, and of
            what all share `state`, `audit`, `cache` and `flights` (whether they work; None for what is not used).
        """
        return self._fleet.status()

    def release_key(self, provider: str, key: str | None = None) -> None:
        """Take a key, or all of a provider, off the bench: what was wrong at the provider has been mended.

        Raises:
            ConfigError: when there is no such provider or key.
        """
        with self._use() as fleet:
            engine = fleet.engine(provider)
            names = [each.name for each in engine.provider.keys]
            if key is not None and key not in names:
                known = ", ".join(names) or "none"
                raise ConfigError([Problem(f"{provider} has no key {key!r}; there are: {known}", "providers")])
            engine.release_keys(key)

    def set_breaker(self, provider: str, mode: BreakerMode | None) -> None:
        """Have a provider's breaker `enforce`, `shadow`, `disabled` or `forced_open`, whatever is configured, in every
        process that shares the state; None leaves it to the configuration again.

        Raises:
            ConfigError: when there is no such provider or mode.
        """
        with self._use() as fleet:
            try:
                fleet.engine(provider).breaker.force(mode)
            except ValueError as error:
                raise ConfigError([Problem(str(error), "breaker")]) from error

    def on(self, listener: Listener) -> Callable[[], None]:
        """Hear every event, in a thread of its own; returns what ends it. See `ocrgate.events`."""
        return self._events.on(listener)

    def reload(self) -> None:
        """Take the changed configuration; calls under way end with the old one.

        Keys are taken off their benches and trials that were lost begin anew. Tokens, quotas, what was spent and the
        trials that go on are kept. A gateway built from a file does this by itself when the file has changed; see
        `watch` in the configuration.

        Raises:
            ConfigError: when it cannot be used; the old one stays in force then.
        """
        if self._source is None:
            raise OCRError("this gateway was not built from a file; build a new one")
        with self._changing:
            fresh = self._build(self._source.read(), self._fleet)
            fresh.release_keys()
            with self._lock:
                old, self._fleet = self._fleet, fresh
            old.retire()
        self._events.emit(ConfigurationChanged())

    def _take_changed_file(self) -> None:
        """A file that cannot be used is told of, and the configuration in force stays so."""
        try:
            self.reload()
        except ConfigError as error:
            _log.error("the changed configuration is not used: %s", error)
            self._events.emit(ConfigurationChanged(str(error)))
        else:
            _log.info("the configuration has changed and is in force")

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until the listeners have heard all that happened so far; whether they have."""
        return self._events.flush(seconds)

    def close(self) -> None:
        """Give threads, processes and connections back; calls under way end in an error."""
        self._fleet.close()
        self._events.close()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False
