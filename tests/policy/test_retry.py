"""The retry loop: what is repeated, after which wait, and until when."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import replace
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.clock import Deadline, Wake
from ocrgate.diagnosis.diagnosis import Action, Diagnosis
from ocrgate.errors import InvalidImage, OCRError, ProviderError, ProviderRefused
from ocrgate.page import Line, Page
from ocrgate.policy.budget import Budget
from ocrgate.policy.retry import Retry
from ocrgate.provider import RAW, Request
from ocrgate.settings import BudgetSettings, RetrySettings
from ocrgate.testing import ManualClock, ScriptedProvider, fails

PAGE = Page(lines=(Line("read"),))
SERVER = Diagnosis("282000", category="server", action="retry")
THROTTLED = Diagnosis("18", category="throttle", fault="key", action="retry")
EXPIRED = Diagnosis("111", category="auth", fault="key", action="refresh_token")
THREE = RetrySettings(attempts=3, base=0.2, cap=5.0, throttle_base=1.0)
PLENTY = BudgetSettings(minimum=1000)


class Asked:
    """A call that does one thing after another, and the last one from then on."""

    def __init__(
        self, *steps: Page | BaseException | Diagnosis, before: Callable[[int], None] = lambda _n: None
    ) -> None:
        self.times = 0
        self._before = before
        self.steps = [ProviderError("baidu", step) if isinstance(step, Diagnosis) else step for step in steps]

    def __call__(self) -> Page:
        step = self.steps[min(self.times, len(self.steps) - 1)]
        self.times += 1
        self._before(self.times)
        if isinstance(step, BaseException):
            raise step
        return step


def highest(_low: float, high: float) -> float:
    return high


def retry_of(
    clock: ManualClock,
    *,
    budget: BudgetSettings = PLENTY,
    uniform: Callable[[float, float], float] = highest,
    settings: RetrySettings = THREE,
) -> Retry:
    return Retry(settings, Budget(budget, clock), uniform)


def test_an_answer_is_handed_through_and_nothing_is_repeated() -> None:
    clock = ManualClock()
    asked = Asked(PAGE)
    assert retry_of(clock)(asked, Deadline.after(10, clock)) is PAGE
    assert asked.times == 1
    assert clock.slept == []


def test_a_failure_worth_repeating_is_repeated_with_growing_waits() -> None:
    clock = ManualClock()
    asked = Asked(SERVER, SERVER, PAGE)
    assert retry_of(clock)(asked, Deadline.after(10, clock)) is PAGE
    assert asked.times == 3
    assert clock.slept == pytest.approx([0.2, 0.4])


def test_a_scripted_engine_is_asked_again_until_it_answers() -> None:
    clock = ManualClock()
    engine = ScriptedProvider("baidu", fails(SERVER), "second")
    deadline = Deadline.after(10, clock)
    request = Request(b"", RAW, 0, 0)
    assert retry_of(clock)(lambda: engine.recognize(request, deadline), deadline).text == "second"
    assert engine.requests == [request, request]


def test_no_more_calls_are_made_than_configured_and_the_last_error_is_raised_as_it_is() -> None:
    clock = ManualClock()
    asked = Asked(SERVER, SERVER, SERVER, PAGE)
    with pytest.raises(ProviderError) as caught:
        retry_of(clock)(asked, Deadline.after(60, clock))
    assert caught.value is asked.steps[2]
    assert asked.times == 3


def test_one_attempt_means_no_retry() -> None:
    clock = ManualClock()
    asked = Asked(SERVER, PAGE)
    with pytest.raises(ProviderError):
        retry_of(clock, settings=RetrySettings(attempts=1))(asked, Deadline.after(60, clock))
    assert (asked.times, clock.slept) == (1, [])


@pytest.mark.parametrize("action", ["next_key", "fix_request", "next_provider", "fatal"])
def test_what_asking_again_cannot_mend_is_not_repeated(action: Action) -> None:
    clock = ManualClock()
    asked = Asked(replace(SERVER, action=action), PAGE)
    with pytest.raises(ProviderError) as caught:
        retry_of(clock)(asked, Deadline.after(60, clock))
    assert caught.value is asked.steps[0]
    assert (asked.times, clock.slept) == (1, [])


@pytest.mark.parametrize(
    "error",
    [
        ProviderRefused("baidu", "breaker_open"),
        InvalidImage("not an image"),
        OCRError("closed"),
        ValueError("a defect"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_no_failure_of_the_engine_is_raised_as_it_is(error: BaseException) -> None:
    clock = ManualClock()
    asked = Asked(error, PAGE)
    with pytest.raises(type(error)) as caught:
        retry_of(clock)(asked, Deadline.after(60, clock))
    assert caught.value is error
    assert asked.times == 1


def test_a_refusal_in_the_middle_ends_the_retrying() -> None:
    clock = ManualClock()
    asked = Asked(SERVER, ProviderRefused("baidu", "breaker_open"), PAGE)
    with pytest.raises(ProviderRefused):
        retry_of(clock)(asked, Deadline.after(60, clock))
    assert asked.times == 2


def test_a_stale_token_is_answered_at_once_and_only_once() -> None:
    clock = ManualClock()
    asked = Asked(EXPIRED, PAGE)
    assert retry_of(clock)(asked, Deadline.after(10, clock)) is PAGE
    assert clock.slept == [0.0]

    asked = Asked(EXPIRED, EXPIRED, PAGE)
    with pytest.raises(ProviderError):
        retry_of(clock)(asked, Deadline.after(10, clock))
    assert asked.times == 2


def test_each_call_may_refresh_its_token_once() -> None:
    clock = ManualClock()
    retry = retry_of(clock)
    for _ in range(3):
        assert retry(Asked(EXPIRED, PAGE), Deadline.after(10, clock)) is PAGE


def test_a_server_failure_after_a_refresh_is_still_repeated() -> None:
    clock = ManualClock()
    asked = Asked(EXPIRED, SERVER, PAGE)
    assert retry_of(clock)(asked, Deadline.after(10, clock)) is PAGE


@given(st.floats(0.0, 1.0), st.integers(1, 12))
def test_full_jitter_stays_between_nothing_and_the_doubled_base(share: float, attempt: int) -> None:
    retry = retry_of(ManualClock(), uniform=lambda low, high: low + share * (high - low))
    assert retry.wait(SERVER, attempt) == pytest.approx(share * min(5.0, 0.2 * 2 ** (attempt - 1)))


@given(st.floats(0.0, 1.0), st.integers(1, 12))
def test_a_throttled_call_waits_at_least_its_base_and_at_most_the_cap(share: float, attempt: int) -> None:
    retry = retry_of(ManualClock(), uniform=lambda low, high: low + share * (high - low))
    assert 1.0 <= retry.wait(THROTTLED, attempt) <= min(5.0, 2.0**attempt)


@given(st.integers(1, 100_000), st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_no_number_of_attempts_makes_the_wait_overflow(attempt: int, base: float, cap: float) -> None:
    settings = RetrySettings(base=min(base, cap), cap=cap, throttle_base=base)
    retry = retry_of(ManualClock(), settings=settings)
    assert 0.0 <= retry.wait(SERVER, attempt) <= cap
    assert 0.0 <= retry.wait(THROTTLED, attempt) <= cap


def test_the_drawn_waits_differ() -> None:
    retry = Retry(RetrySettings(base=1.0), Budget(PLENTY))
    waits = {retry.wait(SERVER, 1) for _ in range(20)}
    assert len(waits) > 1
    assert all(0.0 <= wait <= 1.0 for wait in waits)


@pytest.mark.parametrize("diagnosis", [SERVER, THROTTLED])
def test_the_wait_the_server_asks_for_is_kept_to_the_letter(diagnosis: Diagnosis) -> None:
    clock = ManualClock()
    asked = Asked(replace(diagnosis, retry_after=7.5), PAGE)
    assert retry_of(clock)(asked, Deadline.after(10, clock)) is PAGE
    assert clock.slept == [7.5]


@pytest.mark.parametrize("retry_after", [-1.0, math.nan])
@pytest.mark.parametrize(("diagnosis", "wait"), [(SERVER, 0.2), (THROTTLED, 2.0)])
def test_a_wait_that_makes_no_sense_is_as_good_as_none(diagnosis: Diagnosis, wait: float, retry_after: float) -> None:
    clock = ManualClock()
    assert retry_of(clock)(Asked(replace(diagnosis, retry_after=retry_after), PAGE), Deadline.after(10, clock)) is PAGE
    assert clock.slept == [wait]


@pytest.mark.parametrize("diagnosis", [SERVER, THROTTLED])
@pytest.mark.parametrize("seconds", [10.0, 3600.0, math.inf])
def test_a_wait_that_would_end_after_the_deadline_is_not_begun(seconds: float, diagnosis: Diagnosis) -> None:
    clock = ManualClock()
    asked = Asked(replace(diagnosis, retry_after=seconds), PAGE)
    with pytest.raises(ProviderError) as caught:
        retry_of(clock)(asked, Deadline.after(10.0, clock))
    assert caught.value is asked.steps[0]
    assert (asked.times, clock.slept) == (1, [])


# Sixty-fourths, because sums of them are exact.
times = st.integers(0, 256).map(lambda parts: parts / 64)


@given(times.filter(bool), st.lists(times, min_size=1, max_size=6), times)
def test_no_wait_ever_ends_after_the_deadline(seconds: float, waits: list[float], takes: float) -> None:
    clock = ManualClock()
    deadline = Deadline.after(seconds, clock)
    begun: list[float] = []

    def before(_n: int) -> None:
        begun.append(clock.monotonic())
        clock.advance(takes)

    asked = Asked(*(replace(SERVER, retry_after=wait) for wait in waits), PAGE, before=before)
    with contextlib.suppress(ProviderError):
        retry_of(clock, settings=RetrySettings(attempts=10))(asked, deadline)
    assert all(moment < deadline.at for moment in begun)


def test_a_spent_budget_means_no_more_retries() -> None:
    clock = ManualClock()
    retry = retry_of(clock, budget=BudgetSettings(retry_ratio=0.0, minimum=1))
    assert retry(Asked(SERVER, PAGE), Deadline.after(10, clock)) is PAGE
    asked = Asked(SERVER, PAGE)
    with pytest.raises(ProviderError) as caught:
        retry(asked, Deadline.after(10, clock))
    assert caught.value is asked.steps[0]
    assert asked.times == 1
    assert len(clock.slept) == 1, "it is not waited for what will not happen"


def test_hedges_and_retries_take_from_one_budget() -> None:
    clock = ManualClock()
    budget = Budget(BudgetSettings(retry_ratio=0.0, minimum=2), clock)
    for _ in range(20):
        budget.call()
    assert budget.spend(0.05), "a hedge"
    asked = Asked(SERVER)
    with pytest.raises(ProviderError):
        Retry(THREE, budget, highest)(asked, Deadline.after(60, clock))
    assert asked.times == 2, "one retry is left"


def test_a_retry_that_is_not_made_costs_no_budget() -> None:
    clock = ManualClock()
    retry = retry_of(clock, budget=BudgetSettings(retry_ratio=0.0, minimum=1))
    with pytest.raises(ProviderError):
        retry(Asked(replace(SERVER, retry_after=60.0)), Deadline.after(10, clock))
    with pytest.raises(ProviderError):
        retry(Asked(replace(SERVER, action="fatal")), Deadline.after(10, clock))
    assert retry(Asked(SERVER, PAGE), Deadline.after(10, clock)) is PAGE


def test_a_caller_who_gave_up_during_the_call_is_not_served_again() -> None:
    clock = ManualClock()
    wake = Event()
    asked = Asked(SERVER, PAGE, before=lambda _n: wake.set())
    with pytest.raises(ProviderError) as caught:
        retry_of(clock)(asked, Deadline.after(10, clock), wake)
    assert caught.value is asked.steps[0]
    assert (asked.times, clock.slept) == (1, [])


def test_a_caller_who_gives_up_during_the_wait_ends_it_and_the_engine_is_not_asked_again() -> None:
    given_up = Event()

    class Woken(ManualClock):
        def sleep(self, seconds: float, wake: Wake | None = None) -> bool:
            assert wake is given_up
            given_up.set()
            return super().sleep(seconds, wake)

    clock = Woken()
    asked = Asked(SERVER, PAGE)
    with pytest.raises(ProviderError) as caught:
        retry_of(clock)(asked, Deadline.after(10, clock), given_up)
    assert caught.value is asked.steps[0]
    assert asked.times == 1
