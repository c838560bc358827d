"""What a caller gets: the text, and the story of how it was got."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.page import Line, Page

SCHEMA = 1
"""Version of what `to_dict()` returns; see docs/result.md. It grows when a key is renamed, removed or re-typed."""

Outcome = Literal["accepted", "rejected", "failed", "refused", "cancelled"]
Origin = Literal["engine", "flight", "cache"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Money, never added up over currencies.

    Attributes:
        amount: in units of `currency`.
        currency: ISO 4217 code.
    """

    amount: float = 0.0
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a tariff.

    Attributes:
        up_to: the last call of a month that has this price; None for all that follow.
        amount: of one call, in units of the tariff's currency.
    """

    up_to: int | None
    amount: float


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a call costs, by how many were billed in the month so far.

    Attributes:
        tiers: in ascending order; the last one has no end.
        currency: ISO 4217 code.
        as_of: the day the prices were read, ISO 8601, or empty.
        source: where they were read, or empty.
    """

    tiers: tuple[Tier, ...]
    currency: str = "CNY"
    as_of: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        ends = [tier.up_to for tier in self.tiers]
        if not ends or ends[-1] is not None or None in ends[:-1]:
            raise ValueError("the last tier, and no other, has no end")
        known = [end for end in ends if end is not None]
        if known != sorted(set(known)):
            raise ValueError("tiers are in ascending order")
        if any(tier.amount < 0 for tier in self.tiers):
            raise ValueError("a price is a number from 0")

    @classmethod
    def of(cls, price: Cost | Tariff) -> Tariff:
        """A tariff as it is, or the same price for every call."""
        return price if isinstance(price, Tariff) else cls((Tier(None, price.amount),), price.currency)

    def price(self, number: int) -> Cost:
        """Of the billed call with this number in the month, counted from 1."""
        tier = next(tier for tier in self.tiers if tier.up_to is None or number <= tier.up_to)
        return Cost(tier.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the story: an engine that was asked, or that a policy kept from being asked.

    Attributes:
        provider: its configured name.
        outcome: `accepted`; `rejected` (answered, but no rule accepted it); `failed`; `refused` (nothing was sent);
            `cancelled` (the caller gave up, or another engine was faster).
        key: configured name of the credential used.
        variant: `original`, or the enhancement the engine was shown.
        started: Unix time, seconds.
        elapsed: seconds.
        diagnosis: of a failure or refusal.
        reasons: why an answer was rejected.
        cost: what the attempt cost, as far as the price is configured.
        page: number of the page, from 1.
    """

    provider: str
    outcome: Outcome
    key: str | None = None
    variant: str = "original"
    started: float = 0.0
    elapsed: float = 0.0
    diagnosis: Diagnosis | None = None
    reasons: tuple[str, ...] = ()
    cost: Cost | None = None
    page: int = 1

    def summary(self) -> str:
        """The attempt in a few words: `baidu failed (18: QPS limit reached)`."""
        why = ""
        if self.diagnosis is not None:
            why = f" ({self.diagnosis})"
        elif self.reasons:
            why = f" ({'; '.join(self.reasons)})"
        return f"{self.provider} {self.outcome}{why}"


@dataclass(frozen=True, slots=True)
class Result:
    """The text of an image, where it stands, and how it was got.

    Attributes:
        pages: one for each page of the input, polygons in that page's own pixels after EXIF orientation.
        provider: configured name of the engine whose answer this is (of the first page, for a document).
        fields: named groups of the route's rules, or what a card endpoint returned.
        valid: whether every rule of the route was met.
        blank: whether the pixels of every page show nothing to read.
        degraded: whether the answer is less than the route asks for, and is given all the same.
        reasons: what no rule accepted; empty when valid.
        attempts: every engine asked or refused, in order.
        cost: of all attempts.
        elapsed: seconds, whole.
        request_id: the same in logs and attempts.
        origin: `engine` (read for this call); `flight` (read for another call that asked the same at the same time; its
            attempts are told, and cost this call nothing); `cache` (read and kept earlier; no engine was asked).
    """

    pages: tuple[Page, ...]
    provider: str
    fields: Mapping[str, str] = field(default_factory=dict)
    valid: bool = True
    blank: bool = False
    degraded: bool = False
    reasons: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    cost: Cost = Cost()
    elapsed: float = 0.0
    request_id: str = ""
    origin: Origin = "engine"

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all pages, in reading order."""
        return tuple(line for page in self.pages for line in page.lines)

    @property
    def text(self) -> str:
        """The lines joined by newlines, pages by form feeds."""
        return "\f".join(page.text for page in self.pages)

    @property
    def confidence(self) -> float | None:
        """Mean over the lines, weighted by length, 0 to 1; None when it is unknown for any line."""
        return Page(lines=self.lines).confidence

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data; see docs/result.md for the schema."""
        from ocrgate.transcript import write

        return write(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """The result that `to_dict()` or the text of `to_json()` tells of; lists in notes stay lists.

        Raises:
            ValueError: when it tells of none, or in another version of the schema.
        """
        from ocrgate.transcript import read

        return read(data)

    def to_json(self, *, indent: int | None = None) -> str:
        """`to_dict()` as JSON text, characters unescaped."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)


@dataclass(frozen=True, slots=True)
class Failure:
    """An image of `recognize_many` that ended in an error.

    Attributes:
        source: the item as it was handed in.
        error: what `recognize` would have raised.
    """

    source: Any
    error: Exception
