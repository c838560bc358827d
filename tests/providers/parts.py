"""What a page is made of."""

from __future__ import annotations

from collections.abc import Iterator

from ocrgate.page import Line, Page, Word


def parts(page: Page) -> Iterator[Line | Word]:
    """Every line of a page, and every word of each."""
    for line in page.lines:
        yield line
        yield from line.words
