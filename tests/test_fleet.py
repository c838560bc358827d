"""Changing the configuration under load, closing, and the configuration that needs no file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ocrgate import ConfigError, Gateway, OCRError, Page, Request
from ocrgate.catalog import build, spec_of
from ocrgate.clock import Deadline
from ocrgate.embedded import BEST_FIRST, default_settings
from ocrgate.page import Line
from ocrgate.provider import Adapter, ProviderSpec, Readiness
from ocrgate.settings import ProviderSettings
from ocrgate.source import Source
from ocrgate.testing import ScriptedProvider
from tests.houses import house, picture


def test_a_reload_lets_the_calls_under_way_end_and_closes_what_they_used() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(_request: Request, _deadline: Deadline) -> Page:
        asked.set()
        go_on.wait(10)
        return Page(lines=(Line("old"),))

    engine = ScriptedProvider("engine", slow, "new")
    gateway = house(engine)
    settings = gateway.settings
    changed = replace(settings, routes={"default": replace(settings.routes["default"], deadline=9.0)})
    gateway._source = Source(lambda: changed)
    answers: list[str] = []
    with gateway:
        caller = threading.Thread(target=lambda: answers.append(gateway.recognize(picture()).text))
        caller.start()
        assert asked.wait(10)
        gateway.reload()
        assert gateway.settings.routes["default"].deadline == 9.0
        assert not engine.closed
        assert gateway.recognize(picture()).text == "new"
        go_on.set()
        caller.join(10)
        assert answers == ["old"]
        assert engine.closed


def test_a_reload_with_nothing_under_way_closes_at_once() -> None:
    engine = ScriptedProvider("engine")
    gateway = house(engine)
    settings = gateway.settings
    gateway._source = Source(lambda: settings)
    with gateway:
        gateway.reload()
        assert engine.closed


def test_a_changed_file_is_taken_and_a_broken_one_leaves_the_old_configuration(tmp_path: Path) -> None:
    path = tmp_path / "ocrgate.yaml"
    text = "version: 1\nproviders: {rapidocr: {}}\nroutes: {default: {providers: [rapidocr], deadline: %s}}\n"
    path.write_text(text % "5s")
    with Gateway.from_yaml(path) as gateway:
        path.write_text(text % "7s")
        gateway.reload()
        assert gateway.settings.routes["default"].deadline == 7.0
        path.write_text(text % "soon")
        with pytest.raises(ConfigError):
            gateway.reload()
        assert gateway.settings.routes["default"].deadline == 7.0


def test_a_gateway_made_of_parts_says_that_it_cannot_be_reloaded() -> None:
    with house(ScriptedProvider("engine")) as gateway, pytest.raises(OCRError, match="build a new one"):
        gateway.reload()


def test_closing_ends_the_thread_that_tells_listeners() -> None:
    gateway = house(ScriptedProvider("engine"))
    heard: list[object] = []
    gateway.on(heard.append)
    gateway.recognize(picture())
    thread = gateway._events._thread
    assert thread is not None
    gateway.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(heard) == 2


def test_leaving_many_images_early_stops_those_under_way() -> None:
    asked, stopped = threading.Event(), threading.Event()

    def engine(request: Request, _deadline: Deadline) -> Page:
        if request.width == 61:
            request.on_cancel(stopped.set)
            asked.set()
            stopped.wait(10)
        return Page(lines=(Line("text"),))

    def images() -> Iterator[bytes]:
        yield picture()
        yield picture(61)

    with house(ScriptedProvider("engine", engine)) as gateway:
        answers = gateway.recognize_many(images(), workers=2)
        next(answers)
        assert asked.wait(10)
        answers.close()  # type: ignore[attr-defined]
        assert stopped.is_set()


class Ready(Adapter):
    def __init__(self, name: str = "ready", **_options: object) -> None:
        self.name = name

    def recognize(self, request: Request, deadline: Deadline) -> Page:
        return Page()


class Unready(Ready):
    def check(self) -> Readiness:
        return Readiness(False, "not installed", "pip install it")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    known = dict.fromkeys((*BEST_FIRST, "baidu"), f"{__name__}:Unready")
    monkeypatch.setattr("ocrgate.catalog.factories", lambda: known)
    for name in ("AIP_APP_ID", "AIP_API_KEY", "AIP_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return known


def test_the_default_is_every_engine_that_is_usable_best_first(installed: dict[str, str]) -> None:
    installed |= {"tesseract": f"{__name__}:Ready", "rapidocr": f"{__name__}:Ready"}
    settings = default_settings()
    assert settings.routes["default"].providers == ("rapidocr", "tesseract")
    assert settings.routes["default"].accept.on_invalid == "best"


def test_baidu_comes_first_when_all_of_its_variables_are_set(
    installed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed |= {"rapidocr": f"{__name__}:Ready"}
    for name in ("AIP_APP_ID", "AIP_API_KEY"):
        monkeypatch.setenv(name, "x")
    assert default_settings().routes["default"].providers == ("rapidocr",)
    monkeypatch.setenv("AIP_SECRET_KEY", "x")
    assert default_settings().routes["default"].providers == ("baidu", "rapidocr")


@pytest.mark.usefixtures("installed")
def test_with_no_engine_the_error_says_what_each_one_lacks() -> None:
    with pytest.raises(ConfigError) as caught:
        default_settings()
    assert 'pip install "ocrgate[local]"' in str(caught.value)
    assert "tesseract: not installed; pip install it" in str(caught.value)


def test_a_type_that_is_not_installed_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'rapidocr'"):
        spec_of(ProviderSettings("mine", "rapidocrr"))


@pytest.mark.parametrize("factory", ["no.such.module:X", f"{__name__}:Missing"])
def test_an_adapter_that_cannot_be_imported_is_a_configuration_error(factory: str) -> None:
    with pytest.raises(ConfigError, match="cannot import"):
        build(ProviderSpec("mine", factory))


def test_an_option_that_the_adapter_does_not_know_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="options not accepted"):
        build(ProviderSpec("mine", "ocrgate.testing.clock:ManualClock", {"volume": 11}))
