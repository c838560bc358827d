"""Languages by one set of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.language import tag, tags


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chi_sim", "zh-Hans"),
        ("ch_sim", "zh-Hans"),
        ("zh_CN", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("ZH-HANS", "zh-Hans"),
        ("chi_tra", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("eng", "en"),
        ("en_US", "en"),
        (" English ", "en"),
        ("jpn", "ja"),
        ("KOR", "ko"),
        ("xyz", "xyz"),
        ("Klingon", "klingon"),
    ],
)
def test_every_engines_name_leads_to_one_tag(name: str, expected: str) -> None:
    assert tag(name) == expected


def test_simplified_and_traditional_chinese_are_two_languages() -> None:
    assert tag("chi_sim") != tag("chi_tra")


@given(st.text())
def test_a_tag_is_its_own_tag(name: str) -> None:
    assert tag(tag(name)) == tag(name)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("chi_sim+eng", ("zh-Hans", "en")),
        ("eng,chi_sim", ("en", "zh-Hans")),
        ("CHN_ENG", ("zh-Hans", "en")),
        ("chn_eng", ("zh-Hans", "en")),
        (" CHN_ENG ", ("zh-Hans", "en")),
        ("CHN_ENG+jpn", ("zh-Hans", "en", "ja")),
        (["en", "eng", "English"], ("en",)),
        (["ja", "chi_sim+eng", "en"], ("ja", "zh-Hans", "en")),
        ("", ()),
        ([], ()),
        ("+ ,", ()),
    ],
)
def test_lists_are_taken_apart_in_order_and_each_language_is_there_once(
    names: str | list[str], expected: tuple[str, ...]
) -> None:
    assert tags(names) == expected


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(["CHN_ENG", "eng+jpn", "zh", "zh-TW"])), max_size=6))
def test_tags_of_tags_are_the_same(names: list[str]) -> None:
    found = tags(names)
    assert tags(found) == found
    assert len(set(found)) == len(found)
