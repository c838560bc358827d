"""A mapping held against a pydantic model, its complaints in this library's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ocrgate.config.document import Path, is_secret
from ocrgate.config.fields import SETTING
from ocrgate.config.report import Report, meant, nearest, quoted

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "int": "expected a whole number",
    "float": "expected a number",
    "decimal": "expected a number",
    "bool": "expected true or false",
    "string": "expected text",
    "path": "expected a path",
    "list": "expected a list",
    "tuple": "expected a list",
    "set": "expected a list",
    "dict": "expected a mapping of settings",
    "model": "expected a mapping of settings",
    "mapping": "expected a mapping of settings",
    "finite": "expected a finite number",
}
_FOREIGN = {"value_error", "assertion_error"}
_OPTION = re.compile(r"'([^']*)'")


def validate(model: type[Model], data: Any, path: Path, report: Report, *, foreign: bool = False) -> Model | None:
    """The data as a model, or None with everything wrong noted in the report.

    Args:
        model: a pydantic model.
        data: what stands at `path`.
        path: of the data within the configuration.
        report: takes the findings.
        foreign: whether the model is an adapter's: its values are never quoted, its own words are checked for secrets.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
    located = [(detail, _written(detail["loc"], data, missing=detail["type"] == "missing")) for detail in details]
    inner = {local[:length] for _, local in located for length in range(len(local))}
    wrong: dict[Path, list[str]] = {}
    for detail, local in located:
        # Of a union, the branch that the data was meant for tells more than those of another shape.
        if local in inner and len(detail["loc"]) > len(local):
            continue
        message = _note(detail, local, model, path, report, foreign)
        if message is not None:
            wrong.setdefault((*path, *local), []).append(message)
    for place, messages in wrong.items():
        # A suggestion ends the sentence.
        first, *others = sorted(dict.fromkeys(messages), key=lambda message: message.endswith("?"))
        report.add(place, ", or ".join((first, *(other.removeprefix("expected ") for other in others))))
    return None


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys that a model takes, as they are written in YAML."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        alias = field.validation_alias or field.alias
        if isinstance(alias, AliasChoices):
            names += [choice for choice in alias.choices if isinstance(choice, str)]
        else:
            names.append(alias if isinstance(alias, str) else name)
        if model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name"):
            names.append(name)
    return list(dict.fromkeys(names))


def _note(
    detail: ErrorDetails, local: Path, model: type[BaseModel], base: Path, report: Report, foreign: bool
) -> str | None:
    """Note an error about a key, or give the message on a value."""
    kind, path = detail["type"], (*base, *local)
    if path in report.unset or (kind in _FOREIGN and any(unset[: len(path)] == path for unset in report.unset)):
        return None
    if kind == "extra_forbidden":
        _unknown_key(local, model, base, report)
        return None
    if kind == "missing":
        report.add(path, "this setting is missing")
        return None
    return _message(detail, path, report, foreign)


def _written(location: tuple[int | str, ...], data: Any, *, missing: bool) -> Path:
    """The part of a pydantic location that is in the data; the rest names branches of unions and validators."""
    path: list[str | int] = []
    for number, part in enumerate(location):
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data)
        ):
            path.append(part)
            data = data[part]  # type: ignore[index]
        elif missing and number == len(location) - 1:
            path.append(part)
    return tuple(path)


def _unknown_key(local: Path, model: type[BaseModel], base: Path, report: Report) -> None:
    name = str(local[-1])
    siblings = list(_models_at(model, local[:-1]))
    known = list(dict.fromkeys(key for sibling in siblings for key in known_keys(sibling)))
    path = (*base, *local)
    if is_secret(path[:-1]):
        # What stands where a key should may be a credential that lacks its colon: only known names are shown.
        near = nearest(name, known)
        message = f"unknown key{meant(near, known) if near else '; known: ' + ', '.join(known)}"
        report.add(path[:-1], message, place=report.document.place(path, on_key=True))
        return
    report.add(path, unknown_key(name, known, _homes(name, siblings)), on_key=True)


def unknown_key(name: str, known: list[str], homes: list[str] | None = None) -> str:
    """The message on a key that nobody knows here; `homes` are the sections that do know it."""
    if homes:
        return f"unknown key {quoted(name)} here; it belongs below `{homes[0]}`"
    return f"unknown key {quoted(name)}{meant(name, known)}"


def _homes(name: str, siblings: list[type[BaseModel]]) -> list[str]:
    return [
        key
        for sibling in siblings
        for key, field in sibling.model_fields.items()
        for section in _models_in(field.annotation)
        if name in known_keys(section)
    ]


def _models_at(model: type[BaseModel], path: Path) -> Iterator[type[BaseModel]]:
    found: list[type[BaseModel]] = [model]
    for part in path:
        if isinstance(part, int):
            continue
        fields = [
            field.annotation
            for one in found
            for name, field in one.model_fields.items()
            if part in (name, field.alias, field.validation_alias)
        ]
        # A part that is no field is a key of a mapping whose values are the models found so far.
        if fields:
            found = [inner for annotation in fields for inner in _models_in(annotation)]
    yield from found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _message(detail: ErrorDetails, path: Path, report: Report, foreign: bool) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    show = not foreign and report.quotable(path)
    got = f"; got {quoted(value)}" if show else ""
    if kind == SETTING:
        return f"{context['message']}{got}"
    if kind in ("literal_error", "enum"):
        options = _OPTION.findall(str(context.get("expected", "")))
        near = nearest(value, options) if isinstance(value, str) and not is_secret(path) else None
        return f"expected one of {', '.join(options)}{got}{f'; did you mean {quoted(near)}?' if near else ''}"
    if kind.startswith("string_type") and isinstance(value, (bool, int, float)):
        spelling = report.spelling(path)
        if isinstance(value, bool):
            read = f"YAML reads {spelling or 'this word'} as {quoted(value)}"
            return f"expected text, but {read}: write it in quotes{f' ({spelling!r})' if spelling else ''}"
        return f"expected text, but YAML reads a number: write it in quotes{got}"
    limit = _limit(kind, context)
    if limit is not None:
        return f"{limit}{got}"
    if kind in _FOREIGN:
        text = str(context.get("error", detail["msg"]))
        return "this value is not accepted" if report.reveals(text) else text
    expected = _EXPECTED.get(kind.split("_", maxsplit=1)[0])
    if expected is not None and kind != "string_pattern_mismatch":
        return f"{expected}{got}"
    return "this value is not accepted" if report.reveals(detail["msg"]) else f"{detail['msg']}{got}"


def _limit(kind: str, context: dict[str, Any]) -> str | None:
    if kind == "greater_than":
        return f"expected more than {context['gt']:g}"
    if kind == "greater_than_equal":
        return f"expected at least {context['ge']:g}"
    if kind == "less_than":
        return f"expected less than {context['lt']:g}"
    if kind == "less_than_equal":
        return f"expected at most {context['le']:g}"
    if kind.endswith("too_short"):
        least = context["min_length"]
        return "may not be empty" if least == 1 else f"expected at least {least} entries"
    if kind.endswith("too_long"):
        return f"longer than {context['max_length']} allowed"
    return None
