"""The store that a configuration names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ocrgate.state
from ocrgate import ConfigError, Gateway
from ocrgate.state import Guarded, MemoryStore, StoreHealth, open_store
from ocrgate.testing import ManualClock


def test_memory_is_not_shared_and_always_well() -> None:
    store = open_store("memory")
    assert isinstance(store, MemoryStore)
    assert store.health() == StoreHealth("memory", shared=False, ok=True)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:pa%2Fss@HOST", "redis://host:6379/0"),
        ("rediss://user:hush@host:7000/3?ssl_cert_reqs=none&socket_timeout=0.5", "rediss://host:7000/3"),
        ("redis://[::1]:6379/?db=2&prefix=mine", "redis://[::1]:6379/2"),
        ("unix:///run/redis", "unix:///run/redis?db=0"),
        ("unix://:hush@/run/redis.sock?db=4", "unix:///run/redis.sock?db=4"),
    ],
)
def test_a_redis_is_guarded_and_not_yet_asked(url: str, place: str) -> None:
    store = open_store(url)
    assert isinstance(store, Guarded)
    assert store.health() == StoreHealth("redis", shared=True, ok=True, place=place)
    assert "hush" not in repr(store)
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis:///0",
        "redis:host",
        "redis://:sec/ret@host:6379/0",
        "redis://:sec?ret=1@host:6379/0",
        "redis://:sec#ret@host:6379/0",
        "redis://host:secret/0",
        "redis://host/0#secret",
        "redis://host/secret",
        "redis://host:99999999/0",
        "redis://host?db=secret",
        "redis://host?socket_timeout=secret",
        "redis://host?socket_timeout=0",
        "redis://host?socket_timeout=nan",
        "redis://host?secret=1",
        "redis://host?retry_on_timeout=yes",
        "redis://host?prefix=",
        "redis://host?prefix=%7Bsecret%7D",
        "unix://",
        "unix:///",
        "unix://secret/path",
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="redis://") as caught:
        open_store(url)
    assert not any(word in str(caught.value) for word in ("secret", "sec", "ret=1"))
    assert caught.value.__cause__ is None


def test_a_missing_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocrgate.state.address.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r'pip install "ocrgate\[redis\]"'):
        open_store("redis://127.0.0.1:6379/0")
    with pytest.raises(ConfigError, match=r'pip install "ocrgate\[redis\]"') as caught:
        Gateway.from_dict({"state": "redis://:hush@127.0.0.1:6379/0", "providers": {"tesseract": {}}})
    assert caught.value.key == "state"
    assert "hush" not in str(caught.value)


def test_a_file_is_guarded_and_not_yet_opened(tmp_path: Path) -> None:
    clock = ManualClock()
    store = open_store(f"sqlite:{tmp_path / 'state.db'}", clock)
    assert isinstance(store, Guarded)
    place = str(tmp_path / "state.db")
    assert store.health() == StoreHealth("sqlite", shared=True, ok=True, place=place)
    assert not (tmp_path / "state.db").exists()
    store.put("a", "1", ttl=10)
    assert (tmp_path / "state.db").exists()
    clock.advance(10)
    assert store.get("a") is None
    store.close()


@pytest.mark.parametrize(
    "url", ["", "sqlite", "sqlite:", "Memory", "memory:", "Redis://host", "mysql://user:secret@host", "sqlite:a\0b"]
)
def test_anything_else_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("url", "module"), [("sqlite:x", "sqlite3"), ("redis://host", "redis")])
def test_what_a_store_needs_is_loaded_for_those_who_use_it(url: str, module: str) -> None:
    code = (
        "import sys, ocrgate.state; ocrgate.state.open_store('memory');"
        f"assert '{module}' not in sys.modules; ocrgate.state.open_store('{url}'); assert '{module}' in sys.modules"
    )
    path = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path}, timeout=60)


def test_the_package_names_what_it_has() -> None:
    for name in ocrgate.state.__all__:
        assert getattr(ocrgate.state, name) is not None
    with pytest.raises(AttributeError, match="OtherStore"):
        _ = ocrgate.state.OtherStore
