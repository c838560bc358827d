"""A proxy on this machine that passes connections on, or says why not."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from types import TracebackType


class Proxy:
    """Answers CONNECT; a context manager. Thread-safe.

    Args:
        status: what it answers to whoever may pass; anything but 200 ends the connection.
        login: `user:password` that it wants, or empty.

    Attributes:
        asked: the first line of every request.
        port: that it listens on.
    """

    def __init__(self, status: int = 200, login: str = "") -> None:
        self.asked: list[str] = []
        self._status = status
        self._login = base64.b64encode(login.encode()).decode() if login else ""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(4096)
                if not more:
                    return
                head += more
            first, _, rest = head.decode("latin-1").partition("\r\n")
            self.asked.append(first)
            allowed = not self._login or f"Basic {self._login}" in rest
            status = self._status if allowed else 407
            client.sendall(f"HTTP/1.1 {status} said\r\nContent-Length: 0\r\n\r\n".encode())
            if status != 200:
                client.shutdown(socket.SHUT_RDWR)
                return
            host, _, port = first.split()[1].rpartition(":")
            server = socket.create_connection((host, int(port)), timeout=5)
            self._open.append(server)
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            _copy(client, server)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
