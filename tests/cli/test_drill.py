"""`ocrgate drill`: the scoreboard, its JSON and its exit codes; what an interruption leaves behind."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ocrgate import ConfigError
from ocrgate.cli import drill
from ocrgate.drill import SCENARIOS

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    drill.add_parser(parser.add_subparsers())
    options = parser.parse_args(["drill", *arguments])
    return int(options.run(options))


def configured(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


BAIDU = """
providers:
  baidu:
    timeout: 1s
    tls: {verify: VERIFY}
    breaker: {open_for: 400ms, minimum: 3, window: 6}
    keys: [{name: only, api_key: REAL-API-KEY, secret_key: REAL-SECRET-KEY}]
routes: {default: {deadline: 3s}}
"""


def test_the_list_says_what_each_scenario_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(SCENARIOS)
    assert all(len(line.split(maxsplit=1)[1]) > 20 for line in lines)


def test_the_list_in_json_has_every_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("quota_end", "--list", "--json") == 0
    (scenario,) = json.loads(capsys.readouterr().out)["scenarios"]
    assert list(scenario) == ["name", "does", "invariants"]
    names = [each["name"] for each in scenario["invariants"]]
    assert names == [each.name for each in SCENARIOS["quota_end"].invariants]
    assert all(each["says"] for each in scenario["invariants"])


def test_a_scenario_that_does_not_exist_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="no scenario 'token_poison'; did you mean 'token_poisoned'"):
        command("token_poison")


def test_a_configuration_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="providrs"):
        command("--config", configured(tmp_path / "ocr.yaml", "providrs: {}\n"))


def test_a_drill_that_is_passed_ends_in_0_and_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("quota_end", "--json", "--seed", "7") == 0
    out, err = capsys.readouterr()
    board = json.loads(out)
    assert err == ""
    assert (board["schema"], board["ok"], board["seed"], board["notes"]) == (1, True, 7, [])
    (scenario,) = board["scenarios"]
    assert list(scenario) == ["name", "ok", "reason", "invariants", "numbers"]
    assert (scenario["name"], scenario["ok"], scenario["reason"]) == ("quota_end", True, "")
    assert [list(each) for each in scenario["invariants"]] == [["name", "ok", "evidence"]] * 11
    numbers = ["calls", "valid", "degraded", "errors", "p50", "p99", "wasted", "recovery"]
    assert list(scenario["numbers"]) == numbers
    assert scenario["numbers"]["calls"] == scenario["numbers"]["valid"] > 20


def test_a_broken_invariant_ends_in_1_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = configured(tmp_path / "ocr.yaml", BAIDU.replace("VERIFY", "false"))
    assert command("tls_interception", "key_revoked", "--config", path) == 1
    out = capsys.readouterr().out
    (told,) = [line for line in out.splitlines() if line.startswith("FAIL tls_interception: nobody_impersonated: ")]
    assert "requests reached the impostor, the first for /rest/2.0/ocr/v1/accurate" in told
    assert "not applicable: key_revoked: baidu has one key, which nobody can take over from" in out
    assert out.splitlines()[-1] == "1 failed, 1 not applicable"
    assert "REAL-" not in out


@pytest.mark.engines
def test_engines_of_ones_own_are_drilled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tesseract = "  tesseract: {languages: [en], lanes: 2, timeout: 5s}\n"
    text = BAIDU.replace("VERIFY", "true").replace("\nroutes", f"\n{tesseract}routes").replace("3s", "8s")
    path = configured(tmp_path / "ocr.yaml", text)
    code = command("502_storm", "engine_crash", "--config", path, "--json")
    board: dict[str, Any] = json.loads(capsys.readouterr().out)
    broken = [each for scenario in board["scenarios"] for each in scenario["invariants"] if each["ok"] is False]
    assert broken == []
    assert code == 0
    replaced = [each["evidence"] for each in board["scenarios"][1]["invariants"] if each["name"] == "engine_replaced"]
    assert replaced[0].startswith("tesseract was struck ")


@pytest.mark.parametrize("name", ["hang", "disk_full"])
def test_ctrl_c_leaves_no_folder_and_no_process_behind(tmp_path: Path, name: str) -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    program = f"import sys; from tests.cli.test_drill import command; sys.exit(command({name!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            (listed,) = wait_for(lambda: list(tmp_path.glob("ocrgate-drill-*/switches/*.pids")))
            wait_for(lambda: listed.read_text().split()[1:])
            children = psutil.Process(process.pid).children(recursive=True)
            assert children
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        finally:
            process.kill()
    _gone, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert list(tmp_path.glob("ocrgate-drill-*")) == []


def wait_for(found: Any, seconds: float = 30.0) -> Any:
    """What a function finds, as soon as it finds anything."""
    pause, until = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < until:
        if value := found():
            return value
        pause.wait(0.02)
    raise AssertionError("nothing came")
