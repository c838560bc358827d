"""Worker processes under every kind of host program."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from tests.lane.processes import PATIENCE, ROOT, alive, environment, eventually, gone, logged

PREPARE = """\
import sys
from ocrgate.clock import Deadline
from ocrgate.lane.process import ProcessLane
from ocrgate.provider import ProviderSpec, Request
spec = ProviderSpec("faulty", "tests.faults.engines:FaultyEngine", {"log": sys.argv[1]})
lane = ProcessLane(spec, size=1, queue=4, memory=1 << 30, recycle=100)
make = lambda do, text: Request(b"", "RAW", 1, 1, options={"do": do, "text": text})
send = lambda do="", text="read {pid}": lane.submit(make(do, text), Deadline.after(20.0))
ask = lambda do="", text="read {pid}": send(do, text).future.result(20.0).text
"""
WORK = """\
print(ask("print", "first"), flush=True)
print(type(send("sigkill").future.exception(20.0)).__name__, flush=True)
print(ask("", "second"), flush=True)
"""
SAID = "first\nProviderError\nsecond\n"
Host = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "pids"


@pytest.fixture
def host(log: Path) -> Iterator[Host]:
    """Starts a host program: the arguments of Python, the log being the program's own first argument."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments, str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        with process:
            pass
    assert gone(logged(log)), "no host leaves a worker behind"


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_plain_script_needs_no_main_guard(host: Host, tmp_path: Path, log: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text('print("begun", flush=True)\n' + PREPARE + WORK)
    out, err = host(str(script)).communicate(timeout=PATIENCE)
    assert (out, err) == (f"begun\n{SAID}", ""), "the script runs once, and nothing else is printed"
    assert len(logged(log)) == 2


def test_a_program_from_standard_input(host: Host) -> None:
    out, err = host("-").communicate(PREPARE + WORK, timeout=PATIENCE)
    assert (out, err) == (SAID, "")


def test_a_program_from_the_command_line(host: Host) -> None:
    out, err = host("-c", PREPARE + WORK).communicate(timeout=PATIENCE)
    assert (out, err) == (SAID, "")


def test_an_interactive_session_fed_by_a_pipe(host: Host) -> None:
    out, _ = host("-i", "-q", "-").communicate(PREPARE + WORK, timeout=PATIENCE)
    assert out == SAID


def test_an_interactive_session_at_a_terminal(log: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-i", "-q", "-", str(log)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**environment(), "TERM": "dumb", "PYTHON_BASIC_REPL": "1"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, (PREPARE + WORK + "exit()\n").encode())
        shown = bytearray()
        until = monotonic() + PATIENCE
        while monotonic() < until and process.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 4096)
                except OSError:
                    break
        process.kill()
    os.close(ours)
    lines = shown.decode().replace("\r", "").splitlines()
    assert {"first", "ProviderError", "second"} <= set(lines), lines
    assert "noise" not in shown.decode()
    assert gone(logged(log))


def test_a_host_that_is_killed_leaves_no_worker(host: Host, log: Path) -> None:
    code = PREPARE + 'ask()\nhung = send("hang_with_child")\nprint("hung", flush=True)\nhung.future.result()\n'
    process = host("-c", code)
    assert line(process) == "hung"
    assert eventually(lambda: len(logged(log)) == 2)
    assert all(map(alive, logged(log)))
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    assert gone(logged(log))


def test_a_host_that_is_killed_while_the_engine_loads_leaves_no_worker(host: Host, log: Path) -> None:
    code = PREPARE.replace('"log":', '"start": "hang", "log":') + "send().future.result()\n"
    process = host("-c", code)
    assert eventually(lambda: len(logged(log)) == 1)
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    assert gone(logged(log))


@pytest.mark.parametrize("do", ["hang", "hang_holding_the_interpreter"])
def test_control_c_ends_a_waiting_host_and_its_worker(do: str, host: Host, log: Path) -> None:
    # A shell that starts its jobs in the background has them ignore it, and that is inherited.
    heed = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = PREPARE + f'ask()\nhung = send("{do}")\nprint("hung", flush=True)\nhung.future.result()\n'
    process = host("-c", heed + code)
    assert line(process) == "hung"
    Event().wait(0.3)  # until the engine hangs: nobody can tell from outside
    process.send_signal(signal.SIGINT)
    begun = monotonic()
    _, err = process.communicate(timeout=PATIENCE)
    assert monotonic() - begun < 3.0
    assert "KeyboardInterrupt" in err
    assert process.returncode == -signal.SIGINT
    assert gone(logged(log), 5.0)


def test_control_c_reaches_no_worker(host: Host, log: Path) -> None:
    """A terminal sends it to the whole group of the host, and a host that catches it goes on with the same worker."""
    process = host("-c", PREPARE + "print(ask(), flush=True)\nsys.stdin.readline()\nprint(ask(), flush=True)\n")
    before = line(process)
    (pid,) = logged(log)
    assert os.getpgid(pid) == pid, "it is in no group of the host"
    os.kill(pid, signal.SIGINT)
    out, err = process.communicate("\n", timeout=PATIENCE)
    assert (out.strip(), err) == (before, "")


def test_a_host_that_ends_in_the_middle_of_a_call_ends_at_once(host: Host, log: Path) -> None:
    process = host("-c", PREPARE + 'ask()\nsend("hang")\n')
    out, err = process.communicate(timeout=5.0)
    assert (out, err, process.returncode) == ("", "", 0)
    assert gone(logged(log))


FORK = (
    PREPARE
    + """
import os
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
to_child, to_parent = os.pipe(), os.pipe()
mine = ask()
busy = send("hang")
spare = ProcessLane(spec, size=1, queue=4, memory=1 << 30, recycle=100)
lane, hung = spare, lane
mine = ask()
child = os.fork()
if not child:
    theirs = ask()
    assert theirs != mine
    assert ask() == theirs
    {child}
    sys.exit(0)
{parent}
status = os.waitpid(child, 0)[1]
assert status == 0, status
{after}
hung.close()
lane.close()
print("whole", flush=True)
"""
)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("child", "parent", "after"),
    [
        pytest.param("lane.close()", "assert ask() == mine", "assert ask() == mine", id="the child closes its lane"),
        pytest.param(
            "hung.close()", "assert ask() == mine", "assert ask() == mine", id="the child closes the hung one"
        ),
        pytest.param("pass", "pass", "assert ask() == mine", id="the child just ends"),
        pytest.param("os._exit(0)", "pass", "assert ask() == mine", id="the child ends without a word"),
        pytest.param(
            "os.read(to_child[0], 1); assert ask() == theirs",
            "lane.close(); os.write(to_child[1], b'.')",
            "pass",
            id="the parent closes first",
        ),
        pytest.param("send('sigkill').future.exception(20.0); ask()", "pass", "assert ask() == mine", id="a crash"),
    ],
)
def test_parent_and_forked_child_go_on_without_disturbing_each_other(
    child: str, parent: str, after: str, host: Host
) -> None:
    code = FORK.replace("{child}", child).replace("{parent}", parent).replace("{after}", after)
    out, err = host("-c", code).communicate(timeout=PATIENCE)
    assert (out, err) == ("whole\n", "")


def test_a_parent_that_is_killed_leaves_its_worker_no_matter_who_was_forked(host: Host, log: Path) -> None:
    """A forked child must not hold the parent's end of the pipe, or the worker would never hear of the end."""
    code = PREPARE + (
        "import os, time\nask()\nchild = os.fork()\n"
        "if not child:\n    os.read(0, 1)\n    os._exit(0)\n"
        "print(child, flush=True)\nsend('hang').future.result()\n"
    )
    process = host("-W", "ignore", "-c", code)
    child = int(line(process))
    try:
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        assert alive(child)
        assert gone(logged(log))
    finally:
        os.kill(child, signal.SIGKILL)
