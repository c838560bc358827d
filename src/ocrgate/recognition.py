"""One `recognize`: from what the caller hands in to a result, read now or had from an earlier or a parallel reading."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ocrgate import language
from ocrgate.answers import identify
from ocrgate.call import Call
from ocrgate.cancel import Cancellation
from ocrgate.clock import Clock, Deadline
from ocrgate.errors import NoValidResult, OCRError
from ocrgate.events import AttemptFinished, Event, RequestFinished
from ocrgate.fleet import Fleet
from ocrgate.reading import read_document
from ocrgate.result import Result
from ocrgate.route import Route

_log = logging.getLogger("ocrgate")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks for: see `Gateway.recognize`."""

    image: Any
    route: str | None = None
    deadline: float | None = None
    languages: Iterable[str] | str | None = None
    options: Mapping[str, Any] | None = None
    cancel: Cancellation = field(default_factory=Cancellation)


def recognize(wish: Wish, fleet: Fleet, clock: Clock, emit: Callable[[Event], None]) -> Result:
    """Fulfil a wish, and tell how it went.

    Args:
        wish: what is asked for.
        fleet: the configuration in force.
        clock: time.
        emit: hears of events.

    Raises:
        OCRError: as `Gateway.recognize` says.
    """
    begun = clock.monotonic()
    route = fleet.route(wish.route)
    call = Call(
        request_id=uuid.uuid4().hex,
        deadline=Deadline(float("inf") if wish.deadline is None else begun + wish.deadline, clock),
        languages=language.tags(wish.languages if wish.languages is not None else route.settings.languages),
        options=dict(wish.options or {}),
        cancel=wish.cancel,
        emit=emit,
    )
    call.tell = lambda attempt: emit(AttemptFinished(call.request_id, route.name, attempt))
    outcome, provider, degraded = "", None, False
    try:
        result = _answer(wish.image, fleet, route, call, begun)
        outcome = "valid" if result.valid else "invalid"
        provider, degraded = result.provider, result.degraded
        return result
    except OCRError as error:
        outcome = type(error).__name__
        raise
    finally:
        elapsed = clock.monotonic() - begun
        _log.debug("%s %s: %s by %s in %.3f s", call.request_id, route.name, outcome, provider, elapsed)
        fleet.commons.switched(route.name, call.attempts, call.request_id)
        emit(RequestFinished(call.request_id, route.name, outcome, provider, elapsed, degraded))


def _answer(image: Any, fleet: Fleet, route: Route, call: Call, begun: float) -> Result:
    limits, answers = fleet.settings.image, fleet.commons.answers
    question = None
    if answers.wanted:
        identified = identify(image, limits)
        image = identified.image
        question = fleet.questions(route).ask(identified.digest, call.languages, call.options)
    try:
        result = answers.get(
            question,
            lambda: read_document(image, route, call, limits, begun),
            deadline=call.deadline,
            cancel=call.cancel,
        )
    except NoValidResult as error:
        if error.best.origin == "engine":
            raise
        raise NoValidResult(_own(error.best, call, begun), error.attempts) from error.__cause__
    return _own(result, call, begun)


def _own(result: Result, call: Call, begun: float) -> Result:
    """The result as this call's, whoever read it."""
    if result.origin == "engine":
        return result
    return replace(result, request_id=call.request_id, elapsed=call.deadline.clock.monotonic() - begun)
