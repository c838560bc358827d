"""The settings of a blueprint for one folder and one simulator: what is written and asked is the drill's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ocrgate.drill.blueprint import CLOUD, Blueprint, keys_of
from ocrgate.drill.saboteur import Saboteur
from ocrgate.provider import Provider
from ocrgate.settings import ProviderSettings, Settings


@dataclass(frozen=True, slots=True)
class Platform:
    """Where Baidu is played.

    Attributes:
        url: of the simulator.
        ca_bundle: file with the certificate to trust, or None without TLS.
        secrets: API key and secret key by provider and name of the key.
    """

    url: str
    ca_bundle: str | None = None
    secrets: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict, repr=False)


def furnished(blueprint: Blueprint, platform: Platform, folder: Path, ledger_key: str) -> Settings:
    """The settings, with state, ledger and cache in the folder and keys that open nothing but the simulator."""
    settings = blueprint.settings
    for name in ("state", "ledger", "cache", "switches"):
        (folder / name).mkdir()
    audit, cache = settings.audit, settings.cache
    if audit.path is not None:
        key = None if audit.key is None else ledger_key
        audit = replace(audit, path=str(folder / "ledger" / "audit.jsonl"), key=key)
    if cache is not None:
        cache = replace(cache, path=str(folder / "cache" / "cache.db"))
    return replace(
        settings,
        providers={name: _provider(own, blueprint, platform, folder) for name, own in settings.providers.items()},
        state="memory" if settings.state == "memory" else f"sqlite:{folder / 'state' / 'state.db'}",
        audit=audit,
        cache=cache,
    )


def switch_of(folder: Path, engine: str) -> Path:
    """The file with the orders of an engine on this host; names of engines may hold anything."""
    return folder / "switches" / f"{engine.encode().hex()}.order"


def saboteurs(blueprint: Blueprint, settings: Settings) -> Mapping[str, Provider]:
    """The engines on this host, each behind its switch."""
    return {name: Saboteur(name, **settings.providers[name].options) for name in blueprint.engines}


def _provider(own: ProviderSettings, blueprint: Blueprint, platform: Platform, folder: Path) -> ProviderSettings:
    if own.type != CLOUD:
        spec = blueprint.engines[own.name]
        told: dict[str, Any] = {"factory": spec.factory, "options": dict(spec.options)}
        return replace(own, options={**told, "switch": str(switch_of(folder, own.name))})
    keys = []
    for entry in keys_of(blueprint)[own.name]:
        api_key, secret_key = platform.secrets[own.name, entry["name"]]
        keys.append({**entry, "api_key": api_key, "secret_key": secret_key})
    options = {**own.options, "base_url": platform.url, "trust_env": False, "keys": keys}
    options.pop("tls", None)
    if platform.ca_bundle is not None:
        options["tls"] = {**(own.options.get("tls") or {}), "ca_bundle": platform.ca_bundle}
    return replace(own, options=options)
