"""An engine that does what its script says, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event, Lock

from ocrgate.clock import Clock, Deadline
from ocrgate.diagnosis import Diagnosis, lookup
from ocrgate.errors import ProviderError
from ocrgate.key import Key
from ocrgate.page import Line, Page, Polygon
from ocrgate.provider import Adapter, Capabilities, Request

Step = Callable[[Request, Deadline], Page]
"""One answer of the script."""


class ScriptedProvider(Adapter):
    """Answers each request with the next step of its script, and the last one from then on. Thread-safe.

    Args:
        name: configured name.
        steps: text to answer, a `Page`, an exception to raise, or a function of request and deadline
            (see `says`, `fails`, `takes` and `hangs`).
        cloud: whether it counts as an engine in the cloud.
        capabilities: in place of the default ones.
        keys: names of its credentials.

    Attributes:
        requests: what it was asked, in order.
    """

    def __init__(
        self,
        name: str,
        *steps: str | Page | BaseException | Step,
        cloud: bool = False,
        capabilities: Capabilities | None = None,
        keys: Sequence[str | Key] = (),
    ) -> None:
        self.name = name
        self.capabilities = capabilities or Capabilities(cloud=cloud, lanes=8)
        self.requests: list[Request] = []
        self.closed = False
        self._keys = tuple(key if isinstance(key, Key) else Key(key) for key in keys)
        self._steps: list[Step] = [_step(step) for step in steps] or [says(name)]
        self._lock = Lock()

    @property
    def keys(self) -> Sequence[Key]:
        return self._keys

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        with self._lock:
            step = self._steps[min(len(self.requests), len(self._steps) - 1)]
            self.requests.append(request)
        return step(request, deadline)

    def close(self) -> None:
        self.closed = True


def _step(step: str | Page | BaseException | Step) -> Step:
    if isinstance(step, str):
        return says(step)
    if isinstance(step, Page):
        return lambda _request, _deadline: step
    if isinstance(step, BaseException):
        return _raises(step)
    return step


def _raises(error: BaseException) -> Step:
    def act(_request: Request, _deadline: Deadline) -> Page:
        raise error

    return act


def says(text: str, confidence: float | None = 0.9) -> Step:
    """Answer with the lines of `text`, one under the other."""

    def act(request: Request, _deadline: Deadline) -> Page:
        rows = text.splitlines()
        height = request.height / max(1, len(rows))
        lines = tuple(
            Line(row, Polygon.from_box(0, place * height, request.width, height), confidence)
            for place, row in enumerate(rows)
        )
        return Page(lines=lines, width=request.width, height=request.height)

    return act


def fails(failure: str | Diagnosis, provider: str = "scripted") -> Step:
    """Fail with a diagnosis, or with a code that is looked up in the tables of Baidu and of the gateway."""
    diagnosis = failure if isinstance(failure, Diagnosis) else lookup("baidu", failure)
    return _raises(ProviderError(provider, diagnosis))


def takes(seconds: float, clock: Clock, step: str | Page | BaseException | Step = "") -> Step:
    """Let time pass, then do the other step."""
    then = _step(step)

    def act(request: Request, deadline: Deadline) -> Page:
        clock.sleep(seconds)
        return then(request, deadline)

    return act


def hangs(clock: Clock) -> Step:
    """Never answer: time passes until the deadline is over, and only giving up ends the call."""

    def act(request: Request, deadline: Deadline) -> Page:
        freed = Event()
        request.on_cancel(freed.set)
        clock.sleep(deadline.remaining + 1.0)
        freed.wait(30.0)
        return Page()

    return act
