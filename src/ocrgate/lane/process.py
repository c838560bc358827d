"""Lanes whose engines live in worker processes: a hang, a crash or a leak costs one process, never the host program."""

from __future__ import annotations

import contextlib
import threading

from ocrgate.diagnosis import lookup
from ocrgate.errors import OCRError, ProviderError
from ocrgate.lane.child import Worker, birth, ended
from ocrgate.lane.lane import Lane
from ocrgate.lane.ticket import Ticket
from ocrgate.lane.worker import Ask
from ocrgate.page import Page
from ocrgate.provider import ProviderSpec

START_LIMIT = 180.0
"""Seconds that an engine may take to load before its process is given up."""


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
        with birth:
            if self._closed or ended():
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
        if not self._closed and not ended():
            with contextlib.suppress(OCRError):  # the next call will tell
                self._ready()

    def _end_worker(self) -> None:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is not None:
            self._drop(worker)

    def close(self) -> None:
        """End every worker, whatever it is doing, and wait until they are gone."""
        super().close()
        with birth:
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
            worker.wait()
