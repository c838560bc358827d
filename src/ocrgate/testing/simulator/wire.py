"""HTTP/1.1 as the simulator speaks it: answers as bytes, connections that can be cut, a thread for each."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY = 64_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: status, headers and body."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    code: str

    @classmethod
    def of(cls, content: Any, status: int = 200, code: str = "ok") -> Answer:
        """An answer in JSON."""
        body = json.dumps(content, ensure_ascii=False).encode()
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8"}, code)

    def encode(self, declared: int | None = None) -> bytes:
        """The bytes on the wire; `declared` replaces the true length in the header."""
        phrase = HTTPStatus(self.status).phrase if self.status in HTTPStatus._value2member_map_ else "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}", "Server: simulator"]
        headers = {"Date": formatdate(usegmt=True), **self.headers}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Content-Length: {len(self.body) if declared is None else declared}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class Connection:
    """One client's connection, as the simulator writes to it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def reset(self) -> None:
        """End it with a TCP reset instead of a proper goodbye."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # A TLS socket would say goodbye first; closing the descriptor does not.
        socket.socket.close(self._socket)


Serve = Callable[[Connection, str, str, bytes], bool]
"""Answers one request (method, target, body); whether the connection stays open."""


class Server(ThreadingHTTPServer):
    """A thread for each connection, all of which can be cut at once."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], serve: Serve, context: ssl.SSLContext | None) -> None:
        self.serve = serve
        self.context = context
        self.open: dict[socket.socket, threading.Thread] = {}
        self.guard = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer looks the host's name up, which can take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report."""

    def cut(self) -> None:
        """Close every connection and wait for its thread."""
        with self.guard:
            live = list(self.open.items())
        for sock, _ in live:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for _, thread in live:
            if thread is not threading.current_thread():
                thread.join(timeout=5.0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        if self.server.context is not None:
            self.request = self.server.context.wrap_socket(
                self.request, server_side=True, do_handshake_on_connect=False
            )
        with self.server.guard:
            self.server.open[self.request] = threading.current_thread()
        super().setup()

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.server.context is not None:
                self.request.do_handshake()
            super().handle()

    def finish(self) -> None:
        with self.server.guard:
            self.server.open.pop(self.request, None)
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.request.close()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdecimal() else -1
        connection = Connection(self.request)
        if not 0 <= size <= MAX_BODY or "Transfer-Encoding" in self.headers:
            connection.write(Answer.of({"message": "too large"}, 413).encode())
            self.close_connection = True
            return
        body = self.rfile.read(size)
        if len(body) < size or not self.server.serve(connection, self.command, self.path, body):
            self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        """The simulator keeps its own log."""
