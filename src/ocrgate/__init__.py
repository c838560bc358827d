"""Dependable OCR: Baidu first, local engines when it fails, and the whole story of every answer.

The public names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.clock import Deadline
    from ocrgate.diagnosis import Diagnosis, diagnose
    from ocrgate.errors import (
        AllProvidersFailed,
        ConfigError,
        DeadlineExceeded,
        InvalidImage,
        NoValidResult,
        OCRError,
        ProviderError,
        ProviderRefused,
    )
    from ocrgate.gateway import Gateway
    from ocrgate.page import Line, Page, Point, Polygon, Word
    from ocrgate.provider import Adapter, Capabilities, Limits, Provider, Readiness, Request
    from ocrgate.result import Attempt, Cost, Failure, Result

_HOMES = {
    "Adapter": "provider",
    "AllProvidersFailed": "errors",
    "Attempt": "result",
    "Capabilities": "provider",
    "ConfigError": "errors",
    "Cost": "result",
    "Deadline": "clock",
    "DeadlineExceeded": "errors",
    "Diagnosis": "diagnosis",
    "Failure": "result",
    "Gateway": "gateway",
    "InvalidImage": "errors",
    "Limits": "provider",
    "Line": "page",
    "NoValidResult": "errors",
    "OCRError": "errors",
    "Page": "page",
    "Point": "page",
    "Polygon": "page",
    "Provider": "provider",
    "ProviderError": "errors",
    "ProviderRefused": "errors",
    "Readiness": "provider",
    "Request": "provider",
    "Result": "result",
    "Word": "page",
    "diagnose": "diagnosis",
}

__all__ = [
    "Adapter",
    "AllProvidersFailed",
    "Attempt",
    "Capabilities",
    "ConfigError",
    "Cost",
    "Deadline",
    "DeadlineExceeded",
    "Diagnosis",
    "Failure",
    "Gateway",
    "InvalidImage",
    "Limits",
    "Line",
    "NoValidResult",
    "OCRError",
    "Page",
    "Point",
    "Polygon",
    "Provider",
    "ProviderError",
    "ProviderRefused",
    "Readiness",
    "Request",
    "Result",
    "Word",
    "diagnose",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("ocrgate")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
