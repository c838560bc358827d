"""`RapidOCRProvider`: how RapidOCR fits the gateway's contract."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ocrgate import fork
from ocrgate.clock import Deadline
from ocrgate.errors import ConfigError, Problem, ProviderError
from ocrgate.language import tags
from ocrgate.page import Page
from ocrgate.provider import Adapter, Capabilities, Limits, Readiness, Request
from ocrgate.revision import files, versions
from ocrgate_rapidocr.failure import TYPE, failure
from ocrgate_rapidocr.models import LANGUAGES, PACKAGES, find_models, missing_packages, unread
from ocrgate_rapidocr.parse import parse, parse_line

if TYPE_CHECKING:
    import numpy as np
    from pydantic import BaseModel

    from ocrgate_rapidocr.engine import Engine

LINE_HEIGHT = 200
"""An image at most this high, in pixels, and at least as wide as high may be a single line."""
SURE = 0.9
"""Score from which a reading as one line is taken; two lines read as one score below."""
BETTER = 0.05
"""By this much the image turned upside down has to score better to be believed."""


class RapidOCRProvider(Adapter):
    """Reads with RapidOCR's in-wheel models, offline; it never downloads.

    Detection misses most tight crops, costs as much for them as for half a page, and tears spaced lines apart. So an
    image of a line's shape is first read as one line (0.02 s), then upside down, and only when neither is sure with
    detection; the surest of the three is the answer. Measured, exact matches (folded: I as 1, O as 0, middle dot
    left out):

        ask                        110 cable labels   120 number plates, folded   16 words
        detection                  0.49               0.03                        0.69
        one line                   0.66               0.60                        0.94
        as it is done here         0.77               0.60                        0.94

    Args:
        name: the configured name.
        languages: checked against what the models read; None for whatever is on the image.
        threads: of one image, 1-256.
        model_dir: folder of other models, None for the wheel's.
        min_score: lines below are dropped, 0-1.

    Raises:
        ConfigError: when an option makes no sense.
    """

    # Above 3 megapixels recognition gets slower but no better (14 pages of 2067 to 3508 pixels: 2.8 s at 2000 pixels,
    # 3.2 s at full size, character error 0.090 and 0.096); long strips are cut rather than shrunk.
    capabilities = Capabilities(
        limits=Limits(max_side=4000, max_pixels=3_000_000), languages=LANGUAGES, isolation="process", lanes=2
    )

    def __init__(
        self,
        name: str = TYPE,
        *,
        languages: Sequence[str] | str | None = None,
        threads: int = 1,
        model_dir: str | None = None,
        min_score: float = 0.5,
    ) -> None:
        self.name = name
        problems = []
        wanted = () if languages is None else tags(languages)
        if languages is not None and not wanted:
            problems.append(
                Problem("name at least one language, or leave the option out", f"providers.{name}.languages")
            )
        problems += [
            Problem(f"RapidOCR's models do not read {language!r}", f"providers.{name}.languages")
            for language in unread(wanted)
        ]
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 256:
            problems.append(Problem(f"a number from 1 to 256, got {threads!r}", f"providers.{name}.threads"))
        if isinstance(min_score, bool) or not isinstance(min_score, (int, float)) or not 0 <= min_score <= 1:
            problems.append(Problem(f"a number from 0 to 1, got {min_score!r}", f"providers.{name}.min_score"))
        if model_dir == "":
            problems.append(Problem("a path, or leave the option out", f"providers.{name}.model_dir"))
        if problems:
            raise ConfigError(problems)
        self._threads, self._model_dir, self._min_score = threads, model_dir, float(min_score)
        self._lock = fork.Lock()
        self._engine: Engine | None = None

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        """The options of the constructor, for the configuration."""
        from ocrgate_rapidocr.options import RapidOCROptions

        return RapidOCROptions

    def check(self) -> Readiness:
        """Whether the packages and models are there; nothing is imported."""
        missing = missing_packages()
        if missing:
            return Readiness(False, f"not installed: {', '.join(missing)}", 'pip install "ocrgate[rapidocr]"')
        try:
            models = find_models(self.name, self._model_dir)
        except ProviderError as error:
            return Readiness(False, error.diagnosis.message, error.diagnosis.remedy)
        return Readiness(True, f"models {models.detection.name} and {models.recognition.name}")

    @cached_property
    def revision(self) -> str:
        """Versions of the packages, and the models: those of `model_dir` also by the time of their last change."""
        try:
            models = find_models(self.name, self._model_dir)
        except ProviderError:
            named = ""
        else:
            paths = (models.detection, models.direction, models.recognition)
            named = files(paths, dated=self._model_dir is not None)
        return f"{versions(*PACKAGES)} {named}"

    def warm_up(self) -> None:
        """Load the models (about 2 s). Raises ProviderError."""
        try:
            self._loaded().load()
        except MemoryError as error:
            raise failure(self.name, "worker_memory", "out of memory while loading the models") from error

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        """Read one image; the deadline is kept by whoever can end this process.

        `request.options` has nothing for RapidOCR; options of other engines are left alone.

        Raises:
            ProviderError: and nothing else.
        """
        wrong = unread(request.languages)
        if wrong:
            raise failure(self.name, "language_missing", f"the models do not read {', '.join(wrong)}")
        if deadline.expired:
            raise failure(self.name, "timeout", "no time was left to start")
        engine = self._loaded()
        try:
            pixels = request.array()
        except (OSError, ValueError) as error:
            raise failure(self.name, "image_refused", f"{type(error).__name__}: {error}") from error
        try:
            return self._read(engine, pixels)
        except MemoryError as error:
            raise failure(self.name, "worker_memory", "out of memory") from error
        except ValueError as error:
            raise failure(self.name, "bad_page", str(error)) from error

    def close(self) -> None:
        """Let go of the models."""
        with self._lock:
            self._engine = None

    def _read(self, engine: Engine, pixels: np.ndarray[Any, Any]) -> Page:
        height, width = pixels.shape[:2]
        line_shaped = height <= LINE_HEIGHT and width >= height
        text, score, turned = "", 0.0, False
        if line_shaped:
            text, score = engine.line(pixels)
            if score < SURE:
                other, better = engine.line(pixels[::-1, ::-1])
                if better > score + BETTER:
                    text, score, turned = other, better, True
        least = self._min_score
        alone = parse_line(text, score, width, height, upside_down=turned, min_score=least)
        if score >= SURE:
            return alone
        answer = engine.page(pixels)
        page = parse(answer.boxes, answer.txts, answer.scores, width, height, least)
        if page.lines:
            return page if (page.confidence or 0.0) > score else alone
        if not line_shaped and height <= LINE_HEIGHT:
            # A single character, higher than wide, that detection missed.
            return parse_line(*engine.line(pixels), width, height, min_score=least)
        return alone

    def _loaded(self) -> Engine:
        from ocrgate_rapidocr.engine import Engine

        with self._lock:
            if self._engine is None:
                self._engine = Engine(self.name, find_models(self.name, self._model_dir), self._threads)
            return self._engine
