"""What the simulator does wrong, and when: a plan of rules, as data."""

from __future__ import annotations

import difflib
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from ocrgate.errors import ConfigError, Problem

Kind = Literal[
    "code",
    "http",
    "html",
    "reset",
    "hang",
    "drip",
    "truncate",
    "empty",
    "not_json",
    "slow",
    "bom",
    "list",
    "null",
    "nan",
    "oversize",
    "redirect",
    "expire",
    "revoke",
    "token_poison",
    "token_html",
    "token_down",
    "no_scope",
]
KINDS: tuple[str, ...] = get_args(Kind)
TOKEN_KINDS = frozenset({"token_poison", "token_html", "token_down", "no_scope"})


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a rule is about; every condition that is given has to hold.

    Attributes:
        path: `token`, an endpoint name (`accurate`), `ocr` for all of those, or None for everything.
        key: name or API key of the caller's key, or None.
        nth: number, or numbers, of the request among those of this path and key, from 1.
        first, last: a span of such numbers, both inclusive (`from` and `to` in YAML).
        share: 0–1 of the requests, drawn from the plan's seeded random.
        since, until: seconds after the start of the simulator.
    """

    path: str | None = None
    key: str | None = None
    nth: tuple[int, ...] = ()
    first: int = 1
    last: int | None = None
    share: float = 1.0
    since: float = 0.0
    until: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"share is a number from 0 to 1, got {self.share!r}")
        if any(number < 1 for number in (*self.nth, self.first)):
            raise ValueError("requests are counted from 1")

    def concerns(self, path: str, names: Iterable[str]) -> bool:
        """Whether the rule counts this request at all."""
        if self.path is not None and self.path != path and not (self.path == "ocr" and path != "token"):
            return False
        return self.key is None or self.key in names

    def hits(self, number: int, elapsed: float) -> bool:
        """Whether the request of this number, at this time, is one that the rule is about (share left aside)."""
        if self.nth and number not in self.nth:
            return False
        if number < self.first or (self.last is not None and number > self.last):
            return False
        return elapsed >= self.since and (self.until is None or elapsed < self.until)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens instead of, or to, the right answer.

    Attributes:
        kind: `code` (an error code as JSON) · `http` (a status with `body`) · `html` (a page, status 502) ·
            `reset` (TCP RST) · `hang` (nothing is sent) · `drip` (one byte every `interval`) · `truncate` (the
            connection ends after `size` bytes of the body) · `empty` · `not_json` · `slow` (right, `seconds` late) ·
            `bom` (right, behind a byte order mark) · `list`, `null`, `nan` (JSON, but no answer) · `oversize` (`size`
            bytes) · `redirect` (to `body`) · `expire` (all tokens of the key are expired: 111), `revoke` (forgotten:
            110) · `token_poison` (JSON without a token) · `token_html` · `token_down` (reset) · `no_scope`
            (a token without `brain_all_scope`). The `token_` kinds and `no_scope` concern the token endpoint alone.
        code: of `code`; a text is sent as a text.
        message: of `code`; the documented one when None.
        status: HTTP status; 200 for `code`, 503 for `http` and `token_html`, 502 for `html` when None.
        body: of `http`, `not_json` and `token_poison`; target of `redirect`.
        headers: extra response headers, `Retry-After` for one.
        seconds: how long `hang` and `slow` take; a hang without it lasts until the simulator stops.
        interval: seconds between the bytes of a drip.
        where: whether the `head` or the `body` drips.
        size: bytes left by `truncate`, sent by `oversize`.
    """

    kind: Kind
    code: int | str = 282000
    message: str | None = None
    status: int | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    interval: float = 0.05
    where: Literal["head", "body"] = "body"
    size: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}" + _nearest(str(self.kind), KINDS))
        if self.where not in ("head", "body"):
            raise ValueError(f"where is head or body, got {self.where!r}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the plan."""

    match: Match
    fault: Fault


class Plan:
    """The rules, and how often each has been asked; the first that hits decides.

    Args:
        rules: in order of precedence.
        seed: of the random behind `share`.
    """

    def __init__(self, rules: Iterable[Rule] = (), seed: int = 0) -> None:
        self.rules = tuple(rules)
        self._seen = [0] * len(self.rules)
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def fault(self, path: str, names: Iterable[str], elapsed: float) -> Fault | None:
        """The fault for a request that has just arrived, or None; every concerned rule counts it."""
        names = tuple(names)
        found: Fault | None = None
        with self._lock:
            for index, rule in enumerate(self.rules):
                if (rule.fault.kind in TOKEN_KINDS and path != "token") or not rule.match.concerns(path, names):
                    continue
                self._seen[index] += 1
                hit = rule.match.hits(self._seen[index], elapsed)
                if hit and rule.match.share < 1.0:
                    hit = self._random.random() < rule.match.share
                if hit and found is None:
                    found = rule.fault
        return found

    @classmethod
    def of(cls, rules: Plan | Iterable[Rule | Mapping[str, Any]] | None, seed: int = 0) -> Plan:
        """A plan from rules, or from mappings `{match: {…}, fault: {…}}` as they stand in YAML.

        Raises:
            ConfigError: with every rule that makes no sense.
        """
        if isinstance(rules, Plan):
            return rules
        if rules is not None and (isinstance(rules, (str, Mapping)) or not isinstance(rules, Iterable)):
            raise ConfigError("a fault plan is a list of rules, each with `match` and `fault`")
        read: list[Rule] = []
        problems: list[Problem] = []
        for number, rule in enumerate(rules or ()):
            found = rule if isinstance(rule, Rule) else _rule(rule)
            if isinstance(found, Rule):
                read.append(found)
            else:
                problems.append(Problem(found, key=f"faults[{number}]"))
        if problems:
            raise ConfigError(problems)
        return cls(read, seed)

    @classmethod
    def load(cls, path: str | Path, seed: int = 0) -> Plan:
        """A plan from a YAML file: a list of rules, or a mapping with `faults` and `seed`.

        Raises:
            ConfigError: when the file cannot be read or a rule makes no sense.
        """
        import yaml

        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"the fault plan cannot be read: {error}", path=str(path)) from error
        if isinstance(content, Mapping):
            unknown = sorted(str(key) for key in content.keys() - {"faults", "seed"})
            if unknown:
                raise ConfigError(f"unknown key {unknown[0]!r}; known are faults, seed", path=str(path))
            seed = content.get("seed", seed)
            content = content.get("faults")
        try:
            return cls.of(content, seed)
        except ConfigError as error:
            raise ConfigError(error.problems, path=str(path)) from error


