"""The trial of a new key."""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.events import KeyTrialChanged
from ocrgate.key import Canary, Key
from ocrgate.keys.ring import REFUSALS, KeyStatus, Ring
from ocrgate.keys.trial import Trial
from ocrgate.state import MemoryStore
from ocrgate.testing import ManualClock

QUOTA = Diagnosis("17", category="quota", fault="key", action="next_key")
REFUSED = Diagnosis("invalid_client", "unknown client id", "auth", "key", "next_key", log_id="9")
STALE = Diagnosis("110", category="auth", fault="key", action="refresh_token")
PACED = Diagnosis("18", category="throttle", fault="key", action="retry")
DOWN = Diagnosis("282000", category="server", fault="provider", action="retry")
BLURRED = Diagnosis("216201", category="image", fault="caller", action="fix_request")

OLD = Key("old", fingerprint="f0")
NEW = Key("new", account="second", fingerprint="f1", canary=Canary(share=0.05, seconds=3600.0, successes=10))


class House:
    """A ring with its clock and all it told."""

    def __init__(self, *keys: Key, store: MemoryStore | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.heard: list[KeyTrialChanged] = []
        self.store = store or MemoryStore(self.clock)
        self.ring = Ring(
            keys or (OLD, NEW),
            self.clock,
            provider="baidu",
            type="baidu",
            store=self.store,
            observer=self.heard.append,
        )

    def status(self, name: str = "new") -> KeyStatus:
        return next(status for status in self.ring.status() if status.name == name)

    def succeed(self, times: int) -> None:
        for _ in range(times):
            self.ring.report("new", None)

    def told(self) -> list[tuple[str, str]]:
        return [(event.old, event.new) for event in self.heard]


states = st.sampled_from(["trial", "promoted", "sent back"])
seconds = st.floats(min_value=0, max_value=1e12, allow_nan=False)


@given(st.builds(Trial, st.text(), states, seconds, seconds, st.text(), st.text(), st.text(), st.none() | st.text()))
def test_a_trial_is_read_as_it_was_written(trial: Trial) -> None:
    assert Trial.parse(trial.text()) == trial
    assert trial.text().isascii()


@given(
    st.text() | st.dictionaries(st.sampled_from(["state", "started", "since"]), st.floats() | states).map(json.dumps)
)
def test_whatever_lies_in_the_store_is_a_trial_or_a_value_error(text: str) -> None:
    try:
        trial = Trial.parse(text)
    except ValueError:
        return
    assert math.isfinite(trial.started)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.25, 0.3, 0.5, 1.0])
def test_a_key_on_trial_takes_its_share_evenly_spread(share: float) -> None:
    house = House(OLD, Key("new", canary=Canary(share=share)))
    picks = [house.ring.pick() for _ in range(1000)]
    assert picks.count("new") == pytest.approx(share * 1000, abs=1)
    places = [place for place, name in enumerate(picks) if name == "new"]
    gaps = {after - before for before, after in pairwise(places)}
    assert gaps <= {math.floor(1 / share), math.ceil(1 / share)}


def test_an_ordinary_key_never_waits_for_one_on_trial() -> None:
    house = House()
    assert house.ring.pick() == "old"
    assert house.ring.pick(["old"]) == "new"


def test_with_the_others_benched_the_new_key_is_used_rather_than_none() -> None:
    house = House()
    house.ring.report("old", QUOTA)
    assert [house.ring.pick() for _ in range(100)] == ["new"] * 100
    house.ring.release("old")
    picks = [house.ring.pick() for _ in range(100)]
    assert picks.count("new") == 5


def test_a_key_that_was_benched_in_its_trial_catches_nothing_up() -> None:
    house = House(OLD, Key("new", account="second", canary=Canary(share=0.05)), Key("other", account="second"))
    house.ring.pick()
    house.ring.report("other", QUOTA)
    assert [house.ring.pick() for _ in range(1000)] == ["old"] * 1000
    house.ring.release("other")
    picks = [house.ring.pick() for _ in range(100)]
    assert picks.count("new") == 5


def test_a_trusted_spare_comes_before_a_key_on_trial_but_does_not_take_its_share() -> None:
    house = House(Key("spare", weight=0), NEW)
    picks = [house.ring.pick() for _ in range(100)]
    assert (picks.count("spare"), picks.count("new")) == (95, 5)


