"""The configuration as a JSON Schema, for editors and for checks without Python."""

from __future__ import annotations

from typing import Any

from ocrgate.catalog import factories
from ocrgate.config.adapters import options_model
from ocrgate.config.provider_model import Provider
from ocrgate.config.root_model import Root

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_REFERENCE: Schema = {"$ref": "#/$defs/Variable"}
_VARIABLE: Schema = {
    "description": "Taken from the environment.",
    "type": "string",
    "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$",
}
_NOTES = ("description", "default", "examples", "deprecated")


def build() -> Schema:
    """The schema, with the options of every adapter that is installed and can be imported."""
    root = Root.model_json_schema()
    own = Provider.model_json_schema()
    definitions = {**root.pop("$defs", {}), **own.pop("$defs", {})}
    names: dict[str, str] = {}
    for kind in factories():
        names[kind] = f"provider.{kind}"
        definitions[names[kind]] = _adapter(kind, own, definitions)
    root["properties"]["providers"] |= _providers(names, own)
    root["properties"]["cache"]["anyOf"] = [{"enum": ["off", False]}, {"$ref": "#/$defs/Cache"}]
    root["properties"]["cache"]["default"] = "off"
    root["properties"]["watch"]["anyOf"].append({"enum": ["off", False]})
    opened = _schema(root)
    opened["$defs"] = {name: _schema(one) for name, one in sorted(definitions.items())} | {"Variable": _VARIABLE}
    return {"$schema": DIALECT, "title": "ocrgate configuration"} | opened


def _adapter(kind: str, own: Schema, definitions: Schema) -> Schema:
    """One definition for the gateway's settings and the adapter's options: only so can it refuse all other keys."""
    options: Schema = {"properties": {}, "additionalProperties": True}
    try:
        model = options_model(kind)
    except ValueError:
        # Of an adapter that cannot be imported nothing is known, and nothing can be refused.
        model = None
    if model is not None:
        options = model.model_json_schema(ref_template=f"#/$defs/{kind}.{{model}}")
        definitions |= {f"{kind}.{name}": one for name, one in options.pop("$defs", {}).items()}
    return {
        "type": "object",
        "description": options.get("description", f"An engine of the type {kind}."),
        "properties": {**options.get("properties", {}), **own["properties"], "type": {"const": kind}},
        "required": [name for name in options.get("required", []) if name not in own["properties"]],
        "additionalProperties": bool(options.get("additionalProperties", False)),
    }


def _providers(names: dict[str, str], own: Schema) -> Schema:
    def typed(kind: str) -> Schema:
        return {"$ref": f"#/$defs/{names[kind]}", "required": ["type"]}

    if not names:
        return {"additionalProperties": {**own, "additionalProperties": True}}
    return {
        # A provider that is called like a type needs no `type`, and nothing below its name.
        "properties": {
            kind: {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}, *(typed(k) for k in names if k != kind)]}
            for kind, name in names.items()
        },
        "additionalProperties": {"anyOf": [typed(kind) for kind in names]},
    }


def _schema(node: Schema) -> Schema:
    """The schema without pydantic's titles, and open to `${NAME}` wherever a scalar is restricted."""
    node = {key: value for key, value in node.items() if key != "title"}
    if _restricted(node):
        notes = {key: node.pop(key) for key in _NOTES if key in node}
        branches = node.get("anyOf", [node])
        return {**notes, "anyOf": [*({**branch} for branch in branches), _REFERENCE]}
    for key in ("properties", "patternProperties"):
        if key in node:
            node[key] = {name: _schema(one) for name, one in node[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            node[key] = _schema(node[key])
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if key in node:
            node[key] = [_schema(one) for one in node[key]]
    return node


def _restricted(node: Schema) -> bool:
    if "anyOf" in node:
        return all(_restricted(one) for one in node["anyOf"])
    return "enum" in node or "pattern" in node or node.get("type") in ("integer", "number", "boolean")
