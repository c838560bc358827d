"""The knowledge base: what each code means, one table a provider, kept as data beside its adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ocrgate.diagnosis.book import GATEWAY, GROUP, book
from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.diagnosis.redaction import brief

LONGEST_CODE = 80

__all__ = ["GROUP", "LONGEST_CODE", "home", "lookup", "table"]


def table(provider: str) -> Mapping[str, Diagnosis]:
    """The rows of a provider type by code, empty when its package ships no table; the gateway's own: `gateway`."""
    return book(provider).rows


def home(provider: str, code: str) -> str | None:
    """The table that a code is read from: the provider type, else `gateway`, None for a code that is in neither."""
    return next((name for name in (provider, GATEWAY) if code in book(name).rows), None)


def lookup(
    provider: str,
    code: object,
    message: str = "",
    *,
    remedy: str = "",
    retry_after: float | None = None,
    log_id: str | None = None,
) -> Diagnosis:
    """The diagnosis of a code: the provider's row, else the gateway's, else its class, else an honest "unknown".

    Where a code has several readings, the message decides.

    Args:
        provider: the provider type, which names the table.
        code: number or text.
        message: what the other side said; replaces the table's own wording.
        remedy: the exact command, where it depends on the case; replaces the table's own.
        retry_after: seconds the other side asked to wait.
        log_id: the other side's reference.
    """
    key = str(code)
    row = _row(provider, key, message) or book(provider).inferred(key) or book(GATEWAY).inferred(key) or _unknown(key)
    return replace(
        row,
        message=message or row.message,
        remedy=remedy or row.remedy,
        retry_after=retry_after,
        log_id=log_id,
    )


def _row(provider: str, code: str, message: str) -> Diagnosis | None:
    known = home(provider, code)
    if known is None:
        return None
    told = message.casefold()
    for case in book(known).cases.get(code, ()) if told else ():
        if any(said in told for said in case.says):
            return case.diagnosis
    return book(known).rows[code]


def _unknown(key: str) -> Diagnosis:
    code = brief(key, LONGEST_CODE)
    return Diagnosis(
        code=code,
        meaning=f"The code {code} is in no table.",
        meaning_zh=f"错误码 {code} 不在任何已知的表中。",
        remedy="Look at the message; report the code if it persists.",
        remedy_zh="请查看返回的原文；若持续出现，请反馈该错误码。",
        known=False,
    )
