"""What the gateway is told, as frozen data with the defaults one would ship.

The configuration turns YAML into these; a program may build them itself. Times are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ocrgate.result import Cost, Tariff


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """Repeating a call whose diagnosis says that it is worth repeating.

    Attributes:
        attempts: calls in all, the first one included.
        base, cap: full jitter draws from 0 to `base` × 2ⁿ, at most `cap`.
        throttle_base: the base where the other side said that it is asked too often; also the least wait then.
    """

    attempts: int = 3
    base: float = 0.2
    cap: float = 5.0
    throttle_base: float = 1.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("attempts: at least 1")
        if not 0 <= self.base <= self.cap:
            raise ValueError("0 <= base <= cap does not hold")


BreakerMode = Literal["enforce", "shadow", "disabled", "forced_open"]


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a provider is no longer asked.

    Attributes:
        window: calls looked back on, when there is no `period`.
        period: seconds looked back on, whatever the number of calls; None for a window of calls.
        minimum: calls in the window before a rate means anything.
        failure_rate: share of failures, 0–1, from which the breaker opens.
        slow_call: seconds from which an answer counts as slow.
        slow_rate: share of slow calls, 0–1, from which the breaker opens.
        open_for: seconds until a probe is sent, jittered by up to a tenth; after a failed probe they are counted from
            when it was sent, and doubled with each one up to `growth` times.
        probes: calls let through at once when half open.
        successes: successful probes that close it.
        growth: how many times `open_for` the provider is left alone at most, 1 or more. The least time until it is used
            again after a long outage grows with it: with 1.25 that is within 1.5 × `open_for`.
        mode: `enforce` · `shadow` (everything is counted and told, nothing is refused) · `disabled` (nothing is counted
            or refused) · `forced_open` (everything is refused until somebody says otherwise).
    """

    window: int = 20
    minimum: int = 5
    failure_rate: float = 0.5
    slow_call: float = 30.0
    slow_rate: float = 0.9
    open_for: float = 30.0
    probes: int = 1
    successes: int = 2
    period: float | None = None
    growth: float = 1.25
    mode: BreakerMode = "enforce"

    def __post_init__(self) -> None:
        if self.minimum < 1 or (self.period is None and self.minimum > self.window):
            raise ValueError("1 <= minimum <= window does not hold")
        if (self.period is not None and self.period <= 0) or not 1 <= self.growth < math.inf:
            raise ValueError("period is above 0, and growth is 1 or more")
        if not (0 < self.failure_rate <= 1 and 0 < self.slow_rate <= 1):
            raise ValueError("rates are above 0 and at most 1")
        if self.probes < 1 or self.successes < 1 or self.open_for <= 0:
            raise ValueError("probes, successes and open_for are above 0")


@dataclass(frozen=True, slots=True)
class ConcurrencySettings:
    """How many calls of a provider are in flight at once, found out as they go.

    Attributes:
        mode: `fixed` (always as many as there are lanes) · `aimd` (one more while calls succeed, fewer by a tenth when
            one is throttled or slow) · `gradient` (by how much calls are slower than they used to be).
        minimum: calls that may always be in flight; lanes are the most.
        slow: seconds from which a call counts as slow for `aimd`; None for none.
    """

    mode: Literal["fixed", "aimd", "gradient"] = "fixed"
    minimum: int = 1
    slow: float | None = None

    def __post_init__(self) -> None:
        if self.minimum < 1 or (self.slow is not None and self.slow <= 0):
            raise ValueError("minimum and slow are above 0")


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """Extra calls a route may make: repeated ones and hedges together.

    Attributes:
        retry_ratio: extra calls per ordinary call of the last ten seconds, 0–1.
        minimum: extra calls that are always allowed within ten seconds.
    """

    retry_ratio: float = 0.2
    minimum: int = 3


