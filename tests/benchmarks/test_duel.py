"""The duel, from the command line to its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import duel

pytestmark = pytest.mark.thorough


def test_the_same_trouble_is_counted_for_every_contender(tmp_path: Path) -> None:
    out = tmp_path / "duel.json"
    assert duel.main(["--calls", "5", "--out", str(out)]) == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["troubles"].keys() == duel.TROUBLES.keys()
    bad_token = document["troubles"]["one bad token reply"]
    assert (bad_token["baidu-aip"], bad_token["baidu-aip + tenacity"], bad_token["ocrgate"]) == (0, 0, duel.CALLS)
    assert document["cold_start"]["ocrgate"] == {"right": duel.CALLS, "tokens": 1}
    assert document["secret_handed_to_an_impostor"] == {
        "baidu-aip": True,
        "baidu-aip + tenacity": True,
        "ocrgate": False,
    }
    assert document["latency"]["baidu-aip"]["ratio"] == 1.0
    assert out.with_suffix(".md").read_text(encoding="utf-8").startswith("# Duel")
