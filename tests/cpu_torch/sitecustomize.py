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


class Loader(importlib.machinery.SourceFileLoader):
    """Loads torchvision when the operators are there."""

    def exec_module(self, module: ModuleType) -> None:
        """Define the operators, then go on as it would have."""
        define()
        super().exec_module(module)


class Finder(importlib.abc.MetaPathFinder):
    """Finds torchvision; looking for it, as opposed to importing it, loads nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The ordinary spec with our loader, for torchvision only."""
        if fullname != "torchvision":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            spec.loader = Loader(fullname, spec.origin)
        return spec


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


sys.meta_path.insert(0, Finder())
