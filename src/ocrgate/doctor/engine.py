"""One configured engine: whether it is ready, how its keys stand, what its adapter says, and one trial recognition."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocrgate import language
from ocrgate.ability import Examined, Finding
from ocrgate.clock import Clock, Deadline
from ocrgate.doctor import sample
from ocrgate.errors import ConfigError, OCRError
from ocrgate.keys.presence import others
from ocrgate.provider import Provider
from ocrgate.result import Attempt
from ocrgate.settings import ProviderSettings, RouteSettings

if TYPE_CHECKING:
    from ocrgate.gateway import Gateway

EXAMINATION = 15.0
CLOUD_TRIAL, LOCAL_TRIAL = 15.0, 60.0
"""Seconds for what an adapter says of itself, and for the trial: a local engine loads its models first."""

PLANS: Mapping[str, tuple[float, float]] = {"baidu": (2.0, 10.0)}
"""Calls a second that a platform allows an account, on the free plan and on the paid one."""

_LISTED = 8
_FIRST = ("zh-Hans", "zh-Hant", "en", "ja", "ko")


@dataclass(frozen=True, slots=True)
class Patient:
    """One engine under examination.

    Attributes:
        settings: of the engine.
        provider: its adapter.
        routes: the configured routes that ask it.
        gateway: asks it down a route of the engine's name, which has no other engine.
        clock: time.
    """

    settings: ProviderSettings
    provider: Provider
    routes: tuple[RouteSettings, ...]
    gateway: Gateway
    clock: Clock

    def findings(self, *, network: bool) -> Iterator[Finding]:
        """Every finding, each as soon as it is there."""
        readiness = self._ready()
        yield readiness
        yield from self._languages()
        yield from self._standing()
        trial = readiness.status == "pass"
        if isinstance(self.provider, Examined):
            deadline = Deadline.after(EXAMINATION, self.clock)
            for finding in self.provider.examine(deadline, network=network):
                trial = trial and finding.name != "recognition"
                yield finding
        else:
            yield from self._users()
        if not trial:
            if readiness.status == "fail":
                yield Finding("recognition", "skip", "the engine is not ready")
        elif self.provider.capabilities.cloud and not network:
            yield Finding("recognition", "skip", "nobody is asked over the network with --offline")
        else:
            yield self._trial()

    @property
    def patience(self) -> float:
        """Seconds after which an examination that has not ended never will."""
        return EXAMINATION + self._allowance + 15.0

    @property
    def _allowance(self) -> float:
        return CLOUD_TRIAL if self.provider.capabilities.cloud else LOCAL_TRIAL

    def _ready(self) -> Finding:
        try:
            found = self.provider.check()
        except ConfigError as error:
            return Finding("ready", "fail", str(error), "correct the engine's options")
        return Finding("ready", "pass" if found.ready else "fail", found.detail or "nothing is missing", found.remedy)

    def _languages(self) -> Iterator[Finding]:
        reads = self.provider.capabilities.languages
        if reads is None:
            return
        for route in self.routes:
            missing = [tag for tag in language.tags(route.languages) if tag not in reads]
            if missing:
                detail = f"route {route.name} asks for {', '.join(missing)}, which this engine does not read"
                yield Finding(
                    "languages", "warn", detail, "install what it lacks, or leave the engine out of the route"
                )
        listed = sorted(reads, key=lambda tag: (tag not in _FIRST, _FIRST.index(tag) if tag in _FIRST else 0, tag))
        more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        yield Finding("languages", "pass", f"{', '.join(listed[:_LISTED])}{more}")

    def _standing(self) -> Iterator[Finding]:
        """Rate, quota and benches, as the gateway knows them."""
        if not self.provider.keys:
            return
        yield self._rate()
        status = self.gateway.status().get(self.settings.name, {})
        for name, key in status.get("keys", {}).items():
            if not getattr(key, "usable", True):
                yield _benched(name, key)
        usage: Mapping[str, Any] = status.get("usage") or {}
        for name, used in usage.items():
            finding = self._quota(name, used)
            if finding is not None:
                yield finding

    def _rate(self) -> Finding:
        qps, plan = self.settings.qps, PLANS.get(self.settings.type)
        allowed = f"; the platform allows an account {plan[0]:g} a second, paid {plan[1]:g}" if plan else ""
        if qps is None:
            return Finding("rate", "pass", f"no limit of its own{allowed}")
        accounts = [key.account or key.name for key in self.provider.keys]
        most = max(accounts.count(account) for account in accounts) * qps
        detail = f"{qps:g} calls a second and key{allowed}"
        if plan and most > plan[1]:
            return Finding(
                "rate",
                "warn",
                detail,
                f"up to {most:g} a second may go out for one account: lower `rate.qps` unless you bought more",
            )
        return Finding("rate", "pass", detail)

    def _quota(self, name: str, used: Any) -> Finding | None:
        left = [
            (count, period)
            for count, period in (
                (getattr(used, "left_today", None), "today"),
                (getattr(used, "left_month", None), "this month"),
            )
            if count is not None
        ]
        if not left:
            return None
        detail = f"{name}: " + ", ".join(f"{count} calls left {period}" for count, period in left)
        if min(left)[0] <= 0:
            remedy = "wait for its reset, raise `quota` if you bought more, or add a key of another account"
            return Finding("quota", "warn", detail, remedy)
        return Finding("quota", "pass", detail)

    def _users(self) -> Iterator[Finding]:
        for key in self.provider.keys:
            found = others(key.fingerprint)
            if found:
                yield Finding(
                    f"use of {key.name}",
                    "warn",
                    f"used by {', '.join(map(str, found))}: calls a second and quota are shared",
                    "let the processes share a state: `state: sqlite:FILE`",
                )

    def _trial(self) -> Finding:
        name = "recognition"
        begun = self.clock.monotonic()
        try:
            result = self.gateway.recognize(sample.draw(), route=self.settings.name, deadline=self._allowance)
        except OCRError as error:
            return _failed(error)
        seconds = self.clock.monotonic() - begun
        before = [attempt for attempt in result.attempts if attempt.outcome in ("failed", "refused")]
        if before:
            told = "; ".join(_told(attempt) for attempt in before)
            return Finding(name, "warn", f"read in {seconds:.1f} s, after {told}", _remedy(before[0]))
        read = " ".join(result.text.split())[:60]
        if sample.share(result.text) < sample.ENOUGH:
            detail = f"answered in {seconds:.1f} s, but read {read!r} where {sample.TEXT!r} stands"
            return Finding(name, "warn", detail, "look at the engine's languages and models, and at its endpoint")
        return Finding(name, "pass", f"read {read!r} in {seconds:.1f} s")


def _failed(error: OCRError) -> Finding:
    attempts: tuple[Attempt, ...] = getattr(error, "attempts", ())
    if not attempts:
        return Finding("recognition", "fail", str(error))
    last = attempts[-1]
    about = last.diagnosis
    if about is not None and about.fault == "caller" and about.category in ("image", "empty"):
        # The platform has looked at the picture, so all that leads to it works.
        return Finding("recognition", "pass", f"answered; the sample is not what this endpoint reads ({about.code})")
    told = "; ".join(dict.fromkeys(_told(attempt) for attempt in attempts))
    return Finding("recognition", "fail", told, _remedy(last))


def _told(attempt: Attempt) -> str:
    key = f"{attempt.key}: " if attempt.key else ""
    return f"{key}{attempt.diagnosis or attempt.outcome}"


def _remedy(attempt: Attempt) -> str:
    return attempt.diagnosis.remedy if attempt.diagnosis else ""


def _benched(name: str, key: Any) -> Finding:
    until = getattr(key, "until", None)
    if until is None or math.isinf(until):
        when = "until the configuration changes"
    else:
        when = f"until {dt.datetime.fromtimestamp(until).astimezone().isoformat(' ', 'minutes')}"
    reason = getattr(key, "reason", None)
    why = f": {reason}" if reason else ""
    return Finding("keys", "warn", f"{name} is not used {when}{why}", getattr(reason, "remedy", ""))
