"""Images with their truth, as folders: a set is a folder with `images/` and `truth.jsonl`, a JSON object a line.

Keys of a line: `image` (path below the set) and, each where it applies, `text`, `lang`, `lines`, `boxes`, `fields`,
`category`, `decodes`, `note`, `text_is`. Others are let through.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRUTH = "truth.jsonl"


class CorpusError(ValueError):
    """A folder is not what it should be; the message says which file and line, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and what is known of it.

    Attributes:
        path: of the image.
        name: of the image below its set, without the leading `images/`.
        text: what it shows; None when nobody has written it down.
        lang: `en`, `zh` …, or `none`.
        partial: whether `text` lists only some of what the image shows (`text_is` is there).
        plate: whether it is a number plate.
        decodes: whether it is an image at all, None when unsaid.
        category: of a hostile or odd input, or empty.
    """

    path: Path
    name: str
    text: str | None
    lang: str = "none"
    partial: bool = False
    plate: bool = False
    decodes: bool | None = None
    category: str = ""

    @property
    def labelled(self) -> bool:
        """Whether a reading can be compared with something."""
        return bool(self.text and self.text.strip()) and self.decodes is not False


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A named folder of samples, in the order of its file."""

    name: str
    samples: tuple[Sample, ...]

    def first(self, limit: int | None) -> ImageSet:
        """The set with at most `limit` samples."""
        return ImageSet(self.name, self.samples[:limit])

    @property
    def labelled(self) -> tuple[Sample, ...]:
        """The samples that a reading can be compared with."""
        return tuple(sample for sample in self.samples if sample.labelled)


def load(folder: Path, wanted: Iterable[str] | None = None) -> list[ImageSet]:
    """The sets in a folder of sets, or the one set that the folder is.

    Args:
        folder: with `truth.jsonl`, or with folders that have one.
        wanted: names of sets, in the order to take them; all of them, sorted, without it.

    Raises:
        CorpusError: when there is no set, a wanted one is missing, or a line cannot be used.
    """
    if (folder / TRUTH).is_file():
        found = {folder.resolve().name: folder}
    elif folder.is_dir():
        found = {truth.parent.name: truth.parent for truth in sorted(folder.glob(f"*/{TRUTH}"))}
    else:
        raise CorpusError(f"{folder} is not a folder")
    if not found:
        raise CorpusError(f"{folder} holds neither {TRUTH} nor a folder with one")
    names = list(found) if wanted is None else list(dict.fromkeys(wanted))
    for name in names:
        if name not in found:
            near = difflib.get_close_matches(name, found, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(found)}"
            raise CorpusError(f"no set {name!r} in {folder}; {hint}")
    return [_read(name, found[name]) for name in names]


def _read(name: str, folder: Path) -> ImageSet:
    samples = []
    with (folder / TRUTH).open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    samples.append(_sample(folder, json.loads(line)))
                except ValueError as error:
                    raise CorpusError(f"{name}/{TRUTH}, line {number}: {error}") from error
    return ImageSet(name, tuple(samples))


def _sample(folder: Path, truth: Any) -> Sample:
    if not isinstance(truth, dict) or not isinstance(truth.get("image"), str):
        raise CorpusError("an object with a text 'image' is wanted")
    text, fields = truth.get("text"), truth.get("fields")
    if not isinstance(text, str | None):
        raise CorpusError(f"'text' is a text or null, got {text!r}")
    path = folder / truth["image"]
    if not path.is_file():
        raise CorpusError(f"there is no file {truth['image']!r}")
    return Sample(
        path=path,
        name=truth["image"].removeprefix("images/"),
        text=text,
        lang=str(truth.get("lang") or "none"),
        partial="text_is" in truth,
        plate=isinstance(fields, dict) and "plate" in fields,
        decodes=truth.get("decodes"),
        category=str(truth.get("category") or ""),
    )
