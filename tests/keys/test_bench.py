"""What is written of a bench, and what is read of it."""

from __future__ import annotations

import json
import logging
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.key import Key
from ocrgate.keys.bench import Bench, Benches
from ocrgate.keys.board import Board
from ocrgate.state import MemoryStore
from ocrgate.state.name import join
from ocrgate.testing import ManualClock

NOW = 1_767_225_600.0
SPENT = Diagnosis("17", "Open api daily request limit reached", "quota", "key", "next_key", log_id="42")
REFUSED = Diagnosis("invalid_client", "unknown client id", "auth", "key", "next_key")

seconds = st.floats(min_value=0, max_value=1e12, allow_nan=False)
benches = st.builds(
    Bench,
    until=seconds | st.just(math.inf),
    since=seconds,
    code=st.text(),
    message=st.text(),
    log_id=st.none() | st.text(),
    keys=st.dictionaries(st.text(), st.lists(st.text()).map(tuple)),
)


def house(*keys: Key, kind: str = "baidu") -> tuple[MemoryStore, Board, Benches]:
    store = MemoryStore(ManualClock())
    board = Board(store, "baidu")
    return store, board, Benches(board, kind, keys)


@given(benches)
def test_a_bench_is_read_as_it_was_written(bench: Bench) -> None:
    assert Bench.parse(bench.text()) == bench


@given(benches)
def test_a_bench_is_written_in_plain_json(bench: Bench) -> None:
    text = bench.text()
    assert text.isascii()
    entry = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert (entry["until"] is None) == math.isinf(bench.until)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["until", "since", "code", "keys", "x"]), inner),
)


@given(st.text() | json_values.map(json.dumps))
def test_whatever_lies_in_the_store_is_a_bench_or_a_value_error(text: str) -> None:
    try:
        bench = Bench.parse(text)
    except ValueError:
        return
    assert not math.isnan(bench.until)
    assert math.isfinite(bench.since)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"since": 1}',
        '{"until": true, "since": 1}',
        '{"until": "1", "since": 1}',
        '{"until": NaN, "since": 1}',
        '{"until": Infinity, "since": 1}',
        '{"until": 1e999, "since": 1}',
        '{"until": 1' + "0" * 400 + ', "since": 1}',
        '{"until": null}',
        '{"until": 1, "since": 1, "keys": []}',
        '{"until": 1, "since": 1, "keys": {"a": "b"}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_bench_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Bench.parse(text)


def test_what_cannot_be_read_benches_nobody_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    store, board, benched = house(Key("a"))
    store.put("bench/baidu/name/a", "{broken")
    with caplog.at_level(logging.WARNING, "ocrgate.keys"):
        assert benched.of(Key("a"), NOW, board.entries()) is None
    assert "bench/baidu/name/a" in caplog.text
    benched.put(Key("a"), NOW + 10, SPENT, NOW)
    assert benched.of(Key("a"), NOW, board.entries()) is not None


def test_what_is_written_says_until_when_why_and_since_when() -> None:
    store, _, benched = house(Key("a", "one", fingerprint="f1"), Key("b", "one", fingerprint="f2"))
    benched.put(Key("a", "one", fingerprint="f1"), NOW + 10, SPENT, NOW, whole_account=True)
    benched.put(Key("a", "one", fingerprint="f1"), math.inf, REFUSED, NOW)
    account, key = (json.loads(store.get(f"bench/baidu/{end}") or "") for end in ("account/one", "key/f1"))
    assert account == {
        "until": NOW + 10,
        "since": NOW,
        "code": "17",
        "message": "Open api daily request limit reached",
        "log_id": "42",
        "keys": {"a": ["f1"], "b": ["f2"]},
    }
    assert (key["until"], key["keys"]) == (None, {})


