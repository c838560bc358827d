"""Engines that misbehave on purpose; built in worker processes by their import path."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ocrgate.clock import Deadline
from ocrgate.diagnosis import lookup
from ocrgate.errors import ProviderError
from ocrgate.page import Line, Page
from ocrgate.provider import Adapter, Capabilities, Request


class FaultyEngine(Adapter):
    """Does what `options["do"]` of a request says, and reads `options["text"]` otherwise.

    Args:
        name: configured name.
        start: what to do while loading: `hang`, `sigkill`, `fail`, … or nothing.
        gate: a FIFO that is read while loading, so that loading lasts until somebody writes to it.
        log: a file to which each process writes a line when it has loaded.
    """

    capabilities = Capabilities(isolation="process", lanes=1)

    def __init__(
        self, name: str = "faulty", start: str = "", log: str = "", gate: str = "", unused: Any = None
    ) -> None:
        self.name = name
        self._start = start
        self._gate = gate
        self._log = log

    def warm_up(self) -> None:
        if self._log:
            with Path(self._log).open("a") as log:
                log.write(f"{os.getpid()}\n")
        if self._gate:
            Path(self._gate).read_bytes()
        self._do(self._start)

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        if "gate" in request.options:
            Path(request.options["gate"]).read_bytes()
        self._do(request.options.get("do", ""))
        notes = {"thing": lambda: None} if request.options.get("do") == "answer_unpicklable" else {}
        text = str(request.options.get("text", "read")).replace("{pid}", str(os.getpid()))
        return Page(lines=(Line(text, None, 0.9),), notes=notes)

    def _do(self, what: str) -> None:
        actions: dict[str, Any] = {
            "": lambda: None,
            "hang": threading.Event().wait,
            "hang_holding_the_interpreter": lambda: ctypes.PyDLL(None).pause(),
            "hang_with_child": self._hang_with_child,
            "exit": lambda: os._exit(3),
            "sigkill": lambda: os.kill(os.getpid(), signal.SIGKILL),
            "sigsegv": lambda: ctypes.string_at(0),
            "abort": os.abort,
            "eat_memory": self._eat,
            "print": lambda: sys.stdout.write("noise on standard output\n") and sys.stdout.flush(),
            "raise": self._raise,
            "fail": self._fail,
            "exit_quietly": sys.exit,
            "answer_unpicklable": lambda: None,
            "print_much": lambda: os.write(2, b"noise " * 400_000),
        }
        actions[what]()

    def _hang_with_child(self) -> None:
        child = subprocess.Popen(["sleep", "600"])
        if self._log:
            with Path(self._log).open("a") as log:
                log.write(f"{child.pid}\n")
        child.wait()

    def _eat(self) -> None:
        hoard = []
        while True:
            hoard.append(bytearray(32 << 20))

    def _raise(self) -> None:
        raise ValueError("an adapter must not raise this")

    def _fail(self) -> None:
        raise ProviderError(self.name, lookup("gateway", "engine_missing", "pip install something"))
