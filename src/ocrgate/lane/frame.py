"""Messages between the host and a worker process: a length, then a pickle, over a pair of pipes."""

from __future__ import annotations

import pickle
import struct
from typing import Any, Protocol

_HEADER = struct.Struct(">Q")


class Stream(Protocol):
    """An unbuffered pipe end."""

    def read(self, size: int, /) -> bytes | None: ...

    def write(self, data: memoryview, /) -> int | None: ...


def send(stream: Stream, message: Any) -> None:
    """Write one message; raises OSError when the other side is gone."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    for part in (_HEADER.pack(len(body)), body):
        view = memoryview(part)
        while view:
            view = view[stream.write(view) or 0 :]


def receive(stream: Stream) -> Any:
    """Read one message; raises EOFError when the other side is gone."""
    (size,) = _HEADER.unpack(_exactly(stream, _HEADER.size))
    return pickle.loads(_exactly(stream, size))  # noqa: S301 - both ends are this library's own processes


def _exactly(stream: Stream, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
