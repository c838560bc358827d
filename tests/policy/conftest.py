"""Breakers wherever their record may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.policy.breakers import PLACES, Maker
from tests.state.server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(request: pytest.FixtureRequest, place: str, tmp_path: Path) -> Iterator[Maker]:
    maker = Maker(place, tmp_path, lambda: request.getfixturevalue("server"))
    yield maker
    maker.close()
