"""Everything that can go wrong, as one tree.

OCRError
 ├─ ConfigError          the configuration cannot be used: every problem with its line
 ├─ InvalidImage         the input cannot be read as an image; no engine was asked
 ├─ ProviderError        an engine was asked and failed; an adapter raises nothing else
 ├─ ProviderRefused      a policy did not ask the engine, so nothing was sent
 ├─ DeadlineExceeded     the caller's time was over before any engine had answered
 ├─ AllProvidersFailed   no engine of the route gave an answer
 └─ NoValidResult        engines answered, but no answer passed the route's rules

Each carries its data as attributes; nothing has to be read out of a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.diagnosis.diagnosis import Diagnosis
    from ocrgate.result import Attempt, Result


class OCRError(Exception):
    """The root of all errors this library raises."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration.

    Attributes:
        message: what is wrong, and what to write instead.
        key: dotted path of the setting, `routes.default.deadline`.
        line, column: counted from 1; None when the configuration did not come from a text.
    """

    message: str
    key: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}: " if self.line is not None else ""
        return f"{place}{self.key}: {self.message}" if self.key else f"{place}{self.message}"


class ConfigError(OCRError):
    """The configuration cannot be used.

    Attributes:
        path: the file, or None for a mapping.
        problems: all of them, in the order of the file.
        line, key: of the first problem.
    """

    def __init__(self, problems: Sequence[Problem] | str, path: str | None = None) -> None:
        self.problems: tuple[Problem, ...] = (Problem(problems),) if isinstance(problems, str) else tuple(problems)
        self.path = path
        self.line = self.problems[0].line if self.problems else None
        self.key = self.problems[0].key if self.problems else ""
        where = f"{path}:" if path else ""
        gaps = [" " if where and problem.line is None else "" for problem in self.problems]
        super().__init__("\n".join(f"{where}{gap}{problem}" for gap, problem in zip(gaps, self.problems, strict=True)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self.path)


class InvalidImage(OCRError, ValueError):
    """The input cannot be read as an image; no engine was asked.

    Attributes:
        reason: why, in plain words.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class ProviderError(OCRError):
    """An engine was asked and failed.

    Attributes:
        provider: its configured name.
        diagnosis: what it means, who is to blame and what to do.
    """

    def __init__(self, provider: str, diagnosis: Diagnosis) -> None:
        self.provider = provider
        self.diagnosis = diagnosis
        super().__init__(f"{provider}: {diagnosis.code}: {diagnosis.message}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.provider, self.diagnosis)


class ProviderRefused(OCRError):
    """A policy did not ask the engine, so nothing was sent.

    Attributes:
        provider: its configured name.
        reason: `breaker_open`, `lane_full`, `rate_limit`, `no_key`, `deadline`, `residency`, `not_ready` …
        detail: one sentence for people.
        retry_in: seconds until asking makes sense again, or None when that is not known.
    """

    def __init__(self, provider: str, reason: str, detail: str = "", retry_in: float | None = None) -> None:
        self.provider = provider
        self.reason = reason
        self.detail = detail
        self.retry_in = retry_in
        super().__init__(f"{provider}: not asked ({reason})" + (f": {detail}" if detail else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.provider, self.reason, self.detail, self.retry_in)


class _WithAttempts(OCRError):
    """An outcome that tells its whole story."""

    def __init__(self, message: str, attempts: Sequence[Attempt]) -> None:
        self.attempts: tuple[Attempt, ...] = tuple(attempts)
        story = "; ".join(attempt.summary() for attempt in self.attempts)
        super().__init__(f"{message}: {story}" if story else message)


class DeadlineExceeded(_WithAttempts, TimeoutError):
    """The caller's time was over before any engine had answered.

    Attributes:
        attempts: what was tried.
    """

    def __init__(self, attempts: Sequence[Attempt] = ()) -> None:
        super().__init__("no engine answered within the deadline", attempts)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.attempts,)


class AllProvidersFailed(_WithAttempts):
    """No engine of the route gave an answer.

    Attributes:
        attempts: what was tried, and what was refused.
    """

    def __init__(self, attempts: Sequence[Attempt] = ()) -> None:
        super().__init__("no engine could read the image", attempts)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.attempts,)


class NoValidResult(_WithAttempts):
    """Engines answered, but no answer passed the route's rules.

    Attributes:
        best: the best of the answers, a whole `Result` with `valid` False.
        attempts: what was tried.
    """

    def __init__(self, best: Result, attempts: Sequence[Attempt] = ()) -> None:
        self.best = best
        super().__init__("no answer passed the route's rules", attempts)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.best, self.attempts)
