"""How the program is run: through pytesseract, in a folder nobody else can read, and never past its time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ocrgate_tesseract.failure import failure
from ocrgate_tesseract.installation import Installation, install_command

if TYPE_CHECKING:
    import PIL.Image

PREFIX = "ocrgate-tesseract-"
STALE = 3600.0

# What the program says, and what it means. Everything else is `failed`.
_COMPLAINTS = (
    ("Image too large", "image_too_large"),
    ("Image too small to scale", "image_too_small"),
    ("Error in pixRead", "image_unreadable"),
    ("Error in pixCreate", "worker_memory"),
    ("bad_alloc", "worker_memory"),
    ("Error opening data file", "tessdata"),
    ("Failed loading language", "tessdata"),
    ("couldn't load any languages", "tessdata"),
    ("Could not initialize tesseract", "tessdata"),
)


class Command:
    """One installed program, ready to be run from any thread.

    pytesseract keeps the program's path in a global and hands the program the environment of the host. A private copy
    of its module gives every adapter a path and an environment of its own, so neither the host program nor another
    adapter notices.
    """

    def __init__(self, name: str, installation: Installation) -> None:
        self.name = name
        self.installation = installation
        self._module = _private_pytesseract(name)
        self._module.tesseract_cmd = installation.program
        self._module.kill = _kill
        self._module.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": self._popen})

    def tsv(self, image: PIL.Image.Image, languages: tuple[str, ...], psm: int, seconds: float) -> str:
        """The program's table of words for an image.

        Args:
            image: mode RGB or L.
            languages: in Tesseract's names, most important first.
            psm: page segmentation mode, 0-13.
            seconds: after which the program and all it started are killed.

        Raises:
            ProviderError: with the code that fits.
        """
        with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:  # mode 0700
            page = Path(folder) / "page"
            # Uncompressed: packing a page as PNG takes longer than reading some.
            source = page.with_suffix(".ppm")
            try:
                image.save(source)
                self._module.run_tesseract(
                    input_filename=str(source),
                    output_filename_base=str(page),
                    extension="tsv",
                    lang="+".join(languages),
                    config=f"--psm {psm} -c tessedit_create_tsv=1",
                    timeout=seconds,
                )
                return page.with_suffix(".tsv").read_text(encoding="utf-8", errors="replace")
            except self._module.TesseractNotFoundError as error:
                raise failure(self.name, "program_missing", str(error), install_command()) from error
            except self._module.TesseractError as error:
                raise self._complaint(int(error.status), str(error.message)) from error
            except FileNotFoundError as error:
                raise failure(self.name, "failed", f"the program wrote no answer: {error}") from error
            except PermissionError as error:
                raise failure(self.name, "program_not_executable", str(error)) from error
            except OSError as error:
                raise failure(self.name, "temporary_files", str(error)) from error
            except RuntimeError as error:
                # pytesseract says "timed out" by a bare RuntimeError; its other errors derive from it.
                raise failure(self.name, "timeout", f"killed after {seconds:.2f} s") from error

    def _complaint(self, status: int, message: str) -> Exception:
        if status < 0:
            return failure(self.name, "killed", f"the program was ended by {_signal_name(-status)}")
        if status in (126, 127) and "setpriv" in message:
            return failure(self.name, "program_missing", message, install_command())
        said = next((code for text, code in _COMPLAINTS if text.lower() in message.lower()), "failed")
        return failure(self.name, said, message or f"the program ended with status {status} and said nothing")

    def _popen(self, arguments: list[str], **settings: Any) -> subprocess.Popen[bytes]:
        settings["env"] = self.installation.environment()
        return subprocess.Popen([*_guard(), *arguments], **settings, start_new_session=_own_group())


def _private_pytesseract(name: str) -> Any:
    import importlib.util

    try:
        spec = importlib.util.find_spec("pytesseract.pytesseract")
    except ModuleNotFoundError as error:
        raise failure(name, "engine_missing", str(error), 'pip install "ocrgate[tesseract]"') from error
    if spec is None or spec.loader is None:
        raise failure(name, "engine_missing", "pytesseract is incomplete", "pip install --force-reinstall pytesseract")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _kill(process: subprocess.Popen[bytes], code: int) -> None:
    """End the program and whatever it started; replaces pytesseract's, which asks politely for a second first."""
    for child in _descendants(process.pid):
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    if _own_group():
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    process.returncode = code


def _own_group() -> bool:
    """Whether the program gets a process group of its own.

    Not inside a worker process, which leads a group: whoever kills that group is to reach the program as well.
    """
    return hasattr(os, "killpg") and os.getpgrp() != os.getpid()


def _descendants(pid: int) -> list[int]:
    """Processes below one, where the system lists them (Linux), deepest last."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, listing.read_text().split()):
                found += [child, *_descendants(child)]
    return found


@cache
def _guard() -> tuple[str, ...]:
    """What makes Linux kill the program when the worker process around it is killed, where that is to be had."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return ()
    guard = (setpriv, "--pdeathsig", "KILL", "--")
    try:
        trial = subprocess.run([*guard, "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return guard if trial.returncode == 0 else ()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def sweep() -> None:
    """Remove what killed worker processes left in the temporary folder: this user's, an hour old or more."""
    if not hasattr(os, "getuid"):
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            state = folder.lstat()
        except OSError:
            continue
        if state.st_uid == os.getuid() and time.time() - state.st_mtime > STALE:
            shutil.rmtree(folder, ignore_errors=True)
