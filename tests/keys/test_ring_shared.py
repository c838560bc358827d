"""Rings that share a store agree on who sits on the bench."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.events import KeyTrialChanged
from ocrgate.key import Canary, Key
from ocrgate.keys.ring import Ring
from ocrgate.state import MemoryStore
from ocrgate.state.sqlite import SQLiteStore
from ocrgate.testing import ManualClock

QUOTA = Diagnosis("17", "Open api daily request limit reached", "quota", "key", "next_key", log_id="42")
REFUSED = Diagnosis("invalid_client", category="auth", fault="key", action="next_key")


def rings(*houses: list[Key], provider: tuple[str, ...] = ("baidu", "baidu", "baidu")) -> list[Ring]:
    clock = ManualClock()
    store = MemoryStore(clock)
    return [
        Ring(keys, clock, provider=name, type="baidu", store=store)
        for keys, name in zip(houses, provider, strict=False)
    ]


def test_a_key_benched_in_one_ring_is_passed_over_in_the_other() -> None:
    keys = [Key("a", fingerprint="f1"), Key("b", fingerprint="f2")]
    here, there = rings(keys, keys)
    assert there.pick() == "a"
    status = here.report("a", QUOTA)
    assert there.pick() == "b"
    assert status is not None
    told = next(each for each in there.status() if each.name == "a")
    assert (told.until, told.since) == (status.until, status.since)
    assert told.reason == lookup("baidu", "17", QUOTA.message, log_id="42")


def test_until_the_configuration_changes_is_for_ever_in_every_ring() -> None:
    here, there = rings([Key("a", fingerprint="f1")], [Key("a", fingerprint="f1")])
    here.report("a", REFUSED)
    (status,) = there.status()
    assert status.until == math.inf


def test_release_in_one_ring_frees_the_keys_of_all() -> None:
    keys = [Key("a", "one"), Key("b"), Key("c")]
    here, there = rings(keys, keys)
    for name in ("a", "b", "c"):
        here.report(name, REFUSED)
    here.report("a", QUOTA)
    there.release("b")
    assert [status.usable for status in here.status()] == [False, True, False]
    there.release()
    assert [status.usable for status in here.status()] == [True, True, True]


def test_a_key_with_a_new_secret_is_not_benched() -> None:
    here, there = rings([Key("a", fingerprint="f1")], [Key("a", fingerprint="f2")])
    here.report("a", REFUSED)
    assert there.pick() == "a"
    there.report("a", QUOTA)
    assert there.pick() is None
    assert here.status()[0].until == math.inf


def test_a_key_with_a_new_secret_is_not_benched_for_its_accounts_quota_either() -> None:
    before = [Key("a", "one", fingerprint="f1"), Key("b", "one", fingerprint="f2")]
    after = [Key("a", "one", fingerprint="f9"), Key("b", "one", fingerprint="f2")]
    here, there = rings(before, after)
    here.report("a", QUOTA)
    assert [status.usable for status in there.status()] == [True, False]
    there.report("a", QUOTA)
    assert [status.usable for status in there.status()] == [False, False]
    assert [status.usable for status in here.status()] == [False, False]


def test_a_key_of_the_account_that_only_another_ring_knows_shares_its_fate() -> None:
    here, there = rings([Key("a", "one", fingerprint="f1")], [Key("b", "one", fingerprint="f2")])
    here.report("a", QUOTA)
    assert there.pick() is None


def test_a_credential_is_the_same_under_any_name() -> None:
    here, there = rings([Key("a", fingerprint="f1")], [Key("renamed", fingerprint="f1")])
    here.report("a", REFUSED)
    assert there.pick() is None


def test_providers_keep_their_benches_apart() -> None:
    here, there = rings([Key("a")], [Key("a")], provider=("baidu", "baidu/2"))
    here.report("a", REFUSED)
    assert there.pick() == "a"
    there.release()
    assert here.pick() is None


def test_a_ring_without_a_store_has_one_of_its_own() -> None:
    here, there = Ring([Key("a")]), Ring([Key("a")])
    here.report("a", REFUSED)
    assert there.pick() == "a"


KEYS = [
    Key("a", fingerprint="f1"),
    Key("b", fingerprint="f2"),
    Key("new", fingerprint="f3", canary=Canary(0.5, 0, 200)),
]


def _serve(path: str, ends: Connection) -> None:
    """A process with a ring, which does what it is told until it is told nothing."""
    heard: list[KeyTrialChanged] = []
    store = SQLiteStore(path)
    ring = Ring(KEYS, provider="baidu", type="baidu", store=store, observer=heard.append)
    while (told := ends.recv()) is not None:
        what, argument = told
        if what == "pick":
            ends.send(ring.pick())
        elif what == "bench":
            ring.report(argument, QUOTA)
            ends.send(True)
        elif what == "succeed":
            for _ in range(argument):
                ring.report("new", None)
            ends.send(True)
        else:
            states = {each.name: (each.usable, each.until, each.trial, each.successes) for each in ring.status()}
            ends.send((states, len(heard)))
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state.db")


def test_processes_that_share_a_file_agree_on_benches_and_trials(path: str) -> None:
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(3)]
    processes = [context.Process(target=_serve, args=(path, theirs)) for _, theirs in pipes]
    ours = [mine for mine, _ in pipes]

    def ask(place: int, what: str, argument: object = None) -> object:
        ours[place].send((what, argument))
        assert ours[place].poll(60.0), "the process does not answer"
        return ours[place].recv()

    try:
        for process in processes:
            process.start()
        assert [ask(place, "pick") for place in range(3)] == ["a", "a", "a"]
        ask(0, "bench", "a")
        assert {ask(place, "pick") for place in (1, 2) for _ in range(2)} == {"b", "new"}
        # Who told is killed; what it told stays.
        assert processes[0].pid is not None
        os.kill(processes[0].pid, signal.SIGKILL)
        for place in (1, 2):
            ours[place].send(("succeed", 100))
        assert [ours[place].poll(60.0) and ours[place].recv() for place in (1, 2)] == [True, True]
        (one, heard_one), (two, heard_two) = (_status(ask(place, "status")) for place in (1, 2))
        assert one == two
        assert one["a"][0] is False
        assert one["new"] == (True, None, "promoted", 200)
        assert heard_one + heard_two == 1
        for place in (1, 2):
            ours[place].send(None)
    finally:
        for process in processes:
            process.join(10.0)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        for pair in pipes:
            for end in pair:
                end.close()


def _status(answer: object) -> tuple[dict[str, tuple[bool, float | None, str | None, int]], int]:
    assert isinstance(answer, tuple)
    states, heard = answer
    return states, heard
