"""The settings of one route. Importing this imports pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ocrgate.config.fields import Amount, Count, Duration, Moment, Section, Share, Switch, Text, Wait, Whole
from ocrgate.config.provider_model import Currency
from ocrgate.settings import (
    AcceptSettings,
    BudgetSettings,
    HedgeSettings,
    RouteSettings,
    RuleSettings,
    SpendSettings,
)

_ROUTE, _BUDGET, _ACCEPT, _RULE = RouteSettings("", ()), BudgetSettings(), AcceptSettings(), RuleSettings("", "")
_SPEND, _HEDGE = SpendSettings(), HedgeSettings()


class Hedge(Section):
    after: Moment = Field(description="When a second engine is asked too: a percentile of past calls, or a duration.")
    floor: Wait = Field(default=_HEDGE.floor, description="Never sooner than this.")
    budget: Share = Field(default=_HEDGE.budget, description="Share of calls that may be doubled.")
    to: Annotated[list[Literal["local", "key"]], Field(min_length=1)] = Field(
        default=list(_HEDGE.to),
        description="local: the next engine on this host; key: the same engine with another key. First choice first.",
    )


class Budget(Section):
    retry_ratio: Share = Field(default=_BUDGET.retry_ratio, description="Repeated and hedged calls per ordinary call.")
    minimum: Whole = Field(default=_BUDGET.minimum, description="Such calls always allowed within ten seconds.")


class Consensus(Section):
    providers: list[Text] = Field(min_length=2, description="Engines that have to agree.")
    quorum: Annotated[Count, Field(ge=2)] = Field(description="How many of them have to agree.")


class Rule(Section):
    name: Text = Field(description="Appears in the reasons of a rejected answer.")
    pattern: Annotated[Text, Field(max_length=10_000)] = Field(
        description="Regular expression; named groups become fields."
    )
    required: Switch = Field(default=_RULE.required, description="Whether a text without a match is rejected.")
    check: Text | None = Field(default=_RULE.check, description="A python-stdnum module, such as cn.ric or luhn.")


class Accept(Section):
    min_confidence: Share = Field(default=_ACCEPT.min_confidence, description="0 asks for none.")
    unknown_confidence: Literal["accept", "reject"] = Field(
        default=_ACCEPT.unknown_confidence, description="What to do with an engine that gives no confidence."
    )
    min_characters: Whole = Field(default=_ACCEPT.min_characters, description="Characters besides white space.")
    on_invalid: Literal["raise", "best"] = Field(
        default=_ACCEPT.on_invalid, description="Raise NoValidResult, or give the best answer, flagged."
    )
    rules: list[Rule] = Field(default=[], description="What an acceptable text shows; all of them have to be met.")


class Spend(Section):
    per_day: Amount | None = Field(default=_SPEND.per_day, description="Never more in a day of Asia/Shanghai.")
    per_month: Amount | None = Field(default=_SPEND.per_month, description="Never more in a month.")
    currency: Currency = Field(default=_SPEND.currency, description="ISO 4217 code; that of the providers' prices.")


class Route(Section):
    providers: list[Text] | None = Field(
        default=None, min_length=1, description="First choice first; all when left out."
    )
    deadline: Duration = Field(default=_ROUTE.deadline, description="The whole call.")
    residency: Literal["any", "local"] = Field(
        default=_ROUTE.residency, description="local: no pixel is sent to another host."
    )
    languages: list[Text] = Field(
        default=[], description="Asked of every engine: BCP 47 tags or any engine's own names."
    )
    hedge: Hedge | None = Field(default=None, description="Asking a second engine when the first is slow.")
    panic: Switch = Field(
        default=_ROUTE.panic,
        description="Whether, when no other answers, the last engine on this host is asked though its breaker is open.",
    )
    budget: Budget = Field(default=Budget(), description="Extra calls the route may make.")
    spend: Spend = Field(default=Spend(), description="What the route may cost.")
    enhance: list[Literal["grey", "upscale", "binarise", "denoise"]] = Field(
        default=[], description="Image variants tried when an engine reads nothing or too little."
    )
    consensus: Consensus | None = Field(default=None, description="Engines whose answers are compared.")
    accept: Accept = Field(default=Accept(), description="What makes an answer an answer.")
