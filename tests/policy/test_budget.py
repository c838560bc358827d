"""The budget for extra calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from ocrgate.policy.budget import Budget
from ocrgate.settings import BudgetSettings
from ocrgate.testing import ManualClock

SPAN = 10.0


def spend_all(budget: Budget) -> int:
    spent = 0
    while spent < 10_000 and budget.spend():
        spent += 1
    return spent


def test_a_few_extra_calls_are_allowed_whatever_the_traffic() -> None:
    assert spend_all(Budget(BudgetSettings(retry_ratio=0.2, minimum=3), ManualClock())) == 3


def test_with_more_traffic_a_share_of_it_is_allowed() -> None:
    budget = Budget(BudgetSettings(retry_ratio=0.2, minimum=3), ManualClock())
    for _ in range(100):
        budget.call()
    assert spend_all(budget) == 20


def test_the_minimum_is_not_added_to_the_share() -> None:
    budget = Budget(BudgetSettings(retry_ratio=0.5, minimum=3), ManualClock())
    for _ in range(10):
        budget.call()
    assert spend_all(budget) == 5


def test_calls_count_for_ten_seconds() -> None:
    clock = ManualClock()
    budget = Budget(BudgetSettings(retry_ratio=0.5, minimum=0), clock)
    for _ in range(10):
        budget.call()
    clock.advance(9.75)
    assert budget.spend()
    clock.advance(0.25)
    assert not budget.spend()


def test_spent_calls_come_back_after_ten_seconds() -> None:
    clock = ManualClock()
    budget = Budget(BudgetSettings(retry_ratio=0.0, minimum=2), clock)
    assert budget.spend()
    clock.advance(5.0)
    assert budget.spend()
    clock.advance(4.75)
    assert not budget.spend()
    clock.advance(0.25)
    assert budget.spend()
    assert not budget.spend()


def test_a_budget_of_nothing_allows_nothing() -> None:
    budget = Budget(BudgetSettings(retry_ratio=0.0, minimum=0), ManualClock())
    for _ in range(50):
        budget.call()
    assert not budget.spend()


steps = st.lists(
    st.one_of(st.just("call"), st.just("spend"), st.sampled_from([0.5, 1.0, 4.0, 9.5, 12.0])), max_size=200
)


@given(steps, st.floats(0.0, 1.0), st.integers(0, 5))
def test_extra_calls_never_exceed_the_share_and_are_not_refused_below_it(
    script: list[str | float], ratio: float, minimum: int
) -> None:
    clock = ManualClock()
    budget = Budget(BudgetSettings(retry_ratio=ratio, minimum=minimum), clock)
    calls: list[float] = []
    extra: list[float] = []
    for step in script:
        now = clock.monotonic()
        if isinstance(step, float):
            clock.advance(step)
        elif step == "call":
            budget.call()
            calls.append(now)
        else:
            seen = sum(moment > now - SPAN for moment in calls)
            spent = sum(moment > now - SPAN for moment in extra)
            allowed = max(minimum, ratio * seen)
            if budget.spend():
                extra.append(now)
                assert spent + 1 <= allowed
            else:
                assert spent + 1 > allowed


def test_threads_together_spend_no_more_than_one_would() -> None:
    budget = Budget(BudgetSettings(retry_ratio=0.2, minimum=3), ManualClock())
    for _ in range(500):
        budget.call()
    with ThreadPoolExecutor(8) as pool:
        spent = sum(pool.map(lambda _n: budget.spend(), range(800)))
    assert spent == 100


def hedge_all(budget: Budget, share: float) -> int:
    spent = 0
    while spent < 10_000 and budget.spend(share):
        spent += 1
    return spent


def test_a_hedge_is_earned_by_ordinary_calls_first() -> None:
    budget = Budget(BudgetSettings(retry_ratio=1.0, minimum=100), ManualClock())
    for _ in range(19):
        budget.call()
    assert not budget.spend(0.05)
    budget.call()
    assert budget.spend(0.05)
    assert not budget.spend(0.05)


def test_what_few_calls_earn_is_carried_over_quiet_hours() -> None:
    clock = ManualClock()
    budget = Budget(BudgetSettings(), clock)
    hedges = 0
    for _ in range(200):
        clock.advance(600.0)
        budget.call()
        hedges += budget.spend(0.05)
    assert hedges == 10


def test_hedges_that_are_never_wanted_do_not_add_up_for_ever() -> None:
    budget = Budget(BudgetSettings(retry_ratio=1.0, minimum=5000), ManualClock())
    for _ in range(100_000):
        budget.call()
    assert hedge_all(budget, 0.05) == 50
    for _ in range(20):
        budget.call()
    assert hedge_all(budget, 0.05) == 1


def test_hedges_that_one_call_in_thousands_earns_are_earned_too() -> None:
    budget = Budget(BudgetSettings(minimum=5), ManualClock())
    for _ in range(5000):
        budget.call()
    assert hedge_all(budget, 0.0002) == 1


def test_hedges_and_retries_share_one_budget() -> None:
    budget = Budget(BudgetSettings(retry_ratio=0.1, minimum=3), ManualClock())
    for _ in range(100):
        budget.call()
    assert hedge_all(budget, 0.05) == 5
    assert spend_all(budget) == 5
    assert not budget.spend(0.05)


def test_a_hedge_that_the_shared_budget_refuses_costs_nothing_of_what_was_earned() -> None:
    clock = ManualClock()
    budget = Budget(BudgetSettings(retry_ratio=0.0, minimum=1), clock)
    for _ in range(20):
        budget.call()
    assert budget.spend()
    assert not budget.spend(0.05)
    clock.advance(SPAN)
    assert budget.spend(0.05)


def test_a_hedge_that_was_not_earned_costs_nothing_of_the_shared_budget() -> None:
    budget = Budget(BudgetSettings(retry_ratio=0.0, minimum=1), ManualClock())
    assert not budget.spend(0.05)
    assert budget.spend()


@given(st.lists(st.booleans(), max_size=400), st.sampled_from([0.0, 0.01, 0.03, 0.05, 0.3, 1.0]))
def test_hedges_are_never_more_than_their_share_of_all_calls_and_none_is_withheld(
    script: list[bool], share: float
) -> None:
    budget = Budget(BudgetSettings(retry_ratio=1.0, minimum=1000), ManualClock())
    calls = hedges = 0
    for is_call in script:
        if is_call:
            budget.call()
            calls += 1
        elif budget.spend(share):
            hedges += 1
            assert hedges <= share * calls + 1e-6
        else:
            assert hedges + 1 > share * calls - 1e-6


def test_a_clock_that_stood_still_for_days_leaves_no_old_calls() -> None:
    clock = ManualClock()
    budget = Budget(BudgetSettings(retry_ratio=1.0, minimum=0), clock)
    for _ in range(100):
        budget.call()
        clock.advance(0.1)
    clock.advance(86400.0 * 3)
    assert not budget.spend()
    budget.call()
    assert spend_all(budget) == 1
