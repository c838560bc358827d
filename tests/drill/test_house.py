"""A house holds everything that a drill needs, and nothing of it is there afterwards."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from ocrgate.drill import embedded, image
from ocrgate.drill.clock import JumpingClock
from ocrgate.drill.house import House
from ocrgate.keys import presence


@pytest.fixture
def house() -> Iterator[House]:
    with House(embedded(), seed=5) as built:
        yield built


def test_a_token_that_was_revoked_is_still_a_secret(house: House) -> None:
    key = house.platform.keys[0]
    token = house.platform.books.grant(key.api_key, key.secret_key)
    house.platform.revoke_tokens()
    assert house.leaks(iter([("an error", f"110: {token}")])) == ("token 1 stands in an error",)


@pytest.mark.parametrize("name", ["ocrgate.anything", "urllib3.connectionpool", "requests"])
def test_what_is_logged_is_searched_whatever_its_level(house: House, name: str) -> None:
    logging.getLogger(name).debug("POST /?client_secret=%s", house.platform.keys[1].secret_key)
    assert house.leaks(iter(())) == ("the secret key baidu/second stands in the log",)


def test_every_file_below_the_folder_is_searched(house: House) -> None:
    (house.folder / "cache" / "note").write_text(house.platform.keys[0].api_key)
    (house.folder / "ledger" / "note").write_text(house.settings.audit.key or "")
    assert sorted(house.leaks(iter(()))) == [
        "the API key baidu/first stands in the file note",
        "the key of the ledger stands in the file note",
    ]


def test_the_same_seed_makes_the_same_keys(house: House) -> None:
    assert House(embedded(), seed=5).keys == house.keys
    assert House(embedded(), seed=6).keys != house.keys


def test_the_platform_and_the_engine_read_the_same_on_an_image(house: House) -> None:
    cloud = house.gateway.recognize(image.draw(9))
    local = house.gateway.recognize(image.draw(9), route="drill-local")
    assert (cloud.provider, local.provider) == ("baidu", "local")
    assert cloud.text == local.text == image.text(9)


def test_an_impostor_reads_something_else_and_what_it_was_asked_is_kept(house: House) -> None:
    house.mask()
    assert house.gateway.recognize(image.draw(9)).text == image.text(8)
    house.unmask()
    assert [request.endpoint for request in house.strays] == ["token", "accurate"]


def test_nothing_is_there_afterwards() -> None:
    log = logging.getLogger("ocrgate")
    log.propagate = True
    before = (set(threading.enumerate()), log.level, log.propagate, list(log.handlers))
    with House(embedded()) as house:
        house.gateway.recognize(image.draw(1))
        house.gateway.recognize(image.draw(2), route="drill-local")
        folder, keys = house.folder, house.gateway.status()["baidu"]["keys"].values()
        assert announced(key.fingerprint for key in keys)
    assert not folder.exists()
    assert house.left() == ()
    assert (log.level, log.propagate, list(log.handlers)) == before[1:]
    assert not announced(key.fingerprint for key in keys)


def announced(fingerprints: Iterable[str]) -> list[str]:
    """What this process has told the others of these keys."""
    stems = tuple(fingerprints)
    return [
        path.name
        for path in presence.folder().iterdir()
        if path.name.startswith(stems) and f".{os.getpid()}." in path.name
    ]


def test_a_clock_that_jumps_changes_no_duration() -> None:
    clock = JumpingClock()
    clock.jump(86_400.0)
    begun = clock.monotonic()
    assert 86_399.0 < clock.time() - time.time() < 86_401.0
    clock.jump(-2 * 86_400.0)
    assert -86_401.0 < clock.time() - time.time() < -86_399.0
    assert clock.monotonic() - begun < 60.0
