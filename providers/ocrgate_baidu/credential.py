"""Keys of the Baidu console: where they come from, and how they stay out of sight."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ocrgate.diagnosis import Diagnosis
from ocrgate.errors import ConfigError, Problem
from ocrgate.key import Canary, Key
from ocrgate.units import seconds
from ocrgate_baidu.seal import fingerprint

ENVIRONMENT = ("AIP_APP_ID", "AIP_API_KEY", "AIP_SECRET_KEY")
_PLACEHOLDER = re.compile(r"^(your|my|xxx+|<.*>|\$\{.*\}|changeme|\*+|\.\.\.|…)", re.IGNORECASE)
_IN_TEXT = re.compile(
    r"(?i)\b(access_token|client_secret|client_id|session_key|refresh_token|secret_key|api_key)=[^&\s\"']+"
)


@dataclass(frozen=True, slots=True)
class Credential:
    """One application of the console.

    Attributes:
        name: configured name.
        app_id: not sent by the protocol; kept because the three belong together.
        api_key, secret_key: in no repr.
        account: keys of one account share its quota and its calls per second.
        weight, canary: see `ocrgate.key.Key`.
    """

    name: str
    app_id: str = field(repr=False, default="")
    api_key: str = field(repr=False, default="")
    secret_key: str = field(repr=False, default="")
    account: str | None = None
    weight: float = 1.0
    canary: Canary | None = None

    @property
    def key(self) -> Key:
        """The part of it that choosing among keys needs."""
        return Key(self.name, self.account, self.weight, self.fingerprint, self.canary)

    @property
    def fingerprint(self) -> str:
        """See `ocrgate.key.Key`; empty without a secret."""
        return fingerprint(self.api_key, self.secret_key) if self.api_key and self.secret_key else ""

    @property
    def flaw(self) -> str:
        """What makes it unusable before anybody is asked, or nothing. Names no value."""
        for name, value in (("api_key", self.api_key), ("secret_key", self.secret_key)):
            if value.startswith(("bce-v3/", "ALTAK")):
                return f"{name} is an account key; the OCR endpoints want API Key and Secret Key of the application"
            if _PLACEHOLDER.match(value):
                return f"{name} is still a placeholder"
        return ""


def credentials(keys: Iterable[Mapping[str, Any]] | None) -> tuple[Credential, ...]:
    """The configured keys, or the one in `AIP_APP_ID`, `AIP_API_KEY` and `AIP_SECRET_KEY` when None is given.

    Raises:
        ConfigError: when a configured key is incomplete or a name occurs twice; no message quotes a value.
    """
    if keys is None:
        app_id, api_key, secret_key = (os.environ.get(name, "").strip() for name in ENVIRONMENT)
        return (Credential("environment", app_id, api_key, secret_key),) if api_key and secret_key else ()
    if isinstance(keys, (str, Mapping)) or not isinstance(keys, Iterable):
        raise ConfigError([Problem("a list of keys, each with name, app_id, api_key and secret_key", key="keys")])
    read: list[Credential] = []
    problems: list[Problem] = []
    for number, given in enumerate(keys):
        where = f"keys[{number}]"
        if not isinstance(given, Mapping):
            problems.append(Problem("a mapping with name, app_id, api_key and secret_key", key=where))
            continue
        entry = {name: _plain(value) for name, value in given.items()}
        problems += _problems(entry, where)
        read.append(
            Credential(
                name=str(entry.get("name") or f"key{number + 1}"),
                app_id=str(entry.get("app_id") or "").strip(),
                api_key=str(entry.get("api_key") or "").strip(),
                secret_key=str(entry.get("secret_key") or "").strip(),
                account=None if entry.get("account") is None else str(entry["account"]),
                weight=max(0.0, _weight(entry.get("weight", 1.0))),
                canary=_canary(entry.get("canary"), f"{where}.canary", problems),
            )
        )
    names = [credential.name for credential in read]
    problems += [
        Problem(f"two keys are called {name!r}", key="keys") for name in sorted(set(names)) if names.count(name) > 1
    ]
    if problems:
        raise ConfigError(problems)
    return tuple(read)


def _plain(value: Any) -> Any:
    """The text inside of what the configuration keeps secrets in."""
    reveal = getattr(value, "get_secret_value", None)
    return reveal() if callable(reveal) else value


def _problems(entry: Mapping[str, Any], where: str) -> list[Problem]:
    problems: list[Problem] = []
    for name in ("api_key", "secret_key"):
        value = entry.get(name)
        if not isinstance(value, str) or not value.strip():
            problems.append(
                Problem("missing or empty; copy it from the application's page in the console", f"{where}.{name}")
            )
        elif not value.strip().isascii() or re.search(r"\s", value.strip()):
            problems.append(Problem("holds characters that no key has; copy it again", f"{where}.{name}"))
    if _weight(entry.get("weight", 1.0)) < 0:
        problems.append(Problem("a number from 0", f"{where}.weight"))
    return problems


def _weight(value: Any) -> float:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")
    return float(value) if usable else -1.0


def _canary(given: Any, where: str, problems: list[Problem]) -> Canary | None:
    """The trial of a key as the configuration writes it: `share`, `for` (a duration) and `successes`."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        problems.append(Problem("a mapping with share, for and successes", where))
        return None
    told = {"for_" if name == "for" else name: value for name, value in given.items()}
    unknown = [name for name in told if name not in ("share", "for_", "successes")]
    problems += [Problem("unknown; known are share, for and successes", f"{where}.{name}") for name in unknown]
    usual = Canary()
    try:
        return Canary(
            share=float(told.get("share", usual.share)),
            seconds=seconds(told.get("for_", usual.seconds)),
            successes=int(told.get("successes", usual.successes)),
        )
    except (TypeError, ValueError) as error:
        problems.append(Problem(str(error), where))
        return None


class Redactor:
    """Takes secrets out of texts that leave the adapter."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = {secret for secret in secrets if len(secret) >= 4}

    def __repr__(self) -> str:
        return "Redactor()"

    def learn(self, secret: str) -> None:
        """From now on, take this one out, too."""
        if secret not in self._secrets:
            # Tokens live for a month: the few that are ever fetched may all be remembered.
            self._secrets = {*self._secrets, secret}

    def clean(self, text: str) -> str:
        """The text with every known secret, and everything that looks like one in a URL, replaced by `***`."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret in text:
                text = text.replace(secret, "***")
        return _IN_TEXT.sub(r"\1=***", text)

    def cleaned(self, diagnosis: Diagnosis) -> Diagnosis:
        """The diagnosis with everything that the other side may have put its own words into cleaned."""
        return replace(
            diagnosis,
            code=self.clean(diagnosis.code),
            message=self.clean(diagnosis.message),
            meaning=self.clean(diagnosis.meaning),
            meaning_zh=self.clean(diagnosis.meaning_zh),
            log_id=None if diagnosis.log_id is None else self.clean(diagnosis.log_id),
        )
