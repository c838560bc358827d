"""The breaker beside a model that is too simple to be wrong: of one process, or of two that share a store."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ocrgate.errors import ProviderRefused
from ocrgate.policy.breaker import Breaker, Permit, State
from ocrgate.settings import BreakerMode, BreakerSettings
from ocrgate.testing import ManualClock
from tests.policy.breakers import Maker
from tests.state.server import Server

pytestmark = pytest.mark.thorough

LEASE = 20.0
CONFIG = BreakerSettings(
    window=5,
    minimum=3,
    failure_rate=0.6,
    slow_call=4.0,
    slow_rate=0.8,
    open_for=10.0,
    probes=2,
    successes=2,
    growth=8.0,
)
_numbers = itertools.count()


@dataclass
class Asked:
    """A call that was let through.

    Attributes:
        permit: the breaker's.
        begun: when it began, in the model's time.
        probe: whether it is one by the model.
        generation: of the model then; None when it is not to count.
    """

    permit: Permit
    begun: float
    probe: bool
    generation: int | None
    lease: float = 0.0


def answer_of(breaker: Breaker) -> Permit | ProviderRefused:
    try:
        return breaker.admit()
    except ProviderRefused as error:
        return error


class BreakerMachine(RuleBasedStateMachine):
    """Two breakers of one record, or one of its own, and the model."""

    place: ClassVar[str] = "here"
    config: ClassVar[BreakerSettings] = CONFIG
    maker: ClassVar[Maker]

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        name = f"model {next(_numbers)}"
        self.heard: tuple[list[State], list[State]] = ([], [])
        self.breakers = [self._breaker(name, heard) for heard in self.heard]
        if self.place == "here":
            self.breakers[1] = self.breakers[0]
        self.state: State = "closed"
        self.override: BreakerMode | None = None
        self.expected: list[State] = []
        self.generation = 0
        self.calls_made: list[tuple[float, bool, bool]] = []
        self.opened = self.rested = 0.0
        self.growth = 1.0
        self.good = 0
        self.spared = 0
        self.probing: list[Asked] = []
        self.asked: list[Asked] = []

    def _breaker(self, name: str, heard: list[State]) -> Breaker:
        breaker = self.maker(
            self.clock, self.config, name=name, lease=LEASE, observer=lambda _name, _old, new: heard.append(new)
        )
        assert breaker.state == "closed"
        return breaker

    @property
    def mode(self) -> BreakerMode:
        return self.override or self.config.mode

    @property
    def shown(self) -> State:
        return {"forced_open": "open", "disabled": "closed"}.get(self.mode, self.state)  # type: ignore[return-value]

    def _show(self) -> None:
        if self.shown != (self.expected or ["closed"])[-1]:
            self.expected.append(self.shown)

    def _go(self, state: State) -> None:
        self.state = state
        self.generation += 1
        self.calls_made, self.probing, self.good = [], [], 0
        self._show()

    def _open(self, rested: float) -> None:
        self.opened, self.rested = self.clock.monotonic(), rested
        self._go("open")

    @property
    def reopen(self) -> float:
        return max(self.rested + self.config.open_for * self.growth, self.opened + self.config.open_for / 10)

    def _window(self) -> list[tuple[float, bool, bool]]:
        if self.config.period is None:
            return self.calls_made[-self.config.window :]
        return [call for call in self.calls_made if call[0] > self.clock.monotonic() - self.config.period]

    def _note(self, failed: bool, slow: bool) -> None:
        now = self.clock.monotonic()
        begun = now
        if self.config.period is not None:
            # A call counts for as long as the first one of its tenth of the period.
            known = [call[0] for call in self._window()]
            if known and now < known[-1] + self.config.period / 10:
                begun = known[-1]
        self.calls_made.append((begun, failed, slow))

    def _live(self) -> list[Asked]:
        return [probe for probe in self.probing if self.clock.monotonic() < probe.lease + LEASE]

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 4.0, 10.0, 20.0, 80.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(process=st.integers(0, 1))
    def ask(self, process: int) -> None:
        now = self.clock.monotonic()
        breaker = self.breakers[process]
        counted = self.mode in ("enforce", "shadow")
        due = self.state == "open" and now >= self.reopen
        full = (self.state == "open" and not due) or (
            self.state == "half-open" and len(self._live()) >= self.config.probes
        )
        refuses = self.mode == "forced_open" or (full and self.mode == "enforce")
        assert breaker.would_refuse() is refuses
        permit = answer_of(breaker)
        assert isinstance(permit, ProviderRefused) is refuses
        if isinstance(permit, ProviderRefused):
            assert permit.retry_in == breaker.retry_in
            return
        asked = Asked(permit, now, False, None)
        self.asked.append(asked)
        if not counted:
            return
        if full:
            self.spared += 1
            return
        if due:
            self._go("half-open")
        asked.generation = self.generation
        if self.state == "half-open":
            asked.probe, asked.lease = True, now
            self.probing = [*self._live(), asked]
        assert permit.probe is asked.probe

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.asked))
        asked.begun = self.clock.monotonic()
        asked.permit.begin(asked.begun)
        if asked in self.probing:
            asked.lease = asked.begun

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), outcome=st.sampled_from(["success", "failure", "ignore"]))
    def tell(self, data: st.DataObject, outcome: Literal["success", "failure", "ignore"]) -> None:
        place = data.draw(st.integers(0, len(self.asked) - 1))
        asked = self.asked.pop(place)
        slow = self.clock.monotonic() - asked.begun >= self.config.slow_call
        getattr(asked.permit, outcome)()
        if asked.probe:
            if any(asked is probe for probe in self.probing):
                self.probing = [probe for probe in self.probing if probe is not asked]
                self._probed(outcome, slow, asked.lease)
        elif asked.generation == self.generation and self.mode in ("enforce", "shadow") and outcome != "ignore":
            self._note(outcome == "failure", slow)
            window = self._window()
            bad = sum(call[1] for call in window) / len(window)
            late = sum(call[2] for call in window) / len(window)
            if len(window) >= self.config.minimum and (
                bad >= self.config.failure_rate or late >= self.config.slow_rate
            ):
                self._open(self.clock.monotonic())

    def _probed(self, outcome: str, slow: bool, sent: float) -> None:
        if outcome == "failure" or (outcome == "success" and slow):
            self.growth = min(8.0, self.growth * 2)
            self._open(sent)
        elif outcome == "success":
            self.good += 1
            if self.good == self.config.successes:
                self.growth = 1.0
                self._go("closed")

    @rule(process=st.integers(0, 1), outcome=st.sampled_from(["success", "failure"]))
    def pass_by(self, process: int, outcome: Literal["success", "failure"]) -> None:
        getattr(self.breakers[process].pass_by(), outcome)()

    @rule(
        process=st.integers(0, 1),
        mode=st.sampled_from([None, "enforce", "shadow", "disabled", "forced_open"]),
        really=st.integers(0, 3),
    )
    def force(self, process: int, mode: BreakerMode | None, really: int) -> None:
        if really:
            return  # not so often that nothing else gets anywhere
        self.breakers[process].force(mode)
        if mode == self.override:
            return
        before, self.override = self.mode, mode
        self.spared = 0
        if {before, self.mode} <= {"enforce", "shadow"}:
            # Calls under way are not counted, the window and the probes stay.
            self.generation += 1
            self._show()
        else:
            self.growth = 1.0
            self._go("closed")

    @invariant()
    def agree(self) -> None:
        for breaker, heard in zip(self.breakers, self.heard, strict=True):
            status = breaker.status()
            assert (status.state, status.mode, status.spared) == (self.shown, self.mode, self.spared)
            window = self._window()
            assert status.calls == len(window)
            assert status.failures == sum(call[1] for call in window)
            assert status.slow == sum(call[2] for call in window)
            assert status.probes == len(self._live())
            assert status.successes == self.good
            assert status.retry_in == (None if self.mode == "forced_open" else pytest.approx(self._wait()))
            if heard is self.heard[0] or self.place != "here":
                assert heard == self.expected

    def _wait(self) -> float:
        now = self.clock.monotonic()
        if self.mode != "enforce":
            return 0.0
        if self.state == "open":
            return max(0.0, self.reopen - now)
        ends = sorted(probe.lease + LEASE for probe in self._live())
        if self.state == "closed" or len(ends) < self.config.probes:
            return 0.0
        return ends[len(ends) - self.config.probes] - now


def machine(place: str, config: BreakerSettings, examples: int) -> Any:
    """A test case of the machine at a place."""
    made: Any = type(f"{place.capitalize()}Machine", (BreakerMachine,), {"place": place, "config": config})

    class Case(made.TestCase):  # type: ignore[misc]
        settings = settings(max_examples=examples, stateful_step_count=50, deadline=None)

        @classmethod
        def setUpClass(cls) -> None:
            cls.folder = Path(tempfile.mkdtemp())
            cls.server = Server() if place == "redis" else None
            made.maker = Maker(place, cls.folder, lambda: cls.server)

        @classmethod
        def tearDownClass(cls) -> None:
            made.maker.close()
            if cls.server is not None:
                cls.server.close()
            shutil.rmtree(cls.folder)

    return Case


TIMED = replace(CONFIG, period=20.0)

TestCallsHere = machine("here", CONFIG, 100)
TestTimeHere = machine("here", TIMED, 60)
TestShadowHere = machine("here", replace(CONFIG, mode="shadow"), 40)
TestCallsInAFile = machine("sqlite", CONFIG, 25)
TestTimeInAFile = machine("sqlite", TIMED, 15)
TestCallsInARedis = pytest.mark.redis(machine("redis", CONFIG, 25))
TestTimeInARedis = pytest.mark.redis(machine("redis", TIMED, 15))
