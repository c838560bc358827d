"""Other gateways, each asked in an interpreter where it is installed; see `peer_program`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from benchmarks.peer_program import PEERS
from benchmarks.way import Block

_PROGRAM = Path(__file__).with_name("peer_program.py")
_PATIENCE = 5.0
_WHAT = {
    "litellm": "LiteLLM {}: Router.completion of a provider of one's own",
    "ocrroute": "ocrroute {}: Executor.execute of an engine of one's own, named, nothing cached",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """Another gateway; a way of asking like those in this process.

    Attributes:
        name, what: see `Way`.
    """

    name: str
    what: str
    _process: subprocess.Popen[str] = field(repr=False)

    def block(self, calls: int) -> Block:
        """See `Way`."""
        answer = self._ask(calls=calls)
        return Block(answer["seconds"], answer["cpu"])

    def rate(self, seconds: float, threads: int) -> float:
        """See `Way`."""
        rate: float = self._ask(seconds=seconds, threads=threads)["rate"]
        return rate

    def _ask(self, **wanted: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer that does not come says the same
            self._process.stdin.write(json.dumps({"way": self.name, **wanted}) + "\n")
            self._process.stdin.flush()
        return _answer(self._process)


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers of an interpreter.

    Attributes:
        ways: those that work, by name.
        missing: why the others are not there.
    """

    ways: Mapping[str, Peer]
    missing: Mapping[str, str]


@contextlib.contextmanager
def peers(interpreter: str | None) -> Iterator[Peers]:
    """The peers installed in an interpreter, for as long as the `with` block; none without one.

    Raises:
        RuntimeError: when the program that asks them does not start, or ends.
    """
    if interpreter is None:
        yield Peers({}, dict.fromkeys(PEERS, "not asked for"))
        return
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as said:
        process = _started(interpreter, folder, said)
        try:
            here = _answer(process, said)["peers"]
            yield Peers(
                {
                    name: Peer(name, _WHAT[name].format(found["version"]), process)
                    for name, found in here.items()
                    if "version" in found
                },
                {name: found["problem"] for name, found in here.items() if "problem" in found},
            )
        finally:
            _end(process)


def _started(interpreter: str, folder: str, said: IO[str]) -> subprocess.Popen[str]:
    # Nothing of this project's own surroundings: the other interpreter has packages of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        return subprocess.Popen(
            [interpreter, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**environment, "PEER_FOLDER": folder},
            cwd=folder,
        )
    except OSError as error:
        raise RuntimeError(f"{interpreter} cannot be started: {error}") from error


def _answer(process: subprocess.Popen[str], said: IO[str] | None = None) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        last = ""
        if said is not None:
            said.seek(0)
            last = (said.read().strip().splitlines() or [""])[-1]
        raise RuntimeError(f"the program that asks the peers has ended: {last or process.wait(_PATIENCE)}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
