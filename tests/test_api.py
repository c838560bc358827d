"""The public surface: what is there, what importing it costs, and that its types hold."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import ocrgate


def test_every_public_name_is_there_and_sorted() -> None:
    assert ocrgate.__all__ == sorted(ocrgate.__all__)
    for name in ocrgate.__all__:
        assert getattr(ocrgate, name) is not None
        assert name in dir(ocrgate)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Gatewya'"):
        ocrgate.Gatewya  # noqa: B018


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert ocrgate.__version__ == version("ocrgate")


HEAVY = ("PIL", "pydantic", "yaml", "numpy", "requests", "aip", "pytesseract", "easyocr", "rapidocr", "torch", "cv2")


@pytest.mark.parametrize("statement", ["import ocrgate", "from ocrgate import OCRError, Result, Line, diagnose"])
def test_importing_loads_no_engine_and_no_heavy_library(statement: str) -> None:
    code = f"{statement}; import sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert [name for name in loaded if name.split(".")[0] in HEAVY] == []


def test_importing_the_gateway_loads_no_engine() -> None:
    code = "from ocrgate import Gateway; import sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    engines = ("numpy", "requests", "aip", "pytesseract", "easyocr", "rapidocr", "torch", "cv2", "pydantic", "yaml")
    assert [name for name in loaded if name.split(".")[0] in engines] == []


def test_every_error_is_below_the_root_and_survives_pickling() -> None:
    import pickle

    from ocrgate.diagnosis import lookup
    from ocrgate.result import Attempt, Result

    attempts = (Attempt("baidu", "failed", diagnosis=lookup("gateway", "timeout")),)
    best = Result(pages=(), provider="baidu", valid=False)
    errors: list[ocrgate.OCRError] = [
        ocrgate.ConfigError("wrong", "file.yaml"),
        ocrgate.InvalidImage("empty"),
        ocrgate.ProviderError("baidu", lookup("gateway", "timeout")),
        ocrgate.ProviderRefused("baidu", "breaker_open", "soon", 3.0),
        ocrgate.DeadlineExceeded(attempts),
        ocrgate.AllProvidersFailed(attempts),
        ocrgate.NoValidResult(best, attempts),
    ]
    for error in errors:
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert vars(copy) == vars(error)
