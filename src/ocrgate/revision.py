"""Which version of something this is, found out without importing it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from importlib import metadata


@cache
def version(package: str) -> str:
    """Version of an installed distribution; empty when it is not there."""
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        return ""


def versions(*packages: str) -> str:
    """Names and versions of distributions, in the order given: `rapidocr 3.10.0 onnxruntime 1.23.2`."""
    return " ".join(f"{package} {version(package) or '-'}" for package in packages)


def files(paths: Iterable[str | os.PathLike[str]], *, dated: bool = True) -> str:
    """Names and sizes of files, sorted; `dated` with the time of their last change. What is not there is left out.

    Of files that a distribution brought, its version says more than the day of their installation.
    """
    found = []
    for path in sorted(os.fspath(each) for each in paths):
        try:
            state = os.stat(path)  # noqa: PTH116 - a folder of languages has a hundred of them
        except OSError:
            continue
        when = f":{state.st_mtime_ns}" if dated else ""
        found.append(f"{os.path.basename(path)}:{state.st_size}{when}")  # noqa: PTH119
    return " ".join(found)
