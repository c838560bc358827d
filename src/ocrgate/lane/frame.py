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


def pack(message: Any) -> bytes:
    """A message as bytes; raises what its parts raise when they cannot be pickled."""
    return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(body: bytes) -> Any:
    """The message again; raises what its parts raise, ImportError for a class that is not known here."""
    return pickle.loads(body)  # noqa: S301 - both ends are this library's own processes


def send(stream: Stream, body: bytes) -> None:
    """Write one packed message; raises OSError when the other side is gone."""
    for part in (_HEADER.pack(len(body)), body):
        view = memoryview(part)
        while view:
            view = view[stream.write(view) or 0 :]


def receive(stream: Stream) -> bytes:
    """Read one packed message; raises EOFError when the other side is gone."""
    (size,) = _HEADER.unpack(_exactly(stream, _HEADER.size))
    return _exactly(stream, size)


def _exactly(stream: Stream, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
