"""The shape of a whole configuration; every default is that of `ocrgate.settings`. Importing this imports pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from ocrgate.config.fields import Count, Duration, PositiveShare, Section, Size, Switch, Text, typed, wrong
from ocrgate.config.route_model import Route
from ocrgate.settings import AuditSettings, ChaosSettings, ImageSettings, LoggingSettings, Settings

VERSION = 1

_IMAGE, _LOGGING, _AUDIT = ImageSettings(), LoggingSettings(), AuditSettings()
_CHAOS, _SETTINGS = ChaosSettings(), Settings({}, {})


class Cache(Section):
    path: Text = Field(description="File that holds the answers.")
    ttl: Duration | None = Field(default=None, description="How long an answer is kept.")
    size: Size | None = Field(default=None, description="How much is kept.")


Fault = Literal["error", "timeout", "slow", "throttle", "crash"]
_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _level(value: Any) -> Any:
    level = value.upper() if isinstance(value, str) else value
    if level not in _LEVELS:
        raise wrong(f"expected one of {', '.join(_LEVELS)}")
    return level


class Logging(Section):
    level: Annotated[
        str,
        BeforeValidator(_level),
        WithJsonSchema({"enum": _LEVELS}),
    ] = Field(default=_LOGGING.level, description="Least important message that is written.")
    format: Literal["text", "json"] = Field(default=_LOGGING.format, description="How a message is written.")
    file: Text | None = Field(default=_LOGGING.file, description="Where to; standard error when null.")


class Audit(Section):
    path: Text | None = Field(default=_AUDIT.path, description="Append-only ledger of key uses and engine switches.")
    max_bytes: Size = Field(default=_AUDIT.max_bytes, description="From here on the file is put aside.")
    key: Text | None = Field(
        default=_AUDIT.key, description="Secret that the chain is made with; write ${OCRGATE_AUDIT_KEY}."
    )
    on_failure: Literal["continue", "refuse"] = Field(
        default=_AUDIT.on_failure, description="What happens to a call whose line cannot be written."
    )
    sync: Switch = Field(
        default=_AUDIT.sync, description="Whether each line is forced to the disk before the call goes on."
    )


class Chaos(Section):
    rate: PositiveShare = Field(description="Share of the calls of an engine that are spoilt on purpose.")
    faults: Annotated[list[Fault], Field(min_length=1)] = Field(
        default=["error", "slow"], description="Drawn from with equal chance."
    )
    providers: list[Text] = Field(default=[], description="Those concerned; all when left out.")
    delay: Duration = Field(default=_CHAOS.delay, description="How much later a slow answer comes.")


class Image(Section):
    max_pixels: Count = Field(
        default=_IMAGE.max_pixels, description="Of one page; more is refused as a decompression bomb."
    )
    max_bytes: Size = Field(default=_IMAGE.max_bytes, description="Of the file.")
    max_pages: Count = Field(default=_IMAGE.max_pages, description="Of a document.")
    dpi: Annotated[Count, Field(ge=36, le=1200)] = Field(
        default=_IMAGE.dpi, description="At which PDF pages are drawn."
    )


def _version(value: Any) -> Any:
    value = typed(value)
    if isinstance(value, bool) or value != VERSION:
        raise wrong(f"this release reads version {VERSION}")
    return VERSION


def _state(value: Any) -> Any:
    if not isinstance(value, str) or not (
        value == "memory"
        or (value.startswith("sqlite:") and value != "sqlite:")
        or (value.startswith(("redis://", "rediss://", "unix://")) and not value.endswith("://"))
    ):
        raise wrong("expected memory, sqlite:FILE or redis://HOST:PORT/NUMBER")
    return str(value)


def _cache(value: Any) -> Any:
    # YAML 1.1 reads a bare `off` as false.
    value = typed(value)
    if value is False or value == "off":
        return None
    if value is not None and not isinstance(value, dict):
        raise wrong("expected off, or {path: FILE, ttl: 24h, size: 1GB}")
    return value


def _off(value: Any) -> Any:
    return None if typed(value) in (False, "off") else value


class Root(Section):
    """The whole configuration."""

    version: Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": VERSION})] = Field(
        default=VERSION, description="Of the format of this file."
    )
    state: Annotated[
        str,
        BeforeValidator(_state),
        WithJsonSchema({"type": "string", "pattern": r"^(memory|sqlite:.+|rediss?://.+|unix://.+)$"}),
    ] = Field(default="memory", description="What processes share: memory | sqlite:FILE | redis://HOST:PORT/NUMBER.")
    providers: dict[str, Any] = Field(min_length=1, description="The engines, by a name of your choice.")
    routes: Annotated[dict[str, Route], BeforeValidator(lambda value: {} if value is None else value)] = Field(
        default={},
        description="Which engines are asked for what, by name; without any, one route asks all of them in order.",
    )
    cache: Annotated[Cache | None, BeforeValidator(_cache)] = Field(
        default=None, description="off, or where answers are kept."
    )
    single_flight: Switch = Field(
        default=_SETTINGS.single_flight,
        description="Whether a picture that is being read is not read a second time at once for another call.",
    )
    chaos: Annotated[Chaos | None, BeforeValidator(_off)] = Field(
        default=None, description="off, or faults on purpose, to see that they are survived."
    )
    logging: Logging = Field(default=Logging(), description="The log of the command line.")
    audit: Audit = Field(default=Audit(), description="Where key uses are recorded.")
    watch: Annotated[Duration | None, BeforeValidator(_off)] = Field(
        default=_SETTINGS.watch,
        description="off, or how often this file is looked at; taken anew when it has changed.",
    )
    image: Image = Field(default=Image(), description="What is accepted as an image.")
