"""`aip.AipOcr` as it is shipped, asking a server on this machine; and a server that sends bytes as they are given."""

from __future__ import annotations

import contextlib
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey
from tests.providers.platform import APP

HOME = "https://aip.baidubce.com"
TOKEN = b'{"access_token": "24.raw-token", "expires_in": 2592000, "scope": "public brain_all_scope"}'


@contextlib.contextmanager
def bare(server: str | BaiduSimulator, app: SimulatedKey = APP) -> Iterator[Any]:
    """The SDK's client, with nothing changed but the server's address.

    Its warnings are kept out of the test, as its import keeps them out of every program.
    """
    url = server if isinstance(server, str) else server.url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aip import AipOcr

        client = AipOcr("10000", app.api_key, app.secret_key)
        redirect(client, url)
        try:
            yield client
        finally:
            client.s.close()


def redirect(client: Any, url: str) -> None:
    """Put another server's address into every URL that the client knows."""
    for home in type(client).__mro__:
        for name, value in vars(home).items():
            if isinstance(value, str) and value.startswith(HOME):
                setattr(client, name, value.replace(HOME, url))


def written(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A reply on the wire."""
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


Respond = Callable[[int, int, str], bytes | None]
"""Called with the number of the connection and of the request on it, both from 1, and the request line; what it
returns is sent, and the connection is closed without a word for None."""


@contextlib.contextmanager
def raw_server(respond: Respond) -> Iterator[str]:
    """The URL of a server that sends what `respond` says."""
    server = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = [server]
    threads: list[threading.Thread] = []

    def serve(client: socket.socket, connection: int) -> None:
        with contextlib.suppress(OSError), client.makefile("rb") as stream:
            request = 0
            while line := stream.readline():
                length = 0
                while (header := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode("latin-1").partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                stream.read(length)
                request += 1
                answer = respond(connection, request, line.decode("latin-1").strip())
                if answer is None:
                    break
                client.sendall(answer)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        count = 0
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                open_sockets.append(client)
                count += 1
                threads.append(threading.Thread(target=serve, args=(client, count), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        for sock in open_sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *threads):
            thread.join(5)
        for sock in open_sockets:
            sock.close()


def always_says(body: bytes, status: str = "200 OK") -> Respond:
    """Gives a token to whoever asks for one, and `body` to everything else."""
    return lambda _connection, _request, line: written(TOKEN) if "/oauth/2.0/token" in line else written(body, status)
