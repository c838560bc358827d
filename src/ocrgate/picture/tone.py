"""Which values are black and white in pixels wider than eight bits."""

from __future__ import annotations

_WHOLE = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_REAL = (1.0, 255.0)


def tone(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """Black and white for pixels from `low` to `high`.

    The nominal range (that of 8, 10, 12, 14 or 16 bits; for floats 0 to 1 or 0 to 255) is kept when the pixels fill
    half of it, so an ordinary page keeps its tones. What fills less is stretched, or a page would be washed out or
    black; but not what fills next to nothing, because that would blow up the noise of an empty page.

    Args:
        low, high: the smallest and the largest finite pixel.
        whole: whether the values are whole numbers.

    Returns:
        (black, white), black < white.
    """
    ceiling = next((value for value in (_WHOLE if whole else _REAL) if high <= value), None)
    if low < 0 or ceiling is None:
        return (low, high) if low < high else (low - 1.0, high)
    span = high - low
    if span >= ceiling / 2 or span < ceiling / 32:
        return 0.0, ceiling
    return low, high
