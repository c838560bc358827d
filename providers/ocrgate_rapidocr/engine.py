"""RapidOCR, loaded once and asked in two ways that never share an object."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ocrgate_rapidocr.failure import engine_failure, failure
from ocrgate_rapidocr.models import Models

if TYPE_CHECKING:
    import numpy as np

TALLEST = 6
"""Height over width above which white is added at the right: detection scales the shorter side to 736 pixels, so a
strip would otherwise become gigabytes."""
_NO_LIMIT = 100_000


class Engine:
    """Two RapidOCR objects: one that detects lines and reads them, one that reads the image as one line.

    Flags given to a call stay set in the object for all later calls, so each way of asking has an object with its
    flags fixed. With fixed flags one object may be called from several threads.
    """

    def __init__(self, name: str, models: Models, threads: int) -> None:
        self.name = name
        self._models = models
        self._threads = threads
        self._lock = threading.Lock()
        self._objects: dict[bool, Any] = {}

    def page(self, pixels: np.ndarray[Any, Any]) -> Any:
        """RapidOCR's answer with `boxes`, `txts` and `scores` (None when it found no text).

        Args:
            pixels: height × width × 3, uint8, channels red, green, blue.
        """
        import numpy as np

        height, width = pixels.shape[:2]
        if height > TALLEST * width:
            white = np.full((height, height // TALLEST - width, 3), 255, dtype=np.uint8)
            pixels = np.concatenate([pixels, white], axis=1)
        return self._ask(True, pixels)

    def line(self, pixels: np.ndarray[Any, Any]) -> tuple[str, float]:
        """Text and score of an image taken as one line; empty text and 0 when there is none."""
        answer = self._ask(False, pixels)
        if not answer.txts:
            return "", 0.0
        return str(answer.txts[0]), float(answer.scores[0])

    def load(self) -> None:
        """Load both ways of asking, and run each once: RapidOCR reads its models at the first call."""
        import numpy as np

        white = np.full((64, 256, 3), 255, dtype=np.uint8)
        self.line(white)
        # On white, detection finds nothing and nothing else would be loaded.
        white[24:40, 40:60] = white[24:40, 90:110] = 0
        self.page(white)

    def _ask(self, detect: bool, pixels: np.ndarray[Any, Any]) -> Any:
        import numpy as np

        reader = self._object(detect)
        try:
            # It takes an array for OpenCV's: blue, green, red. Files it converts by itself.
            return reader(np.ascontiguousarray(pixels[:, :, ::-1]))
        except MemoryError:
            raise
        except Exception as error:
            raise engine_failure(self.name, error) from error

    def _object(self, detect: bool) -> Any:
        with self._lock:
            if detect not in self._objects:
                self._objects[detect] = self._build(detect)
            return self._objects[detect]

    def _build(self, detect: bool) -> Any:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise failure(self.name, "engine_missing", str(error)) from error
        models, runtime = self._models, "EngineConfig.onnxruntime"
        try:
            reader = RapidOCR(
                params={
                    "Global.use_det": detect,
                    "Global.use_cls": detect,
                    "Global.text_score": 0.0,  # parse() drops, and counts, what is unsure
                    "Global.max_side_len": _NO_LIMIT,  # the gateway has scaled the image already
                    "Global.log_level": "critical",  # "nothing found" is no news for the host's terminal
                    "Det.model_path": str(models.detection),
                    "Cls.model_path": str(models.direction),
                    "Rec.model_path": str(models.recognition),
                    f"{runtime}.intra_op_num_threads": self._threads,
                    f"{runtime}.inter_op_num_threads": 1,
                }
            )
        except MemoryError:
            raise
        except Exception as error:
            raise failure(self.name, "load_failed", f"{type(error).__name__}: {error}") from error
        return reader
