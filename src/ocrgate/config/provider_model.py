"""The gateway's settings of one provider. Importing this imports pydantic."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from ocrgate.config.fields import (
    Amount,
    Count,
    Duration,
    PositiveShare,
    Rate,
    Section,
    Share,
    Size,
    Text,
    Wait,
    Whole,
    typed,
    wrong,
)
from ocrgate.result import Cost
from ocrgate.settings import BreakerMode, BreakerSettings, ConcurrencySettings, ProviderSettings, RetrySettings

_PROVIDER, _RETRY, _BREAKER, _COST = ProviderSettings("", ""), RetrySettings(), BreakerSettings(), Cost()
_CONCURRENCY = ConcurrencySettings()


class Pace(Section):
    qps: Rate | None = Field(default=_PROVIDER.qps, description="Calls a second and key, evenly paced.")
    margin: Share = Field(default=_PROVIDER.margin, description="Share by which they are set further apart than that.")


class Quota(Section):
    per_day: Count | None = Field(default=None, description="Calls a day and account, in Asia/Shanghai.")
    per_month: Count | None = Field(default=None, description="Calls a month and account.")
    reset: Literal["day", "month"] | None = Field(
        default=_PROVIDER.quota_reset,
        description="When a quota that the provider calls used up comes back; with the month when only per_month is"
        " set, else with the day.",
    )


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        raise wrong("expected an ISO 4217 code such as CNY")
    return str(value)


Currency = Annotated[str, BeforeValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})]


class PriceTier(Section):
    up_to: Count | None = Field(default=None, description="Last call of a month at this price; none for all others.")
    amount: Amount = Field(description="Cost of one billed call.")


class Price(Section):
    amount: Amount = Field(default=_COST.amount, description="Cost of one billed call, in units of the currency.")
    tiers: list[PriceTier] = Field(
        default=[], description="In place of amount: prices by the number of calls in the month, ascending."
    )
    currency: Currency = Field(default=_COST.currency, description="ISO 4217 code.")


Growth = Annotated[float, Field(strict=True, ge=1, le=1000), BeforeValidator(typed)]


class Retry(Section):
    attempts: Count = Field(default=_RETRY.attempts, description="Calls in all, the first one included.")
    base: Wait = Field(default=_RETRY.base, description="First wait: drawn from 0 to this, doubled each time.")
    cap: Wait = Field(default=_RETRY.cap, description="Longest wait.")
    throttle_base: Wait = Field(
        default=_RETRY.throttle_base, description="Least wait when the other side asks to slow down."
    )


class Breaker(Section):
    window: Count = Field(default=_BREAKER.window, description="Calls looked back on, when there is no period.")
    period: Duration | None = Field(
        default=_BREAKER.period, description="Time looked back on, whatever the number of calls."
    )
    minimum: Count = Field(default=_BREAKER.minimum, description="Calls in the window before a rate means anything.")
    failure_rate: PositiveShare = Field(default=_BREAKER.failure_rate, description="Share of failures that opens it.")
    slow_call: Duration = Field(default=_BREAKER.slow_call, description="From here on an answer counts as slow.")
    slow_rate: PositiveShare = Field(default=_BREAKER.slow_rate, description="Share of slow calls that opens it.")
    open_for: Duration = Field(default=_BREAKER.open_for, description="Until a probe is sent.")
    probes: Count = Field(default=_BREAKER.probes, description="Calls let through at once when half open.")
    successes: Count = Field(default=_BREAKER.successes, description="Successful probes that close it.")
    growth: Growth = Field(
        default=_BREAKER.growth, description="How many times open_for the provider is left alone at most."
    )
    mode: BreakerMode = Field(
        default=_BREAKER.mode,
        description="enforce; shadow counts and tells, and refuses nothing; disabled; forced_open refuses everything.",
    )


class Concurrency(Section):
    mode: Literal["fixed", "aimd", "gradient"] = Field(
        default=_CONCURRENCY.mode, description="Whether calls in flight are always as many as lanes, or found out."
    )
    minimum: Count = Field(default=_CONCURRENCY.minimum, description="Calls that may always be in flight.")
    slow: Duration | None = Field(default=_CONCURRENCY.slow, description="From here on a call is slow, for aimd.")


class Provider(Section):
    """The gateway's own settings of a provider; all others are the adapter's."""

    type: Text | None = Field(default=None, description="The kind of engine; the provider's name when left out.")
    timeout: Duration = Field(default=_PROVIDER.timeout, description="One attempt, whole: connect, send, read.")
    lanes: Count | None = Field(
        default=_PROVIDER.lanes, description="Calls in flight at once; the adapter's choice if null."
    )
    queue: Whole = Field(default=_PROVIDER.queue, description="Calls that may wait for a lane.")
    rate: Pace = Field(default=Pace(), description="How often it may be asked.")
    quota: Quota = Field(default=Quota(), description="Calls that an account may make.")
    price: Price | None = Field(
        default=None, description="What a call costs; the adapter's own tariff, if it has one, when left out."
    )
    retry: Retry = Field(default=Retry(), description="Repeating a call whose failure is worth repeating.")
    breaker: Breaker = Field(default=Breaker(), description="When the provider is no longer asked.")
    concurrency: Concurrency = Field(default=Concurrency(), description="How many calls are in flight at once.")
    memory: Size = Field(default=_PROVIDER.memory, description="Memory of one worker process (local engines).")
    recycle: Count = Field(
        default=_PROVIDER.recycle, description="Calls until a worker process is replaced (local engines)."
    )
