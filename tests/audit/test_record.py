"""The records that the gateway writes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ocrgate.audit import bench_record, switch_record, trial_record, use_record, verify
from ocrgate.key import KeyUse
from ocrgate.result import Cost
from tests.audit.ledgers import ledger, records

USE = KeyUse("primary", "accurate", "failed", "17", "1803053124329552748", 48_211, "192.0.2.17", False)


def test_a_use_says_whose_key_went_where_and_what_came_of_it() -> None:
    assert use_record("baidu", USE, fingerprint="3fa9c1d2b4e6", cost=Cost(0.04), request_id="r1") == {
        "event": "use",
        "provider": "baidu",
        "key": "primary",
        "fingerprint": "3fa9c1d2b4e6",
        "source": "192.0.2.17",
        "endpoint": "accurate",
        "outcome": "failed",
        "code": "17",
        "log_id": "1803053124329552748",
        "bytes": 48_211,
        "cost": 0.04,
        "currency": "CNY",
        "billed": False,
        "request_id": "r1",
    }


def test_what_is_not_known_is_null() -> None:
    record = use_record("baidu", KeyUse("primary", "token", "ok", billed=None))
    assert (record["cost"], record["currency"], record["log_id"], record["billed"]) == (None, None, None, None)


def test_a_switch_says_from_where_to_where_and_why() -> None:
    assert switch_record("receipt", "baidu", "rapidocr", code="282000", request_id="r1") == {
        "event": "switch",
        "route": "receipt",
        "from": "baidu",
        "to": "rapidocr",
        "code": "282000",
        "request_id": "r1",
    }


@pytest.mark.parametrize(("until", "said"), [(1_795_305_600.0, "2026-11-22T00:00:00Z"), (None, None), (math.inf, None)])
def test_a_bench_says_until_when(until: float | None, said: str | None) -> None:
    record = bench_record("baidu", "primary", until=until, code="17")
    assert (record["event"], record["until"], record["code"]) == ("bench", said, "17")


def test_a_trial_says_how_it_went() -> None:
    record = trial_record("baidu", "backup", "trial", "promoted", reason="200 calls succeeded")
    assert (record["event"], record["old"], record["new"]) == ("trial", "trial", "promoted")


def test_what_the_other_side_sent_cannot_make_a_line_too_long(tmp_path: Path) -> None:
    vast = "\U0001f600" * 100_000
    use = KeyUse(vast, vast, "failed", vast, vast, 1, vast)
    one = ledger(tmp_path)
    one.append(use_record("baidu", use, request_id=vast))
    one.append(switch_record(vast, "a", "b", code=vast, request_id=vast))
    one.append(bench_record("baidu", vast, code=vast))
    one.append(trial_record("baidu", vast, "a", "b", reason=vast))
    assert verify(tmp_path / "audit.jsonl").lines == 4
    code = records(tmp_path / "audit.jsonl")[0]["code"]
    assert len(code) == 300
    assert code.endswith("…")
