"""The EasyOCR adapter: what it reads, that it stays offline, and how its answers become pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
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
from ocrgate_easyocr import EasyOCRProvider
from ocrgate_easyocr.failure import engine_failure
from ocrgate_easyocr.parse import parse
from ocrgate_easyocr.weights import DETECTOR, ENGLISH, LANGUAGES, needed
from tests.drawing import blank, columns, crop, page, request
from tests.providers.parts import parts

LONG = Deadline.after(3600)

# As EasyOCR 1.7.2 answered for three pieces on a page of 640 × 160.
RECORDED = [
    ([[24, 28], [116, 28], [116, 60], [24, 60]], "TOTAL", 0.9971),
    ([[20, 74], [102, 74], [102, 104], [20, 104]], "CASH", 0.9987),
    ([[np.int32(552), np.int32(28)], [620, 28], [620, 58], [552, 58]], "12.30", np.float64(0.9982)),
]


@pytest.fixture(scope="module")
def provider() -> Iterator[EasyOCRProvider]:
    with warnings.catch_warnings():
        import tests.cpu_torch.sitecustomize  # noqa: F401

        found = EasyOCRProvider()
        found.warm_up()
    yield found
    found.close()


def code(error: pytest.ExceptionInfo[ProviderError]) -> str:
    return error.value.diagnosis.code


def test_a_recorded_answer_becomes_rows_in_reading_order() -> None:
    found = parse(RECORDED, 640, 160)
    assert found.text == "TOTAL 12.30\nCASH"
    assert (found.width, found.height) == (640, 160)
    assert [part.text for part in found.lines[0].words] == ["TOTAL", "12.30"]
    assert found.lines[1].polygon == Polygon.from_box(20, 74, 82, 30)
    assert found.lines[1].confidence == 0.9987


def test_an_empty_answer_and_empty_texts_are_an_empty_page() -> None:
    assert parse([], 8, 4) == Page(width=8, height=4)
    assert parse([([[0, 0], [9, 0], [9, 9], [0, 9]], " ", 0.0)], 64, 32).lines == ()


def test_polygons_are_clipped_to_the_image() -> None:
    (line,) = parse([([[-5, -5], [70, 0], [70, 40], [0, 40]], "A", 0.5)], 64, 32).lines
    assert line.polygon == Polygon.from_points([(0, 0), (64, 0), (64, 32), (0, 32)])


BOX = [[0, 0], [9, 0], [9, 9], [0, 9]]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [("A", 0.5)],
        [(BOX, 5, 0.5)],
        [(BOX, "A", None)],
        [(BOX, "A", 1.5)],
        [(BOX, "A", float("nan"))],
        [(BOX[:3], "A", 0.5)],
        [([[0, 0], [float("nan"), 0], [9, 9], [0, 9]], "A", 0.5)],
        [([[100, 0], [109, 0], [109, 9], [100, 9]], "A", 0.5)],
        [(5, "A", 0.5)],
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError):
        parse(answer, 64, 32)


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)
numbers = st.floats(-50, 150)
quads = st.lists(st.tuples(numbers, numbers), min_size=4, max_size=4)


@given(junk)
def test_any_junk_is_a_page_or_a_value_error(answer: Any) -> None:
    try:
        found = parse(answer, 100, 80)
    except ValueError:
        return
    assert isinstance(found, Page)


@given(st.lists(st.tuples(quads, st.text(max_size=8), st.floats(0, 1)), max_size=6))
def test_every_page_lies_on_the_image(answer: list[tuple[list[tuple[float, float]], str, float]]) -> None:
    try:
        found = parse(answer, 100, 80)
    except ValueError:
        return
    for part in parts(found):
        assert part.text.strip()
        assert part.confidence is not None
        assert part.polygon is not None
        for x, y in part.polygon:
            assert 0 <= x <= 100
            assert 0 <= y <= 80


@pytest.mark.parametrize(
    ("languages", "names", "file"),
    [
        (("en",), ("en",), ENGLISH),
        (("zh-CN", "eng"), ("ch_sim", "en"), "zh_sim_g2.pth"),
        (("zh-TW",), ("ch_tra",), "chinese.pth"),
        (("de", "fr", "en"), ("de", "fr", "en"), "latin_g2.pth"),
        (("ja",), ("ja",), "japanese_g2.pth"),
        (("ru",), ("ru",), "cyrillic_g2.pth"),
    ],
)
def test_languages_are_translated_and_need_their_files(
    languages: tuple[str, ...], names: tuple[str, ...], file: str
) -> None:
    weights = needed(languages)
    assert weights.languages == names
    assert weights.files == (DETECTOR, file)


@pytest.mark.engines
def test_the_files_are_those_that_easyocr_itself_asks_for(provider: EasyOCRProvider) -> None:
    from easyocr import config

    known = {entry["filename"] for kind in config.recognition_models.values() for entry in kind.values()}
    for language in config.all_lang_list:
        assert needed((language,)).files[1] in known, language
        assert needed((language,)).languages == (language,)
    assert config.detection_models["craft"]["filename"] == DETECTOR
    assert {"en", "zh-Hans", "de"} <= LANGUAGES


@pytest.mark.parametrize(
    "options",
    [
        {"languages": []},
        {"languages": ["xx"]},
        {"languages": ["zh", "fr"]},
        {"model_dir": ""},
        {"download": "yes"},
        {"threads": 0},
        {"threads": True},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        EasyOCRProvider("mine", **options)
    assert error.value.key == f"providers.mine.{next(iter(options))}"


def test_every_option_of_the_constructor_is_described_in_the_model() -> None:
    model = EasyOCRProvider.options_model()
    EasyOCRProvider(**model(languages=["en"], model_dir="x", download=True, threads=2).model_dump())
    assert all(entry.description for entry in model.model_fields.values())


@pytest.mark.engines
def test_missing_weights_are_named_with_where_to_put_them(tmp_path: Path) -> None:
    readiness = EasyOCRProvider(languages=["zh", "en"], model_dir=str(tmp_path)).check()
    assert not readiness.ready
    assert DETECTOR in readiness.detail
    assert "zh_sim_g2.pth" in readiness.remedy
    assert str(tmp_path) in readiness.remedy


def test_nothing_is_downloaded_unless_it_is_allowed(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    with pytest.raises(ProviderError) as error:
        EasyOCRProvider(model_dir=str(folder)).recognize(page().request(), LONG)
    assert code(error) == "weights_missing"
    assert error.value.diagnosis.fault == "caller"
    assert not folder.exists()


@pytest.mark.engines
def test_a_download_that_is_allowed_is_ready_without_weights(tmp_path: Path) -> None:
    assert EasyOCRProvider(model_dir=str(tmp_path), download=True).check().ready


@pytest.mark.parametrize("languages", [("xx",), ("zh", "fr")])
def test_a_language_that_is_not_read_is_the_callers_mistake(languages: tuple[str, ...]) -> None:
    with pytest.raises(ProviderError) as error:
        EasyOCRProvider().recognize(page().request(languages=languages), LONG)
    assert code(error) == "language_missing"
    assert error.value.diagnosis.fault == "caller"


def test_memory_and_other_failures_are_told_apart() -> None:
    lost = RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory")
    assert engine_failure("x", lost).diagnosis.code == "worker_memory"
    assert engine_failure("x", RuntimeError("?")).diagnosis.code == "engine_failed"


@pytest.mark.engines
def test_it_fulfils_the_contract(provider: EasyOCRProvider) -> None:
    check_provider(provider)


@pytest.mark.engines
def test_a_page_is_read_with_its_places(provider: EasyOCRProvider) -> None:
    drawing = page()
    found = provider.recognize(drawing.request(), LONG)
    assert [line.text for line in found.lines] == list(drawing.lines)
    for line, box in zip(found.lines, drawing.boxes, strict=True):
        assert line.polygon is not None
        assert line.polygon.box == pytest.approx(box, abs=14)
        assert line.confidence is not None
        assert line.confidence > 0.4


@pytest.mark.engines
def test_a_receipt_row_is_one_line(provider: EasyOCRProvider) -> None:
    drawing = columns([("BREAD", "2.40"), ("COFFEE", "3.10"), ("TOTAL", "5.50")])
    assert provider.recognize(drawing.request(), LONG).lines[2].text == "TOTAL 5.50"


@pytest.mark.engines
def test_colours_are_handed_over_in_the_order_easyocr_reads_files(provider: EasyOCRProvider) -> None:
    drawing = page(["TOTAL 12.30"], ink=(0, 0, 200), paper=(60, 60, 60))
    assert provider.recognize(drawing.request(), LONG).text == "TOTAL 12.30"


@pytest.mark.engines
def test_nothing_to_read_is_an_empty_page(provider: EasyOCRProvider) -> None:
    for size in ((1, 1), (60, 20), (20, 60), (300, 200)):
        assert provider.recognize(request(blank(size)), LONG).lines == ()


@pytest.mark.engines
def test_a_tiny_crop_that_detection_misses_is_read_as_a_line(provider: EasyOCRProvider) -> None:
    drawing = crop("42", font_size=11, margin=2)
    assert max(drawing.image.size) <= 20
    assert provider.recognize(drawing.request(), LONG).text == "42"


@pytest.mark.engines
def test_threads_get_the_same_answers(provider: EasyOCRProvider) -> None:
    requests = [page(["TOTAL 12.30"]).request(), page(["CASH 20.00"]).request()] * 2
    with ThreadPoolExecutor(4) as pool:
        texts = [found.text for found in pool.map(lambda one: provider.recognize(one, LONG), requests)]
    assert texts == ["TOTAL 12.30", "CASH 20.00"] * 2


@pytest.mark.engines
def test_pixels_that_are_too_few_are_the_callers_mistake(provider: EasyOCRProvider) -> None:
    whole = page().request()
    with pytest.raises(ProviderError) as error:
        provider.recognize(replace(whole, data=whole.data[:99]), LONG)
    assert code(error) == "image_refused"


@pytest.mark.engines
def test_damaged_weights_are_named_and_kept(provider: EasyOCRProvider, tmp_path: Path) -> None:
    spec = find_spec("easyocr_en_models")
    assert spec is not None
    assert spec.submodule_search_locations
    shutil.copy(Path(spec.submodule_search_locations[0]) / "models" / DETECTOR, tmp_path)
    (tmp_path / ENGLISH).write_bytes(b"damaged")
    with pytest.raises(ProviderError) as error:
        EasyOCRProvider(model_dir=str(tmp_path)).warm_up()
    assert code(error) == "weights_corrupt"
    assert ENGLISH in error.value.diagnosis.message
    assert (tmp_path / ENGLISH).read_bytes() == b"damaged"


@pytest.mark.engines
def test_a_fresh_process_is_silent_on_one_thread_even_where_warnings_are_errors(tmp_path: Path) -> None:
    lines = (
        "import sys",
        "from ocrgate.clock import Deadline",
        "from ocrgate_easyocr import EasyOCRProvider",
        "from tests.drawing import page",
        "provider = EasyOCRProvider()",
        "ready = provider.check().ready",
        "assert not any(name in sys.modules for name in ('easyocr', 'torch', 'cv2', 'pydantic'))",
        "provider.warm_up()",
        "text = provider.recognize(page(['TOTAL 12.30']).request(), Deadline.after(100)).text",
        "import torch",
        "print(ready, torch.get_num_threads(), text)",
    )
    root = Path(__file__).parent.parent.parent
    places = [str(root / "tests" / "cpu_torch"), *filter(None, sys.path), str(root)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(lines)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["True", "1", "TOTAL", "12.30"]
    assert not list(tmp_path.iterdir())
