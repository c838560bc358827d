"""How an exception is recognised without importing what raised it: by class names, numbers and words."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_OF_WINDOWS = "WSA"


@dataclass(frozen=True, slots=True)
class Clue:
    """What is known of an exception, or of the text of one.

    Attributes:
        names: of its classes and those they derive from, bare and with their module.
        text: what it says.
        errors: names of system errors, `ECONNREFUSED`.
    """

    names: frozenset[str] = frozenset()
    text: str = ""
    errors: frozenset[str] = frozenset()

    @classmethod
    def of(cls, error: BaseException) -> Clue:
        """What an exception gives away by itself, its causes left aside."""
        names = {name for each in type(error).__mro__ for name in (each.__name__, f"{each.__module__}.{each.__name__}")}
        number = getattr(error, "errno", None)
        # What looks like a system error may be a number of the resolver or of TLS.
        own = isinstance(number, int) and not names & {"gaierror", "herror", "ssl.SSLError"}
        return cls(frozenset(names), text_of(error), system_errors([number] if own else []))

    @classmethod
    def together(cls, clues: Iterable[Clue]) -> Clue:
        """What several exceptions give away as one story."""
        each = list(clues)
        return cls(
            frozenset().union(*(clue.names for clue in each)),
            "\n".join(clue.text for clue in each),
            frozenset().union(*(clue.errors for clue in each)),
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What has to be true of an exception for a code.

    Attributes:
        code: of the row that it means.
        types: class names, one of which it has, bare or with their module; a system error of `errors` will do instead.
        errors: names of system errors.
        says: texts, one of which it quotes in any case; empty for whatever it says.
        pattern: a regular expression found in what it says.
        unless: class names that it must not have.
    """

    code: str
    types: frozenset[str] = frozenset()
    errors: frozenset[str] = frozenset()
    says: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    unless: frozenset[str] = frozenset()

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Rule:
        """A rule of a data file, with the keys `code`, `type`, `errno`, `says`, `pattern` and `unless`."""
        pattern = data.get("pattern")
        return cls(
            code=str(data["code"]),
            types=frozenset(listed(data.get("type"))),
            errors=frozenset(listed(data.get("errno"))),
            says=tuple(text.casefold() for text in listed(data.get("says"))),
            pattern=re.compile(pattern) if pattern else None,
            unless=frozenset(listed(data.get("unless"))),
        )

    def fits(self, clue: Clue) -> bool:
        """Whether the clue fulfils the rule."""
        if (self.types or self.errors) and not (self.types & clue.names or self.errors & clue.errors):
            return False
        if self.unless & clue.names:
            return False
        if self.says and not any(text in clue.text.casefold() for text in self.says):
            return False
        return self.pattern is None or self.pattern.search(clue.text) is not None


def listed(value: object) -> list[str]:
    """One text, several, or none, as a list."""
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]


def text_of(error: BaseException) -> str:
    """What an exception says; nothing when it cannot even say that."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a foreign class may fail in its own `__str__`
        return ""


def system_errors(numbers: Iterable[object]) -> frozenset[str]:
    """Names of the system's error numbers, those of Windows as everywhere else."""
    found = (errno.errorcode.get(number, "") for number in numbers if isinstance(number, int))
    return frozenset(name.removeprefix(_OF_WINDOWS) for name in found if name)