@dataclass(frozen=True, slots=True)
class HedgeSettings:
    """Asking twice when the first one asked is slow.

    Attributes:
        after: seconds, or the quantile (0–1, exclusive) of what the engine took lately, after which the second is
            asked; without enough calls to know a quantile there is no hedge.
        quantile: whether `after` is a quantile.
        floor: seconds; never sooner than this.
        budget: hedges per ordinary call, 0–1; they also count in the route's `budget`.
        to: `local` (the next engine of the route on this host) or `key` (the same engine in the cloud with a key of
            another account, or another key), whichever of those listed can be had first.
    """

    after: float = 0.95
    quantile: bool = True
    floor: float = 0.0
    budget: float = 0.05
    to: tuple[Literal["local", "key"], ...] = ("local",)

    def __post_init__(self) -> None:
        if self.quantile and not 0 < self.after < 1:
            raise ValueError("a quantile is above 0 and below 1")
        if self.after < 0 or self.floor < 0 or not 0 <= self.budget <= 1 or not self.to:
            raise ValueError("after and floor are at least 0, budget is a share, and to names somebody")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One configured engine.

    Attributes:
        name: what routes call it.
        type: the entry point in `ocrgate.providers`.
        options: handed to the adapter as they are; in no repr, for secrets may be among them.
        timeout: one attempt, whole.
        qps: calls a second and key, evenly paced; None for no limit.
        margin: share by which calls are set further apart than 1/`qps`, so that a server that counts what arrives in
            a second never counts one too many because one call was on its way longer than another.
        retry, breaker, concurrency: see there.
        lanes: calls in flight at once; None for the adapter's own number.
        queue: calls that may wait for a lane.
        memory: bytes of memory one worker process may have (local engines).
        recycle: calls after which a worker process is replaced (local engines).
        price: of one billed call; None for the adapter's own tariff, if it has one.
        quota: calls an account may make, by `per_day` and `per_month`; days and months of Asia/Shanghai.
        quota_reset: when a quota that the provider calls used up comes back; None for `month` when only `per_month`
            is set, else `day`.
    """

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout: float = 30.0
    qps: float | None = None
    margin: float = 0.04
    retry: RetrySettings = RetrySettings()
    breaker: BreakerSettings = BreakerSettings()
    concurrency: ConcurrencySettings = ConcurrencySettings()
    lanes: int | None = None
    queue: int = 64
    memory: int = 4 << 30
    recycle: int = 500
    price: Cost | Tariff | None = None
    quota: Mapping[str, int] = field(default_factory=dict)
    quota_reset: Literal["day", "month"] | None = None

    @property
    def reset(self) -> Literal["day", "month"]:
        """When a quota that is used up comes back."""
        if self.quota_reset is not None:
            return self.quota_reset
        return "month" if "per_month" in self.quota and "per_day" not in self.quota else "day"


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One thing that an acceptable text shows.

    Attributes:
        name: appears in `reasons`.
        pattern: a regular expression; its named groups become fields.
        required: whether a text without a match is rejected.
        check: a python-stdnum module (`cn.ric`, `luhn`) that the match must pass, or None.
    """

    name: str
    pattern: str
    required: bool = False
    check: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptSettings:
    """What makes an answer an answer.

    Attributes:
        min_confidence: 0–1; 0 asks for none.
        unknown_confidence: what to do with an engine that gives none: `reject` or `accept`.
        min_characters: not counting white space.
        on_invalid: `raise` NoValidResult, or give the `best` answer flagged as not valid.
        rules: all of them have to be met.
    """

    min_confidence: float = 0.0
    unknown_confidence: Literal["accept", "reject"] = "reject"
    min_characters: int = 1
    on_invalid: Literal["raise", "best"] = "raise"
    rules: tuple[RuleSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class SpendSettings:
    """What a route may cost.

    Attributes:
        per_day: in units of `currency`, in a day of Asia/Shanghai; None for no limit.
        per_month: likewise, in a month.
        currency: ISO 4217 code; a provider whose price is in another one is refused by such a route.
    """

    per_day: float | None = None
    per_month: float | None = None
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """Which engines are asked, in which order, for how long, and what is good enough.

    Attributes:
        providers: configured names, first choice first.
        deadline: whole call.
        residency: `local` never plans an engine in the cloud.
        languages: asked of every engine unless the call names its own.
        spend: what it may cost.
        budget, accept: see there.
        hedge: when a second engine is asked, or None for never.
        panic: whether the last engine on this host is asked although its breaker is open, when no other has given an
            acceptable answer; the result is then `degraded`.
    """

    name: str
    providers: tuple[str, ...]
    deadline: float = 15.0
    residency: Literal["any", "local"] = "any"
    languages: tuple[str, ...] = ()
    budget: BudgetSettings = BudgetSettings()
    accept: AcceptSettings = AcceptSettings()
    spend: SpendSettings = SpendSettings()
    hedge: HedgeSettings | None = None
    panic: bool = True


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Where answers are kept.

    Attributes:
        path: of the file.
        ttl: seconds an answer is kept; None for as long as there is room.
        size: bytes that the answers may take; None for no limit.
    """

    path: str
    ttl: float | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class ChaosSettings:
    """Faults on purpose, in production, to see that they are survived.

    Attributes:
        rate: share of the calls of an engine that are spoilt, 0–1.
        faults: drawn from with equal chance: `error` (the engine failed), `timeout` (it answered nothing until its time
            was over), `slow` (right, `delay` later), `throttle` (asked too often), `crash` (its process ended).
        providers: configured names of those concerned; empty for all.
        delay: seconds of `slow`.
    """

    rate: float = 0.0
    faults: tuple[str, ...] = ("error", "slow")
    providers: tuple[str, ...] = ()
    delay: float = 1.0


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What is accepted as an image.

    Attributes:
        max_pixels: of one page; more is refused as a decompression bomb.
        max_bytes: of the file.
        max_pages: of a document.
        dpi: at which PDF pages are drawn.
    """

    max_pixels: int = 100_000_000
    max_bytes: int = 100_000_000
    max_pages: int = 200
    dpi: int = 200


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """How `ocrgate` writes its log when it runs as a program."""

    level: str = "INFO"
    format: Literal["text", "json"] = "text"
    file: str | None = None


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The ledger of every use of a key and every switch of engines.

    Attributes:
        path: of the file that is written now; None for no ledger.
        max_bytes: from which the file is put aside and a new one begun.
        key: secret that the chain is made with, so that nobody without it can write a chain that verifies; None for a
            chain that shows what was changed, dropped or moved, but can be made anew by whoever may write the file.
        on_failure: what happens to a call whose line cannot be written: `continue`, and it is told in the log and in
            the status, or `refuse` the use of keys until lines can be written again.
        sync: whether every line is forced to the disk before the call goes on.
    """

    path: str | None = None
    max_bytes: int = 100_000_000
    key: str | None = field(default=None, repr=False)
    on_failure: Literal["continue", "refuse"] = "continue"
    sync: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration.

    Attributes:
        providers, routes: by name.
        image: what is accepted.
        logging: for the command line.
        state: what processes share: `memory`, `sqlite:FILE` or a Redis URL, which may hold a password, so in no repr.
        audit: where uses of keys are recorded.
        cache: where answers are kept, or None for nowhere.
        single_flight: whether a picture that is being read is not read again at the same time for another call that
            asks the same.
        chaos: faults on purpose, or None.
        watch: seconds between looks at the configuration file, which is taken anew when it has changed; None for never.
        notices: settings that were accepted but change nothing in this version, one sentence each.
    """

    providers: Mapping[str, ProviderSettings]
    routes: Mapping[str, RouteSettings]
    image: ImageSettings = ImageSettings()
    logging: LoggingSettings = LoggingSettings()
    state: str = field(default="memory", repr=False)
    audit: AuditSettings = AuditSettings()
    cache: CacheSettings | None = None
    single_flight: bool = True
    chaos: ChaosSettings | None = None
    watch: float | None = 2.0
    notices: tuple[str, ...] = ()
