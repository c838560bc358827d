"""How near a reading comes to the truth.

Both sides are NFKC-normalised (full-width forms become ASCII, `…` three dots) and lose invisible format characters.
Where the truth has capital letters only, as receipts and labels are transcribed, case is ignored. On number plates
the dot painted between letters and digits is ignored, because the truth leaves it out.

Character error (CER)
    Edit distance (insertions, deletions, substitutions, each 1) over the number of characters of the truth, white
    space not counted. It may exceed 1 when more is read than is there; *capped* says that each image counts at most 1.
    *micro* adds up edits and characters over the images, so long pages weigh more; *mean* gives each image one vote.
Recall
    Share of the words of the truth found in the reading, as multisets and in any order: a page read column by column
    loses nothing. A word is a run of letters and digits, so that "GST :" and "GST:" are the same word; punctuation is
    the character error's business. Languages written without spaces are counted by characters.
Exact
    For short strings only: a truth of one word of at most 16 characters. Whether the reading without white space is
    the truth; where the truth lists only some of what an image shows, whether it contains each of the words listed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from benchmarks.corpus import Sample

SHORT = 16
"""Characters up to which a single word counts as a short string."""

_UNSPACED = ("zh", "ja", "th")
_CHARACTER, _WORD, _CHUNK = re.compile(r"\S"), re.compile(r"\w+"), re.compile(r"\S+")
_PLATE_DOTS = dict.fromkeys(map(ord, ".·•∙‧・"))


@dataclass(frozen=True, slots=True)
class Score:
    """One reading against its truth.

    Attributes:
        edits: edit distance in characters, or None where the truth lists only some of the text.
        length: characters of the truth, at least 1.
        found: words, or characters, of the truth that are in the reading.
        units: words, or characters, of the truth.
        exact: whether a short string was read as it is, None for other truths.
    """

    edits: int | None
    length: int
    found: int
    units: int
    exact: bool | None

    @property
    def cer(self) -> float | None:
        """Character error, 0 or more."""
        return None if self.edits is None else self.edits / self.length

    @property
    def recall(self) -> float:
        """0 to 1."""
        return self.found / self.units


def score(sample: Sample, reading: str) -> Score:
    """Compare what was read with what the sample shows.

    Args:
        sample: one with a truth that is not empty.
        reading: text in any layout; empty when nothing was read.

    Raises:
        ValueError: when the sample has no text to compare with.
    """
    truth, seen = normalise(sample.text or ""), normalise(reading)
    if sample.plate:
        truth, seen = truth.translate(_PLATE_DOTS), seen.translate(_PLATE_DOTS)
    if truth.isupper():
        truth, seen = truth.casefold(), seen.casefold()
    if not truth.strip():
        raise ValueError(f"{sample.name}: no text to compare with")
    characters = compact(truth)
    unit = _unit(truth, sample.lang)
    wanted = Counter(unit.findall(truth))
    return Score(
        edits=None if sample.partial else _distance(characters, compact(seen)),
        length=len(characters),
        found=sum((wanted & Counter(unit.findall(seen))).values()),
        units=sum(wanted.values()),
        exact=_exact(truth, compact(seen), partial=sample.partial),
    )


def normalise(text: str) -> str:
    """NFKC, without format characters such as zero-width spaces and soft hyphens."""
    return "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")


def compact(text: str) -> str:
    """Without white space."""
    return "".join(text.split())


def _unit(truth: str, lang: str) -> re.Pattern[str]:
    """What recall counts; a truth without a letter or digit is counted by what stands between its spaces."""
    if lang.lower().startswith(_UNSPACED):
        return _CHARACTER
    return _WORD if _WORD.search(truth) else _CHUNK


def _distance(truth: str, seen: str) -> int:
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(truth, seen)


def _exact(truth: str, seen: str, *, partial: bool) -> bool | None:
    words = truth.split()
    if any(len(word) > SHORT for word in words):
        return None
    if partial:
        return all(word in seen for word in words)
    return words[0] == seen if len(words) == 1 else None
