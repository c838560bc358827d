"""A Baidu platform on this machine, and an adapter that asks it."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocrgate.clock import Deadline
from ocrgate.diagnosis import Diagnosis
from ocrgate.errors import ProviderError
from ocrgate.page import Page
from ocrgate.provider import Request
from ocrgate.testing.simulator import BaiduSimulator, Fault, Match, Rule, SimulatedKey
from ocrgate_baidu import BaiduProvider

APP = SimulatedKey()
SIZE = (200, 80)


def key(name: str = "primary", app: SimulatedKey = APP, **more: Any) -> dict[str, Any]:
    """A key as it stands in the configuration."""
    return {"name": name, "app_id": "10000", "api_key": app.api_key, "secret_key": app.secret_key, **more}


def adapter(platform: BaiduSimulator, **options: Any) -> BaiduProvider:
    """An adapter for the platform, with the key that exists there."""
    settings: dict[str, Any] = {"base_url": platform.url, "keys": [key()], "trust_env": False}
    return BaiduProvider(**{**settings, **options})


def picture(size: tuple[int, int] = SIZE, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "white").save(buffer, kind)
    return buffer.getvalue()


def request(**more: Any) -> Request:
    """One small image."""
    settings: dict[str, Any] = {"data": picture(), "format": "PNG", "width": SIZE[0], "height": SIZE[1]}
    return Request(**{**settings, **more})


def read(provider: BaiduProvider, seconds: float = 5.0, **more: Any) -> Page:
    return provider.recognize(request(**more), Deadline.after(seconds))


def failure(provider: BaiduProvider, seconds: float = 5.0, **more: Any) -> Diagnosis:
    """The diagnosis of a call that has to fail."""
    with pytest.raises(ProviderError) as caught:
        read(provider, seconds, **more)
    return caught.value.diagnosis


def once(kind: Any, path: str = "ocr", number: int = 1, **details: Any) -> Rule:
    """A fault for one request only."""
    return Rule(Match(path=path, nth=(number,)), Fault(kind, **details))


def always(kind: Any, path: str = "ocr", **details: Any) -> Rule:
    return Rule(Match(path=path), Fault(kind, **details))


def python(code: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What a fresh interpreter with the same import path prints."""
    import os

    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": path, **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
