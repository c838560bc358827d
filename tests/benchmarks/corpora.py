"""Made-up corpora: drawn images with their truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.corpus import Sample

from tests.drawing import page


def sample(text: str | None, lang: str = "en", *, partial: bool = False, plate: bool = False) -> Sample:
    """A sample without an image."""
    return Sample(Path("none.png"), "none.png", text, lang, partial, plate)


def write_set(folder: Path, *truths: dict[str, Any]) -> Path:
    """A set with one drawn image for each truth; a truth may bring its own `image` and `data`."""
    (folder / "images").mkdir(parents=True)
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as lines:
        for number, truth in enumerate(truths):
            data = truth.pop("data", None) or page(f"LINE {number}").encoded()
            line = {"image": f"images/{number}.png", "licence": "made up", **truth}
            (folder / line["image"]).write_bytes(data)
            lines.write(json.dumps(line) + "\n")
    return folder
