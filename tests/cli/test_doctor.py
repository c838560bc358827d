"""`ocrgate doctor`, as somebody at a terminal and a script see it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.providers.platform import always

from ocrgate.ability import Finding
from ocrgate.cli import main
from ocrgate.doctor import Entry
from ocrgate.doctor import examination as doctor
from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey

KEY = "{name: primary, app_id: '1', api_key: simulated-api-key, secret_key: %s}"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that says nothing of proxies, certificates and keys, and a host on which nobody else is."""
    for name in list(os.environ):
        if re.match(r"(?i)(https?|all|no)_proxy$|AIP_|REQUESTS_CA|CURL_CA|SSL_CERT", name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def configured(path: Path, url: str, *, secret: str = "simulated-secret-key") -> Path:
    path.write_text(
        f"providers:\n  baidu:\n    base_url: {url}\n    keys:\n      - {KEY % secret}\n"
        "routes: {default: {providers: [baidu]}}\n"
    )
    return path


def lines(text: str, status: str) -> dict[str, str]:
    """What stands behind the findings of a status, by name."""
    found = re.findall(rf"^  {status}  (.{{18}}) (.*)$", text, re.MULTILINE)
    return {name.strip(): detail for name, detail in found}


def test_all_is_well_ends_in_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BaiduSimulator() as platform:
        code = main(["doctor", "--config", str(configured(tmp_path / "ocr.yaml", platform.url))])
        assert [request.endpoint for request in platform.requests if request.endpoint == "accurate"] == ["accurate"]
    out, err = capsys.readouterr()
    assert (code, err, lines(out, "fail")) == (0, "", {})
    passed = lines(out, "pass")
    assert "TOTAL 12.30" in passed["recognition"]
    assert passed["token primary"].startswith("granted in ")
    groups = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert groups[:3] == ["host", "configuration", "baidu"]
    assert re.fullmatch(r"\d+ passed(, \d+ (to be looked at|skipped))*", groups[-1])


def test_a_wrong_secret_ends_in_1_with_the_remedy_below(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BaiduSimulator() as platform:
        path = configured(tmp_path / "ocr.yaml", platform.url, secret="PLANTED-SECRET")
        assert main(["doctor", "--config", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "the Secret Key does not belong to it" in lines(out, "fail")["token primary"]
    assert "\n" + " " * 27 + "→ copy the Secret Key of the same application again" in out
    assert "recognition" in lines(out, "skip")
    assert "PLANTED" not in out + err


def test_a_platform_that_fails_the_trial_ends_in_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BaiduSimulator(faults=[always("code", code=6)]) as platform:
        assert main(["doctor", "--config", str(configured(tmp_path / "ocr.yaml", platform.url))]) == 1
    failed = lines(capsys.readouterr().out, "fail")
    assert list(failed) == ["recognition"]
    assert failed["recognition"].startswith("primary: 6: ")


def test_with_no_network_it_ends_in_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BaiduSimulator() as platform:
        path = configured(tmp_path / "ocr.yaml", platform.url)
    begun = time.monotonic()
    assert main(["doctor", "--config", str(path)]) == 1
    assert time.monotonic() - begun < 5.0
    out = capsys.readouterr().out
    assert "connection refused" in lines(out, "fail")["connect"]
    assert {"token", "recognition"} <= set(lines(out, "skip"))


def test_json_is_one_object_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BaiduSimulator() as platform:
        path = str(configured(tmp_path / "ocr.yaml", platform.url))
        assert main(["doctor", "--config", path, "--json"]) == 0
        well = json.loads(capsys.readouterr().out)
    assert main(["doctor", "--config", path, "--json"]) == 1
    ill = json.loads(capsys.readouterr().out)
    assert (well["ok"], ill["ok"]) == (True, False)
    for finding in [*well["findings"], *ill["findings"]]:
        assert list(finding) == ["group", "name", "status", "detail", "remedy"]
        assert finding["status"] in ("pass", "warn", "fail", "skip")
    assert ("baidu", "server") in {(finding["group"], finding["name"]) for finding in well["findings"]}
    assert [finding["name"] for finding in ill["findings"] if finding["status"] == "fail"] == ["connect"]


def test_offline_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with BaiduSimulator() as platform:
        path = configured(tmp_path / "ocr.yaml", platform.url)
        assert main(["doctor", "--config", str(path), "--offline"]) == 0
        assert platform.requests == []
    assert "--offline" in lines(capsys.readouterr().out, "skip")["recognition"]


@pytest.mark.parametrize("text", [None, "providrs: {}\n"])
def test_a_configuration_that_cannot_be_used_ends_in_2_and_the_rest_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    path = tmp_path / "ocr.yaml"
    if text is not None:
        path.write_text(text)
    assert main(["doctor", "--config", str(path)]) == 2
    out = capsys.readouterr().out
    assert str(path) in lines(out, "fail")["file"]
    assert "python" in lines(out, "pass")
    assert main(["doctor", "--config", str(path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_wrong_usage_ends_in_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--onlin"])
    assert ended.value.code == 2
    assert "usage: ocrgate" in capsys.readouterr().err


def _says(monkeypatch: pytest.MonkeyPatch, *entries: Entry | BaseException) -> None:
    def examine(*_: object, **__: object) -> Iterator[Entry]:
        for entry in entries:
            if isinstance(entry, BaseException):
                raise entry
            yield entry

    monkeypatch.setattr("ocrgate.doctor.examine", examine)


def test_warnings_and_skips_alone_end_in_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _says(monkeypatch, Entry("a", Finding("x", "warn", "odd")), Entry("a", Finding("y", "skip", "not now")))
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == (
        f"a\n  warn  {'x':<18} odd\n  skip  {'y':<18} not now\n\n1 to be looked at, 1 skipped\n"
    )


def test_a_finding_of_several_lines_stays_on_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _says(monkeypatch, Entry("a", Finding("x", "fail", "one\n  two", "three\nfour")))
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines()[1:3] == [f"  fail  {'x':<18} one two", f"{'':27}→ three four"]


def test_a_narrow_terminal_gets_lines_below_each_other_and_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _says(monkeypatch, Entry("a", Finding("x", "fail", "word " * 30, "mend " * 20)))
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "\x1b[31mfail\x1b[0m" in out
    plain = re.sub(r"\x1b\[\d+m", "", out)
    assert max(map(len, plain.splitlines())) <= 70
    assert plain.count(f"\n{'':27}word") > 2
    assert plain.count(f"\n{'':29}mend") > 1


def test_ctrl_c_ends_in_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _says(monkeypatch, Entry("a", Finding("x", "pass")), KeyboardInterrupt())
    assert main(["doctor"]) == 130
    out, err = capsys.readouterr()
    assert (err, "Traceback" in out) == ("interrupted\n", False)


def test_ctrl_c_in_a_process_that_waits_for_the_platform_ends_it_at_once(tmp_path: Path) -> None:
    with BaiduSimulator(faults=[always("hang", path="token")]) as platform:
        path = configured(tmp_path / "ocr.yaml", platform.url)
        path_of_modules = os.pathsep.join(entry for entry in sys.path if entry)
        environ = {**os.environ, "PYTHONPATH": path_of_modules, "PYTHONUNBUFFERED": ""}
        command = [sys.executable, "-m", "ocrgate", "doctor", "--config", str(path)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, cwd=tmp_path
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            # Findings are printed as they come, while the token is still being waited for.
            while "clock" not in process.stdout.readline():
                assert process.poll() is None
            while not any(request.endpoint == "token" for request in platform.requests):
                assert process.poll() is None
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            err = process.stderr.read()
            assert process.wait(10) == 130
            assert time.monotonic() - begun < 2.5
    assert err == "interrupted\n"


def test_the_default_configuration_is_looked_at_without_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[object] = []

    def examine(path: object, **_: object) -> Iterator[Entry]:
        seen.append(path)
        yield Entry("a", Finding("x", "pass"))

    monkeypatch.setattr("ocrgate.doctor.examine", examine)
    assert main(["doctor"]) == 0
    assert seen == [None]


def test_a_key_on_the_bench_is_told_with_its_end_and_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with BaiduSimulator([SimulatedKey(per_day=0)]) as platform:
        path = configured(tmp_path / "ocr.yaml", platform.url)
        path.write_text(f"state: sqlite:{tmp_path / 'state.db'}\n{path.read_text()}")
        assert main(["doctor", "--config", str(path)]) == 1
        first = capsys.readouterr().out
        assert main(["doctor", "--config", str(path)]) == 1
        second = capsys.readouterr().out
    assert lines(first, "fail")["recognition"].startswith("primary: 17: ")
    assert "keys" not in lines(first, "warn")
    assert re.match(r"primary is not used until \d{4}-\d\d-\d\d .*: 17: ", lines(second, "warn")["keys"])
    assert "no_key" in lines(second, "fail")["recognition"]


READING = """
import io, sys
from PIL import Image
from ocrgate import Gateway
image = Image.new("RGB", (60, 40), "white")
image.paste("black", (10, 10, 30, 20))
gateway = Gateway.from_yaml(sys.argv[1])
gateway.recognize(image)
print("ready", flush=True)
sys.stdin.read()
gateway.close()
"""


def test_another_process_that_uses_the_key_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    with BaiduSimulator() as platform:
        path = configured(tmp_path / "ocr.yaml", platform.url)
        command = [sys.executable, "-c", READING, str(path)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "ready\n"
            assert main(["doctor", "--config", str(path)]) == 0
            during = capsys.readouterr().out
            process.stdin.close()
            assert process.wait(30) == 0
        assert main(["doctor", "--config", str(path)]) == 0
        after = capsys.readouterr().out
    assert f"used by {process.pid} (" in lines(during, "warn")["use of primary"]
    assert "no other process" in lines(after, "pass")["use of primary"]


@pytest.mark.engines
def test_every_local_engine_reads_the_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ocr.yaml"
    path.write_text("providers: {rapidocr: , tesseract: }\nroutes: {default: {providers: [rapidocr, tesseract]}}\n")
    assert main(["doctor", "--config", str(path), "--offline", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    read = [(finding["group"], finding["status"]) for finding in found if finding["name"] == "recognition"]
    assert read == [("rapidocr", "pass"), ("tesseract", "pass")]
    assert doctor.HOST in {finding["group"] for finding in found}
