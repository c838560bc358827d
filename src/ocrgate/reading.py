"""One document, page by page, into one result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ocrgate.call import Call
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded, InvalidImage, NoValidResult, OCRError
from ocrgate.failover import Reading, read_page
from ocrgate.page import Page
from ocrgate.picture import Document, open_document
from ocrgate.result import Attempt, Cost, Result
from ocrgate.route import Route
from ocrgate.settings import ImageSettings


def read_document(source: Any, route: Route, call: Call, limits: ImageSettings, begun: float) -> Result:
    """Read every page of a document down a route.

    A page that fails does not take the others with it: the result then says which page and why, and is not valid.

    Args:
        source: whatever the caller handed in.
        route: which engines, and what is acceptable.
        call: of which this is the work.
        limits: what is accepted as an image.
        begun: when the call began, in the call's monotonic time.

    Raises:
        InvalidImage, DeadlineExceeded, AllProvidersFailed: when not even the first page could be read.
        NoValidResult: when the route wants an error rather than an answer that is not valid.
    """
    with open_document(source, limits) as document:
        pages = _Pages(document, route, call)
        pages.read()
        return _result(pages, route, call, call.deadline.clock.monotonic() - begun)


class _Pages:
    """The pages of a document as they are read."""

    def __init__(self, document: Document, route: Route, call: Call) -> None:
        self._document = document
        self._route = route
        self._call = call
        self.readings: list[Reading] = []
        self.pages: list[Page] = []
        self.failures: list[str] = []

    @property
    def several(self) -> bool:
        return self._document.page_count > 1

    def read(self) -> None:
        for number in range(1, self._document.page_count + 1):
            self._call.page = number
            try:
                if number > 1:
                    self._require_time()
                self._read(number)
            except (InvalidImage, AllProvidersFailed, DeadlineExceeded) as error:
                if number == 1 and not self.several:
                    raise
                self.pages.append(Page(number=number))
                self.failures.append(f"page {number}: {_why(error, self._call)}")
                last = error
        if not self.readings:
            raise last

    def _require_time(self) -> None:
        """Pass while somebody waits; decoding a page that no engine will be asked for takes time, too."""
        if self._call.cancel():
            raise AllProvidersFailed(())
        if self._call.deadline.expired:
            raise DeadlineExceeded(())

    def _read(self, number: int) -> None:
        picture = self._document.page(number)
        deadline = self._call.deadline.within(self._route.settings.deadline)
        reading = read_page(self._route, picture, self._call, deadline, rules=not self.several)
        self.readings.append(reading)
        self.pages.append(replace(reading.page, number=number))

    def reasons(self) -> list[str]:
        if not self.several:
            return list(self.readings[0].verdict.reasons)
        return [
            *self.failures,
            *(f"page {r.page.number}: {reason}" for r in self.readings for reason in r.verdict.reasons),
        ]


def _result(pages: _Pages, route: Route, call: Call, elapsed: float) -> Result:
    fields: dict[str, str] = {}
    for reading in pages.readings:
        fields = {**reading.verdict.fields, **fields}
    reasons = pages.reasons()
    blank = all(page.blank for page in pages.pages)
    if pages.several and not blank:
        # What a rule asks for may stand on any page, so the rules are asked of all of them together.
        found, missed = route.acceptance.read("\n".join(page.text for page in pages.pages))
        fields.update(found)
        reasons += missed
    result = Result(
        pages=tuple(pages.pages),
        provider=pages.readings[0].provider,
        fields=fields,
        valid=not reasons,
        blank=blank,
        degraded=bool(pages.failures) or any(reading.degraded for reading in pages.readings),
        reasons=tuple(reasons),
        attempts=tuple(call.attempts),
        cost=_total(call.attempts),
        elapsed=elapsed,
        request_id=call.request_id,
    )
    if reasons and route.settings.accept.on_invalid == "raise":
        raise NoValidResult(result, result.attempts)
    return result


def _total(attempts: Iterable[Attempt]) -> Cost:
    """What the attempts cost, in the currency of the first; other currencies stay to be seen in the attempts."""
    costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
    if not costs:
        return Cost()
    currency = costs[0].currency
    return Cost(sum(cost.amount for cost in costs if cost.currency == currency), currency)


def _why(error: OCRError, call: Call) -> str:
    if isinstance(error, InvalidImage):
        return error.reason
    if call.cancel():
        return "the caller gave up"
    return "no engine answered in time" if isinstance(error, DeadlineExceeded) else "no engine could read it"
