"""Worker processes: an engine that hangs, crashes or eats memory costs one process, never the host program."""

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
from multiprocessing import spawn
from typing import IO

from ocrgate.diagnosis import lookup
from ocrgate.errors import OCRError, ProviderError
from ocrgate.lane.frame import pack, receive, send, unpack
from ocrgate.lane.lane import Lane, Ticket
from ocrgate.lane.worker import Ask, Hello, Reply
from ocrgate.page import Page
from ocrgate.provider import ProviderSpec

_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1)); from ocrgate.lane.worker import main; main()"
_STDERR_KEPT = 1 << 20
START_LIMIT = 180.0
"""Seconds that an engine may take to load before its process is given up."""


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
        hello = _packed(spec.name, Hello(spec, memory))
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


def _packed(name: str, message: Hello | Ask) -> bytes:
    try:
        return pack(message)
    except Exception as error:
        said = f"options cannot be handed to a worker process: {error}"
        raise ProviderError(name, lookup("gateway", "adapter_error", said)) from error


class ProcessLane(Lane):
    """A lane whose threads each have a worker process.

    Args:
        spec: of the adapter.
        size: processes.
        queue: calls that may wait for their turn.
        memory: bytes of memory one process may have.
        recycle: calls after which a process is replaced.
    """

    def __init__(self, spec: ProviderSpec, *, size: int, queue: int, memory: int, recycle: int) -> None:
        self._spec = spec
        self._memory = memory
        self._recycle = recycle
        self._own = threading.local()
        super().__init__(
            spec.name, self._ask, size=size, queue=queue, leave=False, rest=self._rest_worker, finish=self._end_worker
        )

    def _reset(self) -> None:
        super()._reset()
        self._workers: set[Worker] = set()

    def _ask(self, ticket: Ticket) -> Page:
        """Have the ticket's image read by this thread's worker, which is started when there is none."""
        if not ticket.move("starting"):
            raise self._cancelled()
        worker = self._ready()
        if ticket.request is None:
            return Page()
        if not ticket.move("running"):
            raise self._cancelled()
        call = worker.begin()
        ticket.on_give_up(lambda: worker.stop(call))
        return worker.ask(Ask(ticket.request.portable(), ticket.deadline.remaining))

    def _cancelled(self) -> ProviderError:
        return ProviderError(self.name, lookup("gateway", "cancelled"))

    def _ready(self) -> Worker:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is not None and worker.usable:
            return worker
        if worker is not None:
            self._drop(worker)
        with _birth:
            if self._closed or _ended:
                raise self._cancelled()
            worker = Worker(self._spec, self._memory)
            self._workers.add(worker)
        overdue = threading.Timer(START_LIMIT, worker.kill)
        overdue.daemon = True
        try:
            overdue.start()
            worker.wait_ready()
        except BaseException:
            self._drop(worker)
            raise
        finally:
            overdue.cancel()
        self._own.worker = worker
        return worker

    def _drop(self, worker: Worker) -> None:
        self._own.worker = None
        self._workers.discard(worker)
        worker.bury()

    def _rest_worker(self) -> None:
        """Replace a worker that is gone or worn out, so that the next call need not wait for it."""
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is None or (worker.usable and worker.calls < self._recycle):
            return
        self._drop(worker)
        if not self._closed and not _ended:
            with contextlib.suppress(OCRError):  # the next call will tell
                self._ready()

    def _end_worker(self) -> None:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is not None:
            self._drop(worker)

    def close(self) -> None:
        """End every worker, whatever it is doing, and wait until they are gone."""
        super().close()
        with _birth:
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
            worker.wait()


_birth = threading.Lock()
"""Held while a process is started, so that neither the end of a lane nor a fork finds it half known."""
_alive: set[Worker] = set()
_inherited: list[Worker] = []
_ended = False


def _end_all() -> None:
    global _ended  # noqa: PLW0603 - the interpreter ends once
    with _birth:
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
    _birth.release()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_birth.acquire, after_in_parent=_birth.release, after_in_child=_disown)
