"""One token for all processes: fetched by one, found by the others, replaced once per cause."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.keys.asker import NAME, Backwards
from tests.state.flaky import Flaky
from tests.state.work import finish, go, start

from ocrgate.clock import Clock, Deadline, Wake
from ocrgate.keys.owner import TokenOwner
from ocrgate.keys.shared import LEASE, Seal, SharedToken
from ocrgate.keys.token import Token
from ocrgate.state import MemoryStore, SQLiteStore
from ocrgate.testing import ManualClock


class Endpoint:
    """Gives tokens `t1`, `t2` … of `life` seconds, or raises what it is told to."""

    def __init__(self, clock: ManualClock, life: float = 1000.0) -> None:
        self.clock = clock
        self.life = life
        self.fetched = 0
        self.fails: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, _deadline: Deadline) -> Token:
        self.fetched += 1
        number = self.fetched
        self.meanwhile()
        if self.fails is not None:
            raise self.fails
        return Token(f"t{number}", self.clock.monotonic() + self.life)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def endpoint(clock: ManualClock) -> Endpoint:
    return Endpoint(clock)


def _process(store: MemoryStore, endpoint: Endpoint, clock: ManualClock) -> TokenOwner:
    """What another process has: its own owner, the same store."""
    return TokenOwner(endpoint, clock, shared=SharedToken(store, NAME, Backwards(), clock))


def _soon(clock: Clock, seconds: float = 10.0) -> Deadline:
    return Deadline.after(seconds, clock)


def test_a_process_finds_the_token_that_another_one_fetched(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    first, second = (_process(store, endpoint, clock) for _ in range(2))
    token = first.get(_soon(clock))
    clock.advance(100)
    found = second.get(_soon(clock))
    assert found.text == token.text
    assert found.expires == pytest.approx(token.expires)
    assert endpoint.fetched == 1


def test_sharing_can_begin_after_construction_and_end(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    _process(store, endpoint, clock).get(_soon(clock))
    owner = TokenOwner(endpoint, clock)
    owner.share(SharedToken(store, NAME, Backwards(), clock))
    assert owner.get(_soon(clock)).text == "t1"
    alone = TokenOwner(endpoint, clock, shared=SharedToken(store, NAME, Backwards(), clock))
    alone.share(None)
    assert alone.get(_soon(clock)).text == "t2"


def test_a_found_token_lives_by_the_wall_clock(store: MemoryStore, endpoint: Endpoint, clock: ManualClock) -> None:
    _process(store, endpoint, clock).get(_soon(clock))
    # Another boot, or another machine's container: its monotonic time tells nothing about ours.
    elsewhere = ManualClock(monotonic=5.0, time=clock.time() + 400)
    found = SharedToken(store, NAME, Backwards(), elsewhere).load()
    assert found is not None
    assert found.token.expires == pytest.approx(5.0 + 600)
    assert found.life == 1000


def test_no_token_seems_to_live_longer_than_it_did_when_fetched(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    _process(store, endpoint, clock).get(_soon(clock))
    set_back = ManualClock(monotonic=5.0, time=clock.time() - 86_400)
    found = SharedToken(store, NAME, Backwards(), set_back).load()
    assert found is not None
    assert found.token.expires == 5.0 + 1000


def test_the_token_leaves_the_store_when_it_expires(store: MemoryStore, endpoint: Endpoint, clock: ManualClock) -> None:
    _process(store, endpoint, clock).get(_soon(clock))
    assert list(store.scan("")) == [f"token/{NAME}"], "the lease was given back"
    clock.advance(1000)
    assert dict(store.scan("")) == {}
    assert _process(store, endpoint, clock).get(_soon(clock)).text == "t2"


def test_a_process_waits_while_another_one_fetches(store: MemoryStore, endpoint: Endpoint, clock: ManualClock) -> None:
    other = SharedToken(store, NAME, Backwards(), clock)
    lease = other.lease(5.0) or ""
    assert lease

    class Watching(ManualClock):
        def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
            if len(self.slept) == 3:
                other.offer(Token("theirs", self.monotonic() + 500))
                other.give_back(lease)
            return super().sleep(seconds, wake)

    watching = Watching(clock.monotonic(), clock.time())
    mine = TokenOwner(endpoint, watching, shared=SharedToken(store, NAME, Backwards(), watching))
    assert mine.get(_soon(watching)).text == "theirs"
    assert endpoint.fetched == 0
    assert all(0.02 <= pause <= 0.05 for pause in watching.slept)


def test_a_process_that_waits_tries_itself_when_the_other_one_failed(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    other = SharedToken(store, NAME, Backwards(), clock)
    lease = other.lease(5.0) or ""
    assert lease

    class Watching(ManualClock):
        def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
            if len(self.slept) == 3:
                other.give_back(lease)
            return super().sleep(seconds, wake)

    watching = Watching(clock.monotonic(), clock.time())
    mine = TokenOwner(endpoint, watching, shared=SharedToken(store, NAME, Backwards(), watching))
    assert mine.get(_soon(watching)).text == "t1"
    assert len(watching.slept) == 4


def test_each_process_is_told_its_own_failure(store: MemoryStore, endpoint: Endpoint, clock: ManualClock) -> None:
    first, second = (_process(store, endpoint, clock) for _ in range(2))
    endpoint.fails = LookupError("first")
    with pytest.raises(LookupError, match="first"):
        first.get(_soon(clock))
    endpoint.fails = ValueError("second")
    with pytest.raises(ValueError, match="second"):
        second.get(_soon(clock))
    endpoint.fails = None
    assert second.get(_soon(clock)).text == "t3"
    assert first.get(_soon(clock)).text == "t3"
    assert clock.slept == [], "nobody had to wait for a lease that its holder had no more use for"


def test_the_lease_of_a_process_that_died_ends_with_its_deadline_or_soon(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    for seconds, ttl in ((3.0, 3.0), (600.0, LEASE)):

        def dies(_deadline: Deadline) -> Token:
            raise SystemExit

        class Abandoned(SharedToken):
            def give_back(self, lease: str) -> None:
                """It was killed before it could."""

        with pytest.raises(SystemExit):
            Abandoned(store, NAME, Backwards(), clock).obtain(dies, _soon(clock, seconds), margin=60)
        begun = clock.monotonic()
        token = _process(store, endpoint, clock).get(_soon(clock, 60.0))
        assert ttl <= clock.monotonic() - begun < ttl + 0.05
        assert SharedToken(store, NAME, Backwards(), clock).drop(token)


def test_waiting_ends_at_the_deadline_of_who_waits(store: MemoryStore, endpoint: Endpoint, clock: ManualClock) -> None:
    assert SharedToken(store, NAME, Backwards(), clock).lease(15.0)
    begun = clock.monotonic()
    with pytest.raises(TimeoutError, match="another process"):
        _process(store, endpoint, clock).get(_soon(clock, 2.0))
    assert clock.monotonic() - begun == pytest.approx(2.0)
    assert endpoint.fetched == 0


def test_who_gives_up_waits_no_longer(store: MemoryStore, endpoint: Endpoint, clock: ManualClock) -> None:
    assert SharedToken(store, NAME, Backwards(), clock).lease(15.0)
    with pytest.raises(TimeoutError):
        _process(store, endpoint, clock).get(_soon(clock), given_up=lambda: len(clock.slept) >= 3)
    assert len(clock.slept) == 3


def test_a_lease_given_back_late_is_left_to_its_new_holder(store: MemoryStore, clock: ManualClock) -> None:
    shared = SharedToken(store, NAME, Backwards(), clock)
    late = shared.lease(1.0)
    assert late is not None
    clock.advance(1)
    assert shared.lease(1.0)
    shared.give_back(late)
    assert shared.lease(1.0) is None


def test_a_refused_token_is_replaced_once_by_all_processes(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    processes = [_process(store, endpoint, clock) for _ in range(4)]
    refused = [process.get(_soon(clock)) for process in processes]
    assert {token.text for token in refused} == {"t1"}
    for process, token in zip(processes, refused, strict=True):
        assert process.invalidate(token)
        assert process.get(_soon(clock)).text == "t2"
    assert endpoint.fetched == 2


def test_a_refused_token_is_not_left_for_others_to_find(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    owner = _process(store, endpoint, clock)
    owner.invalidate(owner.get(_soon(clock)))
    assert _process(store, endpoint, clock).get(_soon(clock)).text == "t2"


def test_a_token_written_while_the_lease_was_taken_is_found(endpoint: Endpoint, clock: ManualClock) -> None:
    class Late(MemoryStore):
        """Another process writes its token and gives its lease back just before this one takes it."""

        def swap(self, name: str, old: str | None, new: str | None, ttl: float | None = None) -> bool:
            if old is None:
                other.offer(Token("theirs", clock.monotonic() + 500))
            return super().swap(name, old, new, ttl)

    store = Late(clock)
    other = SharedToken(store, NAME, Backwards(), clock)
    assert _process(store, endpoint, clock).get(_soon(clock)).text == "theirs"
    assert endpoint.fetched == 0


def test_a_late_refusal_does_not_drop_the_newer_token(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    shared = SharedToken(store, NAME, Backwards(), clock)
    first = _process(store, endpoint, clock)
    old = first.get(_soon(clock))
    assert shared.drop(old)
    assert not shared.drop(old)
    _process(store, endpoint, clock).get(_soon(clock))
    assert not shared.drop(old)
    found = shared.load()
    assert found is not None
    assert found.token.text == "t2"


def test_a_refused_token_that_could_not_be_taken_out_of_the_store_is_not_taken_from_it_again(
    endpoint: Endpoint, clock: ManualClock
) -> None:
    store = Flaky(clock, "gone")
    owner = _process(store, endpoint, clock)
    refused = owner.get(_soon(clock))
    store.down = True
    assert owner.invalidate(refused)
    store.down = False
    assert store.get(f"token/{NAME}") is not None
    assert owner.get(_soon(clock)).text == "t2"
    assert _process(store, endpoint, clock).get(_soon(clock)).text == "t2"


def test_a_token_refused_once_but_handed_out_anew_is_shared_again(store: MemoryStore, clock: ManualClock) -> None:
    fetched: list[str] = []

    def stubborn(_deadline: Deadline) -> Token:
        fetched.append("t")
        return Token("always", clock.monotonic() + 1000)

    owner, other = (TokenOwner(stubborn, clock, shared=SharedToken(store, NAME, Backwards(), clock)) for _ in range(2))
    assert owner.invalidate(owner.get(_soon(clock)))
    assert owner.get(_soon(clock)).text == "always"
    clock.advance(1000)
    assert other.get(_soon(clock)).text == "always"
    assert owner.get(_soon(clock)).text == "always"
    assert len(fetched) == 3


def test_near_its_end_a_token_is_replaced_by_one_process_while_the_others_go_on_with_it(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    first, second = (_process(store, endpoint, clock) for _ in range(2))
    first.get(_soon(clock))
    second.get(_soon(clock))
    clock.advance(950)
    during: list[str] = []
    endpoint.meanwhile = lambda: during.append(second.get(_soon(clock)).text)
    assert first.get(_soon(clock)).text == "t2"
    assert during == ["t1"]
    assert clock.slept == []
    clock.advance(26)
    assert second.get(_soon(clock)).text == "t2"
    assert endpoint.fetched == 2


def test_a_process_without_a_token_does_not_wait_for_the_replacement_of_one_that_still_holds(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    first, newcomer = (_process(store, endpoint, clock) for _ in range(2))
    first.get(_soon(clock))
    clock.advance(950)
    during: list[str] = []
    endpoint.meanwhile = lambda: during.append(newcomer.get(_soon(clock)).text)
    assert first.get(_soon(clock)).text == "t2"
    assert during == ["t1"]


def test_a_replacement_that_fails_leaves_the_token_in_use_everywhere(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    first, newcomer = (_process(store, endpoint, clock) for _ in range(2))
    first.get(_soon(clock))
    clock.advance(950)
    endpoint.fails = LookupError("down")
    assert first.get(_soon(clock)).text == "t1"
    assert newcomer.get(_soon(clock)).text == "t1"
    assert endpoint.fetched == 3
    assert first.get(_soon(clock)).text == "t1"
    assert endpoint.fetched == 3, "not with every call"
    clock.advance(50)
    with pytest.raises(LookupError):
        first.get(_soon(clock))


def test_a_token_refused_while_it_is_being_replaced_does_not_come_back(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock
) -> None:
    owner = _process(store, endpoint, clock)
    refused = owner.get(_soon(clock))
    clock.advance(950)
    endpoint.fails = LookupError("down")
    endpoint.meanwhile = lambda: owner.invalidate(refused)
    owner.get(_soon(clock))
    assert owner.current is None
    endpoint.fails = None
    assert owner.get(_soon(clock)).text == "t3"


def test_trouble_with_the_store_costs_no_call(
    endpoint: Endpoint, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Flaky(clock, "gone")
    store.down = True
    owner = _process(store, endpoint, clock)
    token = owner.get(_soon(clock))
    assert token.text == "t1"
    assert owner.invalidate(token)
    assert owner.get(_soon(clock)).text == "t2"
    assert "cannot be given the access token: gone" in caplog.text
    assert "t1" not in caplog.text


def test_a_seal_that_fails_costs_no_call(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Backwards):
        def seal(self, text: str) -> str:
            raise ImportError(f"nothing to seal {text} with")

    owner = TokenOwner(endpoint, clock, shared=SharedToken(store, NAME, Broken(), clock))
    assert owner.get(_soon(clock)).text == "t1"
    assert dict(store.scan("")) == {}
    assert "not shared" in caplog.text
    assert "t1" not in caplog.text


def _sealed(**written: object) -> str:
    return Backwards().seal(json.dumps(written))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "sealed:",
        "sealed:{",
        Backwards().seal("[]"),
        Backwards().seal('"text"'),
        Backwards().seal("null"),
        _sealed(text="a"),
        _sealed(text="", expires=4e9, life=1e9),
        _sealed(text=7, expires=4e9, life=1e9),
        _sealed(text="a", expires="never", life=1e9),
        _sealed(text="a", expires=None, life=1e9),
        _sealed(text="a", expires=float("nan"), life=1e9),
        _sealed(text="a", expires=float("inf"), life=float("inf")),
        _sealed(text="a", expires=4e9, life=-1),
        _sealed(text="a", expires=0, life=10),
        _sealed(text="a", expires=10**400, life=10),
    ],
)
def test_what_is_no_token_is_replaced_by_one(
    store: MemoryStore, endpoint: Endpoint, clock: ManualClock, text: str
) -> None:
    store.put(f"token/{NAME}", text)
    owner = _process(store, endpoint, clock)
    assert owner.get(_soon(clock)).text == "t1"
    assert _process(store, endpoint, clock).get(_soon(clock)).text == "t1"


def test_a_token_that_does_not_live_is_not_given_to_others(store: MemoryStore, clock: ManualClock) -> None:
    shared = SharedToken(store, NAME, Backwards(), clock)
    for expires in (clock.monotonic(), clock.monotonic() - 5, float("inf"), float("nan")):
        shared.offer(Token("t", expires))
    assert dict(store.scan("")) == {}


def test_threads_of_a_process_ask_the_store_once(endpoint: Endpoint, clock: ManualClock) -> None:
    reads: list[str] = []

    class Counting(MemoryStore):
        def get(self, name: str) -> str | None:
            reads.append(name)
            return super().get(name)

    store = Counting(clock)
    _process(store, endpoint, clock).get(_soon(clock))
    reads.clear()
    owner = _process(store, endpoint, clock)
    barrier = threading.Barrier(8)

    def ask(_number: int) -> str:
        barrier.wait(10)
        return owner.get(_soon(clock)).text

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"t1"}
    assert len(reads) == 1


def test_the_token_is_in_no_repr_and_in_no_file(tmp_path: Path, clock: ManualClock) -> None:
    store = SQLiteStore(tmp_path / "state.db", clock)
    shared = SharedToken(store, NAME, Backwards(), clock)
    shared.offer(Token("a-secret-token", clock.monotonic() + 100))
    assert "a-secret-token" not in repr(shared) + repr(shared.load())
    for file in tmp_path.iterdir():
        assert b"a-secret-token" not in file.read_bytes()
    store.close()
    assert isinstance(Backwards(), Seal)


def test_a_forked_child_goes_on_with_the_token_and_the_parent_with_what_the_child_fetched(tmp_path: Path) -> None:
    process = start("fork", tmp_path / "state.db", module="tests.keys.asker")
    go(process)
    assert json.loads(finish(process)) == [0, "t1", "t2", 1]


class Server:
    """A token endpoint on a port; every request is counted, and waits at the gate."""

    def __init__(self) -> None:
        self.requests = 0
        self.gate = threading.Event()
        self.came = threading.Semaphore(0)
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with outer._lock:
                    outer.requests += 1
                    number = outer.requests
                outer.came.release()
                outer.gate.wait(30)
                body = json.dumps({"text": f"t{number}", "life": 1000}).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    """Who asked is dead."""

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Keep the tests' output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.mark.thorough
def test_four_processes_of_eight_threads_starting_cold_fetch_one_token(tmp_path: Path, server: Server) -> None:
    processes = [start("ask", tmp_path / "state.db", server.url, 30, 8, module="tests.keys.asker") for _ in range(4)]
    go(*processes)
    assert server.came.acquire(timeout=30)
    # All the others have time enough to come here, too, if anything lets them.
    assert not server.came.acquire(timeout=0.5)
    server.gate.set()
    texts = [text for process in processes for text in json.loads(finish(process))]
    assert texts == ["t1"] * 32
    assert server.requests == 1


@pytest.mark.thorough
def test_when_the_process_that_fetches_is_killed_another_one_takes_over(tmp_path: Path, server: Server) -> None:
    leader = start("ask", tmp_path / "state.db", server.url, 1.5, 8, module="tests.keys.asker")
    go(leader)
    assert server.came.acquire(timeout=30)
    others = [start("ask", tmp_path / "state.db", server.url, 30, 8, module="tests.keys.asker") for _ in range(2)]
    leader.kill()
    leader.communicate()
    go(*others)
    assert server.came.acquire(timeout=30)
    server.gate.set()
    texts = [text for process in others for text in json.loads(finish(process))]
    assert texts == ["t2"] * 16
    assert server.requests == 2
