"""The owner of a token: one fetch for everybody, in time, and whole again after a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ocrgate.clock import Deadline
from ocrgate.keys.owner import TokenOwner
from ocrgate.keys.token import Token
from ocrgate.testing import ManualClock


class Endpoint:
    """Gives tokens `t1`, `t2` … of `life` seconds, or raises what it is told to."""

    def __init__(self, clock: ManualClock, life: float = 1000.0) -> None:
        self.clock = clock
        self.life = life
        self.fetched = 0
        self.fails: Exception | None = None
        self.gate: threading.Event | None = None

    def __call__(self, _deadline: Deadline) -> Token:
        self.fetched += 1
        number = self.fetched
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.fails is not None:
            raise self.fails
        return Token(f"t{number}", self.clock.monotonic() + self.life)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def _soon(clock: ManualClock) -> Deadline:
    return Deadline.after(10.0, clock)


def _parallel(count: int, call: Callable[[], Token]) -> tuple[ThreadPoolExecutor, list[Future[Token]]]:
    pool = ThreadPoolExecutor(count)
    return pool, [pool.submit(call) for _ in range(count)]


def _waiting(endpoint: Endpoint) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if endpoint.fetched:
            return
        pause.wait(0.005)


def test_one_token_serves_until_shortly_before_it_expires(clock: ManualClock) -> None:
    endpoint = Endpoint(clock)
    owner = TokenOwner(endpoint, clock, margin=60)
    assert owner.get(_soon(clock)).text == "t1"
    clock.advance(939)
    assert owner.get(_soon(clock)).text == "t1"
    clock.advance(2)
    assert owner.get(_soon(clock)).text == "t2"
    assert endpoint.fetched == 2


def test_a_short_life_does_not_mean_a_fetch_for_every_call(clock: ManualClock) -> None:
    endpoint = Endpoint(clock, life=20)
    owner = TokenOwner(endpoint, clock, margin=60)
    for _ in range(5):
        owner.get(_soon(clock))
        clock.advance(1)
    assert endpoint.fetched == 1


def test_many_threads_starting_cold_fetch_once(clock: ManualClock) -> None:
    endpoint = Endpoint(clock)
    endpoint.gate = threading.Event()
    owner = TokenOwner(endpoint, clock)
    pool, calls = _parallel(20, lambda: owner.get(_soon(clock)))
    _waiting(endpoint)
    endpoint.gate.set()
    assert {call.result(10).text for call in calls} == {"t1"}
    pool.shutdown()
    assert endpoint.fetched == 1


def test_a_failed_fetch_is_told_to_all_who_wait_and_the_next_call_tries_again(clock: ManualClock) -> None:
    endpoint = Endpoint(clock)
    endpoint.gate, endpoint.fails = threading.Event(), LookupError("down")
    owner = TokenOwner(endpoint, clock)
    arrived = threading.Semaphore(0)

    def call() -> Token:
        arrived.release()
        return owner.get(_soon(clock))

    pool, calls = _parallel(5, call)
    for _ in calls:
        arrived.acquire()
    _waiting(endpoint)
    endpoint.gate.set()
    assert all(isinstance(call.exception(10), LookupError) for call in calls)
    pool.shutdown()
    endpoint.fails = None
    assert owner.get(_soon(clock)).text.startswith("t")


def test_a_token_is_dropped_once_however_many_were_refused_with_it(clock: ManualClock) -> None:
    endpoint = Endpoint(clock)
    owner = TokenOwner(endpoint, clock)
    refused = owner.get(_soon(clock))
    assert [owner.invalidate(refused) for _ in range(3)] == [True, False, False]
    fresh = owner.get(_soon(clock))
    assert not owner.invalidate(refused)
    assert owner.get(_soon(clock)) is fresh
    assert endpoint.fetched == 2


def test_a_waiting_thread_gives_up_at_its_own_deadline(clock: ManualClock) -> None:
    endpoint = Endpoint(clock)
    endpoint.gate = threading.Event()
    owner = TokenOwner(endpoint, clock)
    pool, (leader,) = _parallel(1, lambda: owner.get(_soon(clock)))
    _waiting(endpoint)
    with pytest.raises(TimeoutError):
        owner.get(Deadline(clock.monotonic(), clock))
    endpoint.gate.set()
    assert leader.result(10).text == "t1"
    pool.shutdown()


@pytest.mark.parametrize("gave_up", [True, False])
def test_who_runs_out_of_time_or_gives_up_spoils_nothing_for_the_others(clock: ManualClock, gave_up: bool) -> None:
    endpoint = Endpoint(clock)
    owner = TokenOwner(endpoint, clock)
    entered, leave = threading.Event(), threading.Event()

    def ends(_deadline: Deadline) -> Token:
        entered.set()
        assert leave.wait(10)
        raise LookupError("my own time was over")

    mine = _soon(clock) if gave_up else Deadline(clock.monotonic(), clock)
    pool = ThreadPoolExecutor(2)
    leader = pool.submit(owner.get, mine, fetch=ends, given_up=lambda: gave_up)
    assert entered.wait(10)
    waiter = pool.submit(owner.get, _soon(clock))
    leave.set()
    assert isinstance(leader.exception(10), LookupError)
    assert waiter.result(10).text == "t1"
    pool.shutdown()


def test_a_refresh_that_fails_early_leaves_the_old_token_in_use(clock: ManualClock) -> None:
    endpoint = Endpoint(clock)
    owner = TokenOwner(endpoint, clock, margin=60)
    owner.get(_soon(clock))
    clock.advance(950)
    endpoint.fails = LookupError("down")
    assert owner.get(_soon(clock)).text == "t1"
    clock.advance(60)
    with pytest.raises(LookupError):
        owner.get(_soon(clock))
    assert owner.current is None


def test_a_refresh_that_failed_early_is_not_tried_again_with_every_call(clock: ManualClock) -> None:
    endpoint = Endpoint(clock)
    owner = TokenOwner(endpoint, clock, margin=60)
    owner.get(_soon(clock))
    clock.advance(940)
    endpoint.fails = LookupError("down")
    for _ in range(5):
        assert owner.get(_soon(clock)).text == "t1"
    assert endpoint.fetched == 2
    endpoint.fails = None
    clock.advance(31)
    assert owner.get(_soon(clock)).text == "t3", "half of what was left is over"


def test_the_token_is_in_no_repr(clock: ManualClock) -> None:
    owner = TokenOwner(lambda _deadline: Token("a-secret-token", clock.monotonic() + 100), clock)
    token = owner.get(_soon(clock))
    assert token.text == "a-secret-token"
    assert "a-secret-token" not in repr(token) + repr(owner)
