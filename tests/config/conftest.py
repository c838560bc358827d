"""Adapters of a made-up distribution, installed beside the real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocrgate import catalog

_ENTRY_POINTS = """\
[ocrgate.providers]
acme = tests.config.adapters:Engine
paper = tests.config.adapters:Plain
careless = tests.config.adapters:Careless
broken = tests.config.adapters:Broken
gone = tests.config.nowhere:Engine
"""


@pytest.fixture(scope="module", autouse=True)
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    site = tmp_path_factory.mktemp("site")
    info = site / "made_up-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        catalog.factories.cache_clear()
        yield
    catalog.factories.cache_clear()
