"""The section `providers`: what is the gateway's, what is the adapter's."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocrgate.catalog import factories
from ocrgate.config.adapters import options_model
from ocrgate.config.document import Path, Variable
from ocrgate.config.fields import typed
from ocrgate.config.provider_model import Provider
from ocrgate.config.report import Report, meant, quoted
from ocrgate.config.validation import known_keys, unknown_key, validate
from ocrgate.units import seconds

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Checked:
    """One provider as far as it is valid.

    Attributes:
        type: the entry point's name.
        settings: the gateway's part.
        options: the adapter's part, plain.
    """

    type: str
    settings: Provider
    options: dict[str, Any]


def check(data: Any, report: Report) -> dict[str, Checked]:
    """Every provider that is valid, by name; the rest is in the report."""
    if not isinstance(data, dict):
        return {}
    found: dict[str, Checked] = {}
    for name, value in data.items():
        path: Path = ("providers", name)
        section = {} if value is None else value
        if not isinstance(section, dict):
            report.add(path, "expected a mapping of settings; write {} for none")
            continue
        checked = _provider(name, section, path, report)
        if checked is not None:
            found[name] = checked
    return found


def _provider(name: str, section: dict[str, Any], path: Path, report: Report) -> Checked | None:
    own = known_keys(Provider)
    settings = validate(Provider, {key: value for key, value in section.items() if key in own}, path, report)
    _relations(section, path, report)
    _tiers(section.get("price"), (*path, "price"), report)
    _keys(section.get("keys"), (*path, "keys"), report)
    rest = {key: value for key, value in section.items() if key not in own}
    kind = section.get("type", name)
    kind = name if kind is None else kind
    if not isinstance(kind, str) or (*path, "type") in report.unset:
        return None
    if kind not in factories():
        _unknown_type(kind, section.get("type") is not None, path, report)
        return None
    place = (*path, "type") if "type" in section else path
    try:
        model = options_model(kind)
    except ValueError as error:
        report.add(place, str(error), on_key=True)
        return None
    options = rest if model is None else _options(model, rest, path, report)
    if settings is None or options is None:
        return None
    return Checked(kind, settings, plain(options))


def _unknown_type(kind: str, written: bool, path: Path, report: Report) -> None:
    if written:
        place = (*path, "type")
        name = report.quote(place, kind, "this")
        report.add(place, f"no adapter is installed for the type {name}{meant(kind, factories())}")
    else:
        hint = meant(kind, factories())
        report.add(
            path,
            f"no adapter is installed for the type {quoted(kind)}, which is the name as `type:` is left out{hint}",
            on_key=True,
        )


def _options(model: type[BaseModel], rest: dict[str, Any], path: Path, report: Report) -> dict[str, Any] | None:
    names = known_keys(model)
    unknown: list[str] = []
    if model.model_config.get("extra") != "allow":
        unknown = [key for key in rest if key not in names]
    for key in unknown:
        homes = [
            home
            for home, field in Provider.model_fields.items()
            if key in getattr(field.annotation, "model_fields", ())
        ]
        report.add((*path, key), unknown_key(key, [*known_keys(Provider), *names], homes), on_key=True)
    options = {key: value for key, value in rest.items() if key not in unknown}
    valid = validate(model, options, path, report, foreign=True)
    return None if valid is None or unknown else valid.model_dump(exclude_unset=True)


def _relations(section: dict[str, Any], path: Path, report: Report) -> None:
    """Settings that are right each on its own and wrong together; those that are wrong on their own are passed over."""
    for name, low, high, read in (("retry", "base", "cap", seconds), ("breaker", "minimum", "window", int)):
        values = section.get(name)
        if not isinstance(values, dict) or (high == "window" and values.get("period") is not None):
            continue
        default = Provider.model_fields[name].default
        try:
            least, most = (read(typed(values.get(key, getattr(default, key)))) for key in (low, high))
        except (ValueError, TypeError, OverflowError):
            continue
        if least > most:
            shown = low if low in values else high
            other = high if shown == low else low
            unset = "" if other in values else f", which is {getattr(default, other):g} unless set"
            relation = "above" if shown == low else "below"
            report.add((*path, name, shown), f"may not be {relation} `{other}`{unset}")


def _tiers(price: Any, path: Path, report: Report) -> None:
    """Tiers that do not say what every call costs, or say it twice; what is of the wrong type is passed over."""
    tiers = price.get("tiers") if isinstance(price, dict) else None
    if not isinstance(tiers, list) or not tiers or not all(isinstance(tier, dict) for tier in tiers):
        return
    if "amount" in price:
        report.add((*path, "amount"), "either one amount for all calls, or tiers")
    ends = [typed(tier.get("up_to")) for tier in tiers]
    if ends[-1] is not None:
        report.add((*path, "tiers", len(ends) - 1, "up_to"), "the last tier is for all further calls: leave it out")
    for index, (early, late) in enumerate(itertools.pairwise(ends)):
        if early is None:
            report.add((*path, "tiers", index), "only the last tier may leave `up_to` out")
        elif isinstance(early, int) and isinstance(late, int) and early >= late:
            report.add((*path, "tiers", index + 1, "up_to"), "tiers are in ascending order")


def _keys(keys: Any, path: Path, report: Report) -> None:
    """Two credentials of one name could not be told apart in the story of a call."""
    first: dict[str, int] = {}
    for index, key in enumerate(keys if isinstance(keys, list) else []):
        name = key.get("name") if isinstance(key, dict) else None
        place: Path = (*path, index, "name")
        if not isinstance(name, str) or place in report.unset:
            continue
        if name in first:
            report.add(place, f"the same name as keys[{first[name]}]; give each key its own")
        first.setdefault(name, index)


def plain(value: Any) -> Any:
    """A value without the mark of the environment, so that adapters are handed exact types."""
    if isinstance(value, Variable):
        return str.__str__(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    return value
