"""EasyOCR's Reader: built offline and quietly, kept by its languages."""

from __future__ import annotations

import sys
import threading
import urllib.error
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocrgate_easyocr.failure import engine_failure, failure
from ocrgate_easyocr.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

KEPT = 2
"""Readers kept at once; each holds about half a gigabyte."""


class Engine:
    """Readers by their languages; built once each, asked from any thread."""

    def __init__(self, name: str, *, download: bool) -> None:
        self.name = name
        self._download = download
        self._lock = threading.Lock()
        self._readers: OrderedDict[tuple[str, ...], Any] = OrderedDict()

    def reader(self, weights: Weights, folder: Path) -> Any:
        """The Reader for some languages, with its files from `folder`."""
        with self._lock:
            found = self._readers.get(weights.languages)
            if found is None:
                found = self._build(weights, folder)
                self._readers[weights.languages] = found
                while len(self._readers) > KEPT:
                    self._readers.popitem(last=False)
            self._readers.move_to_end(weights.languages)
            return found

    def read(self, reader: Any, image: Image.Image) -> list[Any]:
        """What detection and recognition say: a list of (four points, text, confidence).

        Detection is handed red, green, blue and recognition the grey of Pillow, as EasyOCR itself does for a file.
        An array given to `readtext` is taken as blue, green, red for the grey, and as red, green, blue for detection:
        red letters on grey then lose their contrast.
        """
        grey = _array(image.convert("L"))
        _hush()
        try:
            boxes, quads = reader.detect(_array(image), reformat=False)
            found: list[Any] = reader.recognize(grey, boxes[0], quads[0], reformat=False)
        except MemoryError:
            raise
        except Exception as error:
            raise engine_failure(self.name, error) from error
        return found

    def read_line(self, reader: Any, image: Image.Image) -> list[Any]:
        """The same, with the whole image taken as one line."""
        _hush()
        try:
            found: list[Any] = reader.recognize(_array(image.convert("L")), reformat=False)
        except MemoryError:
            raise
        except Exception as error:
            raise engine_failure(self.name, error) from error
        return found

    def _build(self, weights: Weights, folder: Path) -> Any:
        before = list(sys.path)
        try:
            # Only here, and under a lock: catch_warnings changes a global of the process.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import easyocr

                return easyocr.Reader(
                    list(weights.languages),
                    gpu=False,
                    model_storage_directory=str(folder),
                    user_network_directory=str(folder),
                    download_enabled=self._download,
                    verbose=False,
                    quantize=False,  # as fast and as right, without torch's deprecated quantisation
                )
        except ImportError as error:
            raise failure(self.name, "engine_missing", str(error)) from error
        except urllib.error.URLError as error:
            raise failure(self.name, "download_failed", f"{type(error).__name__}: {error}") from error
        except FileNotFoundError as error:
            code = "weights_corrupt" if "MD5" in str(error) else "weights_missing"
            raise failure(self.name, code, str(error)) from error
        except AssertionError as error:
            raise failure(self.name, "weights_corrupt", str(error)) from error
        except MemoryError:
            raise
        except Exception as error:
            if "memory" in str(error).lower():
                raise engine_failure(self.name, error) from error
            raise failure(self.name, "load_failed", f"{type(error).__name__}: {error}") from error
        finally:
            # Reader appends its folder of user networks, and would again for every Reader.
            sys.path[:] = [place for place in sys.path if place != str(folder) or place in before]


def _hush() -> None:
    """Keep one warning of torch from the user: EasyOCR asks for pinned memory whether or not there is a GPU.

    A filter, set where it is not set yet, because catch_warnings is not thread-safe and this is asked by threads.
    """
    pattern = "'pin_memory' argument is set as true"
    if not any(
        entry[0] == "ignore" and getattr(entry[1], "pattern", entry[1]) == pattern for entry in warnings.filters
    ):
        warnings.filterwarnings("ignore", message=pattern)


def _array(image: Image.Image) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.array(image)
