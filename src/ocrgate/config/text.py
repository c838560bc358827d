"""A YAML text as a document: syntax, anchors, merge keys, and every key once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ocrgate.config.composer import Composer, Node, Stop
from ocrgate.config.document import TOO_DEEP, Document, Finding, Path, is_secret, place_of

if TYPE_CHECKING:
    import yaml

# What a parser quotes may be a secret that happens to begin with `*`, `&`, `!` or `%`.
_QUOTED = re.compile(r"'(?!<[a-z ]+>')[^']{2,}'|\"[^\"]{2,}\"")


def read(text: str, loader: type[Any] | None = None) -> Document:
    """Parse a YAML text; what is wrong with it stands in the document's `findings`.

    Args:
        text: one YAML document.
        loader: a PyYAML loader class; libyaml's when it is there, else the pure one.
    """
    import yaml

    text = text.removeprefix("\ufeff")
    chosen: Any = loader or getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = Document(None, from_text=True)
    try:
        node = Composer(text, chosen).root()
    except Stop as stop:
        document.findings.append(Finding((), stop.message, place=stop.place))
    except yaml.YAMLError as error:
        document.findings.append(_syntax(error, text))
    else:
        if node is not None:
            document.data = _Flattener(document).flatten(node, ())
    return document


def _syntax(error: yaml.YAMLError, text: str) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    index = len(text) if mark is None else mark.index
    problem = str(getattr(error, "problem", None) or "the text cannot be read")
    if "nesting depth" in problem:
        # libyaml from 0.2.6 on looks ahead, and so gives up before the brackets are counted here.
        return Finding((), TOO_DEEP, place=place_of(text, index))
    problem = _QUOTED.sub("what is written", problem)
    hint = ""
    if text[index : index + 1] == "\t":
        hint = "; indent with spaces, not tabs"
    elif "mapping values" in problem:
        hint = "; check the indentation, and quote a text that contains `: `"
    elif "cannot start any token" in problem:
        hint = "; quote a text that begins with this character"
    return Finding((), f"not YAML: {problem}{hint}", place=place_of(text, index))


class _Flattener:
    """Nodes to plain data, every place noted under its path."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._told: set[int] = set()

    def flatten(self, node: Node, path: Path) -> Any:
        document = self._document
        document.values[path] = node.place
        if node.kind == "list":
            return [self.flatten(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.kind == "mapping":
            self._repeated(node, path)
            data: dict[str, Any] = {}
            for key, (place, value) in node.value.items():
                document.keys[(*path, key)] = place
                data[key] = self.flatten(value, (*path, key))
            return data
        if isinstance(node.value, bool):
            document.sources[path] = node.source
        return node.value

    def _repeated(self, node: Node, path: Path) -> None:
        if id(node) in self._told:
            return
        self._told.add(id(node))
        for key, place, first in node.repeated:
            shown = path if is_secret(path) else (*path, key)
            message = f"this key is written twice, first in line {first.line}; keep one"
            self._document.findings.append(Finding(shown, message, place=place))
