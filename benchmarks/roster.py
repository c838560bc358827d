"""The engines that are measured, each behind a gateway of its own, so that the path users take is what is measured."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ocrgate import ConfigError, Gateway, catalog
from ocrgate.config import parse
from ocrgate.page import Line
from ocrgate.provider import Provider
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    ImageSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    Settings,
)

ENGINES = ("rapidocr", "tesseract", "easyocr", "baidu")
TIMEOUT = 240.0
_ONCE = RetrySettings(attempts=1)
_NEVER = BreakerSettings(window=1_000_000, minimum=1_000_000)
"""A breaker that stays closed: an engine that fails often is to be measured, not spared."""

_SIMULATED = {"app_id": "simulated", "api_key": "simulated-api-key", "secret_key": "simulated-secret-key"}


class Missing(Exception):
    """An engine cannot be asked here; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """An engine, ready to be asked.

    Attributes:
        name: as on the command line.
        label: what is really asked, for people.
        gateway: one provider, one route.
    """

    name: str
    label: str
    gateway: Gateway


@contextlib.contextmanager
def enter(
    name: str, config: Settings | None = None, providers: Mapping[str, Provider] | None = None
) -> Iterator[Entrant]:
    """A gateway that asks this one engine, loaded; closed at the end of the `with` block.

    Args:
        name: of a provider type, or of a provider in `config`.
        config: where the engine's settings are taken from; without it the defaults are measured, one lane, no retry,
            and `baidu` is the simulator with RapidOCR behind it.
        providers: adapters that are there already, by name.

    Raises:
        Missing: when the engine cannot be asked.
    """
    given = dict(providers or {})
    with contextlib.ExitStack() as stack:
        label = name
        if name in given:
            settings = ProviderSettings(name, name, timeout=TIMEOUT, lanes=1, retry=_ONCE)
        elif config is not None:
            if name not in config.providers:
                raise Missing(f"the configuration has no provider {name!r}; it has: {', '.join(config.providers)}")
            settings, label = config.providers[name], f"{name} (as configured)"
        elif name == "baidu":
            settings = stack.enter_context(_simulator(providers))
            label = "baidu (simulator, text by rapidocr)"
        else:
            settings = _defaults(name, {})
        _check(settings, given.get(name))
        image = config.image if config is not None else ImageSettings()
        gateway = stack.enter_context(_alone(replace(settings, breaker=_NEVER), image, given))
        gateway.warm_up()
        yield Entrant(name, label, gateway)


def _alone(settings: ProviderSettings, image: ImageSettings, given: Mapping[str, Provider]) -> Gateway:
    """A gateway with one provider whose every answer is taken as it is."""
    route = RouteSettings(
        "default", (settings.name,), deadline=TIMEOUT, accept=AcceptSettings(min_characters=0, on_invalid="best")
    )
    return Gateway(Settings({settings.name: settings}, {"default": route}, image), providers=given)


def _defaults(name: str, options: Mapping[str, Any]) -> ProviderSettings:
    try:
        found = parse({"version": 1, "providers": {name: {"type": name, **options}}}).providers[name]
    except ConfigError as error:
        raise Missing(str(error)) from error
    return replace(found, timeout=TIMEOUT, lanes=1, retry=_ONCE)


def _check(settings: ProviderSettings, given: Provider | None) -> None:
    try:
        provider = given or catalog.build(catalog.spec_of(settings))
        readiness = provider.check()
    except ConfigError as error:
        raise Missing(str(error)) from error
    if given is None:
        provider.close()
    if not readiness.ready:
        raise Missing("; ".join(filter(None, (readiness.detail, readiness.remedy))))


@contextlib.contextmanager
def _simulator(providers: Mapping[str, Provider] | None) -> Iterator[ProviderSettings]:
    """Baidu's protocol on this machine, the text read by RapidOCR: what is measured is the way, not Baidu's eyes."""
    from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey

    with enter("rapidocr", None, providers) as reader:

        def read(data: bytes) -> list[dict[str, Any]]:
            result = reader.gateway.recognize(io.BytesIO(data), languages=("zh-Hans", "en"))
            return [_words(line) for line in result.lines]

        key = SimulatedKey(api_key=_SIMULATED["api_key"], secret_key=_SIMULATED["secret_key"])
        with BaiduSimulator([key], reader=read) as simulator:
            options = {"probability": True, "vertexes_location": True}
            yield _defaults(
                "baidu",
                {
                    "endpoint": "accurate",
                    "base_url": simulator.url,
                    "keys": [{"name": "simulated", **_SIMULATED}],
                    "options": options,
                },
            )


def _words(line: Line) -> dict[str, Any]:
    """A line as the simulator's readers give it."""
    words: dict[str, Any] = {"words": line.text}
    if line.confidence is not None:
        words["probability"] = line.confidence
    if line.polygon is not None:
        words["vertexes"] = [[round(point.x), round(point.y)] for point in line.polygon]
    return words
