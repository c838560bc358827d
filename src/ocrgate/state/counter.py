"""What an addition makes of a counter; the same in every store."""

from __future__ import annotations

from ocrgate.state.store import NotACounter


def added(name: str, text: str | None, amount: int, limit: int | None) -> int | None:
    """The new sum, or None when an addition above 0 would take it above `limit`.

    Args:
        name: of the counter, for the error.
        text: what is there, None for nothing.
        amount, limit: see `Store.add`.

    Raises:
        NotACounter: when the text is no whole number.
    """
    try:
        total = int(text or 0) + amount
    except ValueError as error:
        raise NotACounter(
            f"{name} holds a text, so nothing can be added to it; give one of them another name"
        ) from error
    return None if limit is not None and amount > 0 and total > limit else total
