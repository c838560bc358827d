"""Why a call failed, on its way through the adapter."""

from __future__ import annotations

from dataclasses import replace

from ocrgate.diagnosis import Diagnosis, lookup

TYPE = "baidu"


class Failed(Exception):
    """One attempt failed; nothing of a foreign exception, whose text may hold secrets, comes along.

    Attributes:
        diagnosis: what it means.
    """

    def __init__(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis
        super().__init__(str(diagnosis))


def failed(
    code: object,
    message: str = "",
    *,
    retry_after: float | None = None,
    log_id: str | None = None,
    action: str | None = None,
) -> Failed:
    """The failure for a code of Baidu's table or of the gateway's; `action` replaces the table's."""
    diagnosis = lookup(TYPE, code, message, retry_after=retry_after, log_id=log_id)
    return Failed(replace(diagnosis, action=action) if action else diagnosis)  # type: ignore[arg-type]
