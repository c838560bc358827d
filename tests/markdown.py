"""The pages of the documentation, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
PAGES = (*READMES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        page: that it stands on.
        line: of its fence, from 1.
        language: named by the fence, or empty.
        marker: text of the HTML comment right before it, or empty.
        code: what it holds.
    """

    page: Path
    line: int
    language: str
    marker: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def text(page: Path) -> str:
    """The page as it is."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    whole = text(page)
    return [
        Block(
            page=page,
            line=whole.count("\n", 0, found.start("code")),
            language=found["language"],
            marker=found["marker"] or "",
            code=found["code"],
        )
        for found in _FENCE.finditer(whole)
    ]


def every(language: str, *markers: str) -> list[Block]:
    """The blocks of all pages in a language, with one of the markers, or with any when none is named."""
    found = (block for page in PAGES for block in blocks(page))
    return [block for block in found if block.language == language and (not markers or block.marker in markers)]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text(page))


def headings(page: Path, level: int = 2) -> list[str]:
    """The headings of one level, in order."""
    return re.findall(rf"^{'#' * level} (.+)$", prose(page), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The fragments that a link to the page may have."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[str]:
    """The targets of the links that lead to a place in the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            yield target


def table(page: Path, marker: str) -> list[str]:
    """The first column of the table between `<!-- marker -->` and the end of that part."""
    part = re.search(rf"<!-- {re.escape(marker)} -->\n(.*?)<!-- /", text(page), re.DOTALL)
    assert part is not None, f"{page.name} has no part <!-- {marker} -->"
    rows = [row.split("|")[1] for row in part[1].splitlines() if row.startswith("|")][2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
