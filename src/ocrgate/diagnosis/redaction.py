"""What a text says, without the secrets that libraries quote in it: URLs with keys and tokens, headers, passwords."""

from __future__ import annotations

import re

HIDDEN = "***"

_RULES = (
    # Every value of a query is hidden, since nobody knows which parameters of a service are secrets.
    (re.compile(r"([?&][\w.%\[\]-]{1,64}=)[^&\s'\"<>#]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(://)[^/@\s'\"]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(bearer|basic)(\s+)[\w.~+/=:-]{6,}", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(r"\bbce-(?:auth-)?v\d/[^\s'\"]+", re.IGNORECASE), HIDDEN),
    # An access token of Baidu's platform, wherever it stands.
    (re.compile(r"\b\d{2}\.[0-9a-f]{32}\.\d+\.\d+\.\d+-\d+"), HIDDEN),
    (
        re.compile(
            r"\b((?:(?:access|refresh|session|security|auth)[_-]?)?token|client[_-]?(?:id|secret)"
            r"|(?:secret|api|access)[ _-]?key(?:[ _-]?id)?|session[_-]?(?:key|secret)|secret|passw(?:or)?d"
            r"|(?:proxy-)?authorization|ak|sk)\b"
            r"(\\?['\"]?\s*[:=]\s*(?:b?\\?['\"])?)(?!(?:bearer|basic)\b)([^'\"&\s,;)}\]\\]+)",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
)


def redacted(text: str) -> str:
    """The text with every query value, password, token and key in it hidden."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def brief(text: str, longest: int) -> str:
    """The text without its secrets, and cut where it is longer than so many characters."""
    shown = redacted(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
