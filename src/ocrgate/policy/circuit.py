"""The record of a circuit breaker and all its transitions, each of them pure but for the record itself.

closed ──rates too high──► open ──time over, a call comes──► half-open ──successes──► closed
                            ▲                                    │
                            └────────a probe failed──────────────┘
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ocrgate.policy.status import BreakerStatus, State
from ocrgate.policy.window import SKEW, Window
from ocrgate.settings import BreakerMode, BreakerSettings

Outcome = Literal["success", "failure", "ignored"]

_JITTER = 0.1
_LEAST_REST = 0.1
"""Share of `open_for` that a provider has to itself even after a probe that took longer than that."""
_TRAIL = 16
_COUNTING: tuple[BreakerMode, ...] = ("enforce", "shadow")


class Leave(NamedTuple):
    """The breaker's answer to one call.

    Attributes:
        epoch: of the record when it was asked.
        counts: whether the outcome of the call counts anywhere.
        lease: of the probe, or None for a call that is none.
        refusal: why the call may not be made, or empty.
        retry_in: seconds until asking again makes sense; None when nobody knows. 0 for a call that may be made.
    """

    epoch: int
    counts: bool = True
    lease: str | None = None
    refusal: str = ""
    retry_in: float | None = 0.0


class Sight(NamedTuple):
    """What observers follow.

    Attributes:
        epoch: of the record.
        state: as it is shown.
        trail: the last states shown, the newest last; empty where the configuration shows one and the same always.
        failures, successes: in the window, and of probes.
        age: seconds for which the state has lasted.
    """

    epoch: int
    state: State
    trail: tuple[State, ...]
    failures: int
    successes: int
    age: float


@dataclass(slots=True)
class Circuit:
    """A breaker's whole state. Times are seconds of whoever keeps the record, `now` among them.

    A transition writes the state after all that the state needs, so a copy that a fork made in the middle of one can be
    gone on with.

    Attributes:
        settings, window: what holds in this process; not part of the record.
        state: without regard to modes.
        epoch: counts transitions, so that answers from before one can be told.
        held: what the window holds.
        since, until: when the state began; when an open one is over.
        probes: leases by their ids: beginning and end.
        successes, failed_probes: see `BreakerStatus`, also for `override`, `spared` and `cause`.
        trail: initials of the last states shown.
    """

    settings: BreakerSettings
    window: Window
    state: State = "closed"
    epoch: int = 0
    held: Any = ""
    since: float = 0.0
    until: float = 0.0
    probes: dict[str, tuple[float, float]] = field(default_factory=dict)
    successes: int = 0
    failed_probes: int = 0
    override: BreakerMode | None = None
    spared: int = 0
    cause: str = ""
    trail: str = ""

    @property
    def mode(self) -> BreakerMode:
        """The mode in force."""
        return self.override or self.settings.mode

    @property
    def shown(self) -> State:
        """The state as calls feel it, or would if the breaker were enforced."""
        mode = self.mode
        if mode in _COUNTING:
            return self.state
        return "open" if mode == "forced_open" else "closed"

    def glance(self, now: float) -> Leave | None:
        """The answer to a call, or None when giving it changes the record."""
        mode = self.override or self.settings.mode
        if mode == "disabled":
            return Leave(self.epoch, counts=False)
        if mode == "forced_open":
            who = "an operator has" if self.override else "its configuration has"
            return Leave(self.epoch, False, None, f"{who} forced it open", None)
        if self.state == "closed":
            return Leave(self.epoch)
        wait = self._wait(now)
        if not wait or mode == "shadow":
            return None
        detail = f"next probe in {wait:.1f} s" if self.state == "open" else "a probe is under way"
        return Leave(self.epoch, False, None, detail, wait)

    def admit(self, now: float, identity: str, lease: float) -> Leave:
        """The answer to a call that `glance` could not answer; `identity` and `lease` (seconds) are for a probe."""
        answer = self.glance(now)
        if answer is not None:
            return answer
        if self._wait(now):
            self.spared += 1
            return Leave(self.epoch, counts=False)
        if self.state == "open":
            self._enter("half-open", now)
        live = {known: times for known, times in self.probes.items() if _left(times, now)}
        self.probes = {**live, identity: (now, now + lease)}
        return Leave(self.epoch, lease=identity)

    def renew(self, identity: str, begun: float, lease: float) -> None:
        """The probe was begun only then, if it still has its place."""
        if identity in self.probes:
            self.probes[identity] = (begun, begun + lease)

    def told(self, leave: Leave, outcome: Outcome, slow: bool, now: float, jitter: Callable[[], float]) -> int:
        """Count how a call ended; the epoch after that."""
        if leave.lease is not None:
            # Without its place the probe is of an earlier time, or another call has it.
            times = self.probes.pop(leave.lease, None)
            if times is not None and outcome != "ignored":
                self._probed(outcome, slow, min(times[0], now), now, jitter)
        elif leave.epoch == self.epoch and self.state == "closed" and outcome != "ignored":
            self.held = self.window.add(self.held, outcome == "failure", slow, now)
            cause = self._cause(now)
            if cause:
                self._open(cause, now, now, jitter)
        return self.epoch

    def force(self, mode: BreakerMode | None, now: float) -> int:
        """Set the operator's mode, or None for the configured one; the epoch after that.

        Between enforcing and shadow everything goes on; else the breaker begins anew, closed.
        """
        if mode == self.override:
            return self.epoch
        before, self.override = self.mode, mode
        self.spared = 0
        if before in _COUNTING and self.mode in _COUNTING:
            self._note(self.state)
        else:
            self.cause, self.failed_probes = "", 0
            self._enter("closed", now)
        return self.epoch

    def sight(self, now: float) -> Sight:
        """What observers follow."""
        followed = self.override is not None or self.settings.mode in _COUNTING
        trail = tuple(_STATES[initial] for initial in self.trail) if followed else ()
        failures = self.window.tally(self.held, now).failures
        return Sight(self.epoch, self.shown, trail, failures, self.successes, max(0.0, now - self.since))

    def status(self, now: float) -> BreakerStatus:
        """What an operator asks."""
        calls, failures, slow = self.window.tally(self.held, now)
        answer = self.glance(now)
        return BreakerStatus(
            state=self.shown,
            mode=self.mode,
            override=self.override,
            retry_in=0.0 if answer is None else answer.retry_in,
            age=max(0.0, now - self.since) if self.epoch else None,
            cause=self.cause,
            calls=calls,
            failures=failures,
            slow=slow,
            failure_rate=failures / calls if calls else None,
            slow_rate=slow / calls if calls else None,
            probes=sum(_left(times, now) > 0 for times in self.probes.values()),
            successes=self.successes,
            failed_probes=self.failed_probes,
            spared=self.spared,
        )

    def _wait(self, now: float) -> float:
        """Seconds until there is room for a probe; 0 when there is now."""
        if self.state == "open":
            if now < self.since - SKEW:
                return 0.0  # the clock was put back, so nobody knows for how long it has been open: a probe shows
            longest = self.settings.open_for * self.settings.growth * (1 + _JITTER)
            return max(0.0, min(self.until, self.since + longest) - now)
        left = sorted(filter(None, (_left(times, now) for times in self.probes.values())))
        return left[-self.settings.probes] if len(left) >= self.settings.probes else 0.0

    def _cause(self, now: float) -> str:
        """Why it has to open, or nothing."""
        calls, failures, slow = self.window.tally(self.held, now)
        if calls >= self.settings.minimum:
            if failures / calls >= self.settings.failure_rate:
                return f"{failures} of {calls} calls failed"
            if slow / calls >= self.settings.slow_rate:
                return f"{slow} of {calls} calls were slow"
        return ""

    def _probed(self, outcome: Outcome, slow: bool, begun: float, now: float, jitter: Callable[[], float]) -> None:
        if outcome == "failure" or slow:
            self.failed_probes += 1
            self._open("a probe failed" if outcome == "failure" else "a probe was slow", begun, now, jitter)
            return
        self.successes += 1
        if self.successes >= self.settings.successes:
            self.cause, self.failed_probes = "", 0
            self._enter("closed", now)

    def _open(self, cause: str, begun: float, now: float, jitter: Callable[[], float]) -> None:
        growth = min(self.settings.growth, 2.0 ** min(10, self.failed_probes))
        rest = self.settings.open_for * growth * (1 + _JITTER * jitter())
        # From when the probe was sent: one that hung has told nothing more than one that failed at once.
        self.until = max(begun + rest, now + _LEAST_REST * self.settings.open_for)
        self.cause = cause
        self._enter("open", now)

    def _enter(self, state: State, now: float) -> None:
        self.held, self.probes, self.successes, self.since = self.window.empty, {}, 0, now
        self.state = state
        self._note(self.shown)

    def _note(self, shown: State) -> None:
        self.trail = (self.trail + shown[0])[-_TRAIL:]
        self.epoch += 1


_STATES: dict[str, State] = {"c": "closed", "o": "open", "h": "half-open"}


def _left(times: tuple[float, float], now: float) -> float:
    """Seconds that a lease still has; 0 when it is over, or begins in a time to come because the clock was put back."""
    begun, end = times
    return max(0.0, end - now) if now >= begun - SKEW else 0.0
