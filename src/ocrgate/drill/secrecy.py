"""Whether a secret stands where none may stand: in files, in the log, in what errors, events and the status say."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote


def forms(secret: str) -> Iterator[bytes]:
    """How a secret may be written: as it is, percent-encoded, and in base64 at each of the three offsets."""
    plain = secret.encode()
    yield plain
    if (encoded := quote(secret, safe="").encode()) != plain:
        yield encoded
    for offset in range(3):
        # The characters at both ends depend on what stands beside the secret.
        yield base64.b64encode(b"\0" * offset + plain)[4 if offset else 0 :].rstrip(b"=")[:-2]


def leaks(secrets: Mapping[str, str], folder: Path, said: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One sentence for each secret and place where it was found.

    Args:
        secrets: by what they are.
        folder: all files below it are searched.
        said: texts, each with where it is from.
    """
    wanted = [(what, tuple(forms(secret))) for what, secret in secrets.items() if secret]
    places = [(f"the file {path.name}", path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]
    texts: dict[str, list[str]] = {}
    for where, text in said:
        texts.setdefault(where, []).append(text)
    places += [(where, "\n".join(parts).encode("utf-8", "surrogatepass")) for where, parts in texts.items()]
    for where, content in places:
        for what, written in wanted:
            if any(form in content for form in written):
                yield f"{what} stands in {where}"
