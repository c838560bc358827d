"""A result as plain data, and back. docs/result.md describes the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from ocrgate.diagnosis.diagnosis import Action, Category, Certainty, Diagnosis, Fault
from ocrgate.page import Line, Page, Point, Polygon, Word
from ocrgate.result import SCHEMA, Attempt, Cost, Origin, Outcome, Result

_LITERALS = {"category": Category, "fault": Fault, "action": Action, "certainty": Certainty}
_CHOICES = {name: get_args(literal) for name, literal in _LITERALS.items()}
_NUMBER = (int, float)


def write(result: Result) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "schema": SCHEMA,
        "request_id": result.request_id,
        "text": result.text,
        "provider": result.provider,
        "confidence": result.confidence,
        "valid": result.valid,
        "blank": result.blank,
        "degraded": result.degraded,
        "reasons": list(result.reasons),
        "fields": dict(result.fields),
        "pages": [_page(page) for page in result.pages],
        "attempts": [_attempt(attempt) for attempt in result.attempts],
        "cost": _cost(result.cost),
        "elapsed": result.elapsed,
        "origin": result.origin,
    }


def diagnosis_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis as plain data, its keys those of the class."""
    return {name: getattr(diagnosis, name) for name in Diagnosis.__dataclass_fields__}


def is_plain(value: Any) -> bool:
    """Whether a note can be written and read again without becoming another; tuples become lists."""
    if isinstance(value, Mapping):
        return all(type(name) is str and is_plain(each) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def _page(page: Page) -> dict[str, Any]:
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "blank": page.blank,
        "fields": dict(page.fields),
        "lines": [{**_word(line), "words": [_word(word) for word in line.words]} for line in page.lines],
        "notes": _note(page.notes),
    }


def _word(word: Word | Line) -> dict[str, Any]:
    polygon = None if word.polygon is None else [[x, y] for x, y in word.polygon]
    return {"text": word.text, "polygon": polygon, "confidence": word.confidence}


