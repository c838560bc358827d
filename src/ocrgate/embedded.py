"""The configuration that needs no file and no key."""

from __future__ import annotations

import os

from ocrgate import catalog
from ocrgate.errors import ConfigError
from ocrgate.settings import AcceptSettings, ProviderSettings, RouteSettings, Settings

BEST_FIRST = ("rapidocr", "tesseract", "easyocr")
"""Local engines by what they read right a second spent; see benchmarks/results."""

BAIDU_VARIABLES = ("AIP_APP_ID", "AIP_API_KEY", "AIP_SECRET_KEY")


def default_settings() -> Settings:
    """Every local engine that can be used here, best first; Baidu first when its environment variables are set.

    An image that no engine reads well ends in the best answer there is, flagged as not valid, rather than in an error:
    with no configuration nobody has said what is good enough.

    Raises:
        ConfigError: when no engine can be used, with what each one lacks.
    """
    providers: dict[str, ProviderSettings] = {}
    missing: list[str] = []
    if all(os.environ.get(name) for name in BAIDU_VARIABLES) and "baidu" in catalog.factories():
        providers["baidu"] = ProviderSettings("baidu", "baidu", timeout=10.0)
    for name in BEST_FIRST:
        settings = ProviderSettings(name, name, timeout=60.0)
        readiness = catalog.build(catalog.spec_of(settings)).check()
        if readiness.ready:
            providers[name] = settings
        else:
            missing.append(f"{name}: {readiness.detail}; {readiness.remedy}".rstrip("; "))
    if not providers:
        raise ConfigError('no OCR engine can be used here; try: pip install "ocrgate[local]"\n' + "\n".join(missing))
    route = RouteSettings("default", tuple(providers), deadline=60.0, accept=AcceptSettings(on_invalid="best"))
    return Settings(providers=providers, routes={"default": route})
