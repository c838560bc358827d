"""Adapters that the configuration is tried on; they never read anything."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from ocrgate.provider import Adapter


class Canary(BaseModel):
    model_config = ConfigDict(extra="forbid")

    share: float = Field(ge=0, le=1)


class Key(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    app_id: str = Field(min_length=1)
    secret_key: SecretStr
    canary: Canary | None = None


class Tls(BaseModel):
    model_config = ConfigDict(extra="forbid")

    verify: bool = True
    ca_bundle: str | None = None


class Options(BaseModel):
    """Options of the engine that the tests configure."""

    model_config = ConfigDict(extra="forbid")

    endpoint: Literal["accurate", "general", "idcard"] = "accurate"
    tls: Tls | bool = Tls()
    keys: list[Key] | None = None
    languages: list[str] = []
    depth: int = 3
    mode: Literal["auto", "fast"] | int = "auto"
    side: str | None = Field(default=None, alias="card_side")
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whole(self) -> Options:
        if self.endpoint == "idcard" and self.side is None:
            raise ValueError("the endpoint idcard needs card_side")
        for key in self.keys or ():
            if key.app_id == key.secret_key.get_secret_value():
                raise ValueError(f"{key.app_id[:8]}… is given twice")
        return self


class Engine(Adapter):
    """Has a model of its options."""

    @classmethod
    def options_model(cls) -> type[BaseModel] | None:
        return Options


class Plain(Adapter):
    """Takes whatever it is given."""


class Lenient(BaseModel):
    """Options that a forgetful author left open."""

    colour: str = "grey"


class Careless(Adapter):
    """Its model does not say what to do with unknown keys."""

    @classmethod
    def options_model(cls) -> type[BaseModel] | None:
        return Lenient


class Broken(Adapter):
    """Cannot be asked for its options."""

    @classmethod
    def options_model(cls) -> type[BaseModel] | None:
        raise RuntimeError("no such thing")
