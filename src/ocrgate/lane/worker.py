"""The other side of a process lane: builds one adapter and serves it over its standard streams.

Runs as a program of its own (`python -c …`), never by `multiprocessing`, whose children import the host's `__main__`
again: that breaks scripts without a main guard, standard input, notebooks and the REPL.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from typing import Any, BinaryIO

from ocrgate.clock import Deadline
from ocrgate.diagnosis import diagnose, lookup
from ocrgate.errors import OCRError, ProviderError
from ocrgate.lane.frame import pack, receive, send, unpack
from ocrgate.provider import Provider, ProviderSpec, Request

GRACE = 5.0
"""Seconds after its deadline from which a worker ends itself, should the host not have been there to do it."""
_LONGEST = 30 * 86400.0
"""Seconds; the timer of `faulthandler` refuses what it cannot count."""


@dataclass(frozen=True)
class Hello:
    """The first message: what to build.

    Attributes:
        name: of the provider.
        spec: of the adapter, packed once more: its options may not survive the crossing, and then that is the answer.
        memory: bytes of memory the process may have.
    """

    name: str
    spec: bytes
    memory: int


@dataclass(frozen=True)
class Ask:
    """One image; `seconds` are those that are left of its deadline."""

    request: Request
    seconds: float


@dataclass(frozen=True)
class Reply:
    """The answer: a page, or an error that can be raised as it is.

    Attributes:
        value: a Page, None (ready) or an OCRError.
        spent: whether the process should be replaced (it ran out of memory).
    """

    value: Any
    spent: bool = False


def main() -> None:
    """Serve until the host is gone."""
    requests, replies = _own_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    inbox = _listen(requests)
    hello: Hello = unpack(inbox.get())
    _limit(hello.memory)
    try:
        spec: ProviderSpec = unpack(hello.spec)
        provider = spec.build()
        provider.warm_up()
    except BaseException as error:  # noqa: BLE001 - the host is told, whatever it is
        send(replies, pack(Reply(_portable(hello.name, error))))
        return
    send(replies, pack(Reply(None)))
    while True:
        send(replies, _serve(provider, inbox.get()))


def _serve(provider: Provider, message: bytes) -> bytes:
    """Answer one question; both are packed, because what an engine is asked or says may not survive the crossing."""
    try:
        ask: Ask = unpack(message)
        # The timer is a thread without Python: it fires even when an engine holds the interpreter for good.
        faulthandler.dump_traceback_later(min(ask.seconds + GRACE, _LONGEST), exit=True)
        return pack(Reply(provider.recognize(ask.request, Deadline.after(ask.seconds))))
    except BaseException as error:  # noqa: BLE001 - the host is told, whatever it is
        return pack(Reply(_portable(provider.name, error), spent=isinstance(error, MemoryError)))
    finally:
        faulthandler.cancel_dump_traceback_later()


def _portable(name: str, error: BaseException) -> OCRError:
    """The error as one of ours, since an engine's own classes may not exist on the other side."""
    if isinstance(error, OCRError):
        error.__cause__ = error.__context__ = None
        return error
    if isinstance(error, MemoryError):
        return ProviderError(name, lookup("gateway", "worker_memory", f"MemoryError: {error}".rstrip(": ")))
    if isinstance(error, Exception):
        return ProviderError(name, diagnose(error, "gateway"))
    return ProviderError(name, lookup("gateway", "worker_crash", f"{type(error).__name__}: {error}"))


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes for ourselves: whatever an engine prints goes to the log of its errors."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, replies


def _listen(requests: BinaryIO) -> queue.SimpleQueue[bytes]:
    """Read ahead in a thread, so that the end of the host is noticed in the middle of a call."""
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        try:
            while True:
                inbox.put(receive(requests))
        except BaseException:  # noqa: BLE001 - whatever it was, nobody is there to be told
            _end()

    threading.Thread(target=read, name="ocrgate-listen", daemon=True).start()
    return inbox


def _end() -> None:
    """End at once, and with us every program that the engine started."""
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        with contextlib.suppress(OSError):
            os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:
        return
    # A core file would hold the image.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
