"""Many images, several at once, with a bounded number of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from ocrgate.result import Failure, Result

Recognize = Callable[[Any], Result]


def recognize_many(
    recognize: Recognize, cancel: Callable[[], None], images: Iterable[Any], *, workers: int, ordered: bool
) -> Iterator[Result | Failure]:
    """See `Gateway.recognize_many`; twice as many images as workers are held at a time.

    An error of the input comes where it would in a plain loop: after the answers to all images before it.

    Args:
        recognize: reads one image.
        cancel: ends every `recognize` that is under way.
        images, workers, ordered: as there.

    Raises:
        ValueError: when `workers` is below 1, before anything is read.
    """
    if workers < 1:
        raise ValueError(f"workers is at least 1, got {workers}")
    return _iterate(recognize, cancel, iter(images), workers, ordered)


def _iterate(
    recognize: Recognize, cancel: Callable[[], None], images: Iterator[Any], workers: int, ordered: bool
) -> Iterator[Result | Failure]:
    def one(source: Any) -> Result | Failure:
        try:
            return recognize(source)
        except Exception as error:  # noqa: BLE001 - handed to the caller, which is what Failure is for
            return Failure(source, error)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="ocrgate-many")
    running: deque[Future[Result | Failure]] = deque()
    broken: Exception | None = None
    try:
        more = True
        while more or running:
            while more and len(running) < 2 * workers:
                try:
                    running.append(pool.submit(one, next(images)))
                except StopIteration:
                    more = False
                except Exception as error:  # noqa: BLE001 - raised again when all that came before it is answered
                    more, broken = False, error
            if running:
                yield _take(running, ordered).result()
        if broken is not None:
            raise broken
    finally:
        # Reached early when the caller stops iterating or is interrupted: nobody wants the rest.
        cancel()
        pool.shutdown(wait=True, cancel_futures=True)
        del broken  # an error holds this frame, which would hold the error


def _take(running: deque[Future[Result | Failure]], ordered: bool) -> Future[Result | Failure]:
    if ordered:
        return running.popleft()
    done = next(iter(wait(running, return_when=FIRST_COMPLETED).done))
    running.remove(done)
    return done
