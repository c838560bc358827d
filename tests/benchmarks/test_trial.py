"""One image, and many summed up."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.corpus import Sample, load
from benchmarks.roster import Missing, enter
from benchmarks.trial import Trial, ask, languages_of, summary

from ocrgate.config import parse
from ocrgate.provider import Readiness
from ocrgate.testing import ScriptedProvider, fails
from tests.benchmarks.corpora import sample, write_set

pytestmark = pytest.mark.thorough


def _samples(tmp_path: Path, *truths: dict[str, object]) -> tuple[Sample, ...]:
    write_set(tmp_path / "s", *truths)
    return load(tmp_path)[0].samples


def test_an_image_is_asked_in_the_language_of_its_truth(tmp_path: Path) -> None:
    english, chinese, none = _samples(
        tmp_path, {"text": "A", "lang": "en"}, {"text": "一", "lang": "zh"}, {"text": "B"}
    )
    engine = ScriptedProvider("engine", "read")
    with enter("engine", None, {"engine": engine}) as entrant:
        trials = [ask(entrant.gateway, each) for each in (english, chinese, none)]
    assert [request.languages for request in engine.requests] == [("en",), ("zh-Hans", "en"), ()]
    assert [trial.text for trial in trials] == ["read"] * 3
    assert all(trial.seconds > 0 and not trial.error for trial in trials)
    assert languages_of("ja") == ("ja",)


def test_a_failure_is_a_kind_of_error_and_never_an_exception(tmp_path: Path) -> None:
    broken, whole = _samples(tmp_path, {"text": "A", "data": b"no image"}, {"text": "B"})
    engine = ScriptedProvider("engine", fails("216201"), ValueError("a bug"), "B")
    with enter("engine", None, {"engine": engine}) as entrant:
        kinds = [ask(entrant.gateway, each).error for each in (broken, whole, whole, whole)]
    assert kinds[0] == "InvalidImage"
    assert kinds[1] == "failed: 216201"
    assert kinds[2].startswith("failed: ")
    assert kinds[3] == ""


def test_an_engine_that_always_fails_is_asked_to_the_end(tmp_path: Path) -> None:
    (only,) = _samples(tmp_path, {"text": "A"})
    engine = ScriptedProvider("engine", fails("282000"))
    with enter("engine", None, {"engine": engine}) as entrant:
        kinds = {ask(entrant.gateway, only).error for _ in range(40)}
    assert kinds == {"failed: 282000"}
    assert len(engine.requests) == 40


def test_means_weigh_images_and_micro_averages_weigh_characters() -> None:
    figures = summary(
        [
            Trial(sample("abcdefghij"), "abcdefghij", 1.0),
            Trial(sample("ab"), "xyxyxy", 3.0),
            Trial(sample("cd"), "cd", 2.0),
        ]
    )
    assert figures["cer_micro"] == round(6 / 14, 4)
    assert figures["cer_micro_capped"] == round(2 / 14, 4)
    assert figures["cer_mean"] == 1.0
    assert figures["cer_mean_capped"] == round(1 / 3, 4)
    assert figures["recall"] == figures["recall_micro"] == round(2 / 3, 4)
    assert (figures["exact"], figures["exact_of"]) == (2, 3)
    assert (figures["n"], figures["answered"], figures["seconds_median"]) == (3, 3, 2.0)


def test_an_image_without_an_answer_counts_as_nothing_read() -> None:
    figures = summary([Trial(sample("ab"), "ab", 1.0), Trial(sample("ab"), None, 9.0, "failed: timeout")])
    assert (figures["cer_mean"], figures["recall"], figures["exact"]) == (0.5, 0.5, 1)
    assert (figures["answered"], figures["seconds_median"]) == (1, 1.0)
    assert figures["errors"] == {"failed: timeout": 1}


def test_an_engine_without_a_single_answer_has_reasons_and_no_figures() -> None:
    figures = summary([Trial(sample("一", "zh"), None, 0.1, "refused: language")] * 2)
    assert figures["cer_micro"] is figures["recall"] is figures["exact"] is figures["seconds_median"] is None
    assert figures["errors"] == {"refused: language": 2}


def test_a_set_of_partial_truths_has_no_character_error() -> None:
    figures = summary([Trial(sample("AB", partial=True), "CD AB", 1.0)])
    assert figures["cer_micro"] is None
    assert (figures["recall"], figures["exact"]) == (1.0, 1)


def test_an_engine_that_is_not_ready_is_missing_with_its_remedy() -> None:
    class Absent(ScriptedProvider):
        def check(self) -> Readiness:
            return Readiness(False, "no program", "install it")

    with pytest.raises(Missing, match="no program; install it"), enter("engine", None, {"engine": Absent("engine")}):
        pass


def test_an_unknown_engine_is_missing() -> None:
    with pytest.raises(Missing, match="nosuch"), enter("nosuch"):
        pass
    config = parse({"version": 1, "providers": {"tesseract": {}}})
    with pytest.raises(Missing, match="has no provider 'nosuch'; it has: tesseract"), enter("nosuch", config):
        pass


@pytest.mark.engines
def test_baidu_is_asked_through_the_simulator_with_a_local_engine_behind_it(tmp_path: Path) -> None:
    (only,) = _samples(tmp_path, {"text": "TOTAL 5.50", "lang": "en"})
    reader = ScriptedProvider("rapidocr", "TOTAL 5.50\nTHANK YOU")
    with enter("baidu", None, {"rapidocr": reader}) as entrant:
        trial = ask(entrant.gateway, only)
    assert (trial.error, trial.text) == ("", "TOTAL 5.50\nTHANK YOU")
    assert entrant.label == "baidu (simulator, text by rapidocr)"
    assert len(reader.requests) == 1
