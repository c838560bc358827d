"""What every store promises, tried on each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.state.server import Server

from ocrgate.state import Guarded, MemoryStore, NotACounter, RedisStore, SQLiteStore, Store, StoreError
from ocrgate.testing import ManualClock

KINDS = [
    "memory",
    "sqlite",
    "guarded sqlite",
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("guarded redis", marks=pytest.mark.redis),
]


class Passing(ManualClock):
    """Time that passes at a server, too: what has an end there comes closer to it."""

    def __init__(self, server: Server | None) -> None:
        super().__init__()
        self._server = server

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        if self._server is None:
            return
        with self._server.client() as client:
            for key in client.scan_iter():
                left = client.pttl(key)
                if left > 0:
                    client.pexpire(key, left - round(seconds * 1000))


def opened(kind: str, folder: Path, clock: ManualClock, server: Server | None) -> Store:
    """A store of that kind, empty."""
    guarded, _, name = kind.rpartition(" ")
    made: Store = MemoryStore(clock)
    if name == "sqlite":
        made = SQLiteStore(folder / "state.db", clock)
    elif server is not None:
        server.flush()
        made = RedisStore(server.url, clock)
    return Guarded(made, clock, beside=False) if guarded else made


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> Server | None:
    found: Server | None = request.getfixturevalue("started") if "redis" in kind else None
    return found


@pytest.fixture
def clock(server: Server | None) -> ManualClock:
    return Passing(server)


@pytest.fixture
def store(kind: str, tmp_path: Path, clock: ManualClock, server: Server | None) -> Iterator[Store]:
    made = opened(kind, tmp_path, clock, server)
    yield made
    made.close()


def test_it_fulfils_the_protocol(store: Store, kind: str, tmp_path: Path, server: Server | None) -> None:
    assert isinstance(store, Store)
    assert (store.kind, store.shared) == (kind.rsplit(maxsplit=1)[-1], "memory" not in kind)
    socket = "" if server is None else f"{server.brisk}?db=0"
    assert store.place == {"memory": "", "sqlite": str(tmp_path / "state.db"), "redis": socket}[store.kind]


def test_its_time_goes_on_with_the_clock(store: Store, clock: ManualClock) -> None:
    begun = store.time()
    clock.advance(5)
    assert 5 <= store.time() - begun < 5.5


def test_what_is_put_is_got_and_what_is_not_is_none(store: Store) -> None:
    assert store.get("a") is None
    store.put("a", "1")
    store.put("b", "2")
    store.put("a", "3")
    assert (store.get("a"), store.get("b")) == ("3", "2")


def test_a_text_is_gone_when_its_time_is_over(store: Store, clock: ManualClock) -> None:
    store.put("short", "1", ttl=10)
    store.put("long", "2")
    store.put("gone", "3", ttl=0)
    store.put("ever", "4", ttl=float("inf"))
    clock.advance(9.9)
    assert dict(store.scan("")) == {"short": "1", "long": "2", "ever": "4"}
    clock.advance(0.1)
    assert store.get("short") is None
    assert dict(store.scan("")) == {"long": "2", "ever": "4"}


def test_putting_anew_begins_another_life(store: Store, clock: ManualClock) -> None:
    store.put("a", "1", ttl=10)
    clock.advance(9)
    store.put("a", "2", ttl=10)
    clock.advance(9)
    assert store.get("a") == "2"
    store.put("a", "3")
    clock.advance(1000)
    assert store.get("a") == "3"


def test_a_lease_goes_to_one_until_it_is_given_back_or_over(store: Store, clock: ManualClock) -> None:
    assert store.swap("lease", None, "me", ttl=5)
    assert not store.swap("lease", None, "you", ttl=5)
    assert not store.swap("lease", "you", None)
    assert store.swap("lease", "me", None)
    assert store.swap("lease", None, "you", ttl=5)
    clock.advance(5)
    assert store.swap("lease", None, "me", ttl=5)
    assert not store.swap("lease", "you", None), "who comes late gives back nothing that is another's"
    assert store.get("lease") == "me"


def test_nothing_can_be_swapped_for_nothing(store: Store) -> None:
    assert store.swap("a", None, None)
    assert store.get("a") is None


def test_a_counter_begins_at_0_and_lives_from_its_first_addition(store: Store, clock: ManualClock) -> None:
    assert store.add("n", 2, ttl=10) == 2
    clock.advance(6)
    assert store.add("n", 3, ttl=10) == 5
    clock.advance(4)
    assert store.get("n") is None
    assert store.add("n", -1) == -1


def test_an_addition_beyond_the_limit_changes_nothing(store: Store) -> None:
    assert store.add("n", 3, limit=5) == 3
    assert store.add("n", 3, limit=5) is None
    assert store.get("n") == "3"
    assert store.add("n", 2, limit=5) == 5
    assert store.add("n", 1, limit=5) is None
    assert store.add("n", 6, limit=5) is None
    assert store.add("n", -1, limit=0) == 4, "what is given back is always taken"
    assert store.add("n", 0, limit=0) == 4
    assert store.add("new", 1, limit=0) is None
    assert store.get("new") is None


def test_counters_hold_more_than_any_machine_word(store: Store) -> None:
    assert store.add("n", 2**70 + 1) == 2**70 + 1
    assert store.add("n", 1) == 2**70 + 2
    assert store.add("n", 1, limit=2**70 + 2) is None
    assert store.add("n", -(2**71)) == 2 - 2**70
    assert store.add("new", 2, limit=2**70 + 1) == 2
    near = 10**15 - 1
    assert [store.add("m", near) for _ in range(4)] == [near, 2 * near, 3 * near, 4 * near]


def test_a_counter_of_any_size_keeps_the_end_of_its_life(store: Store, clock: ManualClock) -> None:
    store.add("n", 2**70, ttl=10)
    clock.advance(6)
    store.add("n", 1, ttl=10)
    clock.advance(4)
    assert store.get("n") is None


def test_counters_and_texts_are_one_kind_of_thing(store: Store) -> None:
    store.put("n", "41")
    assert store.add("n", 1) == 42
    assert store.get("n") == "42"
    assert store.swap("n", "42", "text")


@pytest.mark.parametrize("text", ["text", "1.0", "0x10", "1e3", "--1", "9" * 20 + "x"])
def test_nothing_is_added_to_a_text(store: Store, text: str) -> None:
    store.put("name", text)
    assert issubclass(NotACounter, StoreError)
    if isinstance(store, Guarded):
        assert store.add("name", 1) == 1
    else:
        with pytest.raises(NotACounter, match="name"):
            store.add("name", 1)
    assert store.get("name") == text
    assert store.add("other", 1) == 1


@pytest.mark.parametrize("text", ["", "0", "-0", "007", "+7", " 7 ", "1_000", "٣", "-" + "9" * 30])
def test_what_python_takes_for_a_whole_number_is_counted_on(store: Store, text: str) -> None:
    store.put("name", text)
    assert store.add("name", 1) == int(text or 0) + 1
    assert store.get("name") == str(int(text or 0) + 1)


def test_a_scan_takes_its_prefix_literally(store: Store) -> None:
    names = ["a%b", "a_b", "axb", "a%", "ab", "A%b", "a", "", "ä/1", "ä/2", "a\u0308/1", "\U0010ffff", "\U0010ffff1"]
    for name in names:
        store.put(name, f"<{name}>")
    for prefix in ["", "a", "a%", "a_", "ä/", "\U0010ffff", "A", "[a]", "a*", "missing"]:
        assert dict(store.scan(prefix)) == {name: f"<{name}>" for name in names if name.startswith(prefix)}, prefix


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "\ud83d", "钥匙", "x" * 100_000, "'; DROP TABLE ocrgate_state; --"])
def test_any_text_is_kept_as_it_is(store: Store, text: str) -> None:
    store.put(text, text)
    assert store.get(text) == text
    assert store.swap(text, text, text + "!")
    assert dict(store.scan(text)) == {text: text + "!"}


def test_it_can_be_closed_twice_and_used_again(store: Store) -> None:
    store.put("a", "1")
    store.close()
    store.close()
    assert store.get("a") == "1"


def test_threads_adding_to_one_counter_lose_nothing_and_never_exceed_the_limit(store: Store) -> None:
    barrier = threading.Barrier(8)

    def work(_number: int) -> list[int | None]:
        barrier.wait(10)
        return [store.add("n", 1, limit=600) for _ in range(100)]

    with ThreadPoolExecutor(8) as pool:
        sums = [total for each in pool.map(work, range(8)) for total in each]
    assert sorted(total for total in sums if total is not None) == list(range(1, 601))
    assert sums.count(None) == 200


def test_of_threads_that_want_a_lease_one_gets_it(store: Store) -> None:
    barrier = threading.Barrier(8)

    def work(number: int) -> int:
        taken = 0
        for turn in range(20):
            barrier.wait(10)
            taken += store.swap(f"lease/{turn}", None, str(number), ttl=5)
        return taken

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 20


NAMES = st.sampled_from(["", "a", "a/", "a/b", "a/%", "a_b", "ab", "é", "\U0010ffff"])
TEXTS = st.sampled_from(["", "0", "7", "-3", "x", "ü"])
TTLS = st.sampled_from([None, None, 0.0, 1.0, 5.0])


class Histories(RuleBasedStateMachine):
    """A store and a plain dictionary that are told the same."""

    kind = "memory"
    server: Server | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = Passing(self.server)
        self.store = opened(self.kind, Path(self.folder.name), self.clock, self.server)
        self.model: dict[str, tuple[str, float]] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def live(self) -> dict[str, str]:
        return {name: text for name, (text, end) in self.model.items() if end > self.clock.time()}

    def end(self, ttl: float | None) -> float:
        return float("inf") if ttl is None else self.clock.time() + ttl

    @rule(name=NAMES, text=TEXTS, ttl=TTLS)
    def put(self, name: str, text: str, ttl: float | None) -> None:
        self.store.put(name, text, ttl)
        self.model[name] = (text, self.end(ttl))

    @rule(name=NAMES, old=TEXTS | st.none(), new=TEXTS | st.none(), ttl=TTLS, right=st.booleans())
    def swap(self, name: str, old: str | None, new: str | None, ttl: float | None, right: bool) -> None:
        there = self.live().get(name)
        old = there if right else old
        assert self.store.swap(name, old, new, ttl) == (old == there)
        if old == there:
            self.model.pop(name, None)
            if new is not None:
                self.model[name] = (new, self.end(ttl))

    @rule(name=NAMES, amount=st.integers(-3, 3), limit=st.none() | st.integers(-2, 5), ttl=TTLS)
    def add(self, name: str, amount: int, limit: int | None, ttl: float | None) -> None:
        there = self.live().get(name)
        if there in ("x", "ü"):
            return
        total = int(there or "0") + amount
        if limit is not None and amount > 0 and total > limit:
            assert self.store.add(name, amount, limit=limit, ttl=ttl) is None
            return
        assert self.store.add(name, amount, limit=limit, ttl=ttl) == total
        self.model[name] = (str(total), self.end(ttl) if there is None else self.model[name][1])

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.kind != "memory")
    @rule()
    def close(self) -> None:
        self.store.close()

    @rule(prefix=NAMES)
    def scan(self, prefix: str) -> None:
        assert dict(self.store.scan(prefix)) == {
            name: text for name, text in self.live().items() if name.startswith(prefix)
        }

    @rule(name=NAMES)
    def get(self, name: str) -> None:
        assert self.store.get(name) == self.live().get(name)

    @invariant()
    def all_is_there(self) -> None:
        assert dict(self.store.scan("")) == self.live()


@pytest.mark.thorough
def test_any_history_ends_as_in_a_plain_dictionary(kind: str, server: Server | None) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("OneKind", (Histories,), {"kind": kind, "server": server})
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
