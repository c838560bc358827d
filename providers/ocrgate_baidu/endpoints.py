"""Every OCR endpoint of the SDK as data: how it is asked, what it takes, what it allows, how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

from ocrgate.provider import Limits

FORMATS = ("PNG", "JPEG", "BMP")
MIN_SIDE = 15
MAX_URL = 1024
_V1 = "/rest/2.0/ocr/v1/"
_PAGE = "https://cloud.baidu.com/doc/OCR/s/"
_MODELS = "request models of Baidu's newer Python SDK"
_SDK = "baidu-aip 4.16.13"

Kind = Literal["text", "card", "other"]
Input = Literal["image", "url", "pdf", "ofd"]
INPUTS: tuple[Input, ...] = ("image", "url", "pdf", "ofd")
"""In the order in which the platform looks for them: the first that is there counts."""
FIELD: Mapping[Input, str] = {"image": "image", "url": "url", "pdf": "pdf_file", "ofd": "ofd_file"}
"""What each is called in the form that is sent."""
PAGE: Mapping[Input, str] = {"pdf": "pdf_file_num", "ofd": "ofd_file_num"}
"""The option that says which page of a document is read."""
BOOLEAN = ("true", "false")
NUMBER = ("a whole number from 1",)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    Attributes:
        name: what `endpoint:` in the configuration says; the last part of the path as a rule.
        title: what Baidu calls it.
        image, url, pdf: methods of the SDK for each input; empty where it has none.
        also: inputs that Baidu documents and the SDK has no method for.
        kind: `text` answers with lines, `card` with named fields, `other` with a shape of its own.
        max_encoded: bytes of the image after base64 and percent-encoding.
        max_side: in pixels.
        limited: whether the two limits are documented; a careful default otherwise.
        params: that it documents; None when its documentation was not at hand, and then any is let through.
        required: parameters without which it answers 216101.
        instead: for a required parameter, those of which one will do in its place.
        positional: those of the required that the SDK wants as arguments of their own.
        languages: values of `language_type` that stand for languages, empty when it has no such parameter.
        choices: values of its parameters where they differ from those of other endpoints.
        places: whether its lines carry a place: `yes`, `no`, or `asked` when the option `location` is true.
        path: on the server.
        retired: what to use instead of an endpoint that is being switched off, or empty.
        source: where this was read.
    """

    name: str
    title: str
    image: str
    url: str = ""
    pdf: str = ""
    also: tuple[Input, ...] = ()
    kind: Kind = "other"
    max_encoded: int = 4_000_000
    max_side: int = 4096
    limited: bool = True
    params: tuple[str, ...] | None = None
    required: tuple[str, ...] = ()
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    places: Literal["yes", "no", "asked"] = "yes"
    path: str = ""
    retired: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path or _V1 + self.name)

    @property
    def limits(self) -> Limits:
        """What an image has to be like."""
        return Limits(
            formats=FORMATS,
            max_encoded_bytes=self.max_encoded,
            min_side=MIN_SIDE,
            max_side=self.max_side,
            max_aspect=None,
        )

    @property
    def located(self) -> bool:
        """Whether its lines carry a place without being asked for it."""
        return self.places == "yes"

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it can be given, through a method of the SDK or without."""
        methods: Mapping[Input, str] = {"image": self.image, "url": self.url, "pdf": self.pdf, "ofd": ""}
        return tuple(kind for kind in INPUTS if methods[kind] or kind in self.also)

    def method(self, kind: Input) -> str:
        """The SDK's method for an input, or empty when it has none."""
        methods: Mapping[Input, str] = {"image": self.image, "url": self.url, "pdf": self.pdf}
        return methods.get(kind, "")

    def values(self, parameter: str) -> tuple[str, ...] | None:
        """What a parameter may be set to, as texts; None for anything."""
        if parameter in self.choices:
            return self.choices[parameter]
        if parameter == "language_type" and self.languages:
            return self.languages
        return VALUES.get(parameter, BOOLEAN)


@dataclass(frozen=True, slots=True)
class Unserved:
    """Calls of the SDK that are no endpoints here.

    Attributes:
        name: last part of the path, or of the path's folder.
        methods: of the SDK.
        reason: why, in a few words.
        use: the endpoint that comes closest, or empty.
    """

    name: str
    methods: tuple[str, ...]
    reason: str
    use: str = ""


def _table() -> Mapping[str, Any]:
    import yaml

    # The safe loader in C, where PyYAML was built with it, takes a sixth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = files("ocrgate_baidu").joinpath("endpoints.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = yaml.load(text, loader)  # noqa: S506 - either is the safe one
    return table


def _endpoint(row: Mapping[str, Any], table: Mapping[str, Any]) -> Endpoint:
    method, also = row["method"], tuple(row.get("also", "").split())
    methods = {kind: f"{method}{kind.capitalize()}" for kind in row.get("sdk", "").split()}
    params = tuple(row["params"].split()) if "params" in row else None
    documents = [kind for kind in PAGE if kind in methods or kind in also]
    limit = row if "size" in row else table["unknown"]
    required = [each.split(" or ") for each in row.get("required", ())]
    located = row.get("located", True)
    told = [f"{_PAGE}{row['page']}" if "page" in row else "", _MODELS if row.get("models") else ""]
    return Endpoint(
        name=row["name"],
        title=row["title"],
        image=method,
        url=methods.get("url", ""),
        pdf=methods.get("pdf", ""),
        also=also,
        kind=row["kind"],
        max_encoded=limit["size"] * 1_000_000,
        max_side=limit["side"],
        limited="size" in row,
        params=None if params is None else (*params, *(PAGE[kind] for kind in documents)),
        required=tuple(names[0] for names in required),
        instead={names[0]: tuple(names[1:]) for names in required if len(names) > 1},
        positional=tuple(row.get("positional", ())),
        languages=tuple(table["languages"][row["languages"]].split()) if "languages" in row else (),
        choices={name: tuple(values) or None for name, values in row.get("values", {}).items()},
        places="asked" if located == "asked" else "yes" if located else "no",
        path=row.get("path", ""),
        retired=row.get("retired", ""),
        source="; ".join(filter(None, told)) or _SDK,
    )


_TABLE = _table()
VALUES: Mapping[str, tuple[str, ...] | None] = {
    **{name: tuple(values) or None for name, values in _TABLE["values"].items()},
    **dict.fromkeys(PAGE.values(), NUMBER),
}
"""Values of the parameters that are not true or false; None takes any text."""
ENDPOINTS: Mapping[str, Endpoint] = {row["name"]: _endpoint(row, _TABLE) for row in _TABLE["endpoints"]}
"""By name."""
UNSERVED: Mapping[str, Unserved] = {
    name: Unserved(name, tuple(row["methods"].split()), row["reason"], row.get("use", ""))
    for name, row in _TABLE["unserved"].items()
}
"""By name: the SDK's calls that take no image, or whose answer is no reading of it."""
MORE_LANGUAGES: tuple[str, ...] = tuple(_TABLE["languages"]["extended"].split())
