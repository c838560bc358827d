"""What an operator sees of a circuit breaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ocrgate.settings import BreakerMode

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """What an operator asks of a breaker; plain values that JSON can carry.

    Attributes:
        state: `closed`, `open` or `half-open`. A breaker that is forced open is open, a disabled one closed.
        mode: in force: `enforce`, `shadow`, `disabled` or `forced_open`.
        override: the mode that an operator has set, or None when it is the configured one that is in force.
        retry_in: seconds until a call is let through: 0 when it is now, None when nobody knows.
        age: seconds for which the state has lasted, or None since the record began.
        cause: why it opened, in a few words, until it has closed again; else empty.
        calls, failures, slow: in the window; a call may be both. Empty unless the state is closed.
        failure_rate, slow_rate: shares of the calls in the window, 0–1; None while there are none.
        probes: calls that are being tried at the moment.
        successes: of probes since it was half open.
        failed_probes: in a row since it was closed.
        spared: calls made in shadow mode that would have been refused, since the mode was last changed.
    """

    state: State
    mode: BreakerMode
    override: BreakerMode | None
    retry_in: float | None
    age: float | None
    cause: str
    calls: int
    failures: int
    slow: int
    failure_rate: float | None
    slow_rate: float | None
    probes: int
    successes: int
    failed_probes: int
    spared: int