def test_two_keys_on_trial_each_take_their_share() -> None:
    house = House(OLD, Key("x", canary=Canary(share=0.1)), Key("y", canary=Canary(share=0.2)))
    picks = [house.ring.pick() for _ in range(1000)]
    assert picks.count("x") == pytest.approx(100, abs=1)
    assert picks.count("y") == pytest.approx(200, abs=1)


def test_two_keys_on_trial_that_want_more_than_there_is_share_it() -> None:
    house = House(OLD, Key("x", canary=Canary(share=0.6)), Key("y", canary=Canary(share=0.6)))
    picks = [house.ring.pick() for _ in range(1000)]
    assert picks.count("x") == pytest.approx(500, abs=1)
    assert picks.count("y") == pytest.approx(500, abs=2)


def test_a_key_on_trial_whose_share_is_all_takes_all() -> None:
    house = House(OLD, Key("new", canary=Canary(share=1.0)))
    assert {house.ring.pick() for _ in range(10)} == {"new"}


def test_keys_that_are_all_on_trial_serve_all_the_same() -> None:
    house = House(Key("x", canary=Canary(share=0.1)), Key("y", canary=Canary(share=0.2)))
    picks = [house.ring.pick() for _ in range(100)]
    assert (picks.count("x"), picks.count("y")) == (80, 20)


def test_building_a_ring_writes_nothing_and_its_first_pick_begins_the_trial() -> None:
    house = House()
    house.ring.status()
    assert house.store.scan("") == {}
    assert house.status().trial is None
    house.ring.pick()
    assert house.status().trial == "trial"
    assert house.status().usable
    assert house.status("old").trial is None
    assert house.heard == []


