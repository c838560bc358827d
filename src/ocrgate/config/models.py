"""The shape of a configuration; every default is that of `ocrgate.settings`. Importing this imports pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from ocrgate.config.fields import (
    Amount,
    Count,
    Duration,
    Moment,
    PositiveShare,
    Rate,
    Section,
    Share,
    Size,
    Text,
    Wait,
    Whole,
    typed,
    unrelated,
    wrong,
)
from ocrgate.result import Cost
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    BudgetSettings,
    ImageSettings,
    LoggingSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    RuleSettings,
)

VERSION = 1

_RETRY, _BREAKER, _BUDGET = RetrySettings(), BreakerSettings(), BudgetSettings()
_PROVIDER, _ROUTE, _COST = ProviderSettings("", ""), RouteSettings("", ()), Cost()
_ACCEPT, _RULE, _IMAGE, _LOGGING = AcceptSettings(), RuleSettings("", ""), ImageSettings(), LoggingSettings()


class Pace(Section):
    qps: Rate | None = Field(default=_PROVIDER.qps, description="Calls a second and key, evenly paced.")


class Quota(Section):
    per_day: Count | None = Field(default=None, description="Calls a day and key.")
    per_month: Count | None = Field(default=None, description="Calls a month and key.")


class Price(Section):
    amount: Amount = Field(default=_COST.amount, description="Cost of one billed call, in units of the currency.")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(default=_COST.currency, description="ISO 4217 code.")


class Retry(Section):
    attempts: Count = Field(default=_RETRY.attempts, description="Calls in all, the first one included.")
    base: Wait = Field(default=_RETRY.base, description="First wait: drawn from 0 to this, doubled each time.")
    cap: Wait = Field(default=_RETRY.cap, description="Longest wait.")
    throttle_base: Wait = Field(
        default=_RETRY.throttle_base, description="Least wait when the other side asks to slow down."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Retry:
        if self.base > self.cap:
            field = "base" if "base" in self.model_fields_set else "cap"
            raise unrelated(field, "`base` may not be longer than `cap`")
        return self


class Breaker(Section):
    window: Count = Field(default=_BREAKER.window, description="Calls looked back on.")
    minimum: Count = Field(default=_BREAKER.minimum, description="Calls in the window before a rate means anything.")
    failure_rate: PositiveShare = Field(default=_BREAKER.failure_rate, description="Share of failures that opens it.")
    slow_call: Duration = Field(default=_BREAKER.slow_call, description="From here on an answer counts as slow.")
    slow_rate: PositiveShare = Field(default=_BREAKER.slow_rate, description="Share of slow calls that opens it.")
    open_for: Duration = Field(default=_BREAKER.open_for, description="Until a probe is sent.")
    probes: Count = Field(default=_BREAKER.probes, description="Calls let through at once when half open.")
    successes: Count = Field(default=_BREAKER.successes, description="Successful probes that close it.")

    @model_validator(mode="after")
    def _ordered(self) -> Breaker:
        if self.minimum > self.window:
            written = "minimum" in self.model_fields_set
            default = "" if written else f" (`minimum` is {self.minimum} unless set)"
            raise unrelated("minimum" if written else "window", f"`minimum` may not be above `window`{default}")
        return self


class Provider(Section):
    """The gateway's own settings of a provider; all others are the adapter's."""

    type: Text | None = Field(default=None, description="The kind of engine; the provider's name when left out.")
    timeout: Duration = Field(default=_PROVIDER.timeout, description="One attempt, whole: connect, send, read.")
    lanes: Count | None = Field(
        default=_PROVIDER.lanes, description="Calls in flight at once; the adapter's choice if null."
    )
    queue: Whole = Field(default=_PROVIDER.queue, description="Calls that may wait for a lane.")
    rate: Pace = Field(default=Pace(), description="How often it may be asked.")
    quota: Quota = Field(default=Quota(), description="Calls that a key may make.")
    price: Price | None = Field(default=None, description="What a call costs.")
    retry: Retry = Field(default=Retry(), description="Repeating a call whose failure is worth repeating.")
    breaker: Breaker = Field(default=Breaker(), description="When the provider is no longer asked.")
    memory: Size = Field(default=_PROVIDER.memory, description="Memory of one worker process (local engines).")
    recycle: Count = Field(
        default=_PROVIDER.recycle, description="Calls until a worker process is replaced (local engines)."
    )


class Hedge(Section):
    after: Moment = Field(description="When a second engine is asked too: a percentile of past calls, or a duration.")
    floor: Wait | None = Field(default=None, description="Never sooner than this.")
    budget: Share | None = Field(default=None, description="Share of calls that may be doubled.")


class Budget(Section):
    retry_ratio: Share = Field(default=_BUDGET.retry_ratio, description="Repeated calls per ordinary call.")
    minimum: Whole = Field(default=_BUDGET.minimum, description="Repeated calls always allowed within ten seconds.")


class Consensus(Section):
    providers: list[Text] = Field(min_length=2, description="Engines that have to agree.")
    quorum: Annotated[Count, Field(ge=2)] = Field(description="How many of them have to agree.")


class Rule(Section):
    name: Text = Field(description="Appears in the reasons of a rejected answer.")
    pattern: Annotated[Text, Field(max_length=10_000)] = Field(
        description="Regular expression; named groups become fields."
    )
    required: Annotated[bool, Field(strict=True), BeforeValidator(typed)] = Field(
        default=_RULE.required, description="Whether a text without a match is rejected."
    )
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
    budget: Budget = Field(default=Budget(), description="Extra calls the route may make.")
    enhance: list[Literal["grey", "upscale", "binarise", "denoise"]] = Field(
        default=[], description="Image variants tried when an engine reads nothing or too little."
    )
    consensus: Consensus | None = Field(default=None, description="Engines whose answers are compared.")
    accept: Accept = Field(default=Accept(), description="What makes an answer an answer.")


class Cache(Section):
    path: Text = Field(description="File that holds the answers.")
    ttl: Duration | None = Field(default=None, description="How long an answer is kept.")
    size: Size | None = Field(default=None, description="How much is kept.")


_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _level(value: Any) -> Any:
    level = value.upper() if isinstance(value, str) else value
    if level not in _LEVELS:
        raise wrong(f"expected one of {', '.join(_LEVELS)}")
    return level


class Logging(Section):
    level: Annotated[
        str,
        BeforeValidator(_level),
        WithJsonSchema({"enum": _LEVELS}),
    ] = Field(default=_LOGGING.level, description="Least important message that is written.")
    format: Literal["text", "json"] = Field(default=_LOGGING.format, description="How a message is written.")
    file: Text | None = Field(default=_LOGGING.file, description="Where to; standard error when null.")


class Audit(Section):
    path: Text | None = Field(default=None, description="Append-only ledger of key uses and engine switches.")


class Image(Section):
    max_pixels: Count = Field(
        default=_IMAGE.max_pixels, description="Of one page; more is refused as a decompression bomb."
    )
    max_bytes: Size = Field(default=_IMAGE.max_bytes, description="Of the file.")
    max_pages: Count = Field(default=_IMAGE.max_pages, description="Of a document.")
    dpi: Annotated[Count, Field(ge=36, le=1200)] = Field(
        default=_IMAGE.dpi, description="At which PDF pages are drawn."
    )


def _version(value: Any) -> Any:
    value = typed(value)
    if isinstance(value, bool) or value != VERSION:
        raise wrong(f"this release reads version {VERSION}")
    return VERSION


def _state(value: Any) -> Any:
    if not isinstance(value, str) or not (
        value == "memory"
        or (value.startswith("sqlite:") and value != "sqlite:")
        or (value.startswith(("redis://", "rediss://", "unix://")) and not value.endswith("://"))
    ):
        raise wrong("expected memory, sqlite:FILE or redis://HOST:PORT/NUMBER")
    return str(value)


def _cache(value: Any) -> Any:
    # YAML 1.1 reads a bare `off` as false.
    value = typed(value)
    if value is False or value == "off":
        return None
    if value is not None and not isinstance(value, dict):
        raise wrong("expected off, or {path: FILE, ttl: 24h, size: 1GB}")
    return value


class Root(Section):
    """The whole configuration."""

    version: Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": VERSION})] = Field(
        default=VERSION, description="Of the format of this file."
    )
    state: Annotated[
        str,
        BeforeValidator(_state),
        WithJsonSchema({"type": "string", "pattern": r"^(memory|sqlite:.+|rediss?://.+|unix://.+)$"}),
    ] = Field(default="memory", description="What processes share: memory | sqlite:FILE | redis://HOST:PORT/NUMBER.")
    providers: dict[str, Any] = Field(min_length=1, description="The engines, by a name of your choice.")
    routes: Annotated[dict[str, Route], BeforeValidator(lambda value: {} if value is None else value)] = Field(
        default={},
        description="Which engines are asked for what, by name; without any, one route asks all of them in order.",
    )
    cache: Annotated[Cache | None, BeforeValidator(_cache)] = Field(
        default=None, description="off, or where answers are kept."
    )
    logging: Logging = Field(default=Logging(), description="The log of the command line.")
    audit: Audit = Field(default=Audit(), description="Where key uses are recorded.")
    image: Image = Field(default=Image(), description="What is accepted as an image.")
