"""YAML events as nodes, with every limit held while reading, so that no text can exhaust the stack or the memory."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from ocrgate.config.document import BREAK, MAX_DEPTH, MAX_VALUES, TOO_DEEP, Place
from ocrgate.config.scalar import resolve

_TAG = "tag:yaml.org,2002:"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True, eq=False)
class Node:
    """One value of the text; `value` holds nodes for a list, `(key, place, node)` by key for a mapping."""

    kind: str
    value: Any
    place: Place
    source: str = ""
    size: int = 1
    depth: int = 1
    repeated: list[tuple[str, Place, Place]] = field(default_factory=list)


class Stop(Exception):
    """Reading on makes no sense."""

    def __init__(self, message: str, place: Place) -> None:
        self.message = message
        self.place = place


class Composer:
    """One text, read once by `root()`."""

    def __init__(self, text: str, loader: type[Any]) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in BREAK.finditer(text))]
        self._loader = loader
        self._anchors: dict[str, Node | None] = {}
        self._spent = 0

    def root(self) -> Node | None:
        bad = _FORBIDDEN.search(self._text)
        if bad is not None:
            raise Stop(f"not YAML: the character U+{ord(bad.group()):04X} is not allowed", self._at(bad.start()))
        events = self._loader(self._text)
        try:
            events.get_event()  # the stream starts
            node = None
            if type(events.peek_event()).__name__ != "StreamEndEvent":
                events.get_event()  # the document starts
                node = self._node(events, 1)
                events.get_event()  # the document ends
            after = events.get_event()
            if type(after).__name__ != "StreamEndEvent":
                raise Stop("a second document begins here; one file holds one", self._at(after.start_mark.index))
            return node
        finally:
            events.dispose()

    def _at(self, index: int) -> Place:
        line = bisect_right(self._starts, index)
        return Place(line, index - self._starts[line - 1] + 1)

    def _spend(self, count: int, place: Place) -> None:
        self._spent += count
        if self._spent > MAX_VALUES:
            raise Stop(f"more than {MAX_VALUES} values; a configuration has a few hundred", place)

    def _node(self, events: Any, depth: int) -> Node:
        event = events.get_event()
        place = self._at(event.start_mark.index)
        if depth > MAX_DEPTH:
            raise Stop(TOO_DEEP, place)
        self._spend(1, place)
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event.anchor, place)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if kind == "ScalarEvent":
            node = self._scalar(event, place)
        elif kind == "SequenceStartEvent":
            node = self._sequence(events, event, place, depth)
        else:
            node = self._mapping(events, event, place, depth)
        if node.size > MAX_VALUES:
            raise Stop(f"more than {MAX_VALUES} values once the aliases are resolved; use fewer aliases", place)
        if node.depth > MAX_DEPTH:
            raise Stop(f"nested more than {MAX_DEPTH} deep once the aliases are resolved", place)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, place: Place) -> Node:
        if anchor not in self._anchors:
            raise Stop("not YAML: `*` names an anchor that is not defined above; quote a text that begins so", place)
        node = self._anchors[anchor]
        if node is None:
            raise Stop("this alias contains itself", place)
        return node

    def _tag(self, event: Any, place: Place, allowed: tuple[str, ...]) -> str | None:
        tag = event.tag
        if tag is None or tag == "!":
            return None
        name = tag[len(_TAG) :] if tag.startswith(_TAG) else None
        if name not in allowed:
            raise Stop("this tag (`!…`) is not supported: leave it out, or quote a text that begins with `!`", place)
        return str(name)

    def _scalar(self, event: Any, place: Place) -> Node:
        tag = self._tag(event, place, ("str", "int", "float", "bool", "null"))
        text = event.value
        if tag is None:
            plain = event.tag is None and event.implicit[0]
            kind = "merge" if plain and text == "<<" else "scalar"
            return Node(kind, resolve(text) if plain else text, place, text)
        if tag == "str":
            return Node("scalar", text, place, text)
        value = resolve(text)
        if type(value).__name__.replace("NoneType", "null") != tag and (tag, type(value)) != ("float", int):
            raise Stop(f"the value is not what its tag `!!{tag}` says", place)
        return Node("scalar", value, place, text)

    def _sequence(self, events: Any, event: Any, place: Place, depth: int) -> Node:
        self._tag(event, place, ("seq",))
        items: list[Node] = []
        while type(events.peek_event()).__name__ != "SequenceEndEvent":
            items.append(self._node(events, depth + 1))
        events.get_event()
        return _sized(Node("list", items, place), items)

    def _mapping(self, events: Any, event: Any, place: Place, depth: int) -> Node:
        self._tag(event, place, ("map",))
        entries: dict[str, tuple[Place, Node]] = {}
        merged: dict[str, tuple[Place, Node]] = {}
        merge_place: Place | None = None
        node = Node("mapping", {}, place)
        while type(events.peek_event()).__name__ != "MappingEndEvent":
            # An alias as a key stands where it is used, not where its anchor is.
            key_place = self._at(events.peek_event().start_mark.index)
            key = self._node(events, depth + 1)
            if key.kind not in ("scalar", "merge"):
                raise Stop("a key is a word, no list or mapping; quote a text that begins with a bracket", key_place)
            value = self._node(events, depth + 1)
            first = merge_place if key.kind == "merge" else entries.get(key.source, (None, None))[0]
            if first is not None:
                node.repeated.append((key.source, key_place, first))
            elif key.kind == "merge":
                merge_place = key_place
                self._merge(merged, value, key_place)
            else:
                entries[key.source] = (key_place, value)
        events.get_event()
        node.value = merged | entries
        return _sized(node, [value for _, value in node.value.values()])

    def _merge(self, merged: dict[str, tuple[Place, Node]], value: Node, place: Place) -> None:
        for source in value.value if value.kind == "list" else [value]:
            if source.kind != "mapping":
                raise Stop("`<<` takes an alias of a mapping, or a list of such aliases", place)
            self._spend(len(source.value), place)
            for key, entry in source.value.items():
                merged.setdefault(key, entry)


def _sized(node: Node, children: list[Node]) -> Node:
    node.size += sum(child.size for child in children)
    node.depth += max((child.depth for child in children), default=0)
    return node
