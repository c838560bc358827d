"""What the gateway writes to its ledger, as plain fields."""

from __future__ import annotations

import datetime as dt
import math

from ocrgate.key import KeyUse
from ocrgate.result import Cost

_LONGEST = 300
_CUT = "…"


def use_record(
    provider: str, use: KeyUse, *, fingerprint: str = "", cost: Cost | None = None, request_id: str = ""
) -> dict[str, object]:
    """A credential, or what was got with it, was sent somewhere.

    Args:
        provider: its configured name.
        use: what was done; holds no secret.
        fingerprint: of the key.
        cost: of the call as far as it is known, or None.
        request_id: of the call that it was done for; empty when it was for none.
    """
    return {
        "event": "use",
        "provider": provider,
        "key": _short(use.key),
        "fingerprint": fingerprint,
        "source": _short(use.source),
        "endpoint": _short(use.endpoint),
        "outcome": use.outcome,
        "code": _short(use.code),
        "log_id": None if use.log_id is None else _short(use.log_id),
        "bytes": use.sent,
        "cost": None if cost is None else cost.amount,
        "currency": None if cost is None else cost.currency,
        "billed": use.billed,
        "request_id": _short(request_id),
    }


def switch_record(
    route: str, from_provider: str, to_provider: str, *, code: str = "", request_id: str = ""
) -> dict[str, object]:
    """A call went on to another engine.

    Args:
        route: its name.
        from_provider, to_provider: configured names of the engine that was left and of the one that is asked now.
        code: of the diagnosis that made it go on; empty when the answer passed no rule.
        request_id: of the call.
    """
    return {
        "event": "switch",
        "route": _short(route),
        "from": from_provider,
        "to": to_provider,
        "code": _short(code),
        "request_id": _short(request_id),
    }


def bench_record(
    provider: str, key: str, *, fingerprint: str = "", until: float | None = None, code: str = ""
) -> dict[str, object]:
    """A key is left alone for a while.

    Args:
        provider, key: configured names.
        fingerprint: of the key.
        until: Unix time in seconds at which it is used again; None or infinity when the configuration has to change.
        code: of the diagnosis that put it on the bench.
    """
    return {
        "event": "bench",
        "provider": provider,
        "key": _short(key),
        "fingerprint": fingerprint,
        "until": _stamp(until),
        "code": _short(code),
    }


def trial_record(
    provider: str, key: str, old: str, new: str, *, fingerprint: str = "", reason: str = ""
) -> dict[str, object]:
    """The trial of a new key began, was passed or was failed.

    Args:
        provider, key: configured names.
        old, new: states of the trial, before and now.
        fingerprint: of the key.
        reason: why, in one sentence.
    """
    return {
        "event": "trial",
        "provider": provider,
        "key": _short(key),
        "fingerprint": fingerprint,
        "old": old,
        "new": new,
        "reason": _short(reason),
    }


def _short(text: str) -> str:
    # Codes and references come from the other side, which may send anything.
    return text if len(text) <= _LONGEST else text[: _LONGEST - len(_CUT)] + _CUT


def _stamp(seconds: float | None) -> str | None:
    if seconds is None or not math.isfinite(seconds):
        return None
    return f"{dt.datetime.fromtimestamp(seconds, dt.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
