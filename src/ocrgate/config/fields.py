"""The kinds of values that settings take. Importing this module imports pydantic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ocrgate import units
from ocrgate.config.document import Variable
from ocrgate.config.scalar import resolve

SETTING = "setting"
"""Type of an error whose message is meant for people as it is."""


def wrong(message: str) -> PydanticCustomError:
    """An error with a message for people."""
    return PydanticCustomError(SETTING, "{message}", {"message": message})


def typed(value: Any) -> Any:
    """A whole `${NAME}` as the number or boolean it spells; all else unchanged."""
    if isinstance(value, Variable):
        meaning = resolve(value.strip())
        return meaning if isinstance(meaning, (bool, int, float)) else str(value)
    return value


def _unit(read: Callable[[Any], Any], *kinds: type[Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        value = typed(value)
        if isinstance(value, bool) or not isinstance(value, (*kinds, str)):
            value = ""
        try:
            return read(value)
        except ValueError as error:
            raise wrong(str(error)) from None

    return convert


def _moment(value: Any) -> Any:
    value = typed(value)
    if isinstance(value, str) and value.strip().startswith("p"):
        return _unit(units.percentile)(value) and value.strip()
    return _DURATION(value)


def _above_zero(value: float) -> float:
    if value <= 0:
        raise wrong("a duration above 0")
    return value


_DURATION = _unit(units.seconds, int, float)


def _pattern(*patterns: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({'|'.join(patterns)})$"}


_DURATION_SCHEMA = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": units.MAX_SECONDS}, _pattern(units.DURATION)],
}
_MOMENT_SCHEMA = {"anyOf": [*_DURATION_SCHEMA["anyOf"], _pattern(units.PERCENTILE)]}
_SIZE_SCHEMA = {
    "anyOf": [{"type": "integer", "minimum": 0, "maximum": units.MAX_SIZE}, _pattern(units.SIZE)],
}

Count = Annotated[int, Strict(), Ge(1), Le(10**9), BeforeValidator(typed)]
Whole = Annotated[int, Strict(), Ge(0), Le(10**9), BeforeValidator(typed)]
Amount = Annotated[float, Strict(), Ge(0), Lt(10**9), BeforeValidator(typed)]
Rate = Annotated[float, Strict(), Gt(0), Lt(10**6), BeforeValidator(typed)]
Share = Annotated[float, Strict(), Ge(0), Le(1), BeforeValidator(typed)]
PositiveShare = Annotated[float, Strict(), Gt(0), Le(1), BeforeValidator(typed)]
Text = Annotated[str, Strict(), MinLen(1)]
Switch = Annotated[bool, Strict(), BeforeValidator(typed)]
Wait = Annotated[float, BeforeValidator(_DURATION), WithJsonSchema(_DURATION_SCHEMA)]
"""Seconds, 0 allowed."""
Duration = Annotated[Wait, BeforeValidator(lambda value: _above_zero(_DURATION(value)))]
"""Seconds above 0."""
Moment = Annotated[Any, BeforeValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]
"""A percentile as text, or seconds."""
Size = Annotated[int, BeforeValidator(_unit(units.size, int)), Gt(0), WithJsonSchema(_SIZE_SCHEMA)]
"""Bytes."""


class Section(BaseModel):
    """A mapping of settings; an empty one (`retry:` with nothing below) leaves every default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, value: Any) -> Any:
        return {} if value is None else value
