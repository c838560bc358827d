"""A configuration file as text, or one sentence on why it cannot be read."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from ocrgate.config.document import place_of
from ocrgate.errors import ConfigError, Problem

MAX_BYTES = 1 << 20
"""More is no configuration, but a file named by mistake."""


def read(path: str | os.PathLike[str]) -> str:
    """The text of a UTF-8 file; a byte order mark is dropped.

    Raises:
        ConfigError: when there is no such file, or it is not readable text of at most `MAX_BYTES`.
    """
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        message = "no such file; `ocrgate config example` prints one to start from"
        raise ConfigError(message, name) from error
    except IsADirectoryError as error:
        raise ConfigError("this is a directory; name the YAML file in it", name) from error
    except PermissionError as error:
        raise ConfigError("this file may not be read by this user; change its permissions", name) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"this file cannot be read: {error}", name) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"this file is larger than {MAX_BYTES >> 20} MiB; a configuration is a few kilobytes", name)
    return _decode(data, name)


def _decode(data: bytes, name: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError("this file is UTF-16; save it as UTF-8", name)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = place_of(before + "?", len(before))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigError([Problem(message, line=line, column=column)], name) from error
