"""Spoils replies: the JSON they hold, the bytes it is written in, the HTTP around it; the same seed spoils alike."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.corruption import BYTES, HEADERS, NAMES, STATUSES, TEXTS

_RAW = "\x01raw:"
"""Marks a text that is written into the JSON as it stands, without its quotes."""

NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2, 99, 110, 17, 216201, 2**31, 2**53 + 1, 2**64, -(2**63), 10**400, -(10**308), 0.5, -0.0, 1.0000001),
    *(1e308, -1e308, 5e-324, 1e-7, 3.7e18),
    *(f"{_RAW}{text}" for text in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "-0", "01", "1.", "0x1f", "+1")),
    *(f"{_RAW}{'9' * digits}" for digits in (4000, 5000)),
)
OTHERS: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], [{}], {"words": "x"}, {"word": 1}, {"": ""}, ["a", 1, None], [None] * 3),
    *({"left": 0, "top": 0, "width": 1, "height": 1}, {"average": "0.5"}, {"x": 1, "y": 1}, [{"x": 1}] * 4),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A reply that nobody should send.

    Attributes:
        how: names of the mutators, in the order of their use.
        status: of HTTP.
        headers: names in lower case.
        body: whole.
    """

    how: tuple[str, ...]
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def mutant(chance: random.Random, reply: Mapping[str, Any]) -> Mutant:
    """One to four mutations of a reply."""
    tree: Any = copy.deepcopy(dict(reply))
    how: list[str] = []
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        name = chance.choice(list(_TREE))
        tree = _TREE[name](chance, tree)
        how.append(name)
    body = _written(tree, chance)
    if not how or chance.random() < 0.2:
        name = chance.choice(list(BYTES))
        body = BYTES[name](chance, body)
        how.append(name)
    status, headers = 200, {"content-type": "application/json"}
    if chance.random() < 0.15:
        status = chance.choice(STATUSES)
        picked = chance.sample(list(HEADERS), chance.randint(0, 2))
        headers.update({name: chance.choice(HEADERS[name]) for name in picked})
        how.append("http")
    return Mutant(tuple(how), status, headers, body)


def _written(tree: Any, chance: random.Random) -> bytes:
    try:
        text = json.dumps(tree, ensure_ascii=chance.random() < 0.5)
    except RecursionError:
        return b"[" * 50_000
    pieces = text.split('"\\u0001raw:')
    text = pieces[0] + "".join("".join(piece.split('"', 1)) for piece in pieces[1:])
    # What JSON can say and UTF-8 cannot goes out as it is, the way a careless encoder would send it.
    return text.encode("utf-8", "surrogatepass")


def _odd(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice(chance.choice((TEXTS, NUMBERS, OTHERS))))


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place of a tree as a container and its key or index; at most some thousands."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting and len(found) < 5000:
        node = waiting.pop()
        if isinstance(node, dict):
            keys: list[Any] = list(node)
        elif isinstance(node, list):
            keys = list(range(len(node)))
        else:
            continue
        found += [(node, key) for key in keys]
        waiting += [node[key] for key in keys]
    return found


def _somewhere(change: Callable[[random.Random, Any, Any], None]) -> Callable[[random.Random, Any], Any]:
    def mutate(chance: random.Random, tree: Any) -> Any:
        places = _places(tree)
        if places:
            change(chance, *chance.choice(places))
        return tree

    return mutate


def _replace(chance: random.Random, node: Any, key: Any) -> None:
    node[key] = _odd(chance)


def _delete(_chance: random.Random, node: Any, key: Any) -> None:
    del node[key]


def _rename(chance: random.Random, node: Any, key: Any) -> None:
    if isinstance(node, dict):
        node[chance.choice((*NAMES, *TEXTS))] = node.pop(key)
    else:
        node[key] = {chance.choice(NAMES): node[key]}


def _add(chance: random.Random, node: Any, _key: Any) -> None:
    if isinstance(node, dict):
        node[chance.choice(NAMES)] = _odd(chance)
    else:
        node.insert(chance.randint(0, len(node)), _odd(chance))


def _retype(_chance: random.Random, node: Any, key: Any) -> None:
    """The same content as another type."""
    value = node[key]
    if isinstance(value, dict):
        node[key] = list(value.values())
    elif isinstance(value, list):
        node[key] = {str(number): item for number, item in enumerate(value)}
    elif isinstance(value, str):
        node[key] = [value] if len(value) % 2 else {"words": value}
    else:
        node[key] = str(value)


def _nest(chance: random.Random, node: Any, key: Any) -> None:
    value, name = node[key], chance.choice(NAMES)
    for _ in range(chance.choice((2, 20, 30, 400))):
        value = [value] if chance.random() < 0.5 else {name: value}
    node[key] = value


def _repeat(chance: random.Random, node: Any, key: Any) -> None:
    value, times = node[key], chance.choice((2, 10, 100))
    if isinstance(node, list):
        node[key:key] = [value] * times
    elif isinstance(value, str):
        node[key] = value * times
    else:
        node[key] = [value] * times


def _exchange(chance: random.Random, tree: Any) -> Any:
    """Two contents change places."""
    places = _places(tree)
    if len(places) > 1:
        (one, here), (other, there) = chance.sample(places, 2)
        first, second = copy.deepcopy(one[here]), copy.deepcopy(other[there])
        one[here] = second
        if there in other if isinstance(other, dict) else there < len(other):
            other[there] = first
    return tree


def _swell(chance: random.Random, tree: Any) -> Any:
    """A list of thousands, now and then."""
    if chance.random() < 0.03:
        lists = [node[key] for node, key in _places(tree) if isinstance(node[key], list) and node[key]]
        for grown in lists[:1]:
            grown.extend([grown[0]] * chance.choice((3_000, 20_000)))
    return tree


def _wrap(chance: random.Random, tree: Any) -> Any:
    """The whole inside of something, or something else altogether."""
    return chance.choice(([tree], {"data": tree, "errno": 0}, {"result": tree}, str(tree)[:200], None, 7, [], {}, ""))


_TREE: Mapping[str, Callable[[random.Random, Any], Any]] = {
    "replace": _somewhere(_replace),
    "replace again": _somewhere(_replace),
    "delete": _somewhere(_delete),
    "rename": _somewhere(_rename),
    "add": _somewhere(_add),
    "retype": _somewhere(_retype),
    "nest": _somewhere(_nest),
    "repeat": _somewhere(_repeat),
    "exchange": _exchange,
    "swell": _swell,
    "wrap": _wrap,
}
