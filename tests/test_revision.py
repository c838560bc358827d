"""Which version of an engine this is."""

from __future__ import annotations

import os
import stat
from importlib.metadata import version
from pathlib import Path

import pytest

from ocrgate import revision
from ocrgate.ability import Versioned
from ocrgate_baidu import BaiduProvider
from ocrgate_easyocr import EasyOCRProvider
from ocrgate_rapidocr import RapidOCRProvider
from ocrgate_tesseract import TesseractProvider


def test_packages_are_named_with_their_versions() -> None:
    assert revision.versions("pillow", "no-such-package") == f"pillow {version('pillow')} no-such-package -"


def test_files_are_named_with_size_and_date_in_one_order(tmp_path: Path) -> None:
    paths = [tmp_path / "b", tmp_path / "a", tmp_path / "missing"]
    paths[0].write_text("bb", encoding="utf-8")
    paths[1].write_text("a", encoding="utf-8")
    dates = [path.stat().st_mtime_ns for path in paths[:2]]
    assert revision.files(paths) == f"a:1:{dates[1]} b:2:{dates[0]}"
    assert revision.files(paths, dated=False) == "a:1 b:2"


def test_every_adapter_is_versioned_and_holds_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = {"name": "main", "app_id": "1", "api_key": "a" * 24, "secret_key": "b" * 32}
    found = [BaiduProvider(keys=[key]), EasyOCRProvider(), RapidOCRProvider(), TesseractProvider()]
    for provider in found:
        assert isinstance(provider, Versioned)
        assert "a" * 24 not in provider.revision
        assert provider.revision == type(provider)().revision


def test_an_engine_that_is_not_there_has_a_revision_all_the_same(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert TesseractProvider(binary=missing).revision == ""
    assert RapidOCRProvider(model_dir=missing).revision.startswith("rapidocr ")
    assert EasyOCRProvider(model_dir=missing).revision.startswith("easyocr ")


@pytest.mark.parametrize("change", ["larger", "newer"])
def test_models_of_a_folder_that_change_are_another_revision(tmp_path: Path, change: str) -> None:
    for name in ("x_det_x.onnx", "x_cls_x.onnx", "x_rec_x.onnx", "english_g2.pth"):
        (tmp_path / name).write_bytes(b"x" * 5000)
    kinds = (RapidOCRProvider, EasyOCRProvider)
    before = [kind(model_dir=str(tmp_path)).revision for kind in kinds]
    assert before == [kind(model_dir=str(tmp_path)).revision for kind in kinds]
    for name in ("x_rec_x.onnx", "english_g2.pth"):
        path = tmp_path / name
        if change == "larger":
            path.write_bytes(b"x" * 5001)
        os.utime(path, ns=(0, 1 if change == "newer" else path.stat().st_mtime_ns))
    for kind, old in zip(kinds, before, strict=True):
        assert kind(model_dir=str(tmp_path)).revision != old


def program(folder: Path, version: str, data: Path) -> str:
    """A program that says it is Tesseract."""
    path = folder / "tesseract"
    path.write_text(
        f"""#!/bin/sh
if [ "$1" = --list-langs ]; then echo 'List of available languages in "{data}/" (1):'; echo eng; exit 0; fi
echo 'tesseract {version}'; echo ' leptonica-1'; echo '  libpng 1'
""",
        encoding="utf-8",
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    os.utime(path, ns=(0, 0))
    return str(path)


def test_the_version_and_the_data_of_tesseract_are_its_revision(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    file = data / "eng.traineddata"
    file.write_bytes(b"1")
    os.utime(file, ns=(0, 7))
    size = Path(program(tmp_path, "5.0", data)).stat().st_size
    first = TesseractProvider(binary=program(tmp_path, "5.0", data)).revision
    assert first == f"tesseract 5.0 leptonica-1 tesseract:{size}:0 eng.traineddata:1:7"
    assert TesseractProvider(binary=program(tmp_path, "5.1", data)).revision != first
    os.utime(file, ns=(0, 8))
    assert TesseractProvider(binary=program(tmp_path, "5.0", data)).revision != first
