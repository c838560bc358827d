"""Answers that need no engine: those that are kept, and those that another call is being given right now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocrgate.answers.cache import Cache
from ocrgate.answers.flight import Flights
from ocrgate.cancel import Cancellation
from ocrgate.clock import SYSTEM_CLOCK, Clock, Deadline
from ocrgate.result import Result
from ocrgate.settings import CacheSettings


class Answers:
    """The cache and the flights of one gateway; thread-safe. Building it opens nothing.

    Args:
        cache: where answers are kept, or None for nowhere.
        single_flight: whether calls that ask the same at the same time are read once.
        clock: time.

    Raises:
        ValueError: when no file can have the cache's name.
    """

    def __init__(self, cache: CacheSettings | None, single_flight: bool, clock: Clock = SYSTEM_CLOCK) -> None:
        self.cache = None if cache is None else Cache(cache, clock)
        self._flights = Flights(clock) if single_flight else None

    @property
    def wanted(self) -> bool:
        """Whether questions are of any use: without cache and flights nobody need identify a picture."""
        return self.cache is not None or self._flights is not None

    def get(
        self, question: str | None, read: Callable[[], Result], *, deadline: Deadline, cancel: Cancellation
    ) -> Result:
        """The answer to a question: one that is kept, or one that is being read, or else what `read` returns.

        Args:
            question: what is asked; None reads in any case, and shares nothing.
            read: reads; called once at most.
            deadline: of this call; may be infinite.
            cancel: how its caller gives up.

        Returns:
            By its `origin`: `cache` without attempts and cost, `flight` with the attempts of the call that read it and
            without cost, `engine` as it was read. `request_id` and `elapsed` are those of whoever read it.

        Raises:
            DeadlineExceeded, AllProvidersFailed: see `Flights.fly`.
            Exception: what `read` raised, here or for another call that asked the same.
        """
        if question is None:
            return read()
        cache, flights = self.cache, self._flights
        puts = 0
        if cache is not None:
            puts = cache.puts
            kept = cache.get(question)
            if kept is not None:
                return kept

        def fresh() -> Result:
            # Another call may have ended its flight since this one looked.
            if cache is not None and cache.puts != puts and (kept := cache.get(question)) is not None:
                return kept
            result = read()
            if cache is not None:
                cache.put(question, result)
            return result

        if flights is None:
            return fresh()
        return flights.fly(question, fresh, deadline=deadline, cancel=cancel)[0]

    def status(self) -> dict[str, Any]:
        """`cache`: a `CacheHealth`, or None without a cache. `flights`: see `Flights.status`, or None without."""
        return {
            "cache": None if self.cache is None else self.cache.status(),
            "flights": None if self._flights is None else self._flights.status(),
        }

    def close(self) -> None:
        """Close the file of the cache, and share nothing that is under way."""
        if self._flights is not None:
            self._flights.close()
        if self.cache is not None:
            self.cache.close()
