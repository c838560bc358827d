"""What people paste: a code, a line of a log, a reply as JSON or as Python prints it, the last line of a traceback."""

from __future__ import annotations

import ast
import builtins
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ocrgate.diagnosis.book import GATEWAY, book
from ocrgate.diagnosis.rule import Clue, system_errors

_TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,120})", re.IGNORECASE)
_LABELLED = re.compile(
    r"(?:\berror[ _-]?code|\berr[ _-]?(?:no|code)|\berrorno|\bcode|错误码|错误代码|返回码)"
    r"['\"]?\s*(?:[:=]|\bis\b|为|是)?\s*['\"]?(SDK\d{3}|\d{1,9})(?![\w.])",
    re.IGNORECASE,
)
_LEADING = re.compile(r"[\[(]?(\w{1,40})[\])]?\s*([:,;\s-])\s*(.+)", re.DOTALL)
_HTTP = (
    re.compile(r"\bhttp(?:/\d(?:\.\d)?)?[ _-]*(?:error|status|code|状态码?|[ _:=-])*([1-5]\d\d)\b", re.IGNORECASE),
    re.compile(r"\bstatus[ _-]?code['\"]?\s*[:=]?\s*([1-5]\d\d)\b", re.IGNORECASE),
    re.compile(r"\b([45]\d\d) (?:client|server) error\b", re.IGNORECASE),
)
_EXCEPTION = re.compile(
    r"(?P<name>(?:[A-Za-z_]\w*\.)*[A-Z]\w*|[a-z]\w*\.error|(?:socket\.)?(?:gai|h)error)(?::\s(?P<text>.*))?", re.DOTALL
)
_KIND = re.compile(r"(?:[Ee]rror|Exception|Timeout|Expired|Warning|Interrupt|Disconnected|Read)$")
_NESTED = re.compile(r"\b(?:[a-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Timeout|Disconnected|Read|Abort)|gaierror)\b")
_NUMBER = re.compile(r"\[(?:Errno|WinError) (\d+)\]")
_LONGEST = 20_000


def decoded(data: bytes) -> str:
    """The text of a body, whatever its encoding; a byte-order mark is taken off."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8-sig", "replace")


def normal(text: str) -> str:
    """The text with full-width digits and signs made plain, and nothing around it."""
    return unicodedata.normalize("NFKC", text).strip(" \t\r\n\ufeff\u200b\0")


def named(text: str, provider: str) -> str | None:
    """The code that a text is, upper and lower case being the same."""
    if re.fullmatch(r"\d{1,9}\.0+", text):
        text = text.partition(".")[0]
    for name in (provider, GATEWAY):
        rows = book(name).rows
        if text in rows:
            return text
        same = [code for code in rows if code.casefold() == text.casefold()]
        if len(same) == 1:
            return same[0]
    return None


def data(text: str) -> object:
    """The JSON or Python value that the text is, or None."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return _literal(text)
    return value


def embedded(text: str) -> Iterator[Mapping[Any, Any]]:
    """The mappings inside of a text, a line of a log for example."""
    decoder = json.JSONDecoder()
    starts = [found.start() for found in re.finditer(r"\{", text[:_LONGEST])]
    for start in starts[:8]:
        try:
            value, _end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            value = _literal(text[start : text.rfind("}") + 1])
        if isinstance(value, dict):
            yield value


def _literal(text: str) -> object:
    if len(text) > _LONGEST or not text.startswith(("{", "[", "'", '"', "b'", 'b"')):
        return None
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value


def page(text: str) -> str | None:
    """What a page of HTML shows in a few words; None for any other text."""
    if not re.match(r"<(?:!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
        return None
    title = _TITLE.search(text)
    return f"an HTML page: {' '.join(title[1].split())}" if title else "an HTML page"


def status(text: str) -> str | None:
    """The row of the HTTP status that a text is about: `HTTP 502`, `502 Bad Gateway`."""
    number = next((found[1] for found in (pattern.search(text) for pattern in _HTTP) if found), None)
    if number is None:
        first, _, phrase = text.partition(" ")
        known = {str(int(each)): each.phrase.casefold() for each in HTTPStatus}
        number = first if phrase and known.get(first) == phrase.strip().casefold() else None
    return None if number is None else f"http_{number}"


def exception(text: str) -> tuple[str, Clue] | None:
    """The class name and the clue of an exception as Python prints it, or the last line of a whole traceback."""
    whole = text
    if "Traceback (most recent call last)" in text:
        lines = [line for line in text.splitlines() if line[:1].strip()]
        whole = lines[-1] if lines else text
    found = _EXCEPTION.fullmatch(whole)
    numbers = [int(number) for number in _NUMBER.findall(whole)]
    if found is None or not _KIND.search(found["name"]):
        return ("OSError", Clue(frozenset({"OSError"}), whole, system_errors(numbers))) if numbers else None
    names = {found["name"], found["name"].rpartition(".")[2], *_NESTED.findall(found["text"] or "")}
    own = getattr(builtins, found["name"], None)
    if isinstance(own, type):
        names |= {f"{each.__module__}.{each.__name__}" for each in own.__mro__} | {
            each.__name__ for each in own.__mro__
        }
    # Numbers of the resolver, which are its own, are negative here.
    return found["name"], Clue(frozenset(names), found["text"] or "", system_errors(numbers))


def labelled(text: str) -> str | None:
    """The code behind a label: `error_code: 110`, `错误码：17`."""
    found = _LABELLED.search(text)
    return found[1].upper() if found else None


def leading(text: str, provider: str) -> tuple[str, str] | None:
    """A code and the words behind it: `18: Open api qps request limit reached`, `invalid_client: unknown client id`."""
    found = _LEADING.fullmatch(text)
    if found is None:
        return None
    code = named(found[1], provider)
    plainly_marked = found[2] in ":,;" or text.startswith(("[", "("))
    if code is None or not (plainly_marked or code in worded(found[3], provider)):
        return None
    return code, found[3].strip()


def worded(text: str, provider: str) -> list[str]:
    """The codes that are told in just these words."""
    wanted = _words(text)
    known = book(provider)
    rows = [code for code, row in known.rows.items() if row.message and _words(row.message) == wanted]
    cases = [code for code, each in known.cases.items() for case in each if wanted in case.says]
    return list(dict.fromkeys(rows + cases))


def _words(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
