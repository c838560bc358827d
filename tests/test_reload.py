"""A configuration that changes while the gateway runs: keys are rotated without a restart and without losing a call."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from ocrgate import ConfigError, Gateway
from ocrgate.events import ConfigurationChanged
from ocrgate.testing import BaiduSimulator
from ocrgate.testing.simulator import SimulatedKey
from tests.houses import picture
from tests.providers.platform import APP, key

NEW = SimulatedKey("new", "new-api-key", "new-secret-key")


@pytest.fixture
def platform() -> Iterator[BaiduSimulator]:
    with BaiduSimulator([APP]) as simulator:
        yield simulator


@pytest.fixture
def write(tmp_path: Path, platform: BaiduSimulator) -> Callable[..., Path]:
    def written(*keys: dict[str, Any], watch: str = "1ms", **more: Any) -> Path:
        baidu = {"base_url": platform.url, "trust_env": False, "keys": list(keys), "retry": {"attempts": 1}}
        path = tmp_path / "ocrgate.yaml"
        text = yaml.safe_dump({"watch": watch, "providers": {"baidu": baidu}, **more})
        return put(path, text)

    return written


def put(path: Path, text: str) -> Path:
    """The file in one stroke, as if it had been written some time ago: each time at another one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    written = time.time() - 60.0
    os.utime(fresh, (written, written))
    return fresh.replace(path)


def used(gateway: Gateway) -> str | None:
    return gateway.recognize(picture()).attempts[-1].key


def test_a_changed_file_brings_its_keys_into_use_without_a_restart(
    write: Callable[..., Path], platform: BaiduSimulator
) -> None:
    heard: list[Any] = []
    with Gateway.from_yaml(write(key("old"))) as gateway:
        gateway.on(heard.append)
        assert used(gateway) == "old"
        platform.replace_keys([NEW])
        write(key("new", NEW))
        assert used(gateway) == "new"
        gateway.flush()
    assert [event for event in heard if isinstance(event, ConfigurationChanged)] == [ConfigurationChanged()]


def test_a_changed_file_that_makes_no_sense_is_told_of_and_the_old_keys_stay_in_use(
    write: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []
    path = write(key("old"))
    with Gateway.from_yaml(path) as gateway:
        gateway.on(heard.append)
        put(path, "providers: {baidu: {endpoint: acurate}}")
        assert used(gateway) == "old"
        assert used(gateway) == "old"
        gateway.flush()
    assert [bool(event.problem) for event in heard if isinstance(event, ConfigurationChanged)] == [True]
    assert "did you mean 'accurate'" in caplog.text


def test_a_file_is_left_alone_when_nobody_is_to_watch_it(write: Callable[..., Path]) -> None:
    with Gateway.from_yaml(write(key("old"), watch="off")) as gateway:
        write(key("renamed"), watch="off")
        assert used(gateway) == "old"
        gateway.reload()
        assert used(gateway) == "renamed"


def test_a_reload_takes_keys_off_the_bench(write: Callable[..., Path], platform: BaiduSimulator) -> None:
    path = write(key("old"), watch="off")
    platform.replace_keys([])
    with Gateway.from_yaml(path) as gateway:
        with pytest.raises(Exception, match="invalid_client"):
            used(gateway)
        platform.replace_keys([APP])
        with pytest.raises(Exception, match="no_key"):
            used(gateway)
        gateway.reload()
        assert used(gateway) == "old"


def test_a_reload_by_hand_is_not_done_again_because_the_file_has_changed(write: Callable[..., Path]) -> None:
    heard: list[Any] = []
    with Gateway.from_yaml(write(key("old"))) as gateway:
        gateway.on(heard.append)
        write(key("new"))
        gateway.reload()
        assert used(gateway) == "new"
        assert used(gateway) == "new"
        gateway.flush()
    assert [event for event in heard if isinstance(event, ConfigurationChanged)] == [ConfigurationChanged()]


def test_the_state_stays_open_over_a_reload_and_is_closed_with_the_gateway(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    def opened() -> int:
        return sum(file.path == str(tmp_path / "state.db") for file in psutil.Process().open_files())

    state = f"sqlite:{tmp_path / 'state.db'}"
    with Gateway.from_yaml(write(key("old"), watch="off", state=state)) as gateway:
        used(gateway)
        assert opened() == 1
        gateway.reload()
        assert opened() == 1
    assert opened() == 0


def test_tokens_and_counts_outlive_a_reload(write: Callable[..., Path], platform: BaiduSimulator) -> None:
    with Gateway.from_yaml(write(key("old"), watch="off")) as gateway:
        used(gateway)
        gateway.reload()
        used(gateway)
        assert platform.tokens_issued == 1
        assert gateway.status()["baidu"]["usage"]["old"].today.billed == 2


def test_what_an_operator_said_of_a_breaker_outlives_a_reload(write: Callable[..., Path]) -> None:
    with Gateway.from_yaml(write(key("old"))) as gateway:
        gateway.set_breaker("baidu", "forced_open")
        gateway.reload()
        assert gateway.status()["baidu"]["breaker_detail"].mode == "forced_open"
        gateway.set_breaker("baidu", None)
        assert used(gateway) == "old"


def test_no_call_is_lost_while_the_configuration_changes_over_and_over(
    write: Callable[..., Path], platform: BaiduSimulator
) -> None:
    path, stop = write(key("a")), threading.Event()
    failures: list[Exception] = []

    def reads() -> None:
        while not stop.is_set():
            try:
                used(gateway)
            except Exception as error:
                failures.append(error)

    with Gateway.from_yaml(path) as gateway:
        threads = [threading.Thread(target=reads) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(12):
            write(key(f"name{number}"))
            # Another thread may be taking it right now.
            while used(gateway) != f"name{number}" and not failures:
                pass
        stop.set()
        for thread in threads:
            thread.join(30)
    assert failures == []


def test_another_ledger_and_another_state_are_taken_too(write: Callable[..., Path], tmp_path: Path) -> None:
    with Gateway.from_yaml(write(key("old"), watch="off")) as gateway:
        used(gateway)
        ledger = tmp_path / "audit.jsonl"
        write(key("old"), watch="off", state=f"sqlite:{tmp_path / 'state.db'}", audit={"path": str(ledger)})
        gateway.reload()
        used(gateway)
        status = gateway.status()["baidu"]
        assert (status["state"].kind, status["audit"].ok) == ("sqlite", True)
        assert ledger.read_text(encoding="utf-8").count("\n") == 2
        write(key("old"), state="nowhere")
        with pytest.raises(ConfigError):
            gateway.reload()
