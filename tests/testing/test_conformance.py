"""The conformance suite passes what conforms and names what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.testing.shout import ShoutProvider

from ocrgate.clock import Deadline
from ocrgate.page import Line, Page, Polygon
from ocrgate.provider import Capabilities, Readiness, Request
from ocrgate.testing import check_provider


def test_a_third_partys_adapter_of_twenty_lines_conforms() -> None:
    passed = check_provider(ShoutProvider())
    assert "it reads a line of text" in passed
    assert len(passed) == len(set(passed)) > 10


def bad(change: Callable[[Page], Page]) -> ShoutProvider:
    class Bad(ShoutProvider):
        def recognize(self, request: Request, deadline: Deadline) -> Page:
            return change(super().recognize(request, deadline))

    return Bad()


def with_line(**changes: object) -> Callable[[Page], Page]:
    return lambda page: replace(page, lines=tuple(replace(line, **changes) for line in page.lines))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("provider", "finding"),
    [
        (bad(lambda page: replace(page, lines=())), "read nothing on a clear line"),
        (bad(with_line(polygon=None)), "says that it has polygons"),
        (bad(with_line(polygon=Polygon.from_box(0, 0, 9999, 5))), "x 9999 is outside"),
        (bad(with_line(text="two\nlines")), "holds a line break"),
        (bad(with_line(text="  ")), "white space only"),
        (bad(lambda page: None), "returned NoneType, not a Page"),  # type: ignore[arg-type, return-value]
    ],
)
def test_an_answer_that_breaks_the_contract_is_named(provider: ShoutProvider, finding: str) -> None:
    with pytest.raises(AssertionError, match=finding):
        check_provider(provider)


def test_an_exception_of_its_own_is_named() -> None:
    class Raises(ShoutProvider):
        def recognize(self, request: Request, deadline: Deadline) -> Page:
            if len(request.data) < 100:
                raise KeyError("engine")
            return super().recognize(request, deadline)

    with pytest.raises(AssertionError, match="garbage is a ProviderError: KeyError: 'engine'"):
        check_provider(Raises())


def test_an_answer_that_changes_from_call_to_call_is_named() -> None:
    class Drifts(ShoutProvider):
        calls = 0

        def recognize(self, request: Request, deadline: Deadline) -> Page:
            self.calls += 1
            return Page(lines=(Line(f"{self.calls}", Polygon.from_box(0, 0, 1, 1), 0.5),))

    with pytest.raises(AssertionError, match="gave two different texts"):
        check_provider(Drifts())


def test_confidence_that_the_capabilities_deny_is_named() -> None:
    class Sure(ShoutProvider):
        capabilities = Capabilities(confidence=False)

    with pytest.raises(AssertionError, match="says that it gives no confidence"):
        check_provider(Sure())


def test_an_engine_that_is_not_ready_is_named_with_its_remedy() -> None:
    class Missing(ShoutProvider):
        def check(self) -> Readiness:
            return Readiness(False, "no program", "install it")

    with pytest.raises(AssertionError, match="not ready here: no program install it"):
        check_provider(Missing())


def test_a_revision_that_changes_or_is_no_text_is_named() -> None:
    class Restless(ShoutProvider):
        asked = 0

        @property
        def revision(self) -> str:
            self.asked += 1
            return f"{self.asked}"

    class Number(ShoutProvider):
        revision = 5

    with pytest.raises(AssertionError, match="revision is another one each time"):
        check_provider(Restless())
    with pytest.raises(AssertionError, match="revision is int, not a text"):
        check_provider(Number())