def _note(value: Any) -> Any:
    """A note as JSON can hold it; what JSON does not know, as a text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _note(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_note(each) for each in value]
    return str(value)


def _cost(cost: Cost | None) -> dict[str, Any] | None:
    return None if cost is None else {"amount": cost.amount, "currency": cost.currency}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    diagnosis = attempt.diagnosis
    return {
        "page": attempt.page,
        "provider": attempt.provider,
        "key": attempt.key,
        "variant": attempt.variant,
        "outcome": attempt.outcome,
        "started": attempt.started,
        "elapsed": attempt.elapsed,
        "diagnosis": None if diagnosis is None else diagnosis_dict(diagnosis),
        "reasons": list(attempt.reasons),
        "cost": _cost(attempt.cost),
    }


def read(data: object) -> Result:
    """The result that plain data tell of; keys that are not known are passed over.

    Raises:
        ValueError: when they tell of none, or in another version of the schema.
    """
    entry = _entry(data, "a result")
    if _one(entry, "schema", int) != SCHEMA:
        raise ValueError(f"schema: {SCHEMA} is what can be read here, got {entry['schema']}")
    return Result(
        pages=tuple(_read_page(each) for each in _one(entry, "pages", list)),
        provider=_one(entry, "provider", str),
        fields=_texts(entry, "fields"),
        valid=_one(entry, "valid", bool),
        blank=_one(entry, "blank", bool),
        degraded=_one(entry, "degraded", bool),
        reasons=_reasons(entry),
        attempts=tuple(_read_attempt(each) for each in _one(entry, "attempts", list)),
        cost=_read_cost(_one(entry, "cost", dict)),
        elapsed=_one(entry, "elapsed", *_NUMBER),
        request_id=_one(entry, "request_id", str),
        origin=_choice(entry, "origin", get_args(Origin)) if "origin" in entry else "engine",
    )


def _read_page(data: object) -> Page:
    entry = _entry(data, "a page")
    return Page(
        lines=tuple(_read_line(each) for each in _one(entry, "lines", list)),
        width=_one(entry, "width", int),
        height=_one(entry, "height", int),
        fields=_texts(entry, "fields"),
        number=_one(entry, "number", int),
        blank=_perhaps(entry, "blank", bool),
        notes=_one(entry, "notes", dict) if "notes" in entry else {},
    )


def _read_line(data: object) -> Line:
    entry = _entry(data, "a line")
    words = tuple(Word(*_read_word(_entry(each, "a word"))) for each in _one(entry, "words", list))
    return Line(*_read_word(entry), words)


def _read_word(entry: dict[str, Any]) -> tuple[str, Polygon | None, float | None]:
    corners = _perhaps(entry, "polygon", list)
    polygon = None if corners is None else _polygon(corners)
    return _one(entry, "text", str), polygon, _perhaps(entry, "confidence", *_NUMBER)


def _polygon(corners: list[Any]) -> Polygon:
    # Numbers stay what they are, so that what is read is written as it was.
    points = [
        Point(*each)
        for each in corners
        if isinstance(each, list) and len(each) == 2 and _is_one(each[0], _NUMBER) and _is_one(each[1], _NUMBER)
    ]
    if len(points) != 4 or len(corners) != 4:
        raise ValueError("polygon: four pairs of numbers")
    return Polygon(*points)


def _read_attempt(data: object) -> Attempt:
    entry = _entry(data, "an attempt")
    diagnosis, cost = _perhaps(entry, "diagnosis", dict), _perhaps(entry, "cost", dict)
    return Attempt(
        provider=_one(entry, "provider", str),
        outcome=_choice(entry, "outcome", get_args(Outcome)),
        key=_perhaps(entry, "key", str),
        variant=_one(entry, "variant", str),
        started=_one(entry, "started", *_NUMBER),
        elapsed=_one(entry, "elapsed", *_NUMBER),
        diagnosis=None if diagnosis is None else _read_diagnosis(diagnosis),
        reasons=_reasons(entry),
        cost=None if cost is None else _read_cost(cost),
        page=_one(entry, "page", int),
    )


def _read_diagnosis(entry: dict[str, Any]) -> Diagnosis:
    told: dict[str, Any] = {"retry_after": _perhaps(entry, "retry_after", *_NUMBER)}
    told |= {name: _choice(entry, name, choices) for name, choices in _CHOICES.items()}
    told |= {"known": _one(entry, "known", bool), "billed": _perhaps(entry, "billed", bool)}
    told["log_id"] = _perhaps(entry, "log_id", str)
    return Diagnosis(**told, **{name: _one(entry, name, str) for name in Diagnosis.__dataclass_fields__.keys() - told})


def _read_cost(entry: dict[str, Any]) -> Cost:
    return Cost(_one(entry, "amount", *_NUMBER), _one(entry, "currency", str))


def _reasons(entry: dict[str, Any]) -> tuple[str, ...]:
    reasons = _one(entry, "reasons", list)
    if not all(isinstance(reason, str) for reason in reasons):
        raise ValueError("reasons: a list of texts")
    return tuple(reasons)


def _texts(entry: dict[str, Any], name: str) -> dict[str, str]:
    texts = _one(entry, name, dict)
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in texts.items()):
        raise ValueError(f"{name}: a mapping of texts")
    return dict(texts)


def _choice(entry: dict[str, Any], name: str, choices: tuple[Any, ...]) -> Any:
    value = _one(entry, name, str)
    if value not in choices:
        raise ValueError(f"{name}: one of {', '.join(choices)}, got {value!r}")
    return value


def _perhaps(entry: dict[str, Any], name: str, *kinds: type) -> Any:
    return None if name in entry and entry[name] is None else _one(entry, name, *kinds)


def _one(entry: dict[str, Any], name: str, *kinds: type) -> Any:
    value = entry.get(name)
    if not _is_one(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"{name}: {wanted}, got {type(value).__name__ if name in entry else 'nothing'}")
    return value


def _is_one(value: object, kinds: tuple[type, ...]) -> bool:
    # True and False are whole numbers, too, as far as Python is concerned.
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _entry(data: object, what: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(f"{what} is a mapping, got {type(data).__name__}")  # noqa: TRY004 - wrong data, no wrong call
    return data if isinstance(data, dict) else dict(data)
