"""Everything wrong with a configuration, collected, and worded so that no secret gets out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import inf
from typing import Any

from ocrgate.config.document import Document, Finding, Path, Place, is_secret, leaves
from ocrgate.errors import Problem

_PLAIN_KEY = re.compile(r"[\w.-]{1,64}")
_RUN = 4
"""Characters in a row that a message may not share with a secret."""


class Report:
    """The findings on one document.

    Attributes:
        derived: paths of values that came from the environment.
        unset: paths of values that could not be had; nothing else is said about these.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.derived: set[Path] = set()
        self.unset: set[Path] = set()
        self.findings: list[Finding] = list(document.findings)
        self._secrets: list[str] | None = None

    def add(self, path: Path, message: str, *, on_key: bool = False, place: Place | None = None) -> None:
        """Note a finding."""
        self.findings.append(Finding(path, message, on_key, place))

    def quotable(self, path: Path) -> bool:
        """Whether the value at a path may appear in a message."""
        # The address of a store may hold a password.
        return path not in self.derived and not is_secret(path) and path != ("state",)

    def quote(self, path: Path, value: Any, otherwise: str = "this") -> str:
        """A value for a message, shortened; `otherwise` where it may not appear."""
        return quoted(value) if self.quotable(path) else otherwise

    def spelling(self, path: Path) -> str | None:
        """How a boolean was spelt, when that may be told."""
        return self.document.sources.get(path) if self.quotable(path) else None

    def reveals(self, message: str) -> bool:
        """Whether a text of foreign origin holds a piece of a secret."""
        if self._secrets is None:
            self._secrets = [
                str(value)[:4096]
                for path, value in leaves(self.document.data)
                if value is not None and not isinstance(value, bool) and not self.quotable(path)
            ]
        # What is shorter than a run counts as a word of its own, or the name `a` would silence every sentence.
        words = re.findall(r"\w+", message)
        pieces = {message[start : start + _RUN] for start in range(len(message))}
        return any(
            secret in words
            if len(secret) < _RUN
            else any(secret[start : start + _RUN] in pieces for start in range(len(secret) - _RUN + 1))
            for secret in self._secrets
            if secret
        )

    def problems(self) -> list[Problem]:
        """The findings with their places, each once, in the order of the text."""
        found = []
        for number, finding in enumerate(self.findings):
            place = finding.place or self.document.place(finding.path, on_key=finding.on_key)
            line, column = place or (None, None)
            found.append((line or 0, column or 0, number, Problem(finding.message, dotted(finding.path), line, column)))
        return list(dict.fromkeys(problem for *_, problem in sorted(found, key=lambda item: item[:3])))


def quoted(value: Any) -> str:
    """A value as it would be written, cut to 40 characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:39] + "…")
    return "a huge number" if 1e20 <= abs(value) < inf else str(value)


def dotted(path: Iterable[str | int]) -> str:
    """A path as people write it: `routes.default.accept.rules[0].pattern`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN_KEY.fullmatch(part) else quoted(part)
            text += f".{name}" if text else name
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None."""
    if len(word) > 64:
        return None
    from difflib import get_close_matches

    plain = {_plain(name): name for name in known}
    close = get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def meant(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, as the end of a sentence; all of them when none is near."""
    names = list(known)
    near = nearest(word, names)
    if near is not None:
        return f"; did you mean {quoted(near)}?"
    return f"; known: {', '.join(names)}" if names else ""


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", "", word).lower() or word
