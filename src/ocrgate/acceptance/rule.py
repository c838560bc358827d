"""One rule: a pattern that an acceptable text shows, and what its match must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

import regex

from ocrgate.errors import ConfigError, Problem
from ocrgate.settings import RuleSettings

PATTERN_TIME = 0.25
"""Seconds that one pattern may take on one text; a pattern that needs more has no match."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """What one rule found.

    Attributes:
        reason: why the text is not acceptable, or None.
        fields: the named groups of the match that stands.
    """

    reason: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


class Rule:
    """A compiled rule; thread-safe.

    Args:
        settings: see `RuleSettings`.

    Raises:
        ConfigError: when the pattern does not compile or the check does not exist.
    """

    def __init__(self, settings: RuleSettings) -> None:
        self.name = settings.name
        self.required = settings.required
        self.check_name = settings.check
        try:
            self._pattern = regex.compile(settings.pattern, regex.VERSION0)
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            raise ConfigError(
                [Problem(f"the pattern does not compile: {error}", f"rules.{self.name}.pattern")]
            ) from error
        self._check = None if settings.check is None else standard_number(settings.check)

    def match(self, text: str) -> RuleMatch:
        """Look for the rule in a text; of several matches the first that passes the check stands."""
        failed = False
        try:
            for found in self._pattern.finditer(text, timeout=PATTERN_TIME, concurrent=True):
                named = {name: value for name, value in found.groupdict().items() if value is not None}
                if self._passes(found, named):
                    return RuleMatch(None, named)
                failed = True
        except TimeoutError:
            return RuleMatch(f"{self.name}: the pattern took longer than {PATTERN_TIME} s")
        if failed:
            return RuleMatch(f"{self.name}: found, but not a valid {self.check_name}")
        return RuleMatch(f"{self.name}: not found" if self.required else None)

    def _passes(self, found: regex.Match[str], named: Mapping[str, str]) -> bool:
        if self._check is None:
            return True
        return self._check(next(iter(named.values()), found.group()))


def standard_number(name: str) -> Callable[[str], bool]:
    """The `is_valid` of a python-stdnum module, such as `cn.ric` or `luhn`.

    Raises:
        ConfigError: when there is no such module.
    """
    try:
        module = import_module(f"stdnum.{name}")
        valid: Callable[[str], bool] = module.is_valid
    except (ImportError, AttributeError) as error:
        raise ConfigError([Problem(f"there is no number format {name!r} in python-stdnum", "check")]) from error
    return lambda value: bool(valid(value))
