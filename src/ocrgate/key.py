"""Credentials as far as choosing among them and watching their use goes; nothing here holds a secret."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Canary:
    """The trial of a new key.

    Attributes:
        share: of the calls that it takes meanwhile, 0–1.
        seconds: how long the trial lasts at least.
        successes: calls that have to succeed before it is trusted.
    """

    share: float = 0.05
    seconds: float = 86400.0
    successes: int = 200

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise ValueError(f"share is a number above 0 and up to 1, got {self.share!r}")
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds is a number from 0, got {self.seconds!r}")
        if self.successes < 1:
            raise ValueError(f"successes is a number from 1, got {self.successes!r}")


@dataclass(frozen=True, slots=True)
class Key:
    """A credential as far as choosing among several goes; it holds no secret.

    Attributes:
        name: configured name.
        account: keys of one account share its quota; the key's own name when left out.
        weight: share of the calls relative to the other keys; 0 only when no other key is left.
        fingerprint: tells the credential from others of the same name, without giving it away: twelve hexadecimal
            digits, the same in every process; empty when the adapter gives none.
        canary: its trial, or None for a key that is trusted from the start.
    """

    name: str
    account: str | None = None
    weight: float = 1.0
    fingerprint: str = ""
    canary: Canary | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a key needs a name")
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"weight is a number from 0, got {self.weight!r}")


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A credential, or what was got with it, was sent somewhere. Holds no secret.

    Attributes:
        key: configured name.
        endpoint: what was asked: `token`, or the name of the endpoint.
        outcome: `ok` or `failed`.
        code: of the diagnosis of a failure, or empty.
        log_id: the other side's reference, or None.
        sent: bytes of the request's body.
        source: IP address it was sent from, or empty when no connection was made.
        billed: whether the other side bills it; None when that cannot be known.
    """

    key: str
    endpoint: str
    outcome: Literal["ok", "failed"]
    code: str = ""
    log_id: str | None = None
    sent: int = 0
    source: str = ""
    billed: bool | None = False
