"""Connections to one Redis: one for each thread that is at it, and nothing is ever sent twice."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Protocol

_KEPT = 64
"""Idle connections; what was needed beyond that for a moment is closed."""


class Socket(Protocol):
    """What connecting leads to."""

    def close(self) -> None: ...


class Line:
    """Asks one server and returns its answers. Thread-safe, usable after a fork.

    Args:
        options: of redis-py's connection, `connection_class` among them.
        connected: called each time that a connection was made.
    """

    def __init__(self, options: Mapping[str, Any], connected: Callable[[], object]) -> None:
        from redis.backoff import NoBackoff
        from redis.exceptions import ResponseError
        from redis.retry import Retry

        def greet(connection: Any) -> None:
            # Knows nothing of this line: idle connections do not keep alive what is let go.
            connection.on_connect()
            connected()

        self._options = {**options, "retry": Retry(NoBackoff(), 0), "redis_connect_func": greet}
        self._class = _bounded(self._options.pop("connection_class"))
        self._answered = ResponseError
        self._idle: list[Any] = []
        # Options that it does not know show here, not with the first call.
        self._class(**self._options)
        weakref.finalize(self, _let_go, self._idle)

    def ask(self, *command: bytes) -> Any:
        """The server's answer to one command.

        Raises:
            RedisError, OSError, ValueError: whatever redis-py raises.
        """
        connection = self._take()
        try:
            connection.send_command(*command)
            answer = connection.read_response()
        except self._answered:
            self._idle.append(connection)
            raise
        except BaseException:
            # Where the answer belongs to is not known any more; the other connections may be as dead.
            connection.disconnect()
            self.close()
            raise
        if len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.disconnect()
        return answer

    def close(self) -> None:
        """Close what is idle; the next command opens another connection."""
        _let_go(self._idle)

    def _take(self) -> Any:
        connection = self._spare() or self._class(**self._options)
        try:
            connection.connect()
            if self._gone(connection):
                connection.disconnect()
                connection.connect()
        except BaseException:
            connection.disconnect()
            self.close()
            raise
        return connection

    def _spare(self) -> Any:
        """An idle connection of this process, or None."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.pid == os.getpid():
                return connection
            # Inherited by a fork: closed on this side, without a word to the server.
            connection.disconnect()
        return None

    def _gone(self, connection: Any) -> bool:
        """Whether the server closed it while it was idle, or has sent what nobody asked for."""
        from redis.exceptions import RedisError

        try:
            return bool(connection.can_read())
        except (RedisError, OSError):
            return True


def _let_go(idle: list[Any]) -> None:
    while idle:
        try:
            connection = idle.pop()
        except IndexError:
            return
        connection.disconnect()


def _bounded(base: type[Any]) -> type[Any]:
    """Redis-py's connection, whose name server, addresses and TLS have one time for all of them."""

    def _connect(self: Any) -> Any:
        return within(self.socket_connect_timeout, lambda: base._connect(self))

    return type(base.__name__, (base,), {"_connect": _connect})


def within(seconds: float, connect: Callable[[], Socket]) -> Socket:
    """What `connect` returns, if it does so in time; a socket that comes later is closed.

    Raises:
        TimeoutError: when it does not.
    """
    future: Future[Socket] = Future()

    def run() -> None:
        try:
            made = connect()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
            return
        if future.set_running_or_notify_cancel():
            future.set_result(made)
        else:
            made.close()

    try:
        threading.Thread(target=run, name="ocrgate-connect", daemon=True).start()
    except RuntimeError:  # no thread to be had
        return connect()
    try:
        return future.result(seconds)
    except FutureTimeout:
        if future.cancel():
            raise TimeoutError(f"no connection within {seconds:g} s") from None
        return future.result()
