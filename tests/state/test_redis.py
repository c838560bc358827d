"""The store at a server: what is seen of it there, and what is told when the server does not do its part."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import signal
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.state.server import Server
from tests.state.speaking import Speaking
from tests.state.waiting import until
from tests.state.work import finish, go, start

from ocrgate.state import RedisStore, StoreError
from ocrgate.state.address import parse
from ocrgate.state.line import within
from ocrgate.state.server_time import EVERY, ServerTime
from ocrgate.state.trouble import explained
from ocrgate.testing import ManualClock
from ocrgate.testing.simulator.certificate import self_signed

PASSWORD = "hush-4711"

live = pytest.mark.redis


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.flush()
    return running


@pytest.fixture
def store(server: Server) -> Iterator[RedisStore]:
    store = RedisStore(server.url)
    yield store
    store.close()


def test_building_it_opens_nothing() -> None:
    with Speaking(None) as silent:
        store = RedisStore(silent.url)
        store.close()
        assert repr(store) == f"RedisStore('{silent.url}')"
        assert silent.heard == []


@live
def test_everything_lies_in_one_slot_below_the_prefix(store: RedisStore, server: Server) -> None:
    other = RedisStore(f"{server.url}&prefix=other&db=0")
    number = RedisStore(f"{server.url}&db=3")
    store.put("a/b", "1")
    store.add("n", 1)
    assert store.swap("a/c", None, "3", ttl=5)
    other.put("a/b", "2")
    assert number.get("a/b") is None
    assert (dict(store.scan("a")), dict(other.scan(""))) == ({"a/b": "1", "a/c": "3"}, {"a/b": "2"})
    with server.client() as client:
        keys = {key.decode() for key in client.scan_iter()}
    assert {key.partition("}")[0] for key in keys} == {"{ocrgate", "{other"}
    assert {"{ocrgate}:entry/a/b", "{ocrgate}:names", "{other}:names"} <= keys
    other.close()
    number.close()


@live
def test_a_life_ends_by_the_server_s_clock(store: RedisStore) -> None:
    store.put("put", "1", ttl=0.05)
    assert store.swap("swapped", None, "1", ttl=0.05)
    store.add("counted", 1, ttl=0.05)
    store.add("counted", 1, ttl=60)
    store.put("brief", "1", ttl=1e-9)
    store.put("ever", "1", ttl=1e300)
    assert until(lambda: list(store.scan("")) == ["ever"]) < 5
    assert [store.get(name) for name in ("put", "swapped", "counted", "brief", "ever")] == [None] * 4 + ["1"]


@live
def test_a_life_is_kept_to_the_millisecond(store: RedisStore, server: Server) -> None:
    store.put("a", "1", ttl=1.2344)
    store.add("n", 1, ttl=5)
    store.add("n", 1, ttl=500)
    with server.client() as client:
        assert 1000 < client.pttl("{ocrgate}:entry/a") <= 1235
        assert 4000 < client.pttl("{ocrgate}:entry/n") <= 5000
        store.put("a", "2")
        assert client.pttl("{ocrgate}:entry/a") == -1


@live
def test_names_whose_time_is_over_leave_the_server(store: RedisStore, server: Server) -> None:
    def names() -> int:
        with server.client() as client:
            return int(client.zcard("{ocrgate}:names"))

    for number in range(200):
        store.put(f"live/{number}", "x")
        store.put(f"old/{number}", "x", ttl=0.001)
    store.put("a", "1")
    for _ in range(600):
        store.add("n", 1)
    assert names() == 202, "writes sweep in passing"
    for name in store.scan("live/"):
        store.swap(name, "x", None)
    for number in range(50):
        store.put(f"old/{number}", "x", ttl=0.001)
    until(lambda: not store.scan("old/"))
    assert names() == 2, "who lists them takes them away"
    store.swap("a", "1", None)
    store.put("n", "1", ttl=0)
    assert names() == 0


@live
def test_a_list_longer_than_lua_s_stack_is_whole(store: RedisStore, server: Server) -> None:
    with server.client() as client, client.pipeline(transaction=False) as pipeline:
        for number in range(12_000):
            pipeline.set(f"{{ocrgate}}:entry/many/{number}", number)
            pipeline.zadd("{ocrgate}:names", {f"many/{number}": 0})
        pipeline.execute()
    assert dict(store.scan("many/")) == {f"many/{number}": str(number) for number in range(12_000)}


@live
def test_scripts_that_the_server_forgot_are_told_to_it_again(store: RedisStore, server: Server) -> None:
    assert store.add("n", 1) == 1
    with server.client() as client:
        client.script_flush()
    assert store.add("n", 1) == 2
    assert store.swap("n", "2", "x")


@live
def test_bytes_of_another_program_are_no_error_and_can_be_replaced(store: RedisStore, server: Server) -> None:
    with server.client() as client:
        client.set("{ocrgate}:entry/a", b"\xff\xfe")
    assert store.get("a") == "\ufffd\ufffd"
    store.put("a", "1")
    assert store.get("a") == "1"


@live
def test_threads_adding_beyond_lua_s_numbers_lose_nothing(store: RedisStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: [store.add("n", 10**16) for _ in range(25)], range(4)))
    assert store.get("n") == str(10**18)


@live
def test_connections_that_the_server_closed_while_idle_are_made_anew(store: RedisStore, server: Server) -> None:
    store.put("a", "1")
    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert store.get("a") == "1"


def clients(server: Server) -> int:
    with server.client() as client:
        return len(client.client_list())


def busy(store: RedisStore) -> None:
    """Use it from six threads at once."""
    barrier = threading.Barrier(6)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: (barrier.wait(10), [store.get("a") for _ in range(50)]), range(6)))


@live
def test_closing_it_closes_every_connection(server: Server) -> None:
    before = clients(server)
    store = RedisStore(server.url)
    busy(store)
    assert clients(server) > before
    store.close()
    until(lambda: clients(server) == before)


@live
def test_a_store_that_is_let_go_closes_its_connections(server: Server) -> None:
    before = clients(server)
    store = RedisStore(server.url)
    store.get("a")
    del store
    gc.collect()
    until(lambda: clients(server) == before)


@live
def test_after_a_failure_no_connection_of_before_is_used_again(server: Server) -> None:
    before = clients(server)
    store = RedisStore(f"{server.brisk}?socket_connect_timeout=10&socket_timeout=1")
    busy(store)
    assert clients(server) > before + 1
    server.hang()
    with pytest.raises(StoreError, match="no answer"):
        store.get("a")
    server.resume()
    until(lambda: clients(server) == before)
    store.close()


def test_an_offset_moves_no_further_than_a_measurement_tells() -> None:
    clock = ManualClock(monotonic=100.0, time=5000.0)
    told = ServerTime(clock)
    assert told.now() == 5000.0
    assert told.due
    told.measured(100.0, 9000.5, 101.0)
    assert told.now() == 9000.0, "half of the round trip before, half after"
    told.measured(100.0, 9000.2, 100.4)
    assert told.now() == 9000.0, "which it may be, so nothing jumps"
    told.measured(100.0, 9000.2, 100.1)
    assert told.now() == pytest.approx(9000.1), "and this is how far it has to go"
    clock.advance(7)
    assert told.now() == pytest.approx(9007.1)
    assert not told.due
    clock.advance(EVERY)
    assert told.due
    told.measured(137.0, 20.0, 137.0)
    assert told.now() == 20.0


@given(
    offset=st.floats(-1e6, 1e6),
    trips=st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=1, max_size=20),
)
def test_the_time_is_never_further_off_than_the_shortest_round_trip(
    offset: float, trips: list[tuple[float, float]]
) -> None:
    clock = ManualClock()
    told = ServerTime(clock)
    for there, back in trips:
        before = clock.monotonic()
        told.measured(before, before + there + offset, before + there + back)
    shortest = min(there + back for there, back in trips)
    assert abs(told.now() - (clock.monotonic() + offset)) <= shortest + 1e-6


@live
def test_the_time_is_the_server_s_and_is_measured_now_and_then(server: Server) -> None:
    def asked() -> int:
        with server.client() as client:
            return int(client.info("commandstats")["cmdstat_time"]["calls"])

    clock = ManualClock()
    store = RedisStore(server.url, clock)
    assert abs(store.time() - time.time()) < 1
    first = asked()
    for _ in range(100):
        store.time()
        store.get("a")
    assert asked() == first
    clock.advance(EVERY)
    before = asked()
    store.time()
    assert asked() == before
    store.get("a")
    assert asked() == before + 2
    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    store.get("a")
    store.get("a")
    assert asked() == before + 4, "a new connection may lead to another server"
    store.close()


def test_the_time_without_a_server_is_this_host_s_and_asks_once() -> None:
    clock = ManualClock()
    with Speaking(None) as silent:
        store = RedisStore(silent.url, clock)
        assert [store.time() for _ in range(3)] == [clock.time()] * 3
        assert len(silent.heard) == 1
        store.close()


def told(store: RedisStore) -> str:
    """What comes of writing something; nothing of it holds the password."""
    with pytest.raises(StoreError) as caught:
        store.put("name", "text")
    store.close()
    shown = "".join(traceback.format_exception(caught.value)) + repr(store) + repr(caught.value)
    assert PASSWORD not in shown
    assert str(caught.value).startswith(f"{store.place}: ")
    return str(caught.value)


REPLIES = {
    b"-LOADING Redis is loading the dataset in memory\r\n": "still loading",
    b"-READONLY You can't write against a read only replica.\r\n": "name the primary",
    b"-OOM command not allowed when used memory > 'maxmemory'.\r\n": "raise its maxmemory",
    b"-MISCONF Redis is configured to save RDB snapshots, but it is unable to persist on disk.\r\n": "cannot save",
    b"-MOVED 3999 127.0.0.1:6381\r\n": "one of a cluster",
    b"-CLUSTERDOWN The cluster is down\r\n": "its cluster is down",
    b"-NOPERM this user has no permissions to run the 'get' command\r\n": "~{ocrgate}:*",
    b"-WRONGPASS invalid username-password pair or user is disabled.\r\n": "the user or the password",
    b"-NOAUTH Authentication required.\r\n": "the user or the password",
    b"-DENIED Redis is running in protected mode because ...\r\n": "protected mode",
    b"-ERR max number of clients reached\r\n": "raise its maxclients",
    b"-ERR DB index is out of range\r\n": "no database of that number",
    b"-BUSY Redis is busy running a script.\r\n": "a script keeps it busy",
    b"-ERR unknown command 'AUTH', with args beginning with: 'SECRET'\r\n": "lacks a command",
    b"-ERR something about SECRET\r\n": "ResponseError",
    b"-ERR something new {0}\r\n": "something new {0}",
    b"HTTP/1.1 400 Bad Request\r\n\r\n": "there is no Redis",
    b"\x15\x03\x01\x00\x02\x02\x50\r\n": "there is no Redis",
}


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("login", ["anybody@", f":{PASSWORD}@", f"gateway:{PASSWORD}@"])
def test_a_server_that_refuses_is_told_with_what_to_do(reply: bytes, login: str) -> None:
    with Speaking(reply.replace(b"SECRET", login.encode())) as server:
        text = told(RedisStore(server.url.replace("//", f"//{login}")))
    assert REPLIES[reply] in text


@pytest.mark.thorough
@settings(max_examples=30, deadline=None)
@given(
    reply=st.one_of(
        st.binary(max_size=40).filter(bool),
        st.sampled_from(
            [b"$-1\r\n", b"*0\r\n", b"+OK\r\n", b":1\r\n", b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n", b"$1\r\nx\r\n"]
        ),
        st.sampled_from([b"*3\r\n:1\r\n:1\r\n:1\r\n", b"$999999\r\nx", b"*-1\r\n", b"*1\r\n*1\r\n$1\r\n1\r\n"]),
    )
)
def test_whatever_answers_there_is_no_other_error(reply: bytes) -> None:
    with Speaking(reply) as server:
        store = RedisStore(f"{server.url}?socket_timeout=0.02")
        for ask in (
            lambda: store.get("a"),
            lambda: store.put("a", "1"),
            lambda: store.swap("a", "1", None),
            lambda: store.add("a", 1),
            lambda: store.add("a", 10**20),
            lambda: store.scan(""),
        ):
            with contextlib.suppress(StoreError):
                ask()
        store.close()


def test_tls_is_had_in_time_and_what_is_wrong_with_it_is_told(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    patient = "socket_connect_timeout=5&socket_timeout=5"
    with Speaking(None) as silent:
        begun = time.perf_counter()
        assert "no answer within 0.1 s" in told(RedisStore(silent.url.replace("redis:", "rediss:")))
        assert time.perf_counter() - begun < 0.6
    with Speaking(b"-ERR plain\r\n") as plain:
        assert "TLS does not come about" in told(RedisStore(f"rediss://127.0.0.1:{plain.port}?{patient}"))
    with Speaking(b"-LOADING\r\n", (certificate, key)) as sealed:
        url = f"rediss://:{PASSWORD}@127.0.0.1:{sealed.port}?{patient}"
        assert "its certificate is not trusted" in told(RedisStore(url))
        assert "still loading" in told(RedisStore(f"{url}&ssl_ca_certs={certificate}"))
        assert "closed the connection" in told(RedisStore(url.replace("rediss:", "redis:")))


def test_a_server_that_says_nothing_is_waited_for_once() -> None:
    with Speaking(None) as silent:
        begun = time.perf_counter()
        assert "no answer within 0.1 s" in told(RedisStore(silent.url))
        assert 0.09 < time.perf_counter() - begun < 0.25
        assert "no answer within 0.02 s" in told(RedisStore(f"{silent.url}?socket_timeout=0.02"))
        assert len(silent.heard) == 2, "nothing is tried again"


def test_a_server_that_hangs_up_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hung_up = threading.Thread(target=lambda: listener.accept()[0].close())
        hung_up.start()
        text = told(RedisStore(f"redis://:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}"))
        hung_up.join(10)
    assert "it closed the connection" in text


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        (f"redis://:{PASSWORD}@127.0.0.1:1/0", "nothing listens there; start it"),
        (f"redis://:{PASSWORD}@{'a' * 70}.example/0", "its host name"),
        (f"unix://:{PASSWORD}@/no/such/socket", "there is no such socket"),
    ],
)
def test_an_address_where_nobody_is_is_told(url: str, advice: str) -> None:
    assert advice in told(RedisStore(url))


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (socket.gaierror(-2, "Name or service not known"), "its host name is not known"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "its certificate is not trusted"),
        (ssl.SSLError(1, "wrong version number"), "TLS does not come about"),
        (PermissionError(13, "Permission denied"), "this user may not open it"),
        (TimeoutError("timed out"), "no answer within 0.1 s"),
    ],
)
def test_what_led_to_an_error_says_what_to_do(cause: Exception, advice: str) -> None:
    from redis.exceptions import ConnectionError as Unconnected

    error = Unconnected("Error")
    error.__context__ = cause
    assert advice in explained(parse("redis://host"), error)


@live
def test_a_wrong_password_a_full_memory_and_a_replica_are_told_by_a_real_server() -> None:
    with Server(PASSWORD, maxmemory="4mb") as server:
        assert "the user or the password" in told(RedisStore(server.url))
        assert "the user or the password" in told(RedisStore(server.url.replace("//", "//:other@")))
        store = RedisStore(server.url.replace("//", f"//:{PASSWORD}@"))
        store.put("name", "text")

        def fill() -> None:
            for number in range(100):
                store.put(f"more/{number}", "x" * 100_000)

        with pytest.raises(StoreError, match="raise its maxmemory"):
            fill()
        assert store.get("name") == "text"
        for number in range(100):
            store.swap(f"more/{number}", "x" * 100_000, None)
        store.put("name", "text")
        with server.client() as client:
            client.replicaof("127.0.0.1", 1)
        assert store.get("name") == "text"
        assert "name the primary" in told(store)


def test_a_name_server_that_hangs_costs_no_more_than_a_connection_may() -> None:
    answered, closed = threading.Event(), threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def connect() -> Late:
        assert answered.wait(10)
        return Late()

    begun = time.perf_counter()
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        within(0.05, connect)
    assert time.perf_counter() - begun < 0.2
    answered.set()
    assert closed.wait(10), "what comes too late is closed"


def test_what_a_connection_raises_is_raised_and_what_it_returns_returned() -> None:
    found = socket.socket()
    assert within(1, lambda: found) is found
    found.close()

    def fail() -> socket.socket:
        raise ConnectionRefusedError("nobody")

    with pytest.raises(ConnectionRefusedError, match="nobody"):
        within(1, fail)


@live
def test_processes_adding_to_one_counter_lose_nothing_and_never_exceed_the_limit(server: Server) -> None:
    processes = [start("add", server.url, 300, 1000) for _ in range(4)]
    go(*processes)
    sums = [total for process in processes for total in json.loads(finish(process))]
    assert sorted(total for total in sums if total is not None) == list(range(1, 1001))
    assert sums.count(None) == 200


@live
def test_no_acknowledged_addition_is_lost_when_processes_are_killed(
    store: RedisStore, server: Server, tmp_path: Path
) -> None:
    journals = [tmp_path / f"journal{number}" for number in range(4)]
    processes = [start("add_until_killed", server.url, journal) for journal in journals]
    go(*processes)
    for number, process in enumerate(processes):
        enough = 200 * (number + 1)
        until(lambda journal=journals[number], enough=enough: journal.exists() and journal.stat().st_size >= enough)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.communicate()
    noted = sum(journal.stat().st_size for journal in journals)
    # Each may have died between its addition and its note of it.
    assert noted <= int(store.get("counter") or 0) <= noted + len(processes)


@live
def test_forked_children_lose_nothing_while_the_parent_uses_and_closes_the_store(
    store: RedisStore, server: Server
) -> None:
    process = start("fork_in_use", server.url, 4, 50)
    go(process)
    sums = json.loads(finish(process))
    assert (store.get("children"), store.get("parent")) == ("200", str(sums["parent"]))


@live
def test_a_child_of_a_fork_that_nobody_announced_has_connections_of_its_own(server: Server) -> None:
    process = start("fork_unseen_at_server", server.url)
    go(process)
    assert finish(process) == "0 True\n"


@live
def test_a_process_and_its_child_may_end_without_closing(server: Server) -> None:
    process = start("leave_open", server.url)
    go(process)
    assert finish(process) == "0 text\n"


@live
def test_nothing_is_logged_by_what_it_does(store: RedisStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store.put("a", "secret-text")
    store.get("a")
    assert "secret-text" not in caplog.text
