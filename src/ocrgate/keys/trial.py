"""The trial of a new key: it takes a small share of the calls until it has earned the rest, or is sent back."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from ocrgate.clock import Clock
from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.events import KeyTrialChanged
from ocrgate.key import Key
from ocrgate.keys.bench import load, number, place
from ocrgate.keys.board import Board

ENOUGH = 20
"""Calls from which the share of failures says something."""
TOLERATED = 0.1
"""Share of its calls that may fail by the key's own fault."""

TrialState = Literal["trial", "promoted", "sent back"]

_log = logging.getLogger("ocrgate.keys")


@dataclass(frozen=True, slots=True)
class Trial:
    """How far the trial of a key is.

    Attributes:
        run: tells this trial from an earlier one of the same key.
        state: `trial`, `promoted` or `sent back`.
        started: Unix time in seconds.
        since: Unix time in seconds at which it came into this state.
        reason: why, in a sentence; empty at the start.
        code, message, log_id: of the diagnosis that sent it back.
    """

    run: str
    state: TrialState
    started: float
    since: float
    reason: str = ""
    code: str = ""
    message: str = ""
    log_id: str | None = None

    def text(self) -> str:
        """As it is stored: JSON."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, text: str) -> Trial:
        """The trial that `text` tells of.

        Raises:
            ValueError: when it tells of none.
        """
        entry = load(text)
        state = entry.get("state")
        if state not in get_args(TrialState):
            raise ValueError(f"no state of a trial: {state!r}")
        return cls(
            run=str(entry.get("run", "")),
            state=cast(TrialState, state),
            started=number(entry, "started"),
            since=number(entry, "since"),
            reason=str(entry.get("reason", "")),
            code=str(entry.get("code", "")),
            message=str(entry.get("message", "")),
            log_id=None if entry.get("log_id") is None else str(entry["log_id"]),
        )


class Trials:
    """The trials of one provider's keys. Thread-safe, and usable after a fork.

    Whoever replaces the shared record of a trial tells of it, so that every change is told once over all processes.

    Args:
        board: where they are written; successes and failures are counted in its store.
        provider: configured name.
        type: of the provider, for the meaning of codes.
        keys: of the configuration; those without a `canary` are trusted.
        clock: its `time()` counts.
        observer: called with `KeyTrialChanged` after each change, holding no lock.
    """

    def __init__(
        self,
        board: Board,
        provider: str,
        type: str,  # noqa: A002 - a provider's type
        keys: Iterable[Key],
        clock: Clock,
        observer: Callable[[KeyTrialChanged], object],
    ) -> None:
        self._board = board
        self._provider = provider
        self._type = type
        self._clock = clock
        self._observer = observer
        self._names = {key.name: board.name("trial", place(key)[1]) for key in keys if key.canary is not None}
        self._read: tuple[Mapping[str, str], Mapping[str, Trial]] = ({}, {})

    def of(self, key: Key, entries: Mapping[str, str]) -> Trial | None:
        """The trial of a key by the board's entries; None when it needs none, or has not begun."""
        name = self._names.get(key.name)
        return None if name is None else self._parsed(entries).get(name)

    def begin(self, key: Key, entries: Mapping[str, str]) -> TrialState | None:
        """Where a key stands at a pick, the first of which begins its trial; None for a key that needs none."""
        if key.name not in self._names:
            return None
        return self.settle(key, entries) or self._begin(key, entries)

    def settle(self, key: Key, entries: Mapping[str, str]) -> TrialState | None:
        """Promote a key whose time is over and whose successes are enough; where it stands, or None before that."""
        trial, canary = self.of(key, entries), key.canary
        if trial is None or canary is None:
            return None
        if trial.state != "trial" or self._clock.time() < trial.started + canary.seconds:
            return trial.state
        successes = self._count(key, trial, "successes")
        if successes < canary.successes:
            return trial.state
        reason = f"{successes} calls succeeded in {self._clock.time() - trial.started:.0f} s"
        if self._change(key, trial, self._moved(trial, "promoted", reason), entries):
            _log.info("the key %s of %s is promoted: %s", key.name, self._provider, reason)
            return "promoted"
        return self._found(key)

    def successes(self, key: Key, entries: Mapping[str, str]) -> int:
        """Calls that succeeded in the trial of a key, over all processes."""
        trial = self.of(key, entries)
        return 0 if trial is None else self._count(key, trial, "successes")

    def succeeded(self, key: Key) -> None:
        """A call with the key succeeded."""
        trial, entries = self._running(key)
        if trial is not None:
            self._add(key, trial, "successes")
            self.settle(key, entries)

    def failed(self, key: Key, diagnosis: Diagnosis, *, benched: bool) -> None:
        """A call failed by the fault of the key.

        Args:
            key: the key.
            diagnosis: what went wrong.
            benched: whether that is enough to bench even a trusted key.
        """
        trial, entries = self._running(key)
        if trial is None:
            return
        failures = self._add(key, trial, "failures")
        calls = failures + self._count(key, trial, "successes")
        if benched:
            reason = str(diagnosis)
        elif calls >= ENOUGH and failures > TOLERATED * calls:
            reason = f"{failures} of {calls} calls failed by its own fault, the last one with {diagnosis}"
        else:
            return
        back = replace(
            self._moved(trial, "sent back", reason),
            code=diagnosis.code,
            message=diagnosis.message,
            log_id=diagnosis.log_id,
        )
        if self._change(key, trial, back, entries):
            _log.warning("the key %s of %s is sent back: %s", key.name, self._provider, reason)

    def restart(self, key: Key, entries: Mapping[str, str]) -> None:
        """Give a key that was sent back a new trial; the others keep what they have reached."""
        trial = self.of(key, entries)
        if trial is None or trial.state != "sent back":
            return
        now = self._clock.time()
        anew = Trial(_run(), "trial", now, now, "the configuration was taken anew")
        if self._change(key, trial, anew, entries):
            _log.info("the key %s of %s is on trial again", key.name, self._provider)
            for counter in ("successes", "failures"):
                name = self._counter(key, trial, counter)
                self._board.store.swap(name, self._board.store.get(name), None)

    def reason(self, trial: Trial) -> Diagnosis:
        """What sent a key back, as the tables explain it."""
        return lookup(self._type, trial.code, trial.message, log_id=trial.log_id)

    def _running(self, key: Key) -> tuple[Trial | None, Mapping[str, str]]:
        """The trial that a call counts in, if any, and the entries that tell of it."""
        if key.name not in self._names:
            return None, {}
        entries = self._board.entries()
        trial = self.of(key, entries)
        if trial is None:
            self._begin(key, entries)
            entries = self._board.entries()
            trial = self.of(key, entries)
        return (trial if trial is not None and trial.state == "trial" else None), entries

    def _begin(self, key: Key, entries: Mapping[str, str]) -> TrialState:
        name, now = self._names[key.name], self._clock.time()
        # What cannot be read as a trial is replaced by one.
        if self._board.change(name, entries.get(name), Trial(_run(), "trial", now, now).text()):
            _log.info("the key %s of %s is on trial", key.name, self._provider)
            return "trial"
        return self._found(key)

    def _found(self, key: Key) -> TrialState:
        """Where a key stands after somebody else was faster."""
        trial = self.of(key, self._board.entries())
        return "trial" if trial is None else trial.state

    def _moved(self, trial: Trial, state: TrialState, reason: str) -> Trial:
        return replace(trial, state=state, since=self._clock.time(), reason=reason)

    def _change(self, key: Key, old: Trial, new: Trial, entries: Mapping[str, str]) -> bool:
        name = self._names[key.name]
        if not self._board.change(name, entries[name], new.text()):
            return False
        self._observer(KeyTrialChanged(self._provider, key.name, old.state, new.state, new.reason))
        return True

    def _counter(self, key: Key, trial: Trial, what: str) -> str:
        return f"{self._names[key.name]}/{trial.run}/{what}"

    def _add(self, key: Key, trial: Trial, what: str) -> int:
        return self._board.store.add(self._counter(key, trial, what), 1) or 0

    def _count(self, key: Key, trial: Trial, what: str) -> int:
        text = self._board.store.get(self._counter(key, trial, what))
        return int(text) if text is not None and text.isdecimal() else 0

    def _parsed(self, entries: Mapping[str, str]) -> Mapping[str, Trial]:
        seen, trials = self._read
        if seen is not entries:
            parsed = {name: _parse(name, entries[name]) for name in self._names.values() if name in entries}
            trials = {name: trial for name, trial in parsed.items() if trial is not None}
            self._read = (entries, trials)
        return trials


def _run() -> str:
    return os.urandom(4).hex()


def _parse(name: str, text: str) -> Trial | None:
    try:
        return Trial.parse(text)
    except ValueError as error:
        _log.warning("%s in the shared state is not readable, so the trial begins anew: %s", name, error)
        return None
