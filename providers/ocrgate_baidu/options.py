"""Options of a request, checked before anything is sent."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from ocrgate.language import tags
from ocrgate_baidu.endpoints import BOOLEAN, ENDPOINTS, FIELD, MORE_LANGUAGES, NUMBER, UNSERVED, Endpoint

RESERVED = (*FIELD.values(), "access_token")


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the right spelling, or at all that is known."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}" if known else "it takes none"


def endpoint(name: object) -> Endpoint:
    """The endpoint of that name.

    Raises:
        ValueError: with the nearest right name.
    """
    found = ENDPOINTS.get(name) if isinstance(name, str) else None
    unserved = UNSERVED.get(name.partition("/")[0]) if isinstance(name, str) else None
    if unserved is not None:
        other = f"; {unserved.use} comes closest" if unserved.use else ""
        raise ValueError(f"{unserved.name} is no endpoint here: {unserved.reason}{other}")
    if found is None:
        raise ValueError(f"Baidu has no endpoint {name!r}; {nearest(str(name), ENDPOINTS)}")
    return found


def server(url: object) -> str:
    """The base URL, without a slash at its end.

    Raises:
        ValueError: when it is none.
    """
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL such as https://aip.baidubce.com")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("a URL without user name, query or fragment")
    return parts.geturl().rstrip("/")


def checked(where: Endpoint, options: Mapping[str, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The options as they are sent, and every problem as `(option, message)`."""
    sent: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for name, value in options.items():
        if name in RESERVED:
            problems.append((str(name), "this is the image itself, not an option"))
        elif where.params is not None and name not in where.params:
            problems.append(
                (str(name), f"the endpoint {where.name} takes no such option; {nearest(str(name), where.params)}")
            )
        elif value is None:
            continue
        else:
            text = _text(value)
            allowed = where.values(name) if where.params is not None or name in where.required else None
            flaw = "a text, a number, true or false" if text is None else _flaw(text, allowed)
            if flaw:
                problems.append((str(name), flaw))
            sent[str(name)] = text or ""
    missing = [name for name in where.required if not {name, *where.instead.get(name, ())} & sent.keys()]
    problems += [(name, _needed(where, name)) for name in missing]
    return sent, problems


def _needed(where: Endpoint, name: str) -> str:
    values, others = where.values(name), where.instead.get(name, ())
    told = f"the endpoint {where.name} needs {' or '.join(('it', *others))}"
    return f"{told}: {' or '.join(values)}" if values else told


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def _flaw(text: str, allowed: Sequence[str] | None) -> str:
    if allowed is None or text in allowed:
        return ""
    if allowed == NUMBER:
        return "" if text.isascii() and text.isdecimal() and text.strip("0") else f"{NUMBER[0]}, got {text!r}"
    if allowed == BOOLEAN:
        return f"true or false, got {text!r}"
    return f"{text!r} is no value of it; {nearest(text, allowed)}"


def language(where: Endpoint, wanted: Sequence[str]) -> str | None:
    """The `language_type` for languages by tag, or None when the endpoint has no such parameter or none are wanted.

    Raises:
        ValueError: when no single value covers them all.
    """
    if not where.languages or not wanted:
        return None
    codes = {_code(tag): tag for tag in tags(wanted)}
    unknown = [tag for code, tag in codes.items() if code not in where.languages]
    if unknown:
        raise ValueError(f"the endpoint {where.name} does not read {', '.join(unknown)}")
    # Every model reads Latin letters and digits beside its own script.
    others = [code for code in codes if code != "ENG"]
    if len(others) <= 1:
        return others[0] if others else "ENG"
    if "auto_detect" in where.languages:
        return "auto_detect"
    raise ValueError(f"the endpoint {where.name} reads one of {', '.join(codes.values())} at a time")


@cache
def _codes() -> Mapping[str, str]:
    codes = {tags(code)[0]: code for code in MORE_LANGUAGES if code not in ("auto_detect", "CHN_ENG")}
    return {**codes, "zh-Hans": "CHN_ENG", "zh-Hant": "CHN_ENG"}


def _code(tag: str) -> str:
    return _codes().get(tag, tag)


def spoken(where: Endpoint) -> frozenset[str] | None:
    """Tags of the languages an endpoint reads, or None when it has no say in the matter."""
    if not where.languages:
        return None
    return frozenset(tag for tag, code in _codes().items() if code in where.languages)