def test_a_key_is_promoted_when_its_time_is_over_and_its_successes_are_enough(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    house.ring.pick()
    house.succeed(10)
    house.clock.advance(3599.0)
    house.ring.pick()
    assert (house.status().trial, house.status().successes) == ("trial", 10)
    house.clock.advance(1.0)
    with caplog.at_level(logging.INFO, "ocrgate.keys"):
        house.succeed(1)
    assert house.status().trial == "promoted"
    assert house.heard == [KeyTrialChanged("baidu", "new", "trial", "promoted", "11 calls succeeded in 3600 s")]
    assert [(record.levelname, record.name) for record in caplog.records] == [("INFO", "ocrgate.keys")]


def test_time_alone_promotes_nobody() -> None:
    house = House()
    house.ring.pick()
    house.succeed(9)
    house.clock.advance(1e7)
    house.ring.pick()
    assert house.status().trial == "trial"
    house.succeed(1)
    assert house.status().trial == "promoted"


@pytest.mark.parametrize("look", [Ring.pick, Ring.status])
def test_a_key_with_successes_enough_needs_no_more_of_them_when_its_time_is_over(
    look: Callable[[Ring], object],
) -> None:
    house = House()
    house.ring.pick()
    house.succeed(10)
    house.clock.advance(3600.0)
    look(house.ring)
    assert house.told() == [("trial", "promoted")]


def test_a_promoted_key_has_its_place_and_its_weight() -> None:
    house = House(Key("new", canary=Canary(share=0.05, seconds=0.0, successes=1)), OLD)
    assert house.ring.pick() == "old"
    house.succeed(1)
    assert {house.ring.pick() for _ in range(50)} == {"new"}


def test_a_promoted_key_is_an_ordinary_key_to_its_failures() -> None:
    house = House(OLD, Key("new", account="second", canary=Canary(seconds=0.0, successes=1)))
    house.succeed(1)
    house.ring.report("new", QUOTA)
    assert house.status().trial == "promoted"
    house.clock.advance(86400.0)
    assert house.status().usable
    assert house.told() == [("trial", "promoted")]


@pytest.mark.parametrize("diagnosis", [REFUSED, QUOTA])
def test_a_key_that_is_not_accepted_or_spent_is_sent_back_at_once(
    diagnosis: Diagnosis, caplog: pytest.LogCaptureFixture
) -> None:
    house = House()
    house.ring.pick()
    house.succeed(5)
    house.clock.advance(60.0)
    status = house.ring.report("new", diagnosis)
    assert status is not None
    assert (status.usable, status.until, status.trial) == (False, math.inf, "sent back")
    assert (status.since, status.successes) == (house.clock.time(), 5)
    assert status.reason is not None
    assert status.reason.code == diagnosis.code
    assert house.told() == [("trial", "sent back")]
    assert diagnosis.code in house.heard[0].reason
    assert [(record.levelname, record.name) for record in caplog.records] == [("WARNING", "ocrgate.keys")]
    house.clock.advance(1e8)
    assert house.ring.pick(["old"]) is None
    assert house.status().until == math.inf


def test_a_key_is_sent_back_after_three_refused_tokens_in_a_row() -> None:
    house = House()
    for _ in range(REFUSALS - 1):
        house.ring.report("new", STALE)
    house.succeed(1)
    for _ in range(REFUSALS - 1):
        house.ring.report("new", STALE)
    assert house.status().trial == "trial"
    house.ring.report("new", STALE)
    assert house.status().trial == "sent back"


def test_a_key_is_sent_back_when_more_than_a_tenth_of_twenty_calls_failed_by_its_fault() -> None:
    house = House()
    for _ in range(2):
        house.ring.report("new", PACED)
    house.succeed(18)
    assert house.status().trial == "trial"
    house.ring.report("new", PACED)
    status = house.status()
    assert status.trial == "sent back"
    assert house.heard[0].reason.startswith("3 of 21 calls failed by its own fault")
    assert status.reason is not None
    assert status.reason.code == "18"


def test_a_tenth_is_tolerated_and_so_are_early_failures() -> None:
    house = House()
    for _ in range(10):
        house.ring.report("new", PACED)
    assert house.status().trial == "trial"
    tenth = House()
    for _ in range(10):
        tenth.succeed(18)
        tenth.ring.report("new", PACED)
        tenth.ring.report("new", PACED)
    assert tenth.status().trial == "trial"


@pytest.mark.parametrize("diagnosis", [DOWN, BLURRED])
def test_what_is_not_the_keys_fault_says_nothing_in_its_trial(diagnosis: Diagnosis) -> None:
    house = House()
    for _ in range(100):
        house.ring.report("new", diagnosis)
    assert house.status().trial in (None, "trial")
    house.succeed(17)
    for _ in range(2):
        house.ring.report("new", PACED)
    assert house.status().trial == "trial"


def test_release_gives_a_key_that_was_sent_back_a_new_trial() -> None:
    house = House()
    house.ring.pick()
    house.succeed(9)
    house.ring.report("new", REFUSED)
    house.clock.advance(7200.0)
    house.ring.release()
    assert house.told() == [("trial", "sent back"), ("sent back", "trial")]
    status = house.status()
    assert (status.usable, status.trial, status.successes) == (True, "trial", 0)
    house.succeed(9)
    house.clock.advance(3599.0)
    house.succeed(1)
    assert house.status().trial == "trial"
    house.clock.advance(1.0)
    assert house.status().trial == "promoted"
    assert sum("/successes" in name for name in house.store.scan("trial/")) == 1


def test_release_of_another_key_leaves_it_sent_back() -> None:
    house = House()
    house.ring.report("new", REFUSED)
    house.ring.release("old")
    assert house.status().trial == "sent back"
    house.ring.release("new")
    assert house.status().trial == "trial"


def test_release_takes_nothing_from_a_key_that_is_trusted_or_on_its_way() -> None:
    house = House()
    house.ring.pick()
    house.succeed(7)
    house.ring.release()
    assert house.status().successes == 7
    house.clock.advance(3600.0)
    house.succeed(3)
    house.ring.release()
    assert house.status().trial == "promoted"
    assert house.told() == [("trial", "promoted")]


def test_another_fingerprint_is_another_key_and_begins_its_own_trial() -> None:
    house = House()
    house.ring.report("new", REFUSED)
    changed = Key("new", account="second", fingerprint="f2", canary=NEW.canary)
    anew = House(OLD, changed, store=house.store, clock=house.clock)
    assert anew.ring.pick(["old"]) == "new"
    assert anew.status().trial == "trial"
    assert house.status().trial == "sent back"


def test_a_key_that_is_configured_without_a_trial_is_trusted() -> None:
    house = House()
    house.ring.report("new", PACED)
    trusted = House(OLD, Key("new", account="second", fingerprint="f1"), store=house.store, clock=house.clock)
    assert (trusted.status().trial, trusted.status().successes) == (None, 0)


def test_a_trial_goes_on_in_the_next_process() -> None:
    first = House()
    first.ring.pick()
    first.succeed(6)
    first.clock.advance(3600.0)
    second = House(store=first.store, clock=first.clock)
    assert second.status().successes == 6
    second.succeed(4)
    assert first.status().trial == second.status().trial == "promoted"
    assert (first.heard, second.told()) == ([], [("trial", "promoted")])


def test_successes_are_counted_exactly_and_every_change_is_told_once_over_all_rings() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    key = Key("new", fingerprint="f1", canary=Canary(seconds=0.0, successes=400))
    houses = [House(OLD, key, store=store, clock=clock) for _ in range(4)]
    gate = threading.Barrier(8)

    def work(house: House, times: int) -> None:
        gate.wait()
        for _ in range(times):
            house.ring.pick()
            house.ring.report("new", None)

    def run(times: int) -> None:
        threads = [threading.Thread(target=work, args=(houses[place % 4], times)) for place in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    run(49)
    assert [house.status().successes for house in houses] == [392] * 4
    assert {house.status().trial for house in houses} == {"trial"}
    run(49)
    assert {house.status().trial for house in houses} == {"promoted"}
    assert sum(len(house.heard) for house in houses) == 1
    for house in houses:
        house.ring.report("new", QUOTA)
    assert sum(len(house.heard) for house in houses) == 1


def test_a_key_that_is_sent_back_in_one_process_is_used_in_none() -> None:
    here = House()
    there = House(store=here.store, clock=here.clock)
    there.ring.pick()
    here.ring.report("new", REFUSED)
    assert there.ring.pick(["old"]) is None
    there.ring.report("new", REFUSED)
    assert (here.told(), there.told()) == ([("trial", "sent back")], [])
    reason = there.status().reason
    assert reason is not None
    assert (reason.code, reason.message, reason.log_id) == ("invalid_client", "unknown client id", "9")
    assert reason.meaning == lookup("baidu", "invalid_client", "unknown client id").meaning


class Overtaken(MemoryStore):
    """Lets something happen just before the next write."""

    before: Callable[[], object] | None = None

    def _interlude(self) -> None:
        before, self.before = self.before, None
        if before is not None:
            before()

    def add(self, name: str, amount: int, *, limit: int | None = None, ttl: float | None = None) -> int | None:
        self._interlude()
        return super().add(name, amount, limit=limit, ttl=ttl)

    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
        self._interlude()
        return super().swap(name, old, new, ttl)


def test_who_promotes_a_key_too_late_tells_nothing() -> None:
    store = Overtaken()
    here = House(store=store)
    late = House(store=store, clock=here.clock)
    here.ring.pick()
    here.succeed(10)
    here.clock.advance(3600.0)
    store.before = here.ring.pick
    assert late.ring.pick() == "old"
    assert (here.told(), late.told()) == ([("trial", "promoted")], [])


def test_who_promotes_a_key_that_was_sent_back_meanwhile_does_not_use_it() -> None:
    store = Overtaken()
    here = House(store=store)
    here.ring.pick()
    here.succeed(10)
    here.clock.advance(3600.0)
    store.before = lambda: _send_back(store)
    assert here.ring.pick(["old"]) is None
    assert here.status().trial == "sent back"


def test_who_begins_a_trial_too_late_finds_out_how_it_went() -> None:
    store = Overtaken()
    here = House(store=store)
    late = House(store=store, clock=here.clock)
    store.before = lambda: here.ring.report("new", REFUSED)
    assert late.ring.pick(["old"]) is None


def _send_back(store: MemoryStore) -> None:
    text = store.get("trial/baidu/f1")
    assert text is not None
    store.put("trial/baidu/f1", text.replace('"state": "trial"', '"state": "sent back"'))
    store.put("board/baidu", "changed")


def test_a_success_of_an_earlier_trial_does_not_count_in_the_next() -> None:
    store = Overtaken()
    house = House(store=store)

    def anew() -> None:
        house.ring.report("new", REFUSED)
        house.ring.release()

    house.ring.pick()
    store.before = anew
    house.succeed(1)
    assert (house.status().trial, house.status().successes) == ("trial", 0)


def test_a_trial_that_cannot_be_read_begins_anew() -> None:
    house = House()
    house.store.put("trial/baidu/f1", "{broken")
    house.ring.pick()
    assert house.status().trial == "trial"


def test_a_key_without_fingerprint_is_tried_under_its_name() -> None:
    house = House(OLD, Key("a/b", canary=Canary()))
    house.ring.pick()
    assert list(house.store.scan("trial/")) == ["trial/baidu/a%2Fb"]
