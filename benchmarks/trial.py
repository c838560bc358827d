"""One image asked of one engine through the gateway, and many of them summed up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from benchmarks.corpus import Sample
from benchmarks.metric import Score, score
from ocrgate import Gateway, OCRError
from ocrgate.language import tag
from ocrgate.result import Attempt

DEADLINE = 300.0
"""Seconds an image may take; far more than a user would wait, so that slow engines are timed rather than cut off."""

_COMPANIONS = {"zh-Hans": ("zh-Hans", "en")}


@dataclass(frozen=True, slots=True)
class Trial:
    """How one image went.

    Attributes:
        sample: what was asked.
        text: what was read; None when there was no answer.
        seconds: wall time of the whole call: opening, fitting, reading.
        error: kind of the failure, `outcome: code` or the error's name; empty for an answer.
    """

    sample: Sample
    text: str | None
    seconds: float
    error: str = ""

    @property
    def score(self) -> Score:
        """The reading against the truth; no answer counts as nothing read."""
        return score(self.sample, self.text or "")

    def to_dict(self) -> dict[str, Any]:
        """For a log of single images."""
        own = self.score
        return {
            "image": self.sample.name,
            "truth": self.sample.text,
            "read": self.text,
            "error": self.error or None,
            "cer": own.cer,
            "recall": own.recall,
            "exact": own.exact,
            "seconds": round(self.seconds, 3),
        }


def languages_of(lang: str) -> tuple[str, ...]:
    """What an engine is asked for: the truth's language, and English beside Chinese, which is rarely without it."""
    if lang == "none":
        return ()
    wanted = tag(lang)
    return _COMPANIONS.get(wanted, (wanted,))


def ask(gateway: Gateway, sample: Sample, deadline: float = DEADLINE) -> Trial:
    """Have one image read. Whatever goes wrong is a kind of error in the result, never an exception."""
    begun = time.perf_counter()
    text, error = None, ""
    try:
        text = gateway.recognize(sample.path, languages=languages_of(sample.lang), deadline=deadline).text
    except OCRError as failure:
        error = _kind(failure)
    except Exception as failure:
        error = type(failure).__name__
    return Trial(sample, text, time.perf_counter() - begun, error)


def _kind(error: OCRError) -> str:
    attempts: Sequence[Attempt] = getattr(error, "attempts", ())
    if not attempts or attempts[-1].diagnosis is None:
        return type(error).__name__
    return f"{attempts[-1].outcome}: {attempts[-1].diagnosis.code}"


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """The figures of one engine on one set; benchmarks/metric.py says what they mean.

    An image without an answer counts as one on which nothing was read. When not a single one was answered, because
    the engine lacks the language, say, there are no figures but the reasons. Seconds are those of the answers.
    """
    answered = any(not trial.error for trial in trials)
    scores = [trial.score for trial in trials] if answered else []
    whole = [(own.edits, own.length) for own in scores if own.edits is not None]
    short = [own.exact for own in scores if own.exact is not None]
    seconds = sorted(trial.seconds for trial in trials if not trial.error)
    length = sum(characters for _, characters in whole)
    return {
        "n": len(trials),
        "answered": len(seconds),
        "cer_micro": _round(sum(edits for edits, _ in whole) / length) if whole else None,
        "cer_micro_capped": _round(sum(min(pair) for pair in whole) / length) if whole else None,
        "cer_mean": _round(fmean(edits / own for edits, own in whole)) if whole else None,
        "cer_mean_capped": _round(fmean(min(1.0, edits / own) for edits, own in whole)) if whole else None,
        "recall": _round(fmean(own.recall for own in scores)) if scores else None,
        "recall_micro": _round(sum(own.found for own in scores) / sum(own.units for own in scores)) if scores else None,
        "exact": sum(short) if short else None,
        "exact_of": len(short),
        "seconds_median": _round(median(seconds)) if seconds else None,
        "seconds_p95": _round(seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]) if seconds else None,
        "errors": dict(sorted(Counter(trial.error for trial in trials if trial.error).items())),
    }


def _round(value: float) -> float:
    return round(value, 4)
