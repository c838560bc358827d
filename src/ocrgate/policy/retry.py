"""Retries, by diagnosis: the only retry loop there is.

tenacity runs the loop. What is repeated is decided by the diagnosis alone: `retry` with full jitter, a throttled call
with a base of its own, `refresh_token` once and at once; never past the deadline, never beyond the budget.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import tenacity

from ocrgate.clock import Deadline, Wake
from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.errors import ProviderError, ProviderRefused
from ocrgate.policy.budget import Budget
from ocrgate.settings import RetrySettings

_DOUBLINGS = 64
"""More would overflow, and no cap is that far away."""

T = TypeVar("T")


class Retry:
    """Repeats a call as long as its diagnosis, the deadline and the budget allow.

    Args:
        settings: see `RetrySettings`.
        budget: of the route.
        ordinary: whether the first call is counted there as an ordinary one; not when it has been paid for as an extra.
        uniform: draws a number between two bounds.
    """

    def __init__(
        self,
        settings: RetrySettings,
        budget: Budget,
        uniform: Callable[[float, float], float] = random.uniform,
        *,
        ordinary: bool = True,
    ) -> None:
        self.settings = settings
        self._budget = budget
        self._uniform = uniform
        self._ordinary = ordinary

    def __call__(self, ask: Callable[[], T], deadline: Deadline, wake: Wake | None = None) -> T:
        """Run `ask`, again and again where that is worth it, and no more once `wake` is set.

        Raises:
            ProviderError: of the last call.
        """
        if self._ordinary:
            self._budget.call()
        try:
            return ask()
        except ProviderError as error:
            # Entered only now, because entering the loop costs more than all else around a call that succeeds.
            return self._again(ask, error, deadline, wake)
        except ProviderRefused:
            if self._ordinary:
                # No call was made, and those that are not would widen the budget when all is refused.
                self._budget.call(-1)
            raise

    def _again(self, ask: Callable[[], T], first: ProviderError, deadline: Deadline, wake: Wake | None) -> T:
        """The loop, which has the error of the first call as its first."""
        failed: ProviderError | None = first
        refreshed = False
        last: BaseException | None = None

        def worth_it(error: BaseException) -> bool:
            nonlocal refreshed, last
            last = error
            if not isinstance(error, ProviderError) or (wake is not None and wake.is_set()):
                return False
            if error.diagnosis.action == "refresh_token":
                again, refreshed = not refreshed, True
                return again
            return error.diagnosis.action == "retry"

        def stop(state: tenacity.RetryCallState) -> bool:
            if state.attempt_number >= self.settings.attempts or state.upcoming_sleep >= deadline.remaining:
                return True
            return not self._budget.spend()

        def replay_or_ask() -> T:
            nonlocal failed
            if failed is None:
                return ask()
            error, failed = failed, None
            raise error

        def pause(seconds: float) -> None:
            if deadline.clock.sleep(seconds, wake) and last is not None:
                raise last

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(worth_it),
            wait=self._wait,
            stop=stop,
            sleep=pause,
            reraise=True,
        )
        return retrying(replay_or_ask)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        assert isinstance(error, ProviderError)
        return self.wait(error.diagnosis, state.attempt_number)

    def wait(self, diagnosis: Diagnosis, attempt: int) -> float:
        """Seconds to wait after call number `attempt`, counted from 1."""
        settings = self.settings
        if diagnosis.action == "refresh_token":
            return 0.0
        if diagnosis.retry_after is not None and diagnosis.retry_after >= 0:
            return diagnosis.retry_after
        if diagnosis.category == "throttle":
            # Full jitter may draw 0, which is no answer to "too often": wait at least the base.
            ceiling = min(settings.cap, settings.throttle_base * 2.0 ** min(attempt, _DOUBLINGS))
            return self._uniform(min(settings.throttle_base, ceiling), ceiling)
        return self._uniform(0.0, min(settings.cap, settings.base * 2.0 ** min(attempt - 1, _DOUBLINGS)))
