"""The RapidOCR adapter: what it reads, what it refuses, and how its answers become pages."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.clock import Deadline
from ocrgate.errors import ConfigError, ProviderError
from ocrgate.page import Page, Polygon
from ocrgate.testing import check_provider
from ocrgate_rapidocr import RapidOCRProvider
from ocrgate_rapidocr.failure import engine_failure
from ocrgate_rapidocr.models import find_models
from ocrgate_rapidocr.parse import parse, parse_line
from tests.drawing import blank, columns, crop, page, request
from tests.providers.parts import parts

LONG = Deadline.after(3600)

# As RapidOCR 3.10.0 answered for three runs of text on a page of 640 × 160.
BOXES = [[[24, 31], [113, 31], [113, 57], [24, 57]], [[556, 30], [617, 30], [617, 56], [556, 56]]]
BOXES += [[[22, 78], [99, 78], [99, 102], [22, 102]]]
TEXTS = ("TOTAL", "12.30", "CASH")
SCORES = (0.99971, 0.99868, 0.99912)


@pytest.fixture(scope="module")
def provider() -> Iterator[RapidOCRProvider]:
    found = RapidOCRProvider()
    found.warm_up()
    yield found
    found.close()


def code(error: pytest.ExceptionInfo[ProviderError]) -> str:
    return error.value.diagnosis.code


def test_a_recorded_answer_becomes_rows_in_reading_order() -> None:
    found = parse(BOXES, TEXTS, SCORES, 640, 160)
    assert found.text == "TOTAL 12.30\nCASH"
    assert (found.width, found.height) == (640, 160)
    assert [word.text for word in found.lines[0].words] == ["TOTAL", "12.30"]
    assert found.lines[0].confidence == pytest.approx(0.999195)
    assert found.lines[1].polygon == Polygon.from_points(BOXES[2])
    assert not found.notes


def test_an_answer_in_numpy_is_the_same_answer() -> None:
    array = np.array(BOXES, dtype=np.float32)
    assert parse(array, TEXTS, tuple(map(np.float64, SCORES)), 640, 160) == parse(BOXES, TEXTS, SCORES, 640, 160)


def test_nothing_found_is_an_empty_page() -> None:
    assert parse(None, None, None, 64, 32) == Page(width=64, height=32)


def test_unsure_lines_are_dropped_and_counted() -> None:
    found = parse(BOXES, TEXTS, (0.9, 0.9, 0.2), 640, 160)
    assert found.text == "TOTAL 12.30"
    assert found.notes == {"dropped_lines": 1}
    assert parse_line("noise", 0.2, 64, 32).notes == {"dropped_lines": 1}


def test_polygons_are_clipped_to_the_image() -> None:
    found = parse([[[-3, -2], [70, 0], [70, 40], [0, 40]]], ["A"], [0.9], 64, 32)
    assert found.lines[0].polygon == Polygon.from_points([(0, 0), (64, 0), (64, 32), (0, 32)])


@pytest.mark.parametrize(
    ("boxes", "texts", "scores"),
    [
        (BOXES[:1], TEXTS, SCORES),
        (BOXES, TEXTS, SCORES[:1]),
        (None, TEXTS, SCORES),
        (BOXES[:1], [None], [0.9]),
        (BOXES[:1], ["A"], [1.7]),
        (BOXES[:1], ["A"], [float("nan")]),
        ([[[0, 0], [1, 0], [1, 1]]], ["A"], [0.9]),
        ([[[0, 0], [float("inf"), 0], [1, 1], [0, 1]]], ["A"], [0.9]),
        ([[[900, 0], [990, 0], [990, 9], [900, 9]]], ["A"], [0.9]),
        (5, ["A"], [0.9]),
    ],
)
def test_an_answer_of_another_shape_is_refused(boxes: Any, texts: Any, scores: Any) -> None:
    with pytest.raises(ValueError):
        parse(boxes, texts, scores, 640, 160)


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)
numbers = st.floats(-50, 150)
quads = st.lists(st.tuples(numbers, numbers), min_size=4, max_size=4)


@given(junk, st.none() | st.lists(junk, max_size=4), junk)
def test_any_junk_is_a_page_or_a_value_error(boxes: Any, texts: Any, scores: Any) -> None:
    try:
        found = parse(boxes, texts, scores, 100, 80)
    except ValueError:
        return
    assert isinstance(found, Page)


@given(st.lists(st.tuples(quads, st.text(max_size=8), st.floats(0, 1)), max_size=6))
def test_every_page_lies_on_the_image(pieces: list[tuple[list[tuple[float, float]], str, float]]) -> None:
    boxes, texts, scores = ([part[index] for part in pieces] for index in range(3))
    try:
        found = parse(boxes, texts, scores, 100, 80)
    except ValueError:
        return
    for part in parts(found):
        assert part.text.strip()
        assert "\n" not in part.text
        assert part.confidence is not None
        assert part.polygon is not None
        for x, y in part.polygon:
            assert 0 <= x <= 100
            assert 0 <= y <= 80


def test_a_line_read_upside_down_starts_at_the_bottom_right() -> None:
    (line,) = parse_line("A1", 0.9, 60, 20, upside_down=True).lines
    assert line.polygon is not None
    assert line.polygon.top_left == (60, 20)
    assert line.polygon.bottom_right == (0, 0)


@pytest.mark.parametrize(
    "options",
    [{"threads": 0}, {"threads": True}, {"threads": 1.5}, {"min_score": 2}, {"model_dir": ""}, {"languages": ["ko"]}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        RapidOCRProvider("mine", **options)
    assert error.value.key == f"providers.mine.{next(iter(options))}"


def test_every_option_of_the_constructor_is_described_in_the_model() -> None:
    model = RapidOCRProvider.options_model()
    given_options = model(languages=["zh"], threads=2, model_dir=None, min_score=0.3).model_dump()
    RapidOCRProvider(**given_options)
    assert all(entry.description for entry in model.model_fields.values())


@pytest.mark.engines
def test_a_missing_model_is_named_with_its_remedy_and_nothing_is_downloaded(tmp_path: Path) -> None:
    readiness = RapidOCRProvider(model_dir=str(tmp_path)).check()
    assert not readiness.ready
    assert str(tmp_path) in readiness.detail
    assert "model_dir" in readiness.remedy
    with pytest.raises(ProviderError) as error:
        RapidOCRProvider(model_dir=str(tmp_path)).warm_up()
    assert code(error) == "model_missing"
    assert not error.value.diagnosis.counts_in_breaker
    assert not list(tmp_path.iterdir())


def test_a_language_that_is_not_read_is_the_callers_mistake() -> None:
    with pytest.raises(ProviderError) as error:
        RapidOCRProvider().recognize(page().request(languages=["ko", "en"]), LONG)
    assert code(error) == "language_missing"
    assert "ko" in error.value.diagnosis.message
    assert error.value.diagnosis.fault == "caller"


def test_memory_damaged_models_and_bad_pixels_are_told_apart() -> None:
    assert engine_failure("x", RuntimeError("std::bad_alloc")).diagnosis.code == "worker_memory"
    assert (
        engine_failure("x", RuntimeError("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF")).diagnosis.code == "model_corrupt"
    )
    assert engine_failure("x", RuntimeError("Traceback\nOops: 1")).diagnosis.message == "Oops: 1"
    assert engine_failure("x", RuntimeError("?")).diagnosis.code == "engine_failed"


@pytest.mark.engines
def test_an_opencv_error_is_about_the_image() -> None:
    import cv2

    with pytest.raises(cv2.error) as error:
        cv2.cvtColor(np.zeros((0, 0), np.uint8), cv2.COLOR_GRAY2BGR)
    assert engine_failure("x", error.value).diagnosis.code == "image_refused"


@pytest.mark.engines
def test_it_fulfils_the_contract(provider: RapidOCRProvider) -> None:
    check_provider(provider)


@pytest.mark.engines
def test_a_page_is_read_with_its_places(provider: RapidOCRProvider) -> None:
    drawing = page()
    found = provider.recognize(drawing.request(), LONG)
    assert found.text == drawing.text
    for line, box in zip(found.lines, drawing.boxes, strict=True):
        assert line.polygon is not None
        assert line.polygon.box == pytest.approx(box, abs=12)
        assert line.confidence is not None
        assert line.confidence > 0.9


@pytest.mark.engines
def test_a_receipt_row_is_one_line(provider: RapidOCRProvider) -> None:
    drawing = columns([("BREAD", "2.40"), ("COFFEE", "3.10"), ("TOTAL", "5.50")])
    assert provider.recognize(drawing.request(), LONG).lines[2].text == "TOTAL 5.50"


@pytest.mark.engines
@pytest.mark.parametrize("text", ["TOTAL 12.30", "A1", "KM160BK", "The quick brown fox jumps over it"])
def test_a_tight_crop_is_read_as_one_line(provider: RapidOCRProvider, text: str) -> None:
    drawing = crop(text)
    found = provider.recognize(drawing.request(), LONG)
    assert found.text == text
    assert found.lines[0].polygon == Polygon.from_box(0, 0, *drawing.image.size)


@pytest.mark.engines
def test_a_crop_upside_down_is_read_too(provider: RapidOCRProvider) -> None:
    found = provider.recognize(request(crop("KM160BK 2417").image.rotate(180)), LONG)
    assert found.text == "KM160BK 2417"


@pytest.mark.engines
def test_two_lines_in_a_low_image_stay_two_lines(provider: RapidOCRProvider) -> None:
    drawing = page(["TOTAL 12.30", "INVOICE 20417"], font_size=20, margin=6)
    assert drawing.image.height < 100
    assert provider.recognize(drawing.request(), LONG).text == drawing.text


@pytest.mark.engines
def test_reading_a_crop_does_not_change_how_the_next_page_is_read(provider: RapidOCRProvider) -> None:
    for _ in range(2):
        assert provider.recognize(crop("A1 B2").request(), LONG).text == "A1 B2"
        assert len(provider.recognize(page().request(), LONG).lines) == 6


@pytest.mark.engines
def test_threads_get_the_same_answers_from_a_cold_start() -> None:
    cold = RapidOCRProvider()
    requests = [page().request(), crop("KM160BK").request()] * 2
    with ThreadPoolExecutor(4) as pool:
        texts = [found.text for found in pool.map(lambda one: cold.recognize(one, LONG), requests)]
    assert texts[:2] == texts[2:] == [page().text, "KM160BK"]


@pytest.mark.engines
@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2), (30, 1500), (300, 200)])
def test_nothing_to_read_is_an_empty_page(provider: RapidOCRProvider, size: tuple[int, int]) -> None:
    assert provider.recognize(request(blank(size)), LONG).lines == ()


@pytest.mark.engines
def test_pixels_that_are_too_few_are_the_callers_mistake(provider: RapidOCRProvider) -> None:
    whole = page().request()
    with pytest.raises(ProviderError) as error:
        provider.recognize(replace(whole, data=whole.data[:99]), LONG)
    assert code(error) == "image_refused"
    assert error.value.diagnosis.fault == "caller"


@pytest.mark.engines
def test_the_terminal_stays_silent(provider: RapidOCRProvider, capfd: pytest.CaptureFixture[str]) -> None:
    provider.recognize(request(blank((300, 200))), LONG)
    fresh = RapidOCRProvider()
    fresh.warm_up()
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().level == logging.WARNING


@pytest.mark.engines
def test_a_damaged_model_is_named_and_not_replaced(tmp_path: Path) -> None:
    models = find_models("rapidocr")
    for path in (models.detection, models.direction, models.recognition):
        shutil.copy(path, tmp_path)
    damaged = tmp_path / models.recognition.name
    damaged.write_bytes(b"\0" * 9000)
    with pytest.raises(ProviderError) as error:
        RapidOCRProvider(model_dir=str(tmp_path)).warm_up()
    assert code(error) == "model_corrupt"
    assert damaged.read_bytes() == b"\0" * 9000


@pytest.mark.engines
def test_check_is_ready_and_imports_nothing() -> None:
    lines = (
        "import sys, ocrgate_rapidocr as adapter",
        "ready = adapter.RapidOCRProvider().check().ready",
        "print(ready, any(name in sys.modules for name in ('rapidocr', 'onnxruntime', 'cv2', 'pydantic')))",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
