"""The table of Baidu's codes: complete, and with the verdicts that the gateway acts by."""

from __future__ import annotations

import pytest

from ocrgate.diagnosis import diagnose, lookup

CODES = """
1 2 3 4 6 13 14 15 17 18 19 23 100 110 111 5 7 101 102 103 104 105 106 107 108 109 112 113 114 210 211 212
216015 216017 216100 216101 216102 216103 216110 216111 216200 216201 216202 216203 216205 216300 216400 216500
216306 216308 216401 216402 216600 216601 216602 216603 216604 216630 216631 216632 216633 216634 216635 272000
272001 272002 272003 272004 282000 282001 282002 282003 282004 282005 282006 282100 282101 282102 282103 282110
282111 282112 282113 282114 282134 282160 282161 282808 282809 282810 283300 336000 336001 336002 336003
invalid_client SDK100 SDK101 SDK102 SDK108 SDK109 306004 403002 non_idcard
"""
DOCUMENTED = CODES.split()


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_is_known(code: str) -> None:
    assert lookup("baidu", code).known


@pytest.mark.parametrize(
    ("codes", "fault", "action"),
    [
        ("1 2 4 282000 216634", "provider", "retry"),
        ("100 110 111 13 14", "key", "refresh_token"),
        ("17 19 216604 6 15 216110 invalid_client", "key", "next_key"),
        ("18", "key", "retry"),
        ("216100 216200 216201 216202 216205 216633 282102", "caller", "fix_request"),
    ],
)
def test_the_verdicts_are_those_of_the_documents(codes: str, fault: str, action: str) -> None:
    for code in codes.split():
        row = lookup("baidu", code)
        assert (code, row.fault, row.action) == (code, fault, action)
        assert row.counts_in_breaker == (fault == "provider")


@pytest.mark.parametrize(
    ("code", "reading"),
    [("110", "network"), ("111", "timeout"), ("282000", "AccessKey"), ("306004", "4096"), ("403002", "rate limit")],
)
def test_popular_misreadings_are_named(code: str, reading: str) -> None:
    note = diagnose(code).note
    assert reading in note
    assert "Baidu" in note


def test_a_code_in_no_table_says_so() -> None:
    row = diagnose({"error_code": 999111, "error_msg": "new", "log_id": 5})
    assert not row.known
    assert (row.code, row.message, row.log_id) == ("999111", "new", "5")
