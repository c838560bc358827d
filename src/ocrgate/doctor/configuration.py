"""The configuration: found, readable, valid; where processes share their state; and the ledger."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ocrgate.ability import Finding
from ocrgate.clock import SYSTEM_CLOCK
from ocrgate.errors import ConfigError
from ocrgate.settings import Settings

FILE = "file"
"""Name of the finding that fails when the configuration cannot be used."""

_QUICK = 20_000_000
"""Bytes of a ledger that are verified in passing, in about a second."""


@dataclass(slots=True)
class Configuration:
    """A file, or the embedded default, as it is read.

    Args:
        path: of the file; None for the default.

    Attributes:
        settings: what it says, once `findings` has found it valid; else None.
    """

    path: str | os.PathLike[str] | None
    settings: Settings | None = field(default=None, init=False)

    def findings(self) -> Iterator[Finding]:
        """Whether it can be used, every problem by itself, and what in it has no effect."""
        from ocrgate.config import load
        from ocrgate.embedded import default_settings

        try:
            self.settings = default_settings() if self.path is None else load(self.path)
        except ConfigError as error:
            yield from self._refused(error)
            return
        settings = self.settings
        engines = ", ".join(settings.providers)
        if self.path is None:
            yield Finding("default", "pass", f"no --config: every engine that is usable here: {engines}")
        else:
            yield Finding(FILE, "pass", f"{self.path}: {engines}; routes {', '.join(settings.routes)}")
        for notice in settings.notices:
            yield Finding("notice", "warn", notice, "leave it out, or do not count on it")
        unused = [name for name in settings.providers if not any(name in r.providers for r in settings.routes.values())]
        if unused:
            yield Finding(
                "routes", "warn", f"no route asks {', '.join(unused)}", "name them in a route, or leave them out"
            )

    def _refused(self, error: ConfigError) -> Iterator[Finding]:
        if self.path is None:
            first, *lacking = str(error).splitlines()
            yield Finding(
                "default", "fail", "; ".join([first.partition(";")[0], *lacking]), 'pip install "ocrgate[local]"'
            )
            return
        count = len(error.problems)
        whole = str(error) if count == 1 else f"{self.path}: {count} problems"
        yield Finding(
            FILE, "fail", whole, "ocrgate config check tells them, too; docs/configuration.md has every setting"
        )
        if count > 1:
            for problem in error.problems:
                gap = " " if problem.line is None else ""
                yield Finding("problem", "fail", f"{self.path}:{gap}{problem}")


def state(settings: Settings) -> Finding:
    """Whether the store can be written and read; of a file, whether others could read it."""
    from ocrgate.state import open_store

    url = settings.state
    if url == "memory":
        return Finding("state", "pass", "memory: nothing is shared with other processes")
    try:
        store = open_store(url, SYSTEM_CLOCK)
    except ValueError as error:
        return Finding("state", "fail", str(error), "correct `state` in the configuration, or write `state: memory`")
    name, text = f"doctor/{secrets.token_hex(8)}", secrets.token_hex(8)
    try:
        store.put(name, text, ttl=10.0)
        same = store.get(name) == text
        store.swap(name, text, None)
        health = store.health()
    finally:
        store.close()
    place = health.place
    if not health.ok or not same:
        # A problem begins with the place.
        problem = health.problem or f"{place}: what was written is not what is read"
        return Finding("state", "fail", problem, "see to it; until then every process is on its own")
    if health.kind == "sqlite" and os.name == "posix" and stat.S_IMODE(Path(place).stat().st_mode) & 0o077:
        return Finding("state", "warn", f"{place}: other users may read it", f"chmod 600 {place}")
    return Finding("state", "pass", f"{place}: written and read")


def ledger(settings: Settings) -> Iterator[Finding]:
    """Whether lines can be added to the ledger, and whether it is whole so far."""
    from ocrgate.audit import Ledger, LedgerError, verify

    audit = settings.audit
    if audit.path is None:
        yield Finding("audit", "pass", "no ledger is kept")
        return
    place = Path(audit.path).absolute()
    health = Ledger(audit, SYSTEM_CLOCK).health()
    there = place.exists()
    if not health.ok:
        yield Finding("audit", "fail", f"{place}: {health.problem}", "name a file that can be written in `audit.path`")
    elif not os.access(place if there else place.parent, os.W_OK):
        yield Finding("audit", "fail", f"{place}: this user may not write it", "change its permissions, or its owner")
    elif not there:
        yield Finding("audit", "pass", f"{place}: begun with the first use of a key")
    elif place.stat().st_size > _QUICK:
        yield Finding(
            "audit", "pass", f"{place}: can be written; to verify it takes longer: ocrgate audit verify {place}"
        )
    else:
        try:
            found = verify(place, audit.key)
        except LedgerError as error:
            yield Finding("audit", "fail", str(error), "see that this user may read it")
            return
        if found.ok:
            yield Finding("audit", "pass", f"{place}: can be written; whole, {found.lines} lines")
        else:
            remedy = f"put it aside as evidence, then look at it with: ocrgate audit verify {place}"
            yield Finding("audit", "fail", f"{place}: {found.problems[0]}", remedy)
        for warning in found.warnings:
            yield Finding("audit", "warn", warning)
