"""This machine: Python, this package, what is installed for each extra, processors and memory."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from ocrgate.ability import Finding

OLDEST, NEWEST = (3, 10), (3, 13)
"""Releases of Python that this package is tested on."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;(.*))?$")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")
_COLLECTIVE = ("all", "local", "test")
_LITTLE = 1 << 30


def host() -> Iterator[Finding]:
    """The findings on this machine; nothing is imported, nobody is asked."""
    yield _python()
    yield _package()
    yield from extras(requires("ocrgate") or [])
    yield _machine()


def _python() -> Finding:
    detail = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return Finding("python", "pass", detail)
    span = f"{'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}"
    return Finding("python", "warn", detail, f"use Python {span}, which ocrgate is tested on")


def _package() -> Finding:
    here = Path(__file__).resolve().parent.parent
    return Finding("ocrgate", "pass", f"{version('ocrgate')}, {here}")


def extras(requirements: list[str]) -> Iterator[Finding]:
    """What is there of each extra; one that was not asked for is passed over.

    Args:
        requirements: as in the package's metadata, `requests>=2.31; extra == "baidu"`.
    """
    wanted: dict[str, list[tuple[str, str, bool]]] = {"ocrgate": []}
    for requirement in requirements:
        found = _REQUIREMENT.match(requirement)
        if found is None:
            continue
        name, bounds, marker = found[1], found[2], found[3] or ""
        extra = _EXTRA.search(marker)
        # Any other condition is one of the platform's: such a package helps where it is there.
        optional = bool(re.sub(r"[()\s]|\band\b", "", _EXTRA.sub("", marker)))
        for group in [extra[1]] if extra else ["ocrgate"]:
            if group not in _COLLECTIVE and name != "ocrgate":
                wanted.setdefault(group, []).append((name, bounds, optional))
    core = wanted.pop("ocrgate")
    for group, packages in [("packages", core), *sorted(wanted.items())]:
        yield _extra(group, packages)


def _extra(group: str, packages: list[tuple[str, str, bool]]) -> Finding:
    name = group if group == "packages" else f"extra {group}"
    install = "pip install ocrgate" if group == "packages" else f'pip install "ocrgate[{group}]"'
    there, missing, old = [], [], []
    for package, bounds, optional in packages:
        try:
            found = version(package)
        except PackageNotFoundError:
            if not optional:
                missing.append(package)
            continue
        there.append(f"{package} {found}")
        least = re.search(r">=\s*([\d.]+)", bounds)
        if least and _numbers(found) < _numbers(least[1]):
            old.append(f"{package} {found} is older than {least[1]}")
    if missing and not there:
        return Finding(name, "skip", "not installed", "" if group == "packages" else install)
    if missing:
        return Finding(name, "warn", f"not whole: {', '.join(missing)} missing; {', '.join(there)}", install)
    if old:
        return Finding(name, "warn", "; ".join(old), f"{install} --upgrade")
    return Finding(name, "pass", ", ".join(there))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", text, maxsplit=1)[0])]


def _machine() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = [f"{usable} {'processor' if usable == 1 else 'processors'}"]
    free = _free_memory()
    if free is not None:
        parts.append(f"{free / (1 << 30):.1f} GiB of memory free")
    detail = f"{', '.join(parts)}; {platform.system()} {platform.machine()}"
    if free is not None and free < _LITTLE:
        return Finding("machine", "warn", detail, "local engines want about 1 GiB each; ask fewer, or set `lanes: 1`")
    return Finding("machine", "pass", detail)


def _free_memory() -> int | None:
    """Bytes that a program could still have, on Linux, within the limits of its container."""
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        told = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(int(told["MemAvailable"].split()[0]) << 10)
    with contextlib.suppress(OSError, ValueError, KeyError):
        group = Path("/sys/fs/cgroup")
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return max(0, min(found)) if found else None
