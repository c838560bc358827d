"""Threads that are kept for a while: work that has to begin at once, however much of it there is."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ocrgate import fork

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "Future[Any]"]
_Desk = queue.SimpleQueue[_Job]


class Crew:
    """As many threads as there is work; one that is done waits for more before it ends. Thread-safe, fork-safe.

    The threads are daemons and nobody joins them: work that cannot be stopped does not keep the program from ending.

    Args:
        name: of the threads.
        idle: seconds that a thread without work waits for some.
    """

    def __init__(self, name: str, idle: float = 10.0) -> None:
        self.name = name
        self.idle = idle
        self.after_fork()
        fork.renew(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        # Whoever has waited least is asked next, so that those who are not needed come to their end.
        self._waiting: list[_Desk] = []

    def start(self, work: Callable[[], T]) -> Future[T]:
        """Have `work` run now, in a thread of its own; whatever it returns or raises is in the future.

        Work that has been started cannot be cancelled by its future.

        Raises:
            RuntimeError: when the machine has no thread left; `work` does not run then.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            desk = self._waiting.pop() if self._waiting else None
        if desk is not None:
            desk.put((work, future))
        else:
            desk = queue.SimpleQueue()
            desk.put((work, future))
            threading.Thread(target=self._serve, args=(desk,), name=self.name, daemon=True).start()
        return future

    def _serve(self, desk: _Desk) -> None:
        while self._serve_one(desk):
            with self._lock:
                self._waiting.append(desk)

    def _serve_one(self, desk: _Desk) -> bool:
        # A method of its own, so that a thread that waits holds nothing of what it did last.
        try:
            work, future = desk.get(timeout=self.idle)
        except queue.Empty:
            with self._lock:
                if desk in self._waiting:
                    self._waiting.remove(desk)
                    return False
            work, future = desk.get()  # it was chosen at the last moment
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001 - raised again where the future is asked
            future.set_exception(error)
        else:
            future.set_result(answer)
        finally:
            del work, future  # an error holds this frame, and what the frame holds would hold the error
        return True
