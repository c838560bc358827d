"""Results as plain data, and back."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate import Attempt, Cost, Diagnosis, Line, Page, Polygon, Result, Word
from ocrgate.diagnosis.diagnosis import Action, Category, Certainty, Fault
from ocrgate.page import Point
from ocrgate.result import Origin, Outcome

numbers = st.one_of(st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(max_size=8)
sures = st.none() | st.floats(0, 1)
polygons = st.none() | st.builds(Polygon, *[st.builds(Point, numbers, numbers)] * 4)
notes = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
words = st.builds(Word, texts, polygons, sures)
lines = st.builds(Line, texts, polygons, sures, st.lists(words, max_size=2).map(tuple))
pages = st.builds(
    Page,
    lines=st.lists(lines, max_size=2).map(tuple),
    width=st.integers(0, 9999),
    height=st.integers(0, 9999),
    fields=st.dictionaries(texts, texts, max_size=2),
    number=st.integers(1, 99),
    blank=st.none() | st.booleans(),
    notes=st.dictionaries(texts, notes, max_size=2),
)
diagnoses = st.builds(
    Diagnosis,
    *[texts] * 2,
    *(st.sampled_from(get_args(choice)) for choice in (Category, Fault, Action)),
    *[texts] * 5,
    known=st.booleans(),
    note=texts,
    retry_after=st.none() | numbers,
    log_id=st.none() | texts,
    certainty=st.sampled_from(get_args(Certainty)),
    billed=st.none() | st.booleans(),
    note_zh=texts,
)
costs = st.builds(Cost, numbers, texts)
reasons = st.lists(texts, max_size=2).map(tuple)
attempts = st.builds(
    Attempt,
    texts,
    st.sampled_from(get_args(Outcome)),
    st.none() | texts,
    texts,
    numbers,
    numbers,
    st.none() | diagnoses,
    reasons,
    st.none() | costs,
    st.integers(1, 99),
)
results = st.builds(
    Result,
    pages=st.lists(pages, max_size=2).map(tuple),
    provider=texts,
    fields=st.dictionaries(texts, texts, max_size=2),
    valid=st.booleans(),
    blank=st.booleans(),
    degraded=st.booleans(),
    reasons=reasons,
    attempts=st.lists(attempts, max_size=2).map(tuple),
    cost=costs,
    elapsed=numbers,
    request_id=texts,
    origin=st.sampled_from(get_args(Origin)),
)
junk = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


def full() -> Result:
    """A result in which everything is there."""
    word = Word("TOTAL", Polygon.from_box(0, 0, 9, 9), 0.9)
    page = Page((Line("TOTAL", word.polygon, 0.9, (word,)),), 60, 40, {"total": "5.50"}, notes={"direction": 0})
    diagnosis = Diagnosis("18", retry_after=1.5, log_id="7", billed=None)
    attempt = Attempt("cloud", "failed", "main", diagnosis=diagnosis, reasons=("why",), cost=Cost(0.04))
    return Result((page,), "local", {"total": "5.50"}, attempts=(attempt,), reasons=("why",), request_id="1")


@given(results)
def test_what_is_written_is_read_again_as_it_was(result: Result) -> None:
    assert Result.from_dict(result.to_dict()) == result
    text = result.to_json()
    again = Result.from_dict(json.loads(text))
    assert again == result
    assert again.to_json() == text


@settings(max_examples=300)
@given(junk)
def test_what_is_no_result_is_a_value_error(data: Any) -> None:
    with pytest.raises(ValueError, match=r"result|schema"):
        Result.from_dict(data)


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to everything in plain data, save what may be anything."""
    if path and path[-1] in ("notes", "text", "confidence") and len(path) == 1:
        return []
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    below = (
        [] if path and path[-1] == "notes" else [place for key, value in inner for place in places(value, (*path, key))]
    )
    return [path, *below] if path else below


@pytest.mark.parametrize("place", places(full().to_dict()), ids=str)
def test_a_value_of_another_type_is_a_value_error_wherever_it_stands(place: tuple[str | int, ...]) -> None:
    for wrong in (object(), {"a": object()}, [object()]):
        data = json.loads(full().to_json())
        holder = data
        for step in place[:-1]:
            holder = holder[step]
        if place[-1] == "notes" and isinstance(wrong, dict):
            continue  # whatever an engine notes
        holder[place[-1]] = wrong
        with pytest.raises(ValueError, match=r"."):
            Result.from_dict(data)


@pytest.mark.parametrize(
    "place",
    [place for place in places(full().to_dict()) if place[-1] != "total" and isinstance(place[-1], str)],
    ids=str,
)
def test_a_missing_key_is_a_value_error_unless_it_came_later(place: tuple[str | int, ...]) -> None:
    data = json.loads(full().to_json())
    holder = data
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    if place[-1] in ("origin", "notes"):
        assert Result.from_dict(data).origin == "engine"
        return
    with pytest.raises(ValueError, match=str(place[-1])):
        Result.from_dict(data)


def test_true_is_no_number_and_1_is_not_true() -> None:
    for key, wrong in (("elapsed", True), ("valid", 1), ("schema", True)):
        with pytest.raises(ValueError, match=key):
            Result.from_dict({**full().to_dict(), key: wrong})


@pytest.mark.parametrize("schema", [0, 2])
def test_another_schema_is_refused_by_its_number(schema: int) -> None:
    with pytest.raises(ValueError, match=f"schema: 1 is what can be read here, got {schema}"):
        Result.from_dict({**full().to_dict(), "schema": schema})


def test_an_unknown_key_of_a_later_release_is_passed_over() -> None:
    data = json.loads(full().to_json())
    data["later"] = data["pages"][0]["later"] = data["attempts"][0]["diagnosis"]["later"] = 1
    assert Result.from_dict(data) == full()


@pytest.mark.parametrize("confidence", [-0.1, 1.1])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    data = full().to_dict()
    data["pages"][0]["lines"][0]["confidence"] = confidence
    with pytest.raises(ValueError, match="confidence"):
        Result.from_dict(data)


FOUR: Any = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    "corners", [[], FOUR[:3], [*FOUR, [2, 2]], [*FOUR, "more"], [*FOUR[:3], [1]], [*FOUR[:3], "11"]]
)
def test_a_polygon_has_four_pairs_of_numbers(corners: Any) -> None:
    data = full().to_dict()
    data["pages"][0]["lines"][0]["polygon"] = corners
    with pytest.raises(ValueError, match="four pairs of numbers"):
        Result.from_dict(data)


def test_notes_are_told_as_far_as_json_can_hold_them() -> None:
    strange: Any = {"rows": ((0, 1), (2,)), 7: {1}}
    result = Result((Page(notes=strange),), "local")
    (page,) = json.loads(result.to_json())["pages"]
    assert page["notes"] == {"rows": [[0, 1], [2]], "7": "{1}"}
