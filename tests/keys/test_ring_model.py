"""Rings that share a store, held against a model of a few lines."""

from __future__ import annotations

import math
from dataclasses import replace

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ocrgate import period
from ocrgate.diagnosis import Diagnosis
from ocrgate.key import Key
from ocrgate.keys.ring import REFUSALS, REFUSED_FOR, Ring
from ocrgate.state import MemoryStore
from ocrgate.testing import ManualClock

pytestmark = pytest.mark.thorough

QUOTA = Diagnosis("17", category="quota", fault="key", action="next_key")
REFUSED = Diagnosis("invalid_client", category="auth", fault="key", action="next_key")
STALE = Diagnosis("110", category="auth", fault="key", action="refresh_token")
OTHERS = (
    Diagnosis("18", category="throttle", fault="key", action="retry"),
    Diagnosis("282000", category="server", fault="provider", action="retry"),
    Diagnosis("17", category="quota", fault="provider", action="next_provider"),
)

KEYS = (
    Key("a", "one", fingerprint="f1"),
    Key("b", "one", fingerprint="f2"),
    Key("one"),
    Key("c", fingerprint="f3"),
    Key("d", "two"),
)
NAMES = st.sampled_from([key.name for key in KEYS])
RINGS = st.integers(0, 1)


class Sharing(RuleBasedStateMachine):
    """Two rings over one store; the model has a bench for each key and one for each account."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        store = MemoryStore(self.clock)
        self.rings = [Ring(KEYS, self.clock, reset="month", provider="p", store=store) for _ in range(2)]
        self.keys = {key.name: -math.inf for key in KEYS}
        self.accounts = {self.account(key): -math.inf for key in KEYS}
        self.refused = [dict.fromkeys(self.keys, 0) for _ in self.rings]

    @staticmethod
    def account(key: Key) -> str:
        return f"account {key.account}" if key.account else f"key {key.name}"

    def of(self, name: str) -> str:
        return next(self.account(key) for key in KEYS if key.name == name)

    def until(self, name: str) -> float:
        return max(self.keys[name], self.accounts[self.of(name)])

    def free(self) -> list[str]:
        return [key.name for key in KEYS if self.until(key.name) <= self.clock.time()]

    @rule(ring=RINGS, name=NAMES, wait=st.none() | st.floats(1, 1e5))
    def spend(self, ring: int, name: str, wait: float | None) -> None:
        self.rings[ring].report(name, replace(QUOTA, retry_after=wait))
        now = self.clock.time()
        until = period.end("month", now) if wait is None else now + wait
        self.accounts[self.of(name)] = max(until, self.accounts[self.of(name)])

    @rule(ring=RINGS, name=NAMES)
    def refuse(self, ring: int, name: str) -> None:
        self.rings[ring].report(name, REFUSED)
        self.keys[name] = math.inf

    @rule(ring=RINGS, name=NAMES, times=st.integers(1, 4))
    def refuse_tokens(self, ring: int, name: str, times: int) -> None:
        for _ in range(times):
            self.rings[ring].report(name, STALE)
            self.refused[ring][name] += 1
            if self.refused[ring][name] == REFUSALS:
                self.refused[ring][name] = 0
                self.keys[name] = max(self.keys[name], self.clock.time() + REFUSED_FOR)

    @rule(ring=RINGS, name=NAMES)
    def succeed(self, ring: int, name: str) -> None:
        self.rings[ring].report(name, None)
        self.refused[ring][name] = 0

    @rule(ring=RINGS, name=NAMES, diagnosis=st.sampled_from(OTHERS))
    def fail_otherwise(self, ring: int, name: str, diagnosis: Diagnosis) -> None:
        self.rings[ring].report(name, diagnosis)

    @rule(seconds=st.floats(0.001, 3e6) | st.sampled_from([REFUSED_FOR, 86400.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(ring=RINGS, name=st.none() | NAMES)
    def release(self, ring: int, name: str | None) -> None:
        self.rings[ring].release(name)
        for each in self.keys if name is None else [name]:
            self.keys[each] = self.accounts[self.of(each)] = -math.inf
            self.refused[ring][each] = 0

    @rule(ring=RINGS, tried=st.sets(NAMES))
    def pick(self, ring: int, tried: set[str]) -> None:
        left = [name for name in self.free() if name not in tried]
        assert self.rings[ring].pick(tried) == (left[0] if left else None)

    @invariant()
    def everybody_agrees(self) -> None:
        for ring in self.rings:
            for status in ring.status():
                usable = status.name in self.free()
                assert status.usable == usable
                assert status.until == (None if usable else self.until(status.name))
                assert (status.reason is None) == (status.since is None) == usable


TestSharing = Sharing.TestCase
TestSharing.settings = hypothesis.settings(max_examples=60, stateful_step_count=30, deadline=None)
