"""Blocking work, awaited: every call has a thread as long as it lasts, and cancelling the task cancels the work."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import TypeVar

from ocrgate.cancel import Cancellation
from ocrgate.crew import Crew

T = TypeVar("T")

_crew = Crew("ocrgate-await", idle=2.0)


async def in_thread(work: Callable[[Cancellation], T]) -> T:
    """Run `work` in a thread and await what it returns or raises.

    A thread for each call, however many there are: a bounded pool would have calls wait for others that hang. The
    context variables of the caller are there.

    Args:
        work: is handed the cancellation that tells it when nobody waits any more.

    Raises:
        RuntimeError: when the machine has no thread left.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()
    cancel = Cancellation()

    def settle(answer: T | None, error: BaseException | None) -> None:
        if waiting.done():
            return
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer: T | None = None
        failure: BaseException | None = None
        try:
            answer = context.run(work, cancel)
        except StopIteration as error:
            # No future takes one, because it would end the coroutine that awaits it.
            failure = RuntimeError(f"StopIteration was raised: {error}")
            failure.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            failure = error
        # Raises when the loop was closed meanwhile, into a future of the crew that nobody asks.
        loop.call_soon_threadsafe(settle, answer, failure)

    _crew.start(run)
    try:
        return await waiting
    finally:
        cancel.cancel()
