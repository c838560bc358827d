"""The soak, from the command line to its files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks import census, mixture, numbered, report, soak
from benchmarks.census import Census

from ocrgate.errors import AllProvidersFailed
from ocrgate.page import Line, Page
from ocrgate.result import Result

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("soak") / "soak.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(soak, "SAMPLES", 8)
        patch.setattr(soak, "PATIENCE", 0.5)
        assert soak.main(["--calls", "200", "--worker-calls", "60", "--out", str(out)]) == 0
    assert out.with_suffix(".md").read_text(encoding="utf-8").startswith("# Soak")
    read: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return read


def test_every_call_ends_as_its_kind_has_to(found: dict[str, Any]) -> None:
    for name, part in found["parts"].items():
        assert part["unexpected"] == 0, (name, part["examples"])
        assert part["samples"][-1]["calls"] == part["calls"]


def test_nothing_is_left_when_the_gateway_is_closed(found: dict[str, Any]) -> None:
    assert {sample["processes"] for sample in found["parts"]["threads"]["samples"]} == {0}
    assert max(sample["processes"] for sample in found["parts"]["workers"]["samples"]) == 2
    for part in found["parts"].values():
        assert part["after_close"]["processes"] == part["before"]["processes"]
        assert part["after_close"]["files"] == part["before"]["files"]


def test_targets_tell_growth_and_leftovers_of_both_parts(found: dict[str, Any]) -> None:
    told = {each["what"]: each for each in found["targets"]}
    assert told["workers: processes left over after close()"]["met"] is True
    part = found["parts"]["threads"]
    leaking = {**part, "growth": {**part["growth"], "files": 1, "rss_mb": 5.1}, "unexpected": 1}
    missed = {each["what"] for each in soak.targets("threads", leaking) if not each["met"]}
    assert missed >= {
        "threads: calls that ended otherwise than they should",
        "threads: growth of files over the last half",
        "threads: growth of memory over the last half in MiB",
    }


def test_a_system_that_cannot_be_asked_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "available", lambda: False)
    assert soak.main(["--out", str(tmp_path / "soak.json")]) == 2
    assert list(tmp_path.iterdir()) == []


def samples(*threads: int, rss: tuple[float, ...] = ()) -> list[tuple[int, Census]]:
    memory = rss or (50.0,) * len(threads)
    return [(100 * (place + 1), Census(count, 0, 5, memory[place])) for place, count in enumerate(threads)]


def test_what_comes_while_warming_up_is_no_growth() -> None:
    grown = soak.growth(samples(1, 9, 9, 8, 9, 9, 9, 9, rss=(10, 60, 60, 60, 60, 60, 60, 60)))
    assert (grown["threads"], grown["rss_mb"], grown["rss_kb_per_1000_calls"]) == (0, 0, 0)


def test_a_thread_more_in_the_last_half_is_growth_and_one_less_is_none() -> None:
    assert soak.growth(samples(1, 9, 9, 9, 9, 9, 9, 10))["threads"] == 1
    assert soak.growth(samples(1, 9, 10, 9, 9, 9, 9, 9))["threads"] == -1


def test_memory_that_grows_by_the_same_with_every_call_is_seen_in_the_slope() -> None:
    grown = soak.growth(samples(*[9] * 8, rss=tuple(50.0 + number for number in range(8))))
    assert grown["rss_kb_per_1000_calls"] == pytest.approx(10 * 1024)
    assert grown["rss_mb"] == 3


def test_a_leak_of_a_call_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SAMPLES", 8)
    monkeypatch.setattr(soak, "PATIENCE", 0.0)
    monkeypatch.setattr(soak, "LOOKING", 0.0)
    kept: list[int] = []

    @contextmanager
    def leaking() -> Iterator[soak.Call]:
        yield lambda _number: kept.append(os.open(os.devnull, os.O_RDONLY))

    try:
        part = soak.soak(leaking, 80, report.Progress())
    finally:
        for number in kept:
            os.close(number)
    assert part["growth"]["files"] > 0
    assert part["after_close"]["files"] - part["before"]["files"] == 80


def test_what_was_unexpected_is_counted_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SAMPLES", 2)

    @contextmanager
    def odd() -> Iterator[soak.Call]:
        yield lambda number: f"{number} is odd" if number % 2 else None

    part = soak.soak(odd, 20, report.Progress())
    assert (part["unexpected"], part["examples"][:2]) == (10, ["1 is odd", "3 is odd"])


def test_a_text_of_another_picture_is_not_what_a_call_has_to_end_in() -> None:
    page = Page((Line(numbered.text(5), None, 0.9),))
    result = Result(pages=(page,), provider="local", valid=True)
    for kind in ("good", "first engine fails", "slow, so hedged", "cancelled"):
        check = mixture.KINDS[kind][2]
        assert check(result, 5), kind
        assert not check(result, 6), kind
        assert not check(replace(result, valid=False), 5), kind
    assert not mixture.KINDS["first engine fails"][2](replace(result, provider="cloud"), 5)


def test_a_hundred_calls_have_every_kind_in_its_share() -> None:
    kinds = [mixture.kind_of(number) for number in range(100)]
    assert {kind: kinds.count(kind) for kind in mixture.KINDS} == {
        kind: share for kind, (share, _, _) in mixture.KINDS.items()
    }
    assert sum(share for share, _, _ in mixture.KINDS.values()) == 100


def test_a_call_that_ends_otherwise_is_told_with_its_kind() -> None:
    class Refusing:
        def recognize(self, _image: bytes, **_more: object) -> object:
            raise AllProvidersFailed([])

    with mixture.caller(Refusing()) as call:  # type: ignore[arg-type]
        number = next(number for number in range(100) if mixture.kind_of(number) == "good")
        assert (call(number) or "").startswith("good: ")
