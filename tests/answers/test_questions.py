"""A question is everything that can change the answer, and nothing that cannot or is secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ocrgate import revision
from ocrgate.answers import Questions, digest, question
from ocrgate.result import Cost
from ocrgate.settings import (
    AcceptSettings,
    BreakerSettings,
    BudgetSettings,
    ConcurrencySettings,
    HedgeSettings,
    ImageSettings,
    ProviderSettings,
    RetrySettings,
    RouteSettings,
    RuleSettings,
    SpendSettings,
)

ROUTE = RouteSettings("default", ("cloud", "local"), accept=AcceptSettings(rules=(RuleSettings("total", "TOTAL"),)))
CLOUD = ProviderSettings("cloud", "baidu", {"endpoint": "accurate", "keys": [{"name": "main", "api_key": "a"}]})
LOCAL = ProviderSettings("local", "tesseract", {"psm": 6})
PROVIDERS = ((CLOUD, "sdk 1"), (LOCAL, "tesseract 5"))


def asked(
    picture: str | None = "file:1",
    route: RouteSettings = ROUTE,
    providers: tuple[tuple[ProviderSettings, str | None], ...] = PROVIDERS,
    image: ImageSettings = ImageSettings(),  # noqa: B008 - it is frozen
    languages: tuple[str, ...] = ("zh-Hans", "en"),
    options: Mapping[str, Any] | None = None,
) -> str | None:
    return question(picture, route=route, providers=providers, image=image, languages=languages, options=options)


def with_options(**options: Any) -> str | None:
    return asked(providers=((replace(CLOUD, options=options), "sdk 1"),))


def test_a_question_is_64_hexadecimal_digits() -> None:
    text = asked()
    assert text is not None
    assert len(text) == 64
    assert int(text, 16)


# Every setting of a route is in one of the two lists.
ROUTE_MATTERS: dict[str, Any] = {
    "providers": ("local", "cloud"),
    "residency": "local",
    "accept": AcceptSettings(min_confidence=0.5),
    "spend": SpendSettings(per_day=1.0),
    "hedge": HedgeSettings(),
    "panic": False,
}
ROUTE_DOES_NOT: dict[str, Any] = {"name": "other", "deadline": 1.0, "languages": ("fr",), "budget": BudgetSettings(0.5)}


@pytest.mark.parametrize("name", [each.name for each in fields(RouteSettings)])
def test_of_a_route_everything_counts_but_its_name_and_its_time(name: str) -> None:
    if name in ROUTE_DOES_NOT:
        assert asked(route=replace(ROUTE, **{name: ROUTE_DOES_NOT[name]})) == asked()
    else:
        assert asked(route=replace(ROUTE, **{name: ROUTE_MATTERS[name]})) != asked()


PROVIDER_MATTERS: dict[str, Any] = {"name": "other", "type": "other", "options": {}}
PROVIDER_DOES_NOT: dict[str, Any] = {
    "timeout": 1.0,
    "qps": 1.0,
    "margin": 0.5,
    "retry": RetrySettings(1),
    "breaker": BreakerSettings(mode="disabled"),
    "concurrency": ConcurrencySettings("aimd"),
    "lanes": 1,
    "queue": 1,
    "memory": 1,
    "recycle": 1,
    "price": Cost(1.0),
    "quota": {"per_day": 1},
    "quota_reset": "day",
}


@pytest.mark.parametrize("name", [each.name for each in fields(ProviderSettings)])
def test_of_an_engine_its_name_type_and_options_count(name: str) -> None:
    value = {**PROVIDER_MATTERS, **PROVIDER_DOES_NOT}[name]
    changed = asked(providers=((replace(CLOUD, **{name: value}), "sdk 1"), PROVIDERS[1]))
    assert (changed == asked()) == (name in PROVIDER_DOES_NOT)


@pytest.mark.parametrize("name", [each.name for each in fields(ImageSettings)])
def test_of_what_is_accepted_all_counts_that_was_not_seen_to_yet(name: str) -> None:
    assert (asked(image=replace(ImageSettings(), **{name: 7})) == asked()) == (name == "max_bytes")


def test_picture_languages_and_options_count() -> None:
    questions = [
        asked(),
        asked("file:2"),
        asked(languages=("en", "zh-Hans")),
        asked(languages=()),
        asked(options={"psm": 6}),
        asked(options={"psm": "6"}),
        asked(options={"psm": 6.0}),
        asked(options={"psm": True}),
        asked(options={"psm": 1}),
        asked(options={"psm": None}),
        asked(options={"psm": [6]}),
        asked(options={"psm": {"6": 6}}),
    ]
    assert len(set(questions)) == len(questions)
    assert asked(options={}) == asked()


def test_the_order_of_engines_and_their_revisions_count() -> None:
    assert asked(providers=PROVIDERS[::-1]) != asked()
    assert asked(providers=((CLOUD, "sdk 2"), PROVIDERS[1])) != asked()
    assert asked(providers=((CLOUD, None), PROVIDERS[1])) != asked(providers=((CLOUD, ""), PROVIDERS[1]))


@pytest.mark.parametrize("package", ["ocrgate", "pillow", "pypdfium2"])
def test_the_versions_of_this_library_and_of_the_decoders_count(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, known = asked(), revision.version
    monkeypatch.setattr(digest, "version", lambda name: "0" if name == package else known(name))
    assert asked() != before


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.text(max_size=5), plain, max_size=4)


def shuffled(value: Any) -> Any:
    """The same, every mapping in the opposite order and of another type."""
    if isinstance(value, dict):
        return MappingProxyType({name: shuffled(each) for name, each in reversed(value.items())})
    return tuple(map(shuffled, value)) if isinstance(value, list) else value


@given(mappings)
def test_the_order_of_names_is_no_matter(options: dict[str, Any]) -> None:
    assert asked(options=options) == asked(options=shuffled(options)) is not None


@given(mappings, mappings)
def test_other_options_are_another_question(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (asked(options=one) == asked(options=other)) == (sort(one) == sort(other))


def sort(value: Any) -> Any:
    """A text that is the same for what JSON holds to be the same."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name!r}:{sort(each)}" for name, each in sorted(value.items())) + "}"
    return "[" + ",".join(map(sort, value)) + "]" if isinstance(value, list) else repr(value)


