"""An access token, and when it is to be replaced."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; its text appears in no repr.

    Attributes:
        text: what is sent.
        expires: in the seconds of the owner's `clock.monotonic()`.
        serial: different for every token of an owner, for logs.
    """

    text: str = field(repr=False)
    expires: float
    serial: int = field(default=0, compare=False)


def refresh_at(expires: float, life: float, margin: float) -> float:
    """When a token is to be replaced: `margin` seconds before it expires, or at half of its life if that is later."""
    return expires - min(margin, life / 2)
