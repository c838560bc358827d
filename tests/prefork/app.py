"""A WSGI application whose gateway was made, and used, before the server forked its workers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping

from tests.prefork.street import open_gateway, read

gateway = open_gateway(os.environ["STATE"], os.environ["LEDGER"])
for route in ("thread", "process", "default"):
    read(gateway, route)
master = os.getpid()


def app(environ: Mapping[str, str], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Reads a picture by the route that the path names."""
    assert os.getpid() != master
    try:
        answer = {"pid": os.getpid(), "text": read(gateway, environ["PATH_INFO"].strip("/"))}
    except Exception as error:
        sys.stderr.write(f"{error!r}\n")
        answer = {"pid": os.getpid(), "error": repr(error)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
