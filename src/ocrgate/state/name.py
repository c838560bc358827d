"""Names in a store."""

from __future__ import annotations


def join(*parts: str) -> str:
    """A name of several parts; configured names may hold anything, so a part that has `/` in it stays one part."""
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)
