"""Servers that speak Redis's protocol badly, or not at all."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType


class Speaking:
    """Listens on a port and says the same to everything; nothing when there is nothing to say.

    Args:
        answer: what it says.
        certificate: files of a certificate and its key, with which it speaks TLS.

    Attributes:
        port: where.
        heard: what each connection sent first.
    """

    def __init__(self, answer: bytes | None, certificate: tuple[Path, Path] | None = None) -> None:
        self._answer = answer
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.append(connection)
        said = connection.recv(65536)
        self.heard.append(said)
        while self._answer is not None and said:
            connection.sendall(self._answer)
            said = connection.recv(65536)

    def __enter__(self) -> Speaking:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()
        self._thread.join(10)
