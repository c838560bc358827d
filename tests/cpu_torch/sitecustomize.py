"""Lets torchvision be imported beside a torch of another build.

torchvision from PyPI brings compiled operators for the CUDA build of torch. Beside a CPU build they do not load, and
its import fails on the two operators that it registers shapes for. EasyOCR uses neither, so defining them is enough.
For a test environment only: put this folder on PYTHONPATH, or import the module.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_KEPT: list[object] = []


class Operators(importlib.abc.MetaPathFinder):
    """Defines the operators at the first import of torchvision, so that nothing is loaded where it is not used."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Never finds anything: the import goes on as it would have."""
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            define()
        return None


def define() -> None:
    """Define what is missing, once; does nothing where torchvision's own operators load."""
    import ctypes
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("torchvision")
    if _KEPT or spec is None or not spec.submodule_search_locations:
        return
    _import("torch")  # its libraries have to be loaded before torchvision's
    for library in Path(spec.submodule_search_locations[0]).glob("_C*"):
        try:
            ctypes.CDLL(str(library))
        except OSError:
            continue
        return
    operators = _import("torch.library").Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(f"{name}() -> ()")
    _KEPT.append(operators)


def _import(name: str) -> Any:
    return importlib.import_module(name)


sys.meta_path.insert(0, Operators())
