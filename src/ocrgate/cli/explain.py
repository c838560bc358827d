"""`ocrgate explain`: what a code means, who is to blame, and what to do."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.diagnosis import Diagnosis
    from ocrgate.diagnosis.words import Language

_DESCRIPTION = (
    "Says what a code means, who is to blame, what the gateway does and what a person does about it, and how sure that"
    " is. CODE is a code (110, SDK108), a name (tls, breaker_open), a reply as JSON, the last line of a traceback, or"
    " `-` for a reply on standard input. Exit 0 also for a code that is in no table: it is explained as far as it can"
    " be, and --json says `known: false`; 2 for a wrong call."
)
_LABELS: dict[str, dict[Language, str]] = {
    "meaning": {"en": "meaning", "zh": "含义"},
    "fault": {"en": "to blame", "zh": "责任"},
    "action": {"en": "gateway", "zh": "网关"},
    "remedy": {"en": "you", "zh": "处理"},
    "billed": {"en": "billed", "zh": "计费"},
    "certainty": {"en": "how sure", "zh": "可信度"},
    "source": {"en": "source", "zh": "来源"},
    "table": {"en": "table", "zh": "码表"},
    "note": {"en": "note", "zh": "注意"},
    "cases": {"en": "also", "zh": "另见"},
    "others": {"en": "elsewhere", "zh": "其他"},
}
_GUTTER = 12
_PIECE = re.compile(r"\s+|[（“]*(?:[\u2e80-\uffef]|[^\s\u2e80-\uffef“”]+)[，。；：、！？）”]*")
"""What stays on one line: a word, or one Chinese character, with the brackets around it and the marks behind it."""
_NARROWEST, _WIDEST = 40, 110


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `explain`; it sets `run`, a function from the arguments to an exit code."""
    parser = subparsers.add_parser("explain", help="what a code means and what to do", description=_DESCRIPTION)
    parser.add_argument("codes", metavar="CODE", nargs="+", help="what to explain; `-` reads standard input")
    parser.add_argument("--provider", metavar="P", default="baidu", help="whose table is asked first (default: baidu)")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="English (default) or Chinese")
    parser.add_argument("--json", action="store_true", help="a list with every field of the diagnoses")
    parser.set_defaults(run=_explain)


def _explain(args: argparse.Namespace) -> int:
    from ocrgate.diagnosis import diagnose
    from ocrgate.diagnosis.book import GATEWAY, installed

    known = [*installed(), GATEWAY]
    if args.provider not in known:
        print(f"ocrgate explain: no provider {args.provider!r}{_nearest(args.provider, known)}", file=sys.stderr)
        return 2
    found = [diagnose(_standard_input() if code == "-" else code, args.provider) for code in args.codes]
    if args.json:
        print(_json(found, args.provider, known))
    else:
        _printable()
        print("\n\n".join(_explained(each, args.provider, known, args.lang) for each in found))
    return 0


def _nearest(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def _standard_input() -> bytes | str:
    buffer = getattr(sys.stdin, "buffer", None)
    data: bytes | str = sys.stdin.read() if buffer is None else buffer.read()
    return data


def _printable() -> None:
    """Write what the terminal cannot show as escapes, rather than fail."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _json(found: list[Diagnosis], provider: str, known: list[str]) -> str:
    import json

    from ocrgate.diagnosis.catalogue import home
    from ocrgate.transcript import diagnosis_dict

    rows = [
        {
            **diagnosis_dict(each),
            "table": home(provider, each.code),
            "elsewhere": [f"{name}:{code}" for name, code in _elsewhere(each, provider, known)],
        }
        for each in found
    ]
    text = json.dumps(rows, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(rows, indent=2)
    return text


def _explained(diagnosis: Diagnosis, provider: str, known: list[str], language: Language) -> str:
    from shutil import get_terminal_size

    from ocrgate.diagnosis.book import book
    from ocrgate.diagnosis.catalogue import home
    from ocrgate.diagnosis.words import BILLED, blamed, doing, sure

    chinese = language == "zh"
    table = home(provider, diagnosis.code)
    sources = book(table or provider).chinese if chinese else {}
    cases = book(table).cases.get(diagnosis.code, ()) if table else ()
    stop, quotes, opening, closing = ("：", "“”", "（", "）") if chinese else (": ", "``", " (", ")")
    parts = [
        ("meaning", diagnosis.meaning_zh if chinese else diagnosis.meaning),
        ("fault", blamed(diagnosis, language)),
        ("action", doing(diagnosis, language) + f"{opening}{diagnosis.action}{closing}"),
        ("remedy", diagnosis.remedy_zh if chinese else diagnosis.remedy),
        ("billed", BILLED[diagnosis.billed][language]),
        ("certainty", sure(diagnosis, language)),
        ("source", sources.get(diagnosis.source, diagnosis.source)),
        ("table", _table(table, provider, diagnosis, language)),
        ("note", diagnosis.note_zh if chinese else diagnosis.note),
    ]
    parts += [
        (
            "cases",
            f"{quotes[0]}{case.says[0]}{quotes[1]}{stop}"
            + (case.diagnosis.meaning_zh if chinese else case.diagnosis.meaning),
        )
        for case in cases
        if case.diagnosis.meaning != diagnosis.meaning
    ]
    parts += [("others", _other(*each, language)) for each in _elsewhere(diagnosis, provider, known)]
    width = max(_NARROWEST, min(_WIDEST, get_terminal_size().columns))
    head = f"{diagnosis.code}{stop}{diagnosis.message}" if diagnosis.message else diagnosis.code
    lines = _wrapped(head, width, 0)
    for name, text in parts:
        if text:
            label = f"  {_LABELS[name][language]}"
            body = _wrapped(text, width, _GUTTER)
            lines += [label + " " * (_GUTTER - _columns(label)) + body[0], *(" " * _GUTTER + line for line in body[1:])]
    return "\n".join(lines)


def _table(table: str | None, provider: str, diagnosis: Diagnosis, language: Language) -> str:
    if table is None:
        return {"en": f"in none, neither of {provider} nor of gateway", "zh": f"{provider} 与 gateway 均无此码"}[
            language
        ]
    if not diagnosis.known:
        return {"en": f"{table}; in no table of the provider's own", "zh": f"{table}；服务方的官方错误码表中没有"}[
            language
        ]
    return table


def _elsewhere(diagnosis: Diagnosis, provider: str, known: list[str]) -> list[tuple[str, str]]:
    """The other tables in which the code, or the HTTP status of the same number, is found."""
    from ocrgate.diagnosis.catalogue import home, table

    own = home(provider, diagnosis.code)
    names = [
        (name, code) for name in known for code in (diagnosis.code, f"http_{diagnosis.code}") if code in table(name)
    ]
    return [(name, code) for name, code in names if (name, code) != (own, diagnosis.code)]


def _other(name: str, code: str, language: Language) -> str:
    from ocrgate.diagnosis.catalogue import table

    row = table(name)[code]
    if language == "zh":
        return f"{name} 的 {code}：{row.meaning_zh}"
    return f"{code} of {name}: {row.meaning}"


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes; Chinese characters take two."""
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    """The text in lines that fit; Chinese breaks between any two characters, but not before a closing mark."""
    room = width - indent
    lines, line = [], ""
    for piece in _PIECE.findall(text):
        if line and _columns((line + piece).rstrip()) > room:
            lines.append(line.rstrip())
            line = ""
        line += " " * bool(line) if piece.isspace() else piece
    return [*lines, line.rstrip()]
