"""Baidu goes down in the middle of the day and comes back: nobody notices but the trace."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby

import pytest

from ocrgate import Gateway, Result
from ocrgate.events import BreakerChanged
from ocrgate.testing import BaiduSimulator
from tests.drawing import page

pytestmark = pytest.mark.thorough

IMAGES, DOWN, UP = 200, 70, 130


def number(place: int) -> str:
    return f"{10_000 + 37 * place}"


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    return [page([f"RECEIPT {number(place)}"], font_size=36).encoded() for place in range(IMAGES)]


@pytest.fixture
def baidu(images: list[bytes]) -> Iterator[BaiduSimulator]:
    written = {hashlib.sha256(image).digest(): f"RECEIPT {number(place)}" for place, image in enumerate(images)}

    def read(image: bytes) -> list[dict[str, object]]:
        return [{"words": written[hashlib.sha256(image).digest()]}]

    with BaiduSimulator(reader=read) as simulator:
        yield simulator


@pytest.mark.engines
def test_an_outage_in_the_middle_of_200_images_costs_none_of_them(images: list[bytes], baidu: BaiduSimulator) -> None:
    key = baidu.keys[0]
    gateway = Gateway.from_dict(
        {
            "version": 1,
            "providers": {
                "baidu": {
                    "base_url": baidu.url,
                    "endpoint": "general_basic",
                    "trust_env": False,
                    "keys": [{"name": "first", "api_key": key.api_key, "secret_key": key.secret_key}],
                    "retry": {"attempts": 2, "base": "10ms"},
                    "breaker": {"window": 10, "minimum": 3, "open_for": "300ms", "successes": 2},
                },
                "tesseract": {"languages": ["en"], "lanes": 1},
            },
            "routes": {
                "default": {
                    "providers": ["baidu", "tesseract"],
                    "accept": {
                        "rules": [{"name": "number", "pattern": r"RECEIPT (?P<number>\d{5})", "required": True}]
                    },
                }
            },
        }
    )
    transitions: list[tuple[str, str]] = []
    results: list[Result] = []
    with gateway:
        gateway.on(
            lambda event: transitions.append((event.old, event.new)) if isinstance(event, BreakerChanged) else None
        )
        gateway.warm_up()
        for place, image in enumerate(images):
            if place == DOWN:
                baidu.stop()
            if place == UP:
                baidu.start()
            results.append(gateway.recognize(image))
        gateway.flush()

    assert all(result.valid for result in results)
    assert [result.fields["number"] for result in results] == [number(place) for place in range(IMAGES)]
    by = [result.provider for result in results]
    assert by[:DOWN] == ["baidu"] * DOWN
    assert by[DOWN:UP] == ["tesseract"] * (UP - DOWN)
    assert by[-1] == "baidu"
    # Back for good once the breaker has closed: no going to and fro.
    assert [name for name, _ in groupby(by)] == ["baidu", "tesseract", "baidu"]

    first = results[DOWN].attempts
    assert [(attempt.provider, attempt.outcome) for attempt in first[-1:]] == [("tesseract", "accepted")]
    assert first[0].provider == "baidu"
    assert first[0].outcome == "failed"
    assert first[0].diagnosis is not None
    assert first[0].diagnosis.category == "network"
    refused = [attempt for result in results[DOWN:UP] for attempt in result.attempts if attempt.outcome == "refused"]
    assert len(refused) > (UP - DOWN) / 2
    assert transitions[0] == ("closed", "open")
    assert transitions[-1] == ("half-open", "closed")