def test_a_bench_that_lasts_longer_stays() -> None:
    key = Key("a", fingerprint="f")
    _, board, benched = house(key)
    for until, diagnosis in ((NOW + 100, SPENT), (NOW + 10, REFUSED), (NOW + 100, REFUSED)):
        benched.put(key, until, diagnosis, NOW)
        found = benched.of(key, NOW, board.entries())
        assert found is not None
        assert (found.until, found.code) == (NOW + 100, "17")
    benched.put(key, math.inf, REFUSED, NOW + 5)
    found = benched.of(key, NOW + 5, board.entries())
    assert found is not None
    assert (found.until, found.code, found.since) == (math.inf, "invalid_client", NOW + 5)


def test_a_bench_that_is_over_is_replaced_by_a_shorter_one() -> None:
    store, board, benched = house(Key("a"))
    store.put("bench/baidu/name/a", Bench(NOW + 50, NOW, "17").text())
    benched.put(Key("a"), NOW + 70, SPENT, NOW + 60)
    found = benched.of(Key("a"), NOW + 60, board.entries())
    assert found is not None
    assert (found.until, found.since) == (NOW + 70, NOW + 60)


def test_a_bench_is_gone_from_the_store_when_it_is_over() -> None:
    clock = ManualClock(time=NOW)
    store = MemoryStore(clock)
    Benches(Board(store, "baidu"), "baidu", [Key("a")]).put(Key("a"), NOW + 10, SPENT, NOW)
    assert len(store.scan("bench/")) == 1
    clock.advance(10)
    assert store.scan("bench/") == {}


def test_the_reason_is_the_diagnosis_itself_here_and_the_tables_elsewhere() -> None:
    key = Key("a")
    _, board, here = house(key)
    there = Benches(board, "baidu", [key])
    here.put(key, NOW + 10, SPENT, NOW)
    bench = there.of(key, NOW, board.entries())
    assert bench is not None
    assert here.reason(bench) is SPENT
    assert there.reason(bench) == lookup("baidu", "17", SPENT.message, log_id="42")


def test_a_later_failure_of_the_same_code_is_not_taken_for_the_reason() -> None:
    key, other = Key("a"), Key("b")
    _, board, benched = house(key, other)
    benched.put(key, NOW + 10, SPENT, NOW)
    benched.put(other, NOW + 10, Diagnosis("17", "other words", "quota", "key", "next_key"), NOW)
    bench = benched.of(key, NOW, board.entries())
    assert bench is not None
    assert benched.reason(bench).message == SPENT.message


parts = st.lists(st.text("/%2F5a"), min_size=1, max_size=3)


@given(parts, parts)
@example(["a/b"], ["a%2Fb"])
def test_no_two_names_make_one_entry(left: list[str], right: list[str]) -> None:
    assert (join(*left) == join(*right)) == (left == right)


def test_entries_are_read_again_only_after_a_change() -> None:
    class Counted(MemoryStore):
        scans = 0

        def scan(self, prefix: str) -> dict[str, str]:
            self.scans += 1
            return dict(super().scan(prefix))

    store = Counted()
    here, there = Board(store, "baidu"), Board(store, "baidu")
    first = here.entries()
    assert here.entries() is first
    before = store.scans
    assert there.change("bench/baidu/key/f", None, "text")
    assert here.entries() == {"bench/baidu/key/f": "text"}
    assert here.entries() is here.entries()
    assert store.scans == before + 2
    assert not there.change("bench/baidu/key/f", None, "other")
    assert here.entries() == {"bench/baidu/key/f": "text"}


def test_who_comes_too_late_to_change_an_entry_looks_again() -> None:
    store = MemoryStore()
    board = Board(store, "baidu")
    assert board.entries() == {}
    store.put("bench/baidu/key/f", "of one who was killed before the stamp")
    assert not board.change("bench/baidu/key/f", None, "mine")
    assert board.entries() == {"bench/baidu/key/f": "of one who was killed before the stamp"}


def test_providers_of_one_store_have_entries_of_their_own() -> None:
    store = MemoryStore()
    one, other = Board(store, "baidu"), Board(store, "baidu/other")
    assert other.change(other.name("bench", "key", "f"), None, "text")
    assert one.entries() == {}
    one.clear("bench")
    assert len(other.entries()) == 1
