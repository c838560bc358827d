"""The adapter's options as the configuration holds them: refused there, with their line, if they could not be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from ocrgate.errors import ConfigError, Problem
from ocrgate.units import seconds
from ocrgate_baidu.credential import credentials
from ocrgate_baidu.endpoints import ENDPOINTS
from ocrgate_baidu.options import checked, endpoint, server
from ocrgate_baidu.settings import check_proxies, checked_tls

if TYPE_CHECKING:
    from pydantic import BaseModel


def _passed(check: Callable[[], object]) -> None:
    try:
        check()
    except ConfigError as error:
        _complain(error.problems)


def _complain(problems: Iterable[Problem]) -> None:
    """Raise what is wrong, each with the last part of its key."""
    told = [f"{(problem.key or '').rpartition('.')[2]}: {problem.message}" for problem in problems]
    if told:
        raise ValueError("; ".join(told)) from None


@cache
def model() -> type[BaseModel]:
    """The adapter's options as a pydantic model."""
    from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    class Canary(Strict):
        """A new key's trial."""

        share: float = Field(0.05, gt=0, le=1, description="share of the calls it takes")
        for_: str | float = Field("24h", alias="for", description="how long the trial lasts, `24h` or seconds")
        successes: int = Field(200, ge=1, description="successful calls after which it is trusted")

        @field_validator("for_")
        @classmethod
        def _for(cls, duration: str | float) -> str | float:
            seconds(duration)
            return duration

    class KeyOptions(Strict):
        """One application of Baidu's console."""

        name: str = Field(description="what logs, attempts and the status call it")
        app_id: str = Field("", description="AppID; kept with the key, never sent")
        api_key: SecretStr = Field(description="API Key of the application; write ${AIP_API_KEY}")
        secret_key: SecretStr = Field(description="Secret Key of the application; write ${AIP_SECRET_KEY}")
        account: str | None = Field(None, description="keys of one Baidu account share its quota")
        weight: float = Field(1.0, ge=0, description="share of the calls relative to the other keys")
        canary: Canary | None = Field(None, description="trial of a new key")

        @model_validator(mode="after")
        def _usable(self) -> KeyOptions:
            _passed(lambda: credentials([self.model_dump(exclude_unset=True)]))
            return self

    class TLS(Strict):
        """How the server proves who it is."""

        verify: bool = Field(True, description="check the certificate")
        ca_bundle: str | None = Field(None, description="PEM file of the CAs to trust instead of the shipped ones")

    class BaiduOptions(Strict):
        """Options of the Baidu adapter."""

        model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, validate_default=True)

        endpoint: str = Field(
            "accurate", description="OCR endpoint by its path name", json_schema_extra={"enum": list(ENDPOINTS)}
        )
        base_url: str = Field("https://aip.baidubce.com", description="where the platform is, or the simulator")
        tls: TLS | None = Field(None, description="certificate checks")
        proxies: dict[str, str] | None = Field(None, description='by scheme, {https: "http://proxy.example:8080"}')
        trust_env: bool = Field(True, description="whether HTTP(S)_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE count")
        keys: list[KeyOptions] | None = Field(None, description="left out: AIP_APP_ID, AIP_API_KEY, AIP_SECRET_KEY")
        options: dict[str, str | int | float | bool | None] | None = Field(
            None, description="request options of the endpoint"
        )

        @field_validator("endpoint")
        @classmethod
        def _endpoint(cls, name: str) -> str:
            return endpoint(name).name

        @field_validator("base_url")
        @classmethod
        def _base_url(cls, url: str) -> str:
            return server(url)

        @field_validator("tls")
        @classmethod
        def _tls(cls, told: TLS | None) -> TLS | None:
            problems: list[Problem] = []
            checked_tls(None if told is None else told.model_dump(), problems)
            _complain(problems)
            return told

        @field_validator("proxies")
        @classmethod
        def _proxies(cls, told: dict[str, str] | None) -> dict[str, str] | None:
            problems: list[Problem] = []
            check_proxies(told, problems)
            _complain(problems)
            return told

        @field_validator("options")
        @classmethod
        def _options(cls, given: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
            where = ENDPOINTS.get(info.data.get("endpoint", ""))
            problems = checked(where, given or {})[1] if where else []
            if problems:
                raise ValueError("; ".join(f"{name}: {message}" for name, message in problems))
            return given

    return BaiduOptions
