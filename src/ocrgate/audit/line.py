"""One line of a ledger: JSON scalars by name, its place in the chain, and a digest of it all."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ocrgate.audit.seal import Seal

GENESIS = "0" * 64
"""What the first line of a ledger names as the digest of the line before it."""
LONGEST = 65_536
"""Bytes of a line, its end included."""
RESERVED = frozenset({"seq", "time", "host", "pid", "after", "alg", "prev", "hash"})
"""Fields that the ledger fills in."""
TORN = "torn"
"""The event of a line that names the torn bytes before it."""
HEADLESS = "headless"
"""The event of a line that was chained to the last one there, with nothing to vouch for its being the last."""

_SHAPE = re.compile(
    rb'\{"seq":([1-9][0-9]{0,17}),.*,"alg":"(sha256|hmac-sha256:[0-9a-f]{8})","prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}',
    re.DOTALL,
)
_CLOSING = len(f',"hash":"{GENESIS}"}}')


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says of its place.

    Attributes:
        seq: its number, from 1.
        prev, hash: digests of the line before it and of itself.
        algorithm: that the digest was made with.
        body: the line without its digest.
    """

    seq: int
    prev: str
    hash: str
    algorithm: str
    body: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Line | None:
        """The line in these bytes, without its end; None when they do not have the form of one."""
        found = _SHAPE.fullmatch(raw) if len(raw) < LONGEST else None
        if found is None:
            return None
        seq, algorithm, prev, digest = (part.decode() for part in found.groups())
        return cls(int(seq), prev, digest, algorithm, b"%b}" % raw[:-_CLOSING])

    def holds(self, seal: Seal) -> bool:
        """Whether the digest is that of the line."""
        return seal.holds(self.body, self.algorithm, self.hash)

    def record(self) -> dict[str, Any] | None:
        """All fields but the digest; None when they are no JSON object."""
        try:
            fields = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return fields if isinstance(fields, dict) else None


def written(seal: Seal, seq: int, prev: str, fields: Mapping[str, object]) -> tuple[bytes, str]:
    """A line with its end, and its digest.

    Raises:
        ValueError: when it is longer than a line may be.
    """
    whole = {"seq": seq, **fields, "alg": seal.algorithm, "prev": prev}
    raw, digest = seal.closed(json.dumps(whole, separators=(",", ":")).encode("ascii"))
    if len(raw) >= LONGEST:
        raise ValueError(f"a line of the ledger holds up to {LONGEST} bytes, this one has {len(raw) + 1}; shorten it")
    return raw + b"\n", digest


def checked(record: Mapping[str, object]) -> dict[str, object]:
    """The fields of a record, as plain JSON scalars.

    Raises:
        ValueError: when a name is reserved or no text, or a value is no JSON scalar.
    """
    fields: dict[str, object] = {}
    for name, value in record.items():
        if not isinstance(name, str):
            raise ValueError(f"the name of a field is a text, got {name!r}")  # noqa: TRY004 - as for any bad record
        if name in RESERVED:
            raise ValueError(f"{name} is filled in by the ledger; call the field something else")
        if not (value is None or isinstance(value, (str, int, float))):
            raise ValueError(f"{name}: a text, a number, true, false or null, got {type(value).__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name}: a finite number, got {value!r}")
        if name == "event" and value in (TORN, HEADLESS):
            raise ValueError(f"{value!r} is an event of the ledger's own; call the event something else")
        fields[name] = value
    return fields
