"""The verdict on one page: acceptable or not, why, and which fields the rules found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ocrgate.acceptance.rule import Rule
from ocrgate.page import Page
from ocrgate.settings import AcceptSettings


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a route thinks of a page.

    Attributes:
        reasons: what was not met; empty when the page is acceptable.
        fields: named groups of the rules that matched.
        score: for choosing the best of several pages that were not accepted; more is better, first things first.
    """

    reasons: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    score: tuple[float, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.reasons


class Acceptance:
    """The rules of one route, ready to be asked; thread-safe.

    Raises:
        ConfigError: when a rule makes no sense.
    """

    def __init__(self, settings: AcceptSettings) -> None:
        self.settings = settings
        self._rules = tuple(Rule(rule) for rule in settings.rules)

    def judge(self, page: Page, *, rules: bool = True) -> Verdict:
        """The verdict on a page that an engine returned.

        Args:
            page: what the engine saw.
            rules: whether the patterns are looked for; without, only confidence and length count.

        A page that is blank by its pixels and on which the engine found nothing is acceptable whatever the rules say.
        """
        if page.blank and not page.lines and not page.fields:
            return Verdict(score=(1.0,))
        reasons = [*self._length(page), *self._confidence(page)]
        fields: dict[str, str] = dict(page.fields)
        if rules:
            found, missed = self.read(page.text)
            fields.update(found)
            reasons += missed
        confidence = page.confidence
        score = (-float(len(reasons)), confidence if confidence is not None else 0.5, float(len(page.text)))
        return Verdict(tuple(reasons), fields, score)

    def read(self, text: str) -> tuple[dict[str, str], list[str]]:
        """The fields that the rules find in a text, and why it is not acceptable."""
        fields: dict[str, str] = {}
        reasons: list[str] = []
        for rule in self._rules:
            match = rule.match(text)
            for name, value in match.fields.items():
                fields.setdefault(name, value)
            if match.reason is not None:
                reasons.append(match.reason)
        return fields, reasons

    def _length(self, page: Page) -> list[str]:
        characters = sum(not character.isspace() for character in page.text)
        wanted = self.settings.min_characters
        if characters >= wanted or page.fields:
            return []
        if not characters:
            return ["no text: the engine found none, but the pixels show something"]
        return [f"min_characters: {characters} of {wanted}"]

    def _confidence(self, page: Page) -> list[str]:
        wanted = self.settings.min_confidence
        if wanted <= 0 or not page.lines:
            return []
        if page.confidence is None:
            if self.settings.unknown_confidence == "accept":
                return []
            return [f"min_confidence: unknown, {wanted} wanted"]
        if page.confidence < wanted:
            return [f"min_confidence: {page.confidence:.2f} of {wanted}"]
        return []