def _rule(rule: Any) -> Rule | str:
    """The rule, or what is wrong with it."""
    try:
        return _read(rule)
    except (ValueError, TypeError) as error:
        return str(error)


def _read(rule: Any) -> Rule:
    if not isinstance(rule, Mapping) or "fault" not in rule:
        raise ValueError("a rule has a `fault`, and a `match` unless it is for every request")
    _known(rule, ("match", "fault"))
    match = dict(_mapping(rule.get("match") or {}, "match"))
    for name, meant in (("from", "first"), ("to", "last")):
        if name in match:
            match[meant] = match.pop(name)
    nth = match.get("nth", ())
    match["nth"] = tuple(nth) if isinstance(nth, Sequence) and not isinstance(nth, str) else (nth,)
    fault = rule["fault"]
    fault = {"kind": fault} if isinstance(fault, str) else dict(_mapping(fault, "fault"))
    _known(match, [item.name for item in fields(Match)])
    _known(fault, [item.name for item in fields(Fault)])
    if "kind" not in fault:
        raise ValueError("a fault has a `kind`")
    return Rule(Match(**match), Fault(**fault))


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"`{name}` is a mapping, got {type(value).__name__}")
    return value


def _known(given: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise ValueError(f"unknown key {key!r}" + _nearest(str(key), known))


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
