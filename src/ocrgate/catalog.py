"""Which engines are installed: the entry points of `ocrgate.providers`, loaded on first use."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from ocrgate.diagnosis.catalogue import GROUP
from ocrgate.errors import ConfigError, Problem
from ocrgate.provider import Provider, ProviderSpec
from ocrgate.settings import ProviderSettings


@cache
def factories() -> Mapping[str, str]:
    """Every installed provider type and its factory as `module:attribute`; nothing is imported."""
    return {entry.name: entry.value for entry in sorted(entry_points(group=GROUP))}


def spec_of(settings: ProviderSettings) -> ProviderSpec:
    """How to build the adapter that the settings name.

    Raises:
        ConfigError: when no such provider type is installed.
    """
    found = factories().get(settings.type)
    if found is None:
        near = difflib.get_close_matches(settings.type, factories(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; installed: {', '.join(factories()) or 'none'}"
        raise ConfigError(
            [Problem(f"no provider type {settings.type!r} is installed{hint}", f"providers.{settings.name}")]
        )
    return ProviderSpec(settings.name, found, settings.options)


def build(spec: ProviderSpec) -> Provider:
    """The adapter, cheaply: no engine is loaded.

    Raises:
        ConfigError: when its package cannot be imported or its options make no sense.
    """
    try:
        return spec.build()
    except (ImportError, AttributeError) as error:
        raise ConfigError([Problem(f"cannot import {spec.factory}: {error}", f"providers.{spec.name}")]) from error
    except TypeError as error:
        raise ConfigError([Problem(f"options not accepted: {error}", f"providers.{spec.name}")]) from error


def given_spec(provider: Provider, settings: ProviderSettings) -> ProviderSpec:
    """How a worker process builds again an adapter that was handed in: by its class and the configured options."""
    kind = type(provider)
    return ProviderSpec(settings.name, f"{kind.__module__}:{kind.__qualname__}", settings.options)
