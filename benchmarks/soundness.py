"""What is wrong with a page or a diagnosis, whatever it was made from."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator
from typing import Any, NoReturn

from ocrgate.diagnosis import Diagnosis
from ocrgate.page import Line, Page, Word
from ocrgate.result import Attempt, Result


def page_flaws(page: object, width: int, height: int) -> list[str]:
    """What keeps a page from being shown, stored, sent on or computed with; nothing for a sound one.

    Args:
        page: what an adapter returned.
        width, height: of the image it was asked about, pixels.
    """
    if not isinstance(page, Page):
        return [f"{type(page).__name__} is no Page"]
    parts: list[Line | Word] = [*page.lines]
    parts += [word for line in page.lines for word in line.words]
    flaws = [flaw for part in parts for flaw in _part_flaws(part, width, height)]
    if (page.width, page.height) != (width, height):
        flaws.append(f"a page of {page.width} × {page.height}")
    for name, text in page.fields.items():
        flaws += [*_text_flaws(name, "the name of a field"), *_text_flaws(text, f"field {name!r}")]
    flaws += _note_flaws(page.notes)
    try:
        written = Result((page,), "fuzz", page.fields).to_json()
        read = json.loads(written.encode("utf-8"), parse_constant=_no_constant)
        if read["text"] != page.text:
            flaws.append("its text is another one after a round through JSON")
        if pickle.loads(pickle.dumps(page)).text != page.text:
            flaws.append("its text is another one after a round through pickle")
    except Exception as error:
        flaws.append(f"cannot be written: {type(error).__name__}: {error}"[:200])
    return flaws


def diagnosis_flaws(diagnosis: Diagnosis) -> list[str]:
    """What keeps a diagnosis from being shown, stored or acted on; nothing for a sound one."""
    flaws = [
        f"no {name}" for name in ("code", "category", "fault", "action", "meaning") if not getattr(diagnosis, name)
    ]
    if diagnosis.code == "adapter_error":
        flaws.append(f"the adapter broke: {diagnosis.message}"[:200])
    for name in ("code", "message", "meaning", "remedy", "log_id"):
        value = getattr(diagnosis, name)
        if value is not None:
            flaws += _text_flaws(value, name)
    if len(str(diagnosis)) > 2000:
        flaws.append(f"{len(str(diagnosis))} characters to read")
    wait = diagnosis.retry_after
    if wait is not None and not (math.isfinite(wait) and wait >= 0):
        flaws.append(f"a wait of {wait}")
    try:
        attempt = Attempt("fuzz", "failed", diagnosis=diagnosis)
        json.loads(Result((), "fuzz", attempts=(attempt,)).to_json().encode("utf-8"), parse_constant=_no_constant)
        pickle.loads(pickle.dumps(diagnosis))
    except Exception as error:
        flaws.append(f"cannot be written: {type(error).__name__}: {error}"[:200])
    return flaws


def _part_flaws(part: Line | Word, width: int, height: int) -> Iterator[str]:
    yield from _text_flaws(part.text, "a text")
    confidence = part.confidence
    if confidence is not None and not (isinstance(confidence, float) and 0.0 <= confidence <= 1.0):
        yield f"a confidence of {confidence!r}"
    for x, y in part.polygon or ():
        if not (0 <= x <= width and 0 <= y <= height):
            yield f"a corner at {x}, {y} of {width} × {height}"


def _text_flaws(text: object, what: str) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"{what} is {type(text).__name__}, not text"
    elif not _writable(text):
        yield f"{what} cannot be written in UTF-8: {text[:40]!r}"


def _writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _note_flaws(notes: Any) -> Iterator[str]:
    waiting = [notes]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            if not _writable(node):
                yield f"a note cannot be written in UTF-8: {node[:40]!r}"
        elif isinstance(node, float):
            if not math.isfinite(node):
                yield f"a note holds {node}"
        elif isinstance(node, dict):
            waiting += [*node, *node.values()]
        elif isinstance(node, (list, tuple)):
            waiting += node


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
