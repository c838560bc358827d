"""What Baidu charges for a call of an endpoint, as published; the figures are in `prices.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from ocrgate.result import Tariff, Tier


@dataclass(frozen=True, slots=True)
class Free:
    """Calls that an account has before the first one is billed. For people to read: nothing is counted by it, because
    how much of it is left is known to Baidu alone.

    Attributes:
        personal: calls of an account in a person's name.
        enterprise: calls of an account in a company's name.
        per: how often they come: every `month`, or `once`.
    """

    personal: int
    enterprise: int
    per: Literal["month", "once"]


@dataclass(frozen=True, slots=True)
class Price:
    """The published price of one endpoint, pay-as-you-go.

    Attributes:
        endpoint: as the configuration names it.
        tariff: prices by the account's billed calls of the month, with the day they were read and their source.
        unit: what Baidu counts as a call: a `call`, or every `invoice` that it finds in an image.
        dated: the source's own date, `2025-05`; empty where it has none.
        free: calls before the first one is billed, or None when that is not known.
        note: what the figures do not say.
    """

    endpoint: str
    tariff: Tariff
    unit: Literal["call", "invoice"] = "call"
    dated: str = ""
    free: Free | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls a second that Baidu lets an account make.

    Attributes:
        free: as long as nothing is paid for.
        paid: with pay-as-you-go or a pack.
        source: where it stands.
    """

    free: int
    paid: int
    source: str


def prices() -> Mapping[str, Price]:
    """Every published price, by endpoint."""
    return _load()[0]


def tariff(endpoint: str) -> Tariff | None:
    """The published price of an endpoint, or None when there is none in public."""
    price = prices().get(endpoint)
    return None if price is None else price.tariff


def free(endpoint: str) -> Free | None:
    """The calls of an endpoint that an account has for nothing, or None when that is not known."""
    price = prices().get(endpoint)
    return None if price is None else price.free


def rate() -> Rate:
    """Calls a second that Baidu lets an account make, of each endpoint."""
    return _load()[1]


@cache
def _load() -> tuple[Mapping[str, Price], Rate]:
    import yaml

    text = (resources.files("ocrgate_baidu") / "prices.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    found = {name: _price(name, row, data) for name, row in data["endpoints"].items()}
    return found, Rate(**data["qps"])


def _price(endpoint: str, row: dict[str, Any], data: dict[str, Any]) -> Price:
    tiers = tuple(Tier(tier.get("up_to"), tier["amount"]) for tier in row["tiers"])
    return Price(
        endpoint=endpoint,
        tariff=Tariff(tiers, data["currency"], as_of=data["read"], source=row["source"]),
        unit=row["unit"],
        dated=str(row.get("dated", "")),
        free=Free(**row["free"]) if "free" in row else None,
        note=row.get("note", ""),
    )
