"""A proxy on this machine: CONNECT and absolute-form requests, a login if wanted, and every request head kept."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


class Proxy:
    """Listens on a free port while the `with` block lasts; a thread for each connection.

    Args:
        login: user name and password that it asks for, or None.
        hangs: takes connections and requests, and answers none.

    Attributes:
        heads: request line and headers of every request, in order.
        url: with the login, as a configuration names it.
    """

    def __init__(self, *, login: tuple[str, str] | None = None, hangs: bool = False) -> None:
        self.heads: list[str] = []
        self._login = login
        self._hangs = hangs
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{':'.join(login)}@{self.address}" if login else f"http://{self.address}"

    @property
    def lines(self) -> list[str]:
        """The request lines, in order."""
        return [head.partition("\r\n")[0] for head in self.heads]

    def __enter__(self) -> Proxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for sock in (self._server, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        for sock in (self._server, *self._sockets):
            sock.close()

    def _start(self, work: object, *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            head, rest = _head(client)
            if not head:
                return
            self.heads.append(head)
            if self._hangs:
                self._stopping.wait()
            elif self._refuses(head):
                client.sendall(
                    b'HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm="proxy"\r\n'
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )
            else:
                self._forward(client, head, rest)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _refuses(self, head: str) -> bool:
        if self._login is None:
            return False
        expected = base64.b64encode(":".join(self._login).encode()).decode()
        return f"proxy-authorization: basic {expected}".lower() not in head.lower()

    def _forward(self, client: socket.socket, head: str, rest: bytes) -> None:
        line, _, headers = head.partition("\r\n")
        method, target, version = line.split(" ")
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        try:
            server = socket.create_connection((parts.hostname, parts.port or 80), 5)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        server.settimeout(None)
        self._sockets.append(server)
        if tunnel:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            kept = [each for each in headers.split("\r\n") if not each.lower().startswith(("proxy-", "connection:"))]
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            # One request a connection: the next one has to be seen, too.
            sent = "\r\n".join([f"{method} {path} {version}", "Connection: close", *filter(None, kept)])
            server.sendall(sent.encode("latin-1") + b"\r\n\r\n")
        server.sendall(rest)
        answering = self._start(_pump, server, client, not tunnel)
        _pump(client, server, False)
        answering.join(5)


def _head(client: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        received = client.recv(65536)
        if not received:
            return "", b""
        data += received
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def _pump(source: socket.socket, target: socket.socket, only_one: bool) -> None:
    """Hand on what arrives until the source ends; a connection for `only_one` answer says so."""
    closing = b"\r\nConnection: close\r\n" if only_one else b""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if closing and b"\r\n" in data:
                data, closing = data.replace(b"\r\n", closing, 1), b""
            target.sendall(data)
    for sock, how in ((target, socket.SHUT_WR), *(((target, socket.SHUT_RDWR),) if only_one else ())):
        with contextlib.suppress(OSError):
            sock.shutdown(how)
