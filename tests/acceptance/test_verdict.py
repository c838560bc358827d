"""The verdict on one page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.acceptance import Acceptance
from ocrgate.errors import ConfigError
from ocrgate.page import Line, Page
from ocrgate.settings import AcceptSettings, RuleSettings

TOTAL = RuleSettings("total", r"TOTAL\D*(?P<total>\d+\.\d{2})", required=True)
DATE = RuleSettings("date", r"(?P<date>\d{4}-\d{2}-\d{2})", required=True)


def page(*texts: str, confidence: float | None = 0.9, blank: bool | None = False) -> Page:
    return Page(lines=tuple(Line(text, None, confidence) for text in texts), blank=blank)


def acceptance(
    *rules: RuleSettings,
    min_confidence: float = 0.0,
    unknown: str = "reject",
    min_characters: int = 1,
) -> Acceptance:
    return Acceptance(
        AcceptSettings(
            min_confidence=min_confidence,
            unknown_confidence="accept" if unknown == "accept" else "reject",
            min_characters=min_characters,
            rules=rules,
        )
    )


def test_a_page_that_meets_every_rule_is_valid_and_has_the_fields_of_all() -> None:
    verdict = acceptance(TOTAL, DATE).judge(page("2026-01-31", "TOTAL 5.50"))
    assert verdict.valid
    assert verdict.reasons == ()
    assert verdict.fields == {"total": "5.50", "date": "2026-01-31"}


def test_every_rule_that_is_not_met_is_a_reason_and_what_was_found_stays() -> None:
    verdict = acceptance(TOTAL, DATE).judge(page("TOTAL 5.50"))
    assert not verdict.valid
    assert verdict.reasons == ("date: not found",)
    assert verdict.fields == {"total": "5.50"}


def test_of_two_rules_for_one_field_the_first_stands() -> None:
    again = RuleSettings("again", r"(?P<total>\d+)")
    assert acceptance(TOTAL, again).judge(page("7 TOTAL 5.50")).fields == {"total": "5.50"}


def test_a_rule_may_span_lines() -> None:
    assert acceptance(TOTAL).judge(page("TOTAL", "5.50")).fields == {"total": "5.50"}


def test_an_unreadable_rule_is_refused_when_the_route_is_built() -> None:
    with pytest.raises(ConfigError):
        acceptance(RuleSettings("broken", "["))


def test_rules_may_be_left_out() -> None:
    verdict = acceptance(TOTAL).judge(page("nothing"), rules=False)
    assert verdict.valid
    assert verdict.fields == {}


@pytest.mark.parametrize(("confidence", "valid"), [(0.61, True), (0.6, True), (0.59, False), (0.0, False)])
def test_confidence_below_the_least_is_a_reason(confidence: float, valid: bool) -> None:
    verdict = acceptance(min_confidence=0.6).judge(page("read", confidence=confidence))
    assert verdict.valid is valid
    if not valid:
        assert verdict.reasons == (f"min_confidence: {confidence:.2f} of 0.6",)


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=12), st.floats(0.01, 1.0))
def test_lines_that_all_just_reach_the_least_confidence_pass_together(texts: list[str], confidence: float) -> None:
    verdict = acceptance(min_confidence=confidence, min_characters=0).judge(page(*texts, confidence=confidence))
    assert verdict.valid


def test_unknown_confidence_does_not_pass_unless_it_is_accepted() -> None:
    unknown = page("read", confidence=None)
    assert acceptance(min_confidence=0.6).judge(unknown).reasons == ("min_confidence: unknown, 0.6 wanted",)
    assert acceptance(min_confidence=0.6, unknown="accept").judge(unknown).valid
    assert acceptance(min_confidence=0.0).judge(unknown).valid


def test_one_unknown_line_makes_the_page_unknown() -> None:
    mixed = Page(lines=(Line("a" * 100, None, 1.0), Line("b", None, None)))
    assert not acceptance(min_confidence=0.1).judge(mixed).valid


def test_white_space_is_no_character() -> None:
    short = acceptance(min_characters=5)
    assert short.judge(page("a b\tc", "　 de")).valid
    assert short.judge(page("a b c d")).reasons == ("min_characters: 4 of 5",)


def test_chinese_characters_count_as_characters() -> None:
    assert acceptance(min_characters=4).judge(page("增值税票")).valid
    assert not acceptance(min_characters=5).judge(page("增值税票")).valid


@pytest.mark.parametrize("lines", [(), ("",), (" ", "\n")])
def test_a_page_without_text_is_no_answer_when_it_is_not_blank(lines: tuple[str, ...]) -> None:
    (reason,) = acceptance().judge(page(*lines)).reasons
    assert reason.startswith("no text")


def test_a_blank_page_is_acceptable_whatever_the_rules_say() -> None:
    strict = acceptance(TOTAL, DATE, min_confidence=0.9, min_characters=100)
    verdict = strict.judge(page(blank=True))
    assert verdict.valid
    assert verdict.fields == {}


def test_text_on_a_page_whose_pixels_are_blank_is_judged() -> None:
    assert not acceptance(TOTAL).judge(page("ghost", blank=True)).valid


def test_what_a_card_endpoint_returned_is_an_answer_without_lines() -> None:
    card = Page(fields={"name": "欧阳娜娜"})
    verdict = acceptance(min_characters=10).judge(card)
    assert verdict.valid
    assert verdict.fields == {"name": "欧阳娜娜"}


def test_a_rule_replaces_the_field_of_a_card_endpoint() -> None:
    card = Page(lines=(Line("TOTAL 5.50", None, 0.9),), fields={"total": "5,50", "name": "x"})
    assert acceptance(TOTAL).judge(card).fields == {"total": "5.50", "name": "x"}


def test_the_page_with_fewer_reasons_scores_higher_then_the_surer_then_the_longer() -> None:
    judge = acceptance(TOTAL, DATE, min_characters=100).judge
    ranked = [
        judge(page("TOTAL 5.50 on 2026-01-31", confidence=0.1)),
        judge(page("TOTAL 5.50", confidence=0.9)),
        judge(page("TOTAL 5.50", confidence=0.8)),
        judge(page("2026-01-31 and more", confidence=None)),
        judge(page("2026-01-31", confidence=None)),
        judge(page("nothing at all", confidence=1.0)),
        judge(page("", confidence=1.0)),
    ]
    scores = [verdict.score for verdict in ranked]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


@given(
    st.lists(st.builds(Line, st.text(max_size=40), st.none(), st.one_of(st.none(), st.floats(0, 1))), max_size=6),
    st.floats(0, 1),
    st.integers(0, 20),
    st.sampled_from(["accept", "reject"]),
    st.one_of(st.none(), st.booleans()),
)
def test_every_page_gets_a_verdict(
    lines: list[Line], min_confidence: float, min_characters: int, unknown: str, blank: bool | None
) -> None:
    judge = acceptance(TOTAL, DATE, min_confidence=min_confidence, min_characters=min_characters, unknown=unknown).judge
    verdict = judge(Page(lines=tuple(lines), blank=blank))
    assert verdict.valid is (not verdict.reasons)
    assert len(verdict.reasons) <= 4
    assert all(verdict.reasons)
