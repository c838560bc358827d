"""One table of codes, read from its data file.

The file is `codes.yaml` in the adapter's package (the gateway's own is `codes/gateway.yaml`): a list of rows, or a
mapping with these keys, all but `codes` of which may be left out:

- `codes`: the rows, each with the fields of `Diagnosis` that it knows. A row may have `cases`: further readings of the
  same code, each with `says` (texts that the message quotes) and the fields in which it differs.
- `classes`: what to make of codes that have no row, by `range` (first and last number) or `pattern` (a regular
  expression for the whole code). `like` names a row to take the meaning from. They are asked in order, and each
  gives the fields of `Diagnosis` that it knows, with `{code}` for the code.
- `exceptions`: how exceptions are recognised, most exact first; see `Rule`.
- `sources`, `remedies`: texts that many rows share, by name, each with `en` and `zh`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.diagnosis.rule import Rule, listed

GROUP = "ocrgate.providers"
GATEWAY = "gateway"
_FIELDS = frozenset(each.name for each in fields(Diagnosis))
_TYPED = ("known", "billed")


@dataclass(frozen=True, slots=True)
class Case:
    """A reading of a code that its message decides.

    Attributes:
        says: texts, one of which the message quotes, in lower case.
        diagnosis: the whole row, read this way.
    """

    says: tuple[str, ...]
    diagnosis: Diagnosis


@dataclass(frozen=True, slots=True)
class Class:
    """What to make of codes that have no row.

    Attributes:
        fits: a regular expression for the whole code, or the first and the last number.
        like: name of the row that is taken, or empty.
        values: fields of `Diagnosis`.
    """

    fits: re.Pattern[str] | tuple[int, int]
    like: str
    values: Mapping[str, Any]

    def holds(self, code: str) -> bool:
        """Whether the code is of this class."""
        if isinstance(self.fits, re.Pattern):
            return self.fits.fullmatch(code) is not None
        return code.isascii() and code.isdigit() and len(code) < 10 and self.fits[0] <= int(code) <= self.fits[1]


@dataclass(frozen=True, slots=True)
class Book:
    """The knowledge about one provider type.

    Attributes:
        rows: by code.
        cases: by code, for codes with more than one reading.
        classes: of codes that have no row.
        rules: by which exceptions are recognised.
        chinese: sources in Chinese by the source in English, as far as they are sentences.
    """

    rows: Mapping[str, Diagnosis] = field(default_factory=dict)
    cases: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    classes: tuple[Class, ...] = ()
    rules: tuple[Rule, ...] = ()
    chinese: Mapping[str, str] = field(default_factory=dict)

    def inferred(self, code: str) -> Diagnosis | None:
        """The diagnosis of a code that has no row, from the classes that hold it."""
        found = next((each for each in self.classes if each.holds(code)), None)
        if found is None:
            return None
        values: dict[str, Any] = {
            name: value.replace("{code}", code) if isinstance(value, str) else value
            for name, value in found.values.items()
        }
        row = self.rows.get(found.like) or Diagnosis(code, known=False, certainty="inferred")
        return replace(row, code=code, **values)


@cache
def book(provider: str) -> Book:
    """The knowledge about a provider type, empty when its package ships none; the gateway's own: `gateway`."""
    if provider == GATEWAY:
        text: str | None = (Path(__file__).parent / "codes" / "gateway.yaml").read_text(encoding="utf-8")
    else:
        text = _shipped(provider)
    return Book() if text is None else read(text)


def read(text: str) -> Book:
    """The knowledge in the text of a data file."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    if isinstance(data, list):
        data = {"codes": data}
    shared = {"source": data.get("sources", {}), "remedy": data.get("remedies", {})}
    rows: dict[str, Diagnosis] = {}
    cases: dict[str, tuple[Case, ...]] = {}
    for entry in data["codes"]:
        row = Diagnosis(**_values(entry, shared))
        rows[row.code] = row
        if "cases" in entry:
            cases[row.code] = tuple(
                Case(
                    tuple(said.casefold() for said in listed(case["says"])),
                    replace(row, **_values(case, shared)),
                )
                for case in entry["cases"]
            )
    return Book(
        rows,
        cases,
        tuple(_class(entry, shared) for entry in data.get("classes", ())),
        tuple(Rule.from_data(entry) for entry in data.get("exceptions", ())),
        {each["en"]: each["zh"] for each in shared["source"].values()},
    )


def installed() -> list[str]:
    """Provider types that can be named, in alphabetical order."""
    from importlib.metadata import entry_points

    return sorted({entry.name for entry in entry_points(group=GROUP)})


def _values(entry: Mapping[str, Any], shared: Mapping[str, Mapping[str, Mapping[str, str]]]) -> dict[str, Any]:
    values = {name: value if name in _TYPED else str(value).strip() for name, value in entry.items() if name in _FIELDS}
    for name, texts in shared.items():
        known = texts.get(values.get(name, ""))
        if known is not None:
            values[name] = known["en"]
            if name == "remedy":
                values["remedy_zh"] = known["zh"]
    return values


def _class(entry: Mapping[str, Any], shared: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Class:
    first_last = entry.get("range")
    fits = re.compile(entry["pattern"]) if first_last is None else (int(first_last[0]), int(first_last[1]))
    return Class(fits, str(entry.get("like", "")), _values(entry, shared))


def _shipped(provider: str) -> str | None:
    """The text of the data file in the package of an entry point, without importing the package."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    found = entry_points(group=GROUP, name=provider)
    if not found:
        return None
    spec = find_spec(next(iter(found)).module.partition(".")[0])
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder) / "codes.yaml"
        if place.is_file():
            return place.read_text(encoding="utf-8")
        # Data of a package inside a zip file has no path, but its loader knows it.
        get_data: Callable[[str], bytes] | None = getattr(spec.loader, "get_data", None)
        if get_data is not None and not Path(folder).is_dir():
            with contextlib.suppress(OSError):
                return get_data(str(place)).decode("utf-8")
    return None
