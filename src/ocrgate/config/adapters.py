"""The options that an installed adapter takes."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from ocrgate.catalog import factories
from ocrgate.diagnosis.catalogue import GROUP

if TYPE_CHECKING:
    from pydantic import BaseModel


def options_model(kind: str) -> type[BaseModel] | None:
    """The pydantic model of the options of an installed type; None when it has none and takes anything.

    Raises:
        ValueError: when the adapter's package cannot be imported or its model is not one; the message says why.
    """
    from pydantic import BaseModel

    value = factories()[kind]
    try:
        offered = getattr(EntryPoint(kind, value, GROUP).load(), "options_model", None)
        model = None if offered is None else offered()
    except Exception as error:
        # Whatever a foreign package raises while it is imported, here it means that the configuration cannot be used.
        raise ValueError(f"the adapter {value} cannot be loaded: {type(error).__name__}: {error}") from error
    if model is None or (isinstance(model, type) and issubclass(model, BaseModel)):
        return model
    raise ValueError(f"the adapter {value} is broken: options_model() returned no pydantic model")
