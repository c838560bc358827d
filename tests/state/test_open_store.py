"""The store that a configuration names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ocrgate.state
from ocrgate.state import Guarded, MemoryStore, StoreHealth, open_store
from ocrgate.testing import ManualClock


@pytest.mark.parametrize("url", ["memory", "redis://127.0.0.1:6379/0", "rediss://host", "unix:///run/redis"])
def test_memory_is_what_is_meant_or_what_there_is(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, MemoryStore)
    assert store.health() == StoreHealth("memory", shared=False, ok=True)


def test_a_file_is_guarded_and_not_yet_opened(tmp_path: Path) -> None:
    clock = ManualClock()
    store = open_store(f"sqlite:{tmp_path / 'state.db'}", clock)
    assert isinstance(store, Guarded)
    assert store.health() == StoreHealth("sqlite", shared=True, ok=True)
    assert not (tmp_path / "state.db").exists()
    store.put("a", "1", ttl=10)
    assert (tmp_path / "state.db").exists()
    clock.advance(10)
    assert store.get("a") is None
    store.close()


@pytest.mark.parametrize(
    "url", ["", "sqlite", "sqlite:", "Memory", "memory:", "redis://", "mysql://user:secret@host", "sqlite:a\0b"]
)
def test_anything_else_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_sqlite_is_loaded_for_those_who_use_it() -> None:
    code = (
        "import sys, ocrgate.state; ocrgate.state.open_store('memory');"
        "assert 'sqlite3' not in sys.modules; ocrgate.state.open_store('sqlite:x'); assert 'sqlite3' in sys.modules"
    )
    path = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry)
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path}, timeout=60)


def test_the_package_names_what_it_has() -> None:
    for name in ocrgate.state.__all__:
        assert getattr(ocrgate.state, name) is not None
    with pytest.raises(AttributeError, match="RedisStore"):
        _ = ocrgate.state.RedisStore
