"""Folders of images with their truth."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.corpus import CorpusError, load

from tests.benchmarks.corpora import write_set

pytestmark = pytest.mark.thorough


def test_a_folder_of_sets_is_read_set_by_set(tmp_path: Path) -> None:
    write_set(tmp_path / "b", {"text": "one"})
    write_set(tmp_path / "a", {"text": "two"}, {"text": None})
    (tmp_path / "vectors").mkdir()
    sets = load(tmp_path)
    assert [(each.name, len(each.samples)) for each in sets] == [("a", 2), ("b", 1)]
    assert [each.name for each in load(tmp_path, ["b", "a", "b"])] == ["b", "a"]


def test_a_folder_with_a_truth_is_a_set_itself(tmp_path: Path) -> None:
    write_set(tmp_path / "receipts", {"text": "one"}, {"text": "two"})
    (only,) = load(tmp_path / "receipts")
    assert only.name == "receipts"
    assert [sample.text for sample in only.first(1).samples] == ["one"]


def test_what_a_line_says_becomes_a_sample(tmp_path: Path) -> None:
    write_set(
        tmp_path / "s",
        {"text": "粤CXE592", "lang": "zh", "text_is": "plates only", "fields": {"plate": "粤CXE592"}},
        {"text": "", "lang": "none", "decodes": False, "category": "bomb", "image": "images/deep.bin"},
    )
    plate, bomb = load(tmp_path)[0].samples
    assert (plate.lang, plate.partial, plate.plate, plate.labelled, plate.decodes) == ("zh", True, True, True, None)
    assert (bomb.name, bomb.category, bomb.decodes, bomb.labelled) == ("deep.bin", "bomb", False, False)
    assert bomb.path.read_bytes()


def test_only_texts_that_can_be_read_are_labelled(tmp_path: Path) -> None:
    write_set(tmp_path / "s", {"text": None}, {"text": " "}, {"text": "cut", "decodes": False}, {"text": "whole"})
    assert [sample.text for sample in load(tmp_path)[0].labelled] == ["whole"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"s/truth.jsonl, line 2: "),
        ("[]", r"line 2: an object with a text 'image'"),
        ('{"image": 3}', r"line 2: an object with a text 'image'"),
        ('{"image": "images/0.png", "text": 7}', r"line 2: 'text' is a text or null, got 7"),
        ('{"image": "images/9.png"}', r"line 2: there is no file 'images/9.png'"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, message: str) -> None:
    folder = write_set(tmp_path / "s", {"text": "one"})
    with (folder / "truth.jsonl").open("a") as truth:
        truth.write(line + "\n")
    with pytest.raises(CorpusError, match=message):
        load(tmp_path)


def test_a_wrong_name_of_a_set_gets_the_nearest_right_one(tmp_path: Path) -> None:
    write_set(tmp_path / "receipts", {"text": "one"})
    with pytest.raises(CorpusError, match="did you mean 'receipts'"):
        load(tmp_path, ["reciepts"])
    with pytest.raises(CorpusError, match="there are: receipts"):
        load(tmp_path, ["zh"])


def test_a_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"neither truth\.jsonl nor"):
        load(tmp_path)
    with pytest.raises(CorpusError, match="is not a folder"):
        load(tmp_path / "nowhere")
