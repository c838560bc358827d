"""Who else uses a key on this host: processes that say so, and processes that were started with it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrgate.keys.presence import announce, folder, others, withdraw
from ocrgate.keys.process import Process, own_name, started_with

KEY = "3fa9c1d2b4e6"
WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"
ANNOUNCE = f"from ocrgate.keys.presence import announce; announce({KEY!r}); {WAIT}"


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of announcements that no other test sees."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    withdraw()
    yield tmp_path
    withdraw()


@contextlib.contextmanager
def process(code: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has said that it is ready, and waits until the end of the block."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), **environ}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        try:
            yield started
        finally:
            if started.stdin is not None:
                started.stdin.close()
            started.wait(30)


def seen_elsewhere() -> list[int]:
    """The pids that a process sees which uses no key itself."""
    code = f"from ocrgate.keys.presence import others; print(*(process.pid for process in others({KEY!r})))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout
    return [int(pid) for pid in told.split()]


def pids(found: tuple[Process, ...]) -> list[int]:
    return [each.pid for each in found]


def test_two_processes_see_each_other_and_not_themselves() -> None:
    announce(KEY)
    assert others(KEY) == ()
    with process(ANNOUNCE) as first, process(ANNOUNCE) as second:
        assert pids(others(KEY)) == sorted([first.pid, second.pid])
        assert seen_elsewhere() == sorted([os.getpid(), first.pid, second.pid])


def test_another_key_is_another_matter() -> None:
    with process(ANNOUNCE):
        assert others("000000000000") == ()
        assert others(KEY[:-1]) == ()
        assert len(others(KEY)) == 1


def test_a_process_that_ended_well_leaves_nothing_behind() -> None:
    with process(ANNOUNCE):
        assert len(list(folder().iterdir())) == 1
    assert list(folder().iterdir()) == []


def test_a_killed_process_no_longer_counts_and_its_file_is_removed() -> None:
    with process(ANNOUNCE) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        assert len(list(folder().iterdir())) == 1
        assert others(KEY) == ()
        assert list(folder().iterdir()) == []


def test_a_stopped_process_still_counts() -> None:
    with process(ANNOUNCE) as stopped:
        stopped.send_signal(signal.SIGSTOP)
        assert pids(others(KEY)) == [stopped.pid]
        stopped.send_signal(signal.SIGCONT)


def test_announcing_again_changes_nothing() -> None:
    for _ in range(3):
        announce(KEY)
    assert len(list(folder().iterdir())) == 1


def test_what_was_withdrawn_can_be_announced_again() -> None:
    announce(KEY)
    withdraw(KEY)
    assert list(folder().iterdir()) == []
    withdraw(KEY)
    announce(KEY)
    assert len(list(folder().iterdir())) == 1


def test_a_forked_child_announces_for_itself_and_its_end_leaves_the_parent_announced() -> None:
    announce(KEY)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            announce(KEY)
            seen = pids(others(KEY))
            status = 0 if seen == [os.getppid()] else 2
            os.write(writing, b"ready")
        os._exit(status)
    assert os.read(reading, 5) == b"ready"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for descriptor in (reading, writing):
        os.close(descriptor)
    assert others(KEY) == ()  # the child's is swept
    assert seen_elsewhere() == [os.getpid()]


def test_the_folder_and_the_files_are_for_this_user_alone() -> None:
    announce(KEY)
    assert stat.S_IMODE(folder().stat().st_mode) == 0o700
    (file,) = folder().iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.name.startswith(f"{KEY}.{os.getpid()}.")


def test_no_argument_of_a_process_is_told() -> None:
    code = f"import sys; sys.argv = ['/srv/app.py', '--secret-key', 'PLANTED']; {ANNOUNCE}"
    with process(code):
        (found,) = others(KEY)
        assert found.command == f"{Path(sys.executable).name} app.py"
        assert all("PLANTED" not in file.read_text() for file in folder().iterdir())


@pytest.mark.parametrize("broken", ["a file", "open to others", "missing"])
def test_a_folder_that_cannot_be_used_is_told_in_the_log_only(
    broken: str, runtime: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if broken == "a file":
        folder().write_text("")
    elif broken == "open to others":
        folder().mkdir()
        folder().chmod(0o777)
    else:
        runtime.chmod(0o500)
    if broken == "missing" and os.access(runtime, os.W_OK):  # root may write anywhere
        runtime.chmod(0o700)
        folder().symlink_to(runtime / "nowhere")
    with caplog.at_level(logging.DEBUG, "ocrgate.keys"):
        announce(KEY)
        announce(KEY)
    runtime.chmod(0o700)
    assert others(KEY) == ()
    assert [(record.levelno, record.name) for record in caplog.records] == [(logging.DEBUG, "ocrgate.keys")]


def test_files_that_say_nothing_useful_are_passed_over() -> None:
    announce(KEY)
    (folder() / f"{KEY}.junk").write_text("junk")
    (folder() / f"{KEY}.folder").mkdir()
    with process(ANNOUNCE) as other:
        assert pids(others(KEY)) == [other.pid]
    assert not (folder() / f"{KEY}.junk").exists()


def test_a_fingerprint_is_never_a_path_and_an_empty_one_is_nobody(runtime: Path) -> None:
    announce("../escape")
    announce("")
    assert [entry.name for entry in runtime.iterdir()] == ["ocrgate"]
    assert len(list(folder().iterdir())) == 1
    assert others("") == ()


def test_without_a_runtime_folder_the_temporary_one_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert folder() == tmp_path / f"ocrgate-{os.getuid()}"


READ_ON = (sys.executable, "-c", "import sys; sys.stdin.read()")
ORPHAN = """
import os, subprocess
child = subprocess.Popen(command, env={**os.environ, **environ})
print(child.pid, flush=True)
"""


@contextlib.contextmanager
def orphan(*command: str, **environ: str) -> Iterator[int]:
    """A process that this one did not start, as far as the system can tell."""
    code = f"command, environ = {command!r}, {environ!r}{ORPHAN}"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as a:
        assert a.stdout is not None
        pid = int(a.stdout.readline())
        a.wait(30)
        try:
            yield pid
        finally:
            assert a.stdin is not None
            a.stdin.close()


def test_a_program_with_the_bare_sdk_is_found_by_its_environment() -> None:
    with orphan(*READ_ON, AIP_API_KEY="the-key") as pid:
        (found,) = [each for each in started_with("AIP_API_KEY", "the-key") if each.pid == pid]
        assert found.command.startswith("python")
        assert pid not in pids(started_with("AIP_API_KEY", "another-key"))
        assert pid not in pids(started_with("AIP_API_KEY", ""))
        assert pid not in pids(started_with("AIP_API_KEY", "the-key", known=[pid]))


def test_what_this_process_started_is_not_somebody_else() -> None:
    with process(WAIT, AIP_API_KEY="own-key") as child:
        assert child.pid not in pids(started_with("AIP_API_KEY", "own-key"))


def test_what_started_this_process_is_not_somebody_else() -> None:
    code = """
import os, subprocess, sys
look = "from ocrgate.keys.process import started_with; print(*(p.pid for p in started_with('AIP_API_KEY', 'own-key')))"
print(os.getpid(), flush=True)
subprocess.run([sys.executable, "-c", look], check=True)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "AIP_API_KEY": "own-key"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    own, _, found = done.stdout.partition("\n")
    assert own not in found.split()


def test_a_shell_that_inherited_the_key_asks_nobody() -> None:
    with orphan("sh", "-c", "read line; exit", AIP_API_KEY="shell-key") as pid:
        assert "AIP_API_KEY=shell-key" in Path(f"/proc/{pid}/environ").read_text()
        assert pid not in pids(started_with("AIP_API_KEY", "shell-key"))


def test_a_process_is_known_by_program_and_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/srv/shop/__main__.py", "--password", "PLANTED"])
    assert own_name() == f"{Path(sys.executable).name} shop"
