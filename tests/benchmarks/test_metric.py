"""What counts as read right."""

from __future__ import annotations

import pytest
from benchmarks.metric import score
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.corpora import sample

pytestmark = pytest.mark.thorough

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf"]), max_size=40)
truths = texts.filter(lambda text: bool(text.strip()))


def test_a_perfect_reading_has_no_error_and_full_recall() -> None:
    found = score(sample("Total 5.50"), "Total 5.50")
    assert (found.cer, found.recall, found.exact) == (0.0, 1.0, None)


def test_edits_are_counted_over_the_characters_of_the_truth_without_white_space() -> None:
    found = score(sample("ab cd e"), "ab\nxd")
    assert (found.edits, found.length, found.cer) == (2, 5, 0.4)


def test_an_empty_reading_misses_everything() -> None:
    found = score(sample("WORD"), "")
    assert (found.cer, found.recall, found.exact) == (1.0, 0.0, False)


def test_more_than_is_there_makes_an_error_above_one() -> None:
    assert score(sample("ab"), "xyzxyz").cer == 3.0


def test_full_width_and_half_width_forms_are_the_same() -> None:
    assert score(sample("\uff21\uff22\uff11\uff12", "zh"), "AB12").cer == 0.0  # AB12 in full-width forms
    assert score(sample("a\u00adb\u200bc"), "abc").cer == 0.0


def test_case_is_ignored_only_where_the_truth_is_in_capitals() -> None:
    assert score(sample("TOTAL 5"), "Total 5").cer == 0.0
    assert score(sample("Total 5"), "TOTAL 5").cer == pytest.approx(4 / 6)


def test_recall_ignores_order_but_not_number() -> None:
    assert score(sample("one two two three"), "three two one").recall == 0.75
    assert score(sample("one two"), "two one one one").recall == 1.0


def test_spaces_around_punctuation_do_not_divide_or_join_words() -> None:
    assert score(sample("GST : 6 (RM)"), "(RM) GST:6").recall == 1.0


def test_a_truth_of_signs_only_is_counted_by_its_parts() -> None:
    assert score(sample("+ - *"), "* +").recall == pytest.approx(2 / 3)


def test_chinese_is_counted_by_characters() -> None:
    assert score(sample("合计12元", "zh"), "元12合").recall == 0.8
    assert score(sample("合计12元", "en"), "元12合").recall == 0.0


def test_only_one_short_word_is_asked_to_be_exact() -> None:
    assert score(sample("13G05"), " 13 G05\n").exact is True
    assert score(sample("13G05"), "13G0S").exact is False
    assert score(sample("13G05 VS1"), "13G05 VS1").exact is None
    assert score(sample("x" * 17), "x" * 17).exact is None


def test_of_a_partial_truth_every_word_has_to_be_contained() -> None:
    both = sample("粤B4051L\n浙KL6893", "zh", partial=True)
    found = score(both, "停车场 粤B4051L 出口 浙KL6893")
    assert (found.exact, found.cer, found.recall) == (True, None, 1.0)
    assert score(both, "停车场 粤B4051L").exact is False


def test_the_dot_of_a_number_plate_is_ignored_on_plates_only() -> None:
    assert score(sample("皖AC8720", "zh", plate=True), "皖A·C8720").exact is True
    assert score(sample("皖AC8720", "zh"), "皖A·C8720").exact is False


def test_a_sample_without_text_is_refused() -> None:
    for text in (None, " \n", "\u200b"):
        with pytest.raises(ValueError, match="no text"):
            score(sample(text), "anything")


@given(truths, texts)
def test_figures_stay_in_their_ranges(truth: str, reading: str) -> None:
    found = score(sample(truth), reading)
    assert found.edits is not None
    assert 0 <= found.recall <= 1
    assert 0 <= found.edits <= max(found.length, len("".join(reading.split())) * 20)


@given(truths, st.sampled_from(["en", "zh"]))
def test_every_text_is_read_perfectly_by_itself(truth: str, lang: str) -> None:
    found = score(sample(truth, lang), truth)
    assert (found.cer, found.recall) == (0.0, 1.0)
