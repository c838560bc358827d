"""The file beside a ledger that remembers its last line, so that a line dropped from the end is missed."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass

from ocrgate.audit.line import GENESIS
from ocrgate.audit.seal import Seal

SIZE = 256
"""Bytes. Always the same and within one sector, so that one write in place is seen whole or not at all, even by a
process that is killed; replacing a file by renaming takes forty times as long."""

_SHAPE = re.compile(
    rb'\{"seq":(0|[1-9][0-9]{0,17}),"last":"([0-9a-f]{64})","alg":"([a-z0-9:-]+)","hash":"([0-9a-f]{64})"\}\s*'
)
_CLOSING = len(f',"hash":"{GENESIS}"}}')


@dataclass(frozen=True, slots=True)
class Head:
    """The last line that was written, as far as the writer came.

    Attributes:
        seq, hash: of the line; 0 and zeros before the first.
        algorithm: that the head's own digest was made with.
    """

    seq: int
    hash: str
    algorithm: str

    @classmethod
    def parse(cls, raw: bytes, seal: Seal) -> Head | None:
        """The head in these bytes; None when they are none, or its digest does not hold with this seal."""
        found = _SHAPE.fullmatch(raw)
        if found is None:
            return None
        seq, last, algorithm, digest = (part.decode() for part in found.groups())
        body = b"%b}" % raw.rstrip()[:-_CLOSING]
        return cls(int(seq), last, algorithm) if seal.holds(body, algorithm, digest) else None


def encoded(seal: Seal, seq: int, last: str) -> bytes:
    """The bytes of the head file."""
    body = json.dumps({"seq": seq, "last": last, "alg": seal.algorithm}, separators=(",", ":")).encode("ascii")
    raw, _ = seal.closed(body)
    return raw.ljust(SIZE - 1) + b"\n"


def write(descriptor: int, seal: Seal, seq: int, last: str) -> None:
    """Write the head in place. Raises OSError."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, encoded(seal, seq, last))
