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
from ocrgate.lane.frame import receive, send
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
        # What the engine prints is kept apart from the host's own output, and read only to explain a crash.
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the worker is buried
        try:
            self._process = subprocess.Popen(
                [
                    spawn.get_executable() or sys.executable,
                    "-c",
                    _BOOT,
                    json.dumps([entry for entry in sys.path if isinstance(entry, str)]),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise ProviderError(spec.name, lookup("gateway", "worker_start", str(error))) from error
        _alive.add(self)
        self._ask_first(Hello(spec, memory))

    @property
    def pid(self) -> int:
        return self._process.pid

    def _ask_first(self, hello: Hello) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError):  # wait_ready() tells how the process ended
            send(stdin, hello)

    def wait_ready(self) -> None:
        """Wait until the engine has loaded.

        Raises:
            OCRError: when it could not.
        """
        reply = self._receive("worker_start")
        if isinstance(reply.value, OCRError):
            self.kill()
            raise reply.value

    def ask(self, ask: Ask) -> Page:
        """Have one image read.

        Raises:
            OCRError: what the adapter raised, or how the process ended.
        """
        self.calls += 1
        stdin = self._process.stdin
        assert stdin is not None
        try:
            send(stdin, ask)
        except OSError as error:
            raise self._death("worker_crash") from error
        reply = self._receive("worker_crash")
        if reply.spent:
            self.kill()
        if isinstance(reply.value, BaseException):
            raise reply.value
        self._trim()
        page: Page = reply.value
        return page

    @property
    def usable(self) -> bool:
        return not self._killed and self._process.poll() is None

    def kill(self) -> None:
        """End the process and all that it started, at once."""
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

    def _receive(self, otherwise: str) -> Reply:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            reply: Reply = receive(stdout)
        except (EOFError, OSError) as error:
            raise self._death(otherwise) from error
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
        """The last line that the engine printed, which is where a crash is explained."""
        with contextlib.suppress(OSError, ValueError):
            end = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, end - 4096))
            lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            fatal = [line for line in lines if line.startswith("Fatal Python error")]
            return (fatal or lines or [""])[-1][:300]
        return ""

    def _trim(self) -> None:
        if self._stderr.seek(0, os.SEEK_END) > _STDERR_KEPT:
            self._stderr.truncate(0)


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
        ticket.on_give_up(worker.kill)
        return worker.ask(Ask(ticket.request.portable(), ticket.deadline.remaining))

    def _cancelled(self) -> ProviderError:
        return ProviderError(self.name, lookup("gateway", "cancelled"))

    def _ready(self) -> Worker:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is not None and worker.usable:
            return worker
        if worker is not None:
            self._drop(worker)
        worker = Worker(self._spec, self._memory)
        self._workers.add(worker)
        if self._closed:
            self._drop(worker)
            raise self._cancelled()
        overdue = threading.Timer(START_LIMIT, worker.kill)
        overdue.daemon = True
        overdue.start()
        try:
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
        if not self._closed:
            with contextlib.suppress(OCRError):  # the next call will tell
                self._ready()

    def _end_worker(self) -> None:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is not None:
            self._drop(worker)

    def close(self) -> None:
        """End every worker, whatever it is doing, and wait until they are gone."""
        super().close()
        for worker in list(self._workers):
            worker.kill()
            worker.wait()


_alive: set[Worker] = set()
_inherited: list[Worker] = []


def _end_all() -> None:
    for worker in list(_alive):
        worker.kill()


def _disown() -> None:
    """In a forked child: let go of the parent's workers, so that neither their end nor ours is noticed by the other."""
    for worker in list(_alive):
        worker._close()
    # Kept, because the destructor of a running process warns.
    _inherited.extend(_alive)
    _alive.clear()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown)
