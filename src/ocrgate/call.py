"""One call of the gateway, as it is handed down: who asks, until when, and where the story is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ocrgate.cancel import Cancellation
from ocrgate.clock import Deadline
from ocrgate.events import Event
from ocrgate.result import Attempt


@dataclass(slots=True)
class Call:
    """One `recognize`.

    Attributes:
        request_id: the same in logs, events and attempts.
        deadline: of the whole call; the current page may have an earlier one.
        languages: BCP 47 tags asked for, or empty for each engine's own.
        options: request options for the engines, as the caller gave them.
        cancel: how the caller gives up.
        tell: hears of each attempt as it ends.
        emit: hears of events.
        page: number of the page that is being read.
        key: name of the credential in use, or None.
        attempts: the story so far.
    """

    request_id: str
    deadline: Deadline
    languages: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    cancel: Cancellation = field(default_factory=Cancellation)
    tell: Callable[[Attempt], None] = field(default=lambda _attempt: None)
    emit: Callable[[Event], None] = field(default=lambda _event: None)
    page: int = 1
    key: str | None = None
    attempts: list[Attempt] = field(default_factory=list)

    def record(self, attempt: Attempt) -> None:
        """Write one line of the story."""
        self.attempts.append(attempt)
        self.tell(attempt)

    def fork(self) -> Call:
        """The same call for one of several who work for it at once: it can be given up alone, and has a story of its
        own that nobody is told of."""
        return replace(self, cancel=Cancellation(), tell=lambda _attempt: None, attempts=[])
