"""For tests of programs that use ocrgate, and of adapters: a clock moved by hand, an engine that follows a script, the
conformance suite, and a server that speaks Baidu's protocol."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.testing.clock import ManualClock
    from ocrgate.testing.conformance import check_provider
    from ocrgate.testing.scripted import ScriptedProvider, fails, hangs, says, takes
    from ocrgate.testing.simulator import BaiduSimulator

_HOMES = {
    "BaiduSimulator": "simulator",
    "ManualClock": "clock",
    "ScriptedProvider": "scripted",
    "check_provider": "conformance",
    "fails": "scripted",
    "hangs": "scripted",
    "says": "scripted",
    "takes": "scripted",
}

__all__ = ["BaiduSimulator", "ManualClock", "ScriptedProvider", "check_provider", "fails", "hangs", "says", "takes"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
