"""What ships, and that folders, extras and entry points agree."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import entry_points, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADAPTERS = sorted(path.name for path in (ROOT / "providers").iterdir() if path.name.startswith("ocrgate_"))


def test_every_adapter_folder_has_its_entry_point_and_its_extra() -> None:
    engines = {name.removeprefix("ocrgate_") for name in ADAPTERS}
    assert {entry.name for entry in entry_points(group="ocrgate.providers")} >= engines
    extras = set(metadata("ocrgate").get_all("Provides-Extra") or [])
    assert extras >= engines | {"pdf", "local", "all"}


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_entry_point_leads_into_its_own_package(name: str) -> None:
    (entry,) = entry_points(group="ocrgate.providers", name=name.removeprefix("ocrgate_"))
    assert entry.module == name
    assert entry.load().__module__.split(".")[0] == name


@pytest.mark.parametrize("name", ADAPTERS)
def test_importing_an_adapter_loads_no_engine(name: str) -> None:
    engines = ("aip", "pytesseract", "easyocr", "rapidocr", "torch", "cv2", "requests")
    code = f"import {name}, sys; print([module for module in sys.modules if module in {engines!r}])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_the_wheel_holds_the_library_its_adapters_and_their_data_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"ocrgate", *ADAPTERS}
    data = [path for root in ("src", "providers") for path in (ROOT / root).rglob("*.yaml")]
    assert len(data) > 8
    for path in data:
        assert path.relative_to(ROOT).as_posix().split("/", 1)[1] in names
    assert "ocrgate/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
