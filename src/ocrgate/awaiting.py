"""Blocking work, awaited: a thread for each call, and cancelling the task cancels the work."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from ocrgate.cancel import Cancellation

T = TypeVar("T")


async def in_thread(work: Callable[[Cancellation], T]) -> T:
    """Run `work` in a thread of its own and await what it returns or raises.

    The thread is a daemon: work that cannot be stopped does not keep the program from ending.

    Args:
        work: is handed the cancellation that tells it when nobody waits any more.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[T] = loop.create_future()
    cancel = Cancellation()

    def settle(answer: T | None, error: BaseException | None) -> None:
        if waiting.done():
            return
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer, failure = None, None
        try:
            answer = work(cancel)
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, answer, failure)

    threading.Thread(target=run, name="ocrgate-await", daemon=True).start()
    try:
        return await waiting
    finally:
        cancel.cancel()
