"""Servers that speak Redis's protocol badly, or not at all."""

from __future__ import annotations

import socket
import threading
from types import TracebackType


class Speaking:
    """Listens on a port and says the same to everything; nothing when there is nothing to say.

    Attributes:
        port: where.
        heard: what each connection sent first.
    """

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
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
            said = connection.recv(65536)
            self.heard.append(said)
            while self._answer is not None and said:
                try:
                    connection.sendall(self._answer)
                    said = connection.recv(65536)
                except OSError:
                    break

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
