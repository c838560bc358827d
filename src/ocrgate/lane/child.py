"""One worker process, as the host sees it: started, asked, killed and buried."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from multiprocessing import spawn
from typing import IO

from ocrgate.diagnosis import lookup
from ocrgate.errors import OCRError, ProviderError
from ocrgate.lane.frame import pack, receive, send, unpack
from ocrgate.lane.worker import Ask, Hello, Reply
from ocrgate.page import Page
from ocrgate.provider import ProviderSpec

_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1)); from ocrgate.lane.worker import main; main()"
_STDERR_KEPT = 1 << 20

birth = threading.Lock()
"""Held while a process is started, so that neither the end of a lane nor a fork finds it half known."""
_alive: set[Worker] = set()
_inherited: list[Worker] = []
_ended = False


class Worker:
    """One engine in a process of its own; used by one thread, killed by any.

    Args:
        spec: of the adapter.
        memory: bytes of memory the process may have.
    """

    def __init__(self, spec: ProviderSpec, memory: int) -> None:
        self.spec = spec
        self.calls = 0
        self._killed = False
        self._lock = threading.Lock()
        self._busy = 0
        self._said_before = 0
        hello = pack(Hello(spec.name, _packed(spec.name, spec), memory))
        stderr: IO[bytes] | None = None
        try:
            # What the engine prints is kept apart from the host's own output, and read only to explain a crash.
            stderr = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed when the worker is buried
            self._process = subprocess.Popen(
                [
                    spawn.get_executable() or sys.executable,
                    "-c",
                    _BOOT,
                    json.dumps([entry for entry in sys.path if isinstance(entry, str)]),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, RuntimeError) as error:
            if stderr is not None:
                stderr.close()
            raise ProviderError(spec.name, lookup("gateway", "worker_start", str(error))) from error
        self._stderr = stderr
        _alive.add(self)
        self._hello = hello

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> None:
        """Say what is to be built, and wait until the engine has loaded.

        Raises:
            OCRError: when it could not.
        """
        with contextlib.suppress(OSError):  # the answer that does not come tells how the process ended
            self._send(self._hello)
        reply = self._receive("worker_start")
        if isinstance(reply.value, OCRError):
            self.kill()
            raise reply.value

    def begin(self) -> int:
        """Number the call that comes next, for `stop`."""
        with self._lock:
            self.calls += 1
            self._busy = self.calls
            return self._busy

    def stop(self, call: int) -> None:
        """End the process if it is at this call; one that is given up as it ends must not cost the next one."""
        with self._lock:
            if self._busy == call:
                self._kill()

    def ask(self, ask: Ask) -> Page:
        """Have one image read, after `begin`.

        Raises:
            OCRError: what the adapter raised, or how the process ended.
        """
        try:
            body = _packed(self.spec.name, ask)
            self._mark()
            try:
                self._send(body)
            except OSError as error:
                raise self._death("worker_crash") from error
            reply = self._receive("worker_crash")
        finally:
            with self._lock:
                self._busy = 0
        if reply.spent:
            self.kill()
        if isinstance(reply.value, BaseException):
            raise reply.value
        page: Page = reply.value
        return page

    @property
    def usable(self) -> bool:
        return not self._killed and self._process.poll() is None

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        with self._lock:
            self._kill()

    def _kill(self) -> None:
        if self._killed:
            return
        self._killed = True
        _alive.discard(self)
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()

    def bury(self) -> None:
        """Kill, and wait until the process is gone; by the thread that uses the worker."""
        self.kill()
        self._process.wait()
        self._close()

    def wait(self) -> None:
        """Wait until the killed process is gone."""
        self._process.wait()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _send(self, body: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        send(stdin, body)

    def _receive(self, otherwise: str) -> Reply:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            body = receive(stdout)
        except (EOFError, OSError) as error:
            raise self._death(otherwise) from error
        reply: Reply = unpack(body)
        return reply

    def _death(self, code: str) -> ProviderError:
        """How the process ended, as an error."""
        self.kill()
        status = self._process.wait()
        said = self._said()
        how = f"ended with status {status}"
        if status < 0:
            with contextlib.suppress(ValueError):
                how = f"killed by {signal.Signals(-status).name}"
        if "bad_alloc" in said or "MemoryError" in said:
            code = "worker_memory"
        return ProviderError(
            self.spec.name, lookup("gateway", code, f"worker process {how}" + (f": {said}" if said else ""))
        )

    def _said(self) -> str:
        """The last line that the engine printed in this call, which is where a crash is explained."""
        with contextlib.suppress(OSError, ValueError):
            end = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(self._said_before, end - 4096))
            lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            fatal = [line for line in lines if line.startswith("Fatal Python error")]
            return (fatal or lines or [""])[-1][:300]
        return ""

    def _mark(self) -> None:
        """Remember where the engine's words of this call begin; what it said before is forgotten when it is much."""
        with contextlib.suppress(OSError):
            self._said_before = self._stderr.seek(0, os.SEEK_END)
            if self._said_before > _STDERR_KEPT:
                self._stderr.truncate(0)
                # The process writes where this file stands: both have it from the same opening.
                self._said_before = self._stderr.seek(0)


def _packed(name: str, message: ProviderSpec | Ask) -> bytes:
    try:
        return pack(message)
    except Exception as error:
        diagnosis = lookup("gateway", "adapter_error", f"options cannot be handed to a worker process: {error}")
        raise ProviderError(name, replace(diagnosis, fault="caller", action="fix_request")) from error


def ended() -> bool:
    """Whether the interpreter is ending and no more processes are to be started."""
    return _ended


def _end_all() -> None:
    global _ended  # noqa: PLW0603 - the interpreter ends once
    with birth:
        _ended = True
    for worker in list(_alive):
        worker.kill()


def _disown() -> None:
    """In a forked child: let go of the parent's workers, so that neither their end nor ours is noticed by the other."""
    for worker in list(_alive):
        worker._close()
    # Kept, because the destructor of a running process warns.
    _inherited.extend(_alive)
    _alive.clear()
    birth.release()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=birth.acquire, after_in_parent=birth.release, after_in_child=_disown)
