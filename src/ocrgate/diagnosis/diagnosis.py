"""What a failure means: the record that everything else decides by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Category = Literal[
    "network", "auth", "quota", "throttle", "request", "image", "empty", "server", "engine", "config", "unknown"
]
Fault = Literal["provider", "key", "caller", "network"]
Certainty = Literal["official", "copy", "legacy", "verified", "observed", "inferred", ""]
Action = Literal["retry", "refresh_token", "next_key", "fix_request", "next_provider", "fatal"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a code, a reply or an exception means, who is to blame and what to do.

    Attributes:
        code: as the provider wrote it, always a string.
        message: what the provider said, in its words.
        category: the kind of trouble.
        fault: what a failure counts against. Only `provider` and `network` count in a breaker.
        action: the next step that makes sense.
        meaning, meaning_zh: one sentence on what happened.
        remedy, remedy_zh: one sentence on what a person can do.
        source: where the meaning comes from.
        known: False when the code is in no table and its class was inferred.
        note: where popular readings of the code disagree with its source.
        retry_after: seconds the other side asked to wait, or None.
        log_id: the provider's own reference for the request, or None.
        certainty: how sure the meaning is: `official` (read on a page of the provider, or decided by this library),
            `copy` (of an official table, elsewhere), `legacy` (an old page of the provider, the meaning may have
            changed), `verified` (by experiment), `observed` (reported by users), `inferred`; empty when unknown.
        billed: whether the provider bills such a call; None when it cannot be known, after a timeout for example.
        note_zh: the note in Chinese.
    """

    code: str
    message: str = ""
    category: Category = "unknown"
    fault: Fault = "provider"
    action: Action = "next_provider"
    meaning: str = ""
    meaning_zh: str = ""
    remedy: str = ""
    remedy_zh: str = ""
    source: str = ""
    known: bool = True
    note: str = ""
    retry_after: float | None = None
    log_id: str | None = None
    certainty: Certainty = ""
    billed: bool | None = False
    note_zh: str = ""

    @property
    def counts_in_breaker(self) -> bool:
        """Whether the failure says something about the provider's health."""
        return self.fault in ("provider", "network")

    def __str__(self) -> str:
        if not self.meaning or self.message in ("", self.meaning):
            return f"{self.code}: {self.meaning or self.message}"
        return f"{self.code}: {self.meaning} [{self.message}]"
