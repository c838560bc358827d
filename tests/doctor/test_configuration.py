"""What the doctor says of the configuration, the shared state and the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrgate.ability import Finding
from ocrgate.audit import Ledger
from ocrgate.doctor.configuration import Configuration, ledger, state
from ocrgate.errors import ConfigError
from ocrgate.settings import AuditSettings, Settings
from tests.state.server import Server

GOOD = "providers: {tesseract: }\nroutes: {default: {providers: [tesseract]}}\n"


def read(path: Path, text: str) -> tuple[Configuration, list[Finding]]:
    path.write_text(text)
    configuration = Configuration(path)
    return configuration, list(configuration.findings())


def told(finding: Finding) -> tuple[str, str]:
    return finding.name, finding.status


def test_a_file_that_is_well_is_read(tmp_path: Path) -> None:
    configuration, found = read(tmp_path / "ocr.yaml", GOOD)
    assert list(map(told, found)) == [("file", "pass")]
    assert configuration.settings is not None
    assert list(configuration.settings.providers) == ["tesseract"]


def test_a_file_that_is_not_there_is_one_finding(tmp_path: Path) -> None:
    configuration = Configuration(tmp_path / "none.yaml")
    (found,) = configuration.findings()
    assert (told(found), configuration.settings) == (("file", "fail"), None)
    assert "no such file" in found.detail


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ocr.yaml"
    configuration, found = read(path, GOOD + "routs: {}\nstat: memory\n")
    assert configuration.settings is None
    assert found[0].detail == f"{path}: 2 problems"
    assert [finding.detail.partition(" ")[0] for finding in found[1:]] == [f"{path}:3:1:", f"{path}:4:1:"]


def test_one_problem_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ocr.yaml"
    _, (found,) = read(path, GOOD + "routs: {}\n")
    assert found.detail.startswith(f"{path}:3:1: ")


def test_what_has_no_effect_and_what_no_route_asks_are_warnings(tmp_path: Path) -> None:
    text = GOOD.replace("tesseract: }", "tesseract: , spare: {type: rapidocr}}")
    text = text.replace("[tesseract]", "[tesseract], enhance: [grey]")
    _, found = read(tmp_path / "ocr.yaml", text)
    assert list(map(told, found)) == [("file", "pass"), ("notice", "warn"), ("routes", "warn")]
    assert "spare" in found[2].detail


def test_without_any_engine_the_default_fails_with_what_each_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> Settings:
        raise ConfigError("no OCR engine can be used here; try: something\nrapidocr: not installed")

    monkeypatch.setattr("ocrgate.embedded.default_settings", nothing)
    configuration = Configuration(None)
    (found,) = configuration.findings()
    assert told(found) == ("default", "fail")
    assert found.detail == "no OCR engine can be used here; rapidocr: not installed"
    assert found.remedy == 'pip install "ocrgate[local]"'


def settings(**more: object) -> Settings:
    return Settings(providers={}, routes={}, **more)  # type: ignore[arg-type]


def test_a_state_in_memory_needs_nothing() -> None:
    assert told(state(settings(state="memory"))) == ("state", "pass")


def test_a_redis_that_is_not_there_fails_and_says_what_to_do() -> None:
    found = state(settings(state="redis://:PLANTED@127.0.0.1:1/0"))
    assert (found.status, found.detail) == (
        "fail",
        "redis://127.0.0.1:1/0: nothing listens there; start it, or correct the address in `state`",
    )
    assert "PLANTED" not in repr(found)
    assert "PLANTED" not in repr(state(settings(state="redis://:PLAN/TED@127.0.0.1:1/0")))


@pytest.mark.redis
def test_a_redis_is_written_read_and_left_as_it_was() -> None:
    with Server() as server:
        found = state(settings(state=server.url))
        assert (found.status, found.detail) == ("pass", f"{server.brisk}?db=0: written and read")
        with server.client() as client:
            assert client.keys() == []


def test_a_state_file_is_written_read_and_left_as_it_was(tmp_path: Path) -> None:
    from ocrgate.state import open_store

    url = f"sqlite:{tmp_path / 'state.db'}"
    found = state(settings(state=url))
    assert (found.status, found.detail) == ("pass", f"{tmp_path / 'state.db'}: written and read")
    store = open_store(url)
    assert store.scan("") == {}
    store.close()


def test_a_state_file_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert state(settings(state=f"sqlite:{path}")).status == "pass"
    path.chmod(0o644)
    found = state(settings(state=f"sqlite:{path}"))
    assert (found.status, found.remedy) == ("warn", f"chmod 600 {path}")


@pytest.mark.parametrize("broken", ["no folder", "no database"])
def test_a_state_that_does_not_work_fails_and_says_why(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "gone" / "state.db" if broken == "no folder" else tmp_path / "state.db"
    if broken == "no database":
        path.write_bytes(b"this is text, and long enough for more than a header of a hundred bytes" * 100)
    found = state(settings(state=f"sqlite:{path}"))
    assert found.status == "fail"
    assert found.detail.startswith(f"{path}: ")
    assert found.remedy


def ledgers(path: Path | None) -> list[Finding]:
    return list(ledger(settings(audit=AuditSettings(path=None if path is None else str(path)))))


def test_no_ledger_is_fine() -> None:
    assert list(map(told, ledgers(None))) == [("audit", "pass")]


def test_a_ledger_that_is_not_begun_is_fine_and_not_begun_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert list(map(told, ledgers(path))) == [("audit", "pass")]
    assert list(tmp_path.iterdir()) == []


def test_a_whole_ledger_passes_and_a_changed_one_fails(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    book = Ledger(AuditSettings(path=str(path)))
    for name in ("one", "two", "three"):
        book.append({"event": name})
    (found,) = ledgers(path)
    assert (found.status, "whole, 3 lines" in found.detail) == ("pass", True)
    path.write_text(path.read_text().replace('"two"', '"TWO"'))
    found = ledgers(path)[0]
    assert found.status == "fail"
    assert f"ocrgate audit verify {path}" in found.remedy


@pytest.mark.parametrize("broken", ["no folder", "a folder"])
def test_a_ledger_that_cannot_be_written_fails(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "audit.jsonl"
    if broken == "a folder":
        path.mkdir()
    else:
        path = tmp_path / "gone" / "audit.jsonl"
    assert list(map(told, ledgers(path))) == [("audit", "fail")]


def test_a_large_ledger_is_not_verified_in_passing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "audit.jsonl"
    Ledger(AuditSettings(path=str(path))).append({"event": "one"})
    monkeypatch.setattr("ocrgate.doctor.configuration._QUICK", 10)
    (found,) = ledgers(path)
    assert (found.status, "ocrgate audit verify" in found.detail) == ("pass", True)
