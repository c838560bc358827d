"""`BaiduSimulator`: a local server that speaks Baidu's token and OCR protocol, and misbehaves by plan."""

from __future__ import annotations

import ssl
import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from ocrgate.clock import SYSTEM_CLOCK, Clock
from ocrgate.testing.simulator import desk, reply
from ocrgate.testing.simulator.account import Books, SimulatedKey
from ocrgate.testing.simulator.desk import Arrived, Refused
from ocrgate.testing.simulator.fault import Plan, Rule
from ocrgate.testing.simulator.misbehaviour import misbehave
from ocrgate.testing.simulator.reply import Reader
from ocrgate.testing.simulator.wire import Answer, Connection, Server

LOG = 100_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request that arrived.

    Attributes:
        path: of the URL.
        endpoint: `token`, an endpoint name, or empty for an unknown path.
        key: name of the caller's key, or None when it could not be told.
        code: `ok`, an error code, `http_<status>`, or the kind of fault that kept an answer from being sent.
        fault: kind of the planned fault, or None.
        time: Unix time in seconds at which it had arrived whole.
        size: bytes of the body.
        method: of HTTP.
        fields: the request's options (not its image, not its credentials).
    """

    path: str
    endpoint: str
    key: str | None
    code: str
    fault: str | None
    time: float
    size: int
    method: str
    fields: Mapping[str, str]


class BaiduSimulator:
    """A stand-in for Baidu's platform on this machine. Thread-safe; a context manager.

    Args:
        keys: the applications that exist; one with the defaults of `SimulatedKey` when left out.
        faults: a plan, rules, or mappings as in YAML.
        reader: gives the text of an image; fixed lines when left out.
        clock: for token expiry, quotas and the plan's `since` and `until`.
        host, port: to listen on; 0 takes a free port and keeps it over restarts.
        certificate: certificate and key file for TLS, or None for plain HTTP.
        token_life: seconds a token lives.
        seed: of the random behind `share` in the plan.

    Raises:
        ConfigError: when the plan makes no sense.
    """

    def __init__(
        self,
        keys: Iterable[SimulatedKey] | None = None,
        faults: Plan | Iterable[Rule | Mapping[str, Any]] | None = None,
        reader: Reader = reply.canned,
        clock: Clock = SYSTEM_CLOCK,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: tuple[str | Path, str | Path] | None = None,
        token_life: float = 2_592_000,
        seed: int = 0,
    ) -> None:
        self.host = host
        self.port = port
        self.keys = tuple(keys) if keys is not None else (SimulatedKey(),)
        self.books = Books(self.keys, clock, token_life)
        self.plan = Plan.of(faults, seed)
        self.reader = reader
        self.clock = clock
        self._seed = seed
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        self._log: deque[LoggedRequest] = deque(maxlen=LOG)
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._started = clock.monotonic()

    def __enter__(self) -> BaiduSimulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What `base_url` has to be."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._context else 'http'}://{host}:{self.port}"

    @property
    def requests(self) -> list[LoggedRequest]:
        """What arrived, oldest first, at most the last 100,000."""
        with self._lock:
            return list(self._log)

    @property
    def counts(self) -> dict[str, int]:
        """How many answers of each code were given, of all endpoints together."""
        with self._lock:
            return dict(self._counts)

    @property
    def tokens_issued(self) -> int:
        """Tokens given out so far."""
        return self.books.issued

    def start(self) -> None:
        """Listen; after `stop()`, on the same port. Tokens, quotas and the log are kept.

        Raises:
            OSError: when the port is taken.
        """
        if self._server is not None:
            return
        self._stopping.clear()
        self._server = Server((self.host, self.port), self.serve, self._context)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="baidu-simulator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut every connection, whatever is going on in it."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        self._stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
        server.cut()

    def plan_faults(self, faults: Plan | Iterable[Rule | Mapping[str, Any]] | None) -> None:
        """Follow another plan from now on; its counting starts anew."""
        self.plan = Plan.of(faults, self._seed)

    def replace_keys(self, keys: Iterable[SimulatedKey]) -> None:
        """Other applications from now on, as if somebody had changed them in the console."""
        self.keys = tuple(keys)
        self.books.replace(self.keys)

    def expire_tokens(self) -> None:
        """Every token is expired: calls with them get 111."""
        self.books.expire()

    def revoke_tokens(self) -> None:
        """Every token is forgotten: calls with them get 110."""
        self.books.revoke()

    def serve(self, connection: Connection, method: str, target: str, body: bytes) -> bool:
        """Answer one request; whether the connection stays open."""
        arrived = Arrived.parse(target, body)
        endpoint = arrived.endpoint
        if endpoint == "token":
            key = self.books.key({**arrived.query, **arrived.fields}.get("client_id", ""))
        else:
            key = desk.caller(self.books, arrived)[0]
        names = (key.name, key.api_key) if key else ()
        fault = self.plan.fault(endpoint, names, self.clock.monotonic() - self._started)
        logged = LoggedRequest(
            path=arrived.path,
            endpoint=endpoint,
            key=key.name if key else None,
            code="",
            fault=fault.kind if fault else None,
            time=self.clock.time(),
            size=arrived.size,
            method=method,
            fields={name: text for name, text in arrived.fields.items() if name not in ("client_id", "client_secret")},
        )

        def send(answer: Answer) -> Answer:
            self._note(replace(logged, code=answer.code))
            return answer

        def right() -> Answer:
            return self._answer(arrived, no_scope=fault is not None and fault.kind == "no_scope")

        if fault is None or fault.kind == "no_scope":
            connection.write(send(right()).encode())
            return True
        if fault.kind in ("expire", "revoke"):
            getattr(self.books, fault.kind)(key.api_key if key else None)
            connection.write(send(right()).encode())
            return True
        if fault.kind in ("reset", "token_down", "hang"):
            self._note(replace(logged, code=fault.kind))
            if fault.kind == "hang":
                self._stopping.wait(fault.seconds)
            else:
                connection.reset()
            return False
        if fault.kind == "slow":
            self._stopping.wait(fault.seconds or 0.0)
            connection.write(send(right()).encode())
            return True
        return misbehave(connection, fault, right, send, self._stopping)

    def _answer(self, arrived: Arrived, *, no_scope: bool) -> Answer:
        if arrived.endpoint == "token":
            status, content = desk.token(self.books, arrived, "public wise_adapt" if no_scope else desk.SCOPE)
            return Answer.of(content, status, code=content.get("error", "ok"))
        try:
            return Answer.of(desk.answer(self.books, arrived, self.reader))
        except Refused as refused:
            return Answer.of(reply.error(refused.code, refused.message), code=str(refused.code))

    def _note(self, logged: LoggedRequest) -> None:
        with self._lock:
            self._log.append(logged)
            self._counts[logged.code] += 1