@pytest.mark.parametrize("strange", [object(), {1: 2}, {1, 2}, b"1", float("nan"), float("inf"), 1j, [object()]])
def test_options_that_are_no_json_make_no_question(strange: Any) -> None:
    assert asked(options={"strange": strange}) is None
    assert with_options(strange=strange) is None


def test_options_without_an_end_make_no_question() -> None:
    endless: dict[str, Any] = {}
    endless["more"] = endless
    assert asked(options=endless) is None


def test_a_picture_without_a_digest_makes_no_question() -> None:
    assert asked(None) is None


@pytest.mark.parametrize(
    "name",
    [
        "keys",
        "key",
        "api_key",
        "secret_key",
        "apikey",
        "apiKey",
        "token",
        "access-token",
        "accessToken",
        "password",
        "client_secret",
    ],
)
def test_a_credential_changes_no_question(name: str) -> None:
    assert with_options(**{name: "one"}) == with_options(**{name: ["two"]}) == with_options()
    assert with_options(inner={name: "one", "mode": 1}) == with_options(inner={"mode": 1})


@pytest.mark.parametrize("name", ["tokenizer", "keyboard", "max_tokens_", "monkey", "author", "base_url", "tls"])
def test_what_only_sounds_like_a_credential_does(name: str) -> None:
    assert with_options(**{name: "one"}) != with_options(**{name: "two"})


def test_what_pydantic_keeps_secret_changes_no_question() -> None:
    assert with_options(license=SecretStr("one")) == with_options(license=SecretStr("two")) is not None
    assert with_options(seats=[SecretStr("one")]) == with_options(seats=[SecretStr("two")]) is not None


def test_a_login_in_a_url_changes_no_question_and_the_rest_of_the_url_does() -> None:
    assert with_options(base_url="https://me:one@host/a") == with_options(base_url="https://host/a")
    assert with_options(base_url="https://me:one@host/a") != with_options(base_url="https://host/b")
    assert with_options(base_url="https://host/a?m=1") != with_options(base_url="https://host/a?m=2")


def test_options_of_the_call_are_taken_as_they_are() -> None:
    # They are no place for secrets, and an engine may take `key` for something else.
    assert asked(options={"key": "one"}) != asked(options={"key": "two"})


def test_questions_of_a_route_are_those_of_the_single_call() -> None:
    questions = Questions(ROUTE, PROVIDERS, ImageSettings())
    assert questions.ask("file:1", ("zh-Hans", "en"), {"a": 1}) == asked(options={"a": 1})
    assert questions.ask("file:1") == asked(languages=())


def test_every_process_asks_the_same() -> None:
    program = (
        "from tests.answers.test_questions import asked; print(asked(options={'a': 1.5, 'ä': ['x', {'y': None}]}))"
    )
    paths = os.pathsep.join([str(Path.cwd()), *(path for path in sys.path if path)])
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert said == {f"{asked(options={'ä': ['x', {'y': None}], 'a': 1.5})}\n"}
