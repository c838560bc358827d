"""From YAML to settings: every problem at once, with its line, and never a secret in a message."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocrgate.settings import Settings

__all__ = ["example", "load", "parse", "schema"]


def load(path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in a YAML file, UTF-8 with or without a byte order mark, at most 1 MiB.

    Args:
        path: the file.
        environ: where `${NAME}` is looked up; the process's environment when left out.

    Raises:
        ConfigError: with every problem found; also when the file cannot be read.
    """
    from ocrgate.config.file import read

    return parse(read(path), path=path, environ=environ)


def parse(
    source: Mapping[str, Any] | str,
    *,
    path: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings in a YAML text, or in a mapping of the same shape.

    Args:
        source: YAML text, or what such a text would hold.
        path: named in error messages; nothing is read from it.
        environ: where `${NAME}` is looked up; the process's environment when left out.

    Raises:
        ConfigError: with every problem found; for a text each has its line and column, both counted from 1.
    """
    from ocrgate.config.parser import settings

    return settings(source, None if path is None else os.fspath(path), os.environ if environ is None else environ)


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the configuration, the options of the installed adapters included."""
    from ocrgate.config.json_schema import build

    return build()


def example() -> str:
    """A commented configuration that `parse` takes as it is; it needs no environment variable."""
    from importlib import resources

    return resources.files(__name__).joinpath("example.yaml").read_text(encoding="utf-8")
