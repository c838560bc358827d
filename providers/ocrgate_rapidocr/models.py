"""The models that come in RapidOCR's wheel, and the languages they read."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ocrgate.language import tag
from ocrgate_rapidocr.failure import failure

PACKAGES = ("rapidocr", "onnxruntime", "numpy")
# One model reads all of these (PP-OCRv6 small).
_TAGS = (
    "zh-Hans zh-Hant en ja af az bs ca cs cy da de es et eu fi fr ga gl hr hu id is it ku la lb lt lv mi ms mt nl no "
    "oc pl pt qu rm ro sr-latn sk sl sq sv sw tl tr uz vi"
)
LANGUAGES = frozenset(_TAGS.split())
# A model is megabytes; what is smaller is the rest of a broken download.
_LEAST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Models:
    """Files of the three networks."""

    detection: Path
    direction: Path
    recognition: Path


def missing_packages() -> tuple[str, ...]:
    """Packages that are not installed; onnxruntime is none of RapidOCR's own dependencies."""
    return tuple(package for package in PACKAGES if find_spec(package) is None)


def find_models(name: str, folder: str | None = None) -> Models:
    """The models of the wheel, or of a folder, found without importing RapidOCR.

    They are always named to RapidOCR: left to itself it downloads a model that is missing or altered.

    Raises:
        ProviderError: `engine_missing` or `model_missing`.
    """
    if folder is not None:
        root = Path(folder)
    else:
        missing = missing_packages()
        spec = find_spec("rapidocr") if not missing else None
        if spec is None or not spec.submodule_search_locations:
            raise failure(name, "engine_missing", f"not installed: {', '.join(missing or PACKAGES)}")
        root = Path(spec.submodule_search_locations[0]) / "models"
    return Models(_one(name, root, "det"), _one(name, root, "cls"), _one(name, root, "rec"))


def _one(name: str, root: Path, task: str) -> Path:
    # Several only where somebody downloaded others: the wheel's are the small ones.
    found = sorted(root.glob(f"*_{task}_*.onnx"), key=lambda path: ("small" not in path.name, path.name))
    if not found:
        raise failure(name, "model_missing", f"no *_{task}_*.onnx in {root}")
    if found[0].stat().st_size < _LEAST_BYTES:
        raise failure(name, "model_corrupt", f"{found[0]} has only {found[0].stat().st_size} bytes")
    return found[0]


def unread(languages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `languages` (any notation) that the models do not read."""
    return tuple(language for language in languages if tag(language) not in LANGUAGES)
