"""One rule: a pattern, and what its match must pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.acceptance import Rule, RuleMatch
from ocrgate.errors import ConfigError
from ocrgate.settings import RuleSettings

CARD = "4111111111111111"
WRONG_CARD = "4111111111111112"
ID_NUMBER = "360426199101010071"
WRONG_ID_NUMBER = "360426199101010072"


def rule(pattern: str, *, required: bool = False, check: str | None = None) -> Rule:
    return Rule(RuleSettings("total", pattern, required, check))


def test_named_groups_of_the_match_are_fields() -> None:
    found = rule(r"TOTAL\D*(?P<total>\d+\.\d{2})\s*(?P<currency>CNY|EUR)?").match("BREAD 2.40\nTOTAL: 5.50 EUR")
    assert found == RuleMatch(None, {"total": "5.50", "currency": "EUR"})


def test_a_group_that_took_no_part_is_no_field() -> None:
    assert rule(r"(?P<total>\d+)(?P<currency>CNY)?").match("12").fields == {"total": "12"}


def test_a_pattern_without_groups_is_met_without_fields() -> None:
    assert rule("TOTAL", required=True).match("SUBTOTAL 3") == RuleMatch()


def test_only_a_required_rule_asks_to_be_found() -> None:
    assert rule("TOTAL").match("nothing") == RuleMatch()
    assert rule("TOTAL", required=True).match("nothing").reason == "total: not found"


def test_a_check_is_passed_or_is_a_reason() -> None:
    luhn = rule(r"\b(?P<card>\d{16})\b", check="luhn")
    assert luhn.match(f"card {CARD}") == RuleMatch(None, {"card": CARD})
    failed = luhn.match(f"card {WRONG_CARD}")
    assert failed.reason == "total: found, but not a valid luhn"
    assert failed.fields == {}, "a number that fails its check is no field"


def test_a_chinese_identity_number_is_checked() -> None:
    ric = rule(r"(?P<id>\d{17}[\dXx])", check="cn.ric", required=True)
    assert ric.match(f"公民身份号码{ID_NUMBER}").fields == {"id": ID_NUMBER}
    assert ric.match(f"公民身份号码{WRONG_ID_NUMBER}").reason == "total: found, but not a valid cn.ric"
    assert ric.match("公民身份号码").reason == "total: not found"


def test_of_several_matches_the_first_that_passes_stands() -> None:
    luhn = rule(r"\b(?P<card>\d{16})\b", check="luhn")
    assert luhn.match(f"{WRONG_CARD} {CARD} 5500005555555559").fields == {"card": CARD}


def test_without_a_check_the_first_match_stands() -> None:
    assert rule(r"(?P<n>\d+)").match("1 2 3").fields == {"n": "1"}


def test_without_named_groups_the_whole_match_is_checked() -> None:
    assert rule(r"\d{16}", check="luhn").match(CARD).reason is None
    assert rule(r"\d{16}", check="luhn").match(WRONG_CARD).reason is not None


def test_chinese_text_is_matched_by_character() -> None:
    found = rule(r"价税合计.*?¥(?P<total>[\d.]+)", required=True).match("发票\n价税合计(大写)伍圆伍角 ¥5.50")
    assert found.fields == {"total": "5.50"}
    assert rule(r"姓名\s*(?P<name>\p{Han}{2,4})").match("姓名 欧阳娜娜").fields == {"name": "欧阳娜娜"}


def test_full_width_digits_are_digits() -> None:
    assert rule(r"(?P<total>\d+)").match("合计:１２３").fields == {"total": "１２３"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a+)+$", "a" * 5000 + "b"),
        (r"(a|aa)+$", "a" * 5000 + "b"),
        (r"(x+x+)+y", "x" * 5000),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 5000),
        (r"((a|b)+)+c|x", ("ab" * 9 + "d") * 3000),
        (r"a(?R)?b", "a" * 5000),
        (r"(?R)", "aaa"),
    ],
)
def test_a_pattern_that_would_never_end_is_a_reason_soon(pattern: str, text: str) -> None:
    begun = monotonic()
    found = rule(pattern).match(text)
    assert monotonic() - begun < 2.0
    assert found.reason is not None
    assert "longer than" in found.reason
    assert found.fields == {}


def test_a_slow_pattern_holds_up_no_other_thread() -> None:
    hostile, harmless = rule(r"(a+)+$"), rule(r"(?P<n>\d+)")
    with ThreadPoolExecutor(2) as pool:
        begun = Event()

        def search() -> RuleMatch:
            begun.set()
            return hostile.match("a" * 5000 + "b")

        slow = pool.submit(search)
        assert begun.wait(5.0)
        for _ in range(10):
            assert harmless.match("12").fields == {"n": "12"}
        assert not slow.done()
        assert slow.result(5.0).reason is not None


@pytest.mark.parametrize(
    "pattern", ["[", "(?P<1>x)", "\\", "a{99999999999999999999}", "(?a)(?u)x", "(" * 5000 + ")" * 5000]
)
def test_a_pattern_that_does_not_compile_is_a_problem_of_the_configuration(pattern: str) -> None:
    with pytest.raises(ConfigError, match="does not compile") as caught:
        rule(pattern)
    assert caught.value.key == "rules.total.pattern"


@pytest.mark.parametrize("check", ["", "..", "cn", "luhn.", "no.such", "util", "os", "cn.ric "])
def test_a_check_that_does_not_exist_is_a_problem_of_the_configuration(check: str) -> None:
    with pytest.raises(ConfigError, match="no number format"):
        rule("x", check=check)


PATTERNS = [
    rule(r"(?P<total>\d+\.\d{2})"),
    rule(r"(?P<id>\w{18})", check="cn.ric"),
    rule(r"(?P<card>\w+)", check="luhn", required=True),
    rule(r"(?P<iban>\w{10,34})", check="iban"),
    rule(r"(?P<all>.*)", check="eu.vat"),
    rule(r"", check="luhn"),
    rule(r"(?P<all>(?s).*)"),
    rule(r"(?P<han>\p{Han}+)?$", required=True),
]


@settings(deadline=None)
@given(
    st.one_of(
        st.text(), st.text(alphabet="0123456789０１²Xx.- \n"), st.text(alphabet=st.characters(categories=["Nd", "No"]))
    )
)
def test_no_text_makes_a_rule_raise(text: str) -> None:
    for each in PATTERNS:
        found = each.match(text)
        assert found.reason is None or not found.fields
        for value in found.fields.values():
            assert value in text
