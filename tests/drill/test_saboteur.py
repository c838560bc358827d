"""Engines that do what they are told to, and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ocrgate.clock import Deadline
from ocrgate.drill import image
from ocrgate.drill.saboteur import ENGINE, DrillEngine, Order, Saboteur, Switch
from ocrgate.errors import ProviderError
from ocrgate.provider import Request
from ocrgate.testing import check_provider
from tests.drawing import page


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path / "local.order")


@pytest.fixture
def saboteur(switch: Switch) -> Saboteur:
    return Saboteur("local", factory=ENGINE, options={}, switch=str(switch.path))


def request(number: int) -> Request:
    return Request(image.draw(number), "PNG", image.WIDTH, image.HEIGHT)


def read(engine: DrillEngine | Saboteur, number: int) -> str:
    return engine.recognize(request(number), Deadline.after(5.0)).text


@pytest.mark.parametrize("number", [0, 1, 4711, image.MOST - 1])
def test_the_engine_of_a_drill_reads_what_stands_on_the_image(number: int) -> None:
    assert read(DrillEngine(), number) == image.text(number)


def test_it_says_so_when_an_image_is_none_of_a_drill() -> None:
    drawing = page()
    with pytest.raises(ProviderError) as failed:
        DrillEngine().recognize(drawing.request(), Deadline.after(5.0))
    assert failed.value.diagnosis.code == "bad_page"


def test_an_engine_behaves_until_it_is_told_otherwise_and_again_afterwards(switch: Switch, saboteur: Saboteur) -> None:
    assert read(saboteur, 3) == image.text(3)
    switch.set("fail")
    with pytest.raises(ProviderError, match="told to fail by the drill"):
        read(saboteur, 3)
    switch.set(None)
    assert read(saboteur, 3) == image.text(3)


def test_an_order_may_be_about_some_images_only(switch: Switch, saboteur: Saboteur) -> None:
    switch.set("fail", 7)
    answered = []
    for number in range(1, 22):
        try:
            answered.append(read(saboteur, number) == image.text(number) and number)
        except ProviderError:
            assert number % 7 == 0
    assert answered == [number for number in range(1, 22) if number % 7]


def test_a_hung_engine_of_this_process_comes_back_when_its_caller_gives_up(switch: Switch, saboteur: Saboteur) -> None:
    switch.set("hang")
    asked = replace(request(1), cancelled=lambda: True)
    with pytest.raises(ProviderError, match="told to hang"):
        saboteur.recognize(asked, Deadline.after(5.0))


def test_an_order_that_cannot_be_read_is_none(switch: Switch) -> None:
    assert switch.order == Order()
    switch.path.write_text("crash")
    assert switch.order == Order()


def test_the_processes_that_serve_an_engine_sign_on(switch: Switch, saboteur: Saboteur) -> None:
    before = switch.pids
    saboteur.warm_up()
    assert (before, switch.pids) == ((), (os.getpid(),))


@pytest.mark.engines
def test_a_real_engine_behind_a_switch_is_still_one(switch: Switch) -> None:
    factory = "ocrgate_tesseract:TesseractProvider"
    assert check_provider(Saboteur("tesseract", factory=factory, options={}, switch=str(switch.path)))
