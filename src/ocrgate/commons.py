"""What all engines of a gateway share, and what outlives a change of the configuration: state, ledger and answers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ocrgate import fork
from ocrgate.answers import Answers
from ocrgate.audit import Ledger, LedgerError, bench_record, switch_record, trial_record, use_record
from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.errors import ConfigError, Problem, ProviderRefused
from ocrgate.events import KeyBenched, KeyTrialChanged
from ocrgate.key import Key, KeyUse
from ocrgate.result import Attempt, Cost
from ocrgate.settings import AuditSettings, CacheSettings
from ocrgate.state import open_store

_log = logging.getLogger("ocrgate.audit")


_NO_AUDIT = AuditSettings()


@dataclass(frozen=True, slots=True)
class Shared:
    """The settings of what is shared; a change of them takes a new `Commons`.

    Attributes:
        state: `memory`, `sqlite:FILE` or a Redis URL, so in no repr.
        audit: of the ledger.
        cache: of answers, or None for no cache.
        single_flight: whether equal calls at the same time are one.
    """

    state: str = field(default="memory", repr=False)
    audit: AuditSettings = _NO_AUDIT
    cache: CacheSettings | None = None
    single_flight: bool = True


class Commons:
    """The state store, the ledger of uses and the answers so far; thread-safe. Building it opens nothing.

    Args:
        settings: see `Shared`; its defaults when left out.
        clock: time.

    Raises:
        ConfigError: when the state cannot be used.
    """

    def __init__(self, settings: Shared | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings = Shared() if settings is None else settings
        try:
            self.store = open_store(settings.state, clock)
        except ValueError as error:
            raise ConfigError([Problem(str(error), "state")]) from error
        try:
            self.answers = Answers(settings.cache, settings.single_flight, clock)
        except ValueError as error:
            raise ConfigError([Problem(str(error), "cache.path")]) from error
        self.ledger = None if settings.audit.path is None else Ledger(settings.audit, clock)
        self._lock = fork.Lock()
        self._users = 0
        self._unwritten = False

    def hold(self) -> None:
        """One more configuration uses it."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """One configuration less; after the last one everything is given back."""
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self.answers.close()
            self.store.close()

    def require_ledger(self, provider: str, key: str | None) -> None:
        """Pass when a use of a key may go on as far as the ledger is concerned.

        Raises:
            ProviderRefused: `audit`, when lines cannot be written and the configuration says to refuse.
        """
        if self.ledger is None or key is None or self.settings.audit.on_failure != "refuse" or self.ledger.health().ok:
            return
        try:
            self.ledger.append({"event": "resumed"})
        except LedgerError as error:
            raise ProviderRefused(provider, "audit", str(error)) from error

    def key_used(self, provider: str, key: Key, use: KeyUse, cost: Cost | None, request_id: str) -> None:
        """Write down that a credential was sent somewhere."""
        if self.ledger is not None:
            self._write(use_record(provider, use, fingerprint=key.fingerprint, cost=cost, request_id=request_id))

    def switched(self, route: str, attempts: list[Attempt], request_id: str) -> None:
        """Write down every time that a page went on from one engine to the next, and why."""
        if self.ledger is None:
            return
        last: Attempt | None = None
        for attempt in attempts:
            if last is not None and last.page == attempt.page and last.provider != attempt.provider:
                code = last.diagnosis.code if last.diagnosis is not None else ""
                self._write(switch_record(route, last.provider, attempt.provider, code=code, request_id=request_id))
            last = attempt

    def key_benched(self, event: KeyBenched, key: Key) -> None:
        """Write down that a key is left alone."""
        if self.ledger is not None:
            fingerprint, until = key.fingerprint, event.until
            self._write(bench_record(event.provider, event.key, fingerprint=fingerprint, until=until, code=event.code))

    def trial_changed(self, event: KeyTrialChanged, key: Key) -> None:
        """Write down that the trial of a key went on."""
        if self.ledger is not None:
            states = (event.old, event.new)
            self._write(
                trial_record(event.provider, event.key, *states, fingerprint=key.fingerprint, reason=event.reason)
            )

    def status(self) -> dict[str, Any]:
        """How the store and the ledger are: see `Gateway.status`."""
        return {
            "state": self.store.health(),
            "audit": None if self.ledger is None else self.ledger.health(),
            **self.answers.status(),
        }

    def _write(self, record: Mapping[str, object]) -> None:
        assert self.ledger is not None
        try:
            self.ledger.append(record)
        except LedgerError as error:
            # Once for each outage: the status says that it lasts.
            _log.log(logging.DEBUG if self._unwritten else logging.ERROR, "the ledger was not written: %s", error)
            self._unwritten = True
        else:
            self._unwritten = False
