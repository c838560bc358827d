"""What a configuration is refused for, in a form that is easy to assert on."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest

from ocrgate.config import parse
from ocrgate.errors import ConfigError, Problem


def problems(source: str | Mapping[str, Any], environ: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """The problems of a source that has to be refused; a text is dedented."""
    with pytest.raises(ConfigError) as caught:
        parse(dedent(source) if isinstance(source, str) else source, environ=environ or {})
    return caught.value.problems


def problem(source: str | Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Problem:
    """The only problem of a source."""
    found = problems(source, environ)
    assert len(found) == 1, found
    return found[0]
