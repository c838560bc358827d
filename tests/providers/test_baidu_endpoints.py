"""The table of endpoints, held against the SDK as it is installed, and against the simulated platform."""

from __future__ import annotations

import importlib.util
import json
import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.testing.simulator import BaiduSimulator
from ocrgate.testing.simulator.endpoints import ENDPOINTS as SIMULATED
from ocrgate_baidu.endpoints import ENDPOINTS, FIELD, INPUTS, PAGE, UNSERVED, VALUES, Endpoint
from ocrgate_baidu.options import checked, endpoint
from tests.markdown import ROOT
from tests.providers.platform import adapter, python, read

PLUMBING = {
    *("getVersion", "post", "setConnectionTimeoutInMillis", "setProxies", "setSocketTimeoutInMillis"),
}
EVERY = pytest.mark.parametrize("where", ENDPOINTS.values(), ids=lambda each: each.name)


@cache
def sdk() -> Any:
    """Every public method of `AipOcr`: the path it asks, and what it puts into the form."""
    code = """
import inspect, json, re, warnings
warnings.simplefilter("ignore")
from aip import AipOcr
urls = {name: value for name, value in vars(AipOcr).items() if isinstance(value, str) and value.startswith("https://")}
found = {}
for name, method in inspect.getmembers(AipOcr, inspect.isfunction):
    if name.startswith("_"):
        continue
    source = inspect.getsource(method)
    asked = re.search(r"_request\\(self\\.(__\\w+)", source)
    # The one for reports is its base class's own.
    path = urls.get("_AipOcr" + asked.group(1), "").removeprefix("https://aip.baidubce.com") if asked else ""
    found[name] = [path, re.findall(r"data\\['(\\w+)'\\]", source)]
print(json.dumps([found, sorted({url.removeprefix("https://aip.baidubce.com") for url in urls.values()})]))
"""
    return json.loads(python(code))


def test_every_method_of_the_sdk_belongs_to_an_endpoint_or_is_named_as_unserved() -> None:
    methods, _ = sdk()
    served = {name for each in ENDPOINTS.values() for name in (each.image, each.url, each.pdf) if name}
    unserved = {name for each in UNSERVED.values() for name in each.methods}
    assert not served & unserved
    assert served | unserved | PLUMBING == set(methods)


def test_every_path_of_the_sdk_is_an_endpoint_or_is_named_as_unserved() -> None:
    methods, paths = sdk()
    unserved = {methods[name][0] for each in UNSERVED.values() for name in each.methods} - {""}
    assert {each.path for each in ENDPOINTS.values()} | unserved == set(paths)
    assert len(ENDPOINTS) == 77


@EVERY
def test_each_method_asks_the_path_with_the_input_it_is_listed_for(where: Endpoint) -> None:
    methods, _ = sdk()
    for kind in INPUTS:
        method = where.method(kind)
        if method:
            path, fields = methods[method]
            assert path == where.path
            # The input first, then what the SDK wants as an argument of its own.
            assert fields == [FIELD[kind], *where.positional]


@EVERY
def test_each_endpoint_says_where_it_was_read_and_hangs_together(where: Endpoint) -> None:
    assert where.source
    assert where.title
    assert "image" in where.inputs
    assert set(where.positional) <= set(where.required)
    assert 1_000_000 <= where.max_encoded <= 10_000_000
    assert where.max_side in (4096, 8192)
    assert where.limits.max_encoded_bytes == where.max_encoded
    if where.params is not None:
        assert set(where.required) <= set(where.params)
        assert len(set(where.params)) == len(where.params)
        assert {name for kind, name in PAGE.items() if kind in where.inputs} <= set(where.params)
    if where.languages:
        assert "language_type" in (where.params or ())


def test_limits_nobody_documents_are_marked_and_careful() -> None:
    unknown = [each for each in ENDPOINTS.values() if not each.limited]
    assert unknown
    assert {(each.max_encoded, each.max_side) for each in unknown} == {(4_000_000, 4096)}
    assert all(ENDPOINTS[name].limited for name in ("general", "accurate", "idcard", "vat_invoice", "iocr"))


def test_the_simulated_platform_has_the_same_endpoints_with_the_same_limits_and_inputs() -> None:
    assert set(SIMULATED) == set(ENDPOINTS)
    for name, where in ENDPOINTS.items():
        simulated = SIMULATED[name]
        assert (simulated.max_bytes, simulated.max_side) == (where.max_encoded, where.max_side), name
        assert {"image", *simulated.inputs} == {FIELD[kind] for kind in where.inputs}, name
        # Who answers with lines of text answers with lines that the reader saw.
        assert simulated.text == (where.kind == "text"), name


@EVERY
def test_every_endpoint_is_answered_and_understood(where: Endpoint) -> None:
    options = {name: (where.values(name) or ("x",))[0] for name in where.required}
    with BaiduSimulator() as platform:
        page = read(adapter(platform, endpoint=where.name, options=options))
        assert platform.requests[-1].path == where.path
    assert page.lines or page.notes["documents"]
    assert bool(page.fields) == (where.kind == "card")


@pytest.mark.parametrize(
    "where", [each for each in ENDPOINTS.values() if each.places != "yes"], ids=lambda each: each.name
)
def test_lines_have_a_place_where_baidu_knows_it_unless_that_is_switched_off(where: Endpoint) -> None:
    options = {name: (where.values(name) or ("x",))[0] for name in where.required}
    off = {**options, "location": False} if where.places == "asked" else options
    with BaiduSimulator() as platform:
        silent = read(adapter(platform, endpoint=where.name, options=off))
        told = read(adapter(platform, endpoint=where.name, options=options), width=900, height=900)
    assert not any(line.polygon for line in silent.lines)
    if where.name != "invoice":  # in its documentation the option has a name, and its answer no shape
        assert any(line.polygon for line in told.lines) == (where.places == "asked")


@pytest.mark.parametrize(("name", "hint"), [("acurate", "'accurate'"), ("idCard", "'idcard'"), (7, "7")])
def test_a_wrong_name_is_refused_with_the_nearest_right_one(name: object, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        endpoint(name)


@pytest.mark.parametrize("name", UNSERVED)
def test_a_call_that_is_no_endpoint_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(UNSERVED[name].reason)) as caught:
        endpoint(f"{name}/request")
    assert UNSERVED[name].use in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("driving_license", {"driving_license_side": "frnt"}, "did you mean 'front'"),
        ("household_register", {"household_register_side": "home"}, "'homepage'"),
        ("license_plate", {"multi_detct": True}, "'multi_detect'"),
        ("doc_analysis", {"language_type": "JAP"}, "ENG"),
        ("hk_macau_taiwan_exitentrypermit", {"exitentrypermit_type": "tw_passport"}, "tw_passport_"),
        ("hk_macau_taiwan_exitentrypermit", {}, "hk_mc_passport_front"),
        ("iocr", {}, "it or classifierId"),
        ("passport", {"detect_direction": True}, "takes no such option"),
        ("vat_invoice", {"pdf_file_num": "two"}, "whole number"),
        ("vat_invoice", {"pdf_file_num": "0" * 5000}, "whole number"),
        ("general", {"ofd_file": "x"}, "not an option"),
        ("general", {"language_type": ["ENG"]}, "a text"),
    ],
)
def test_wrong_options_are_told_with_what_would_be_right(name: str, options: dict[str, Any], told: str) -> None:
    _, problems = checked(ENDPOINTS[name], options)
    assert len(problems) == 1
    assert told in problems[0][1]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("iocr", {"classifierId": "3"}),
        ("iocr", {"templateSign": "abc", "classifierId": 3}),
        ("iocr_finance", {}),
        ("formula", {"anything": "at all", "detect_direction": "perhaps"}),
        ("vat_invoice", {"type": "roll", "pdf_file_num": 3, "seal_tag": True}),
        ("medical_invoice", {"medi_query": "200000", "location": False}),
        ("quota_invoice", {"ofd_file_num": "2"}),
    ],
)
def test_what_is_documented_and_what_nobody_documented_goes_through(name: str, options: dict[str, Any]) -> None:
    assert checked(ENDPOINTS[name], options)[1] == []


@given(
    st.sampled_from(list(ENDPOINTS.values())),
    st.dictionaries(
        st.one_of(st.sampled_from([*VALUES, "probability", "image", "location"]), st.text(max_size=6)),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.lists(st.text())),
        max_size=4,
    ),
)
def test_any_options_are_texts_to_send_or_problems(where: Endpoint, options: dict[str, Any]) -> None:
    sent, problems = checked(where, options)
    assert all(isinstance(value, str) for value in sent.values())
    if not problems:
        assert set(sent) == {name for name, value in options.items() if value is not None}
        assert not set(sent) & set(FIELD.values())


def test_the_page_of_baidu_is_that_of_the_tables() -> None:
    page = (ROOT / "docs" / "baidu.md").read_text(encoding="utf-8")
    spec = importlib.util.spec_from_file_location("docs_endpoints", ROOT / "docs" / "endpoints.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert page == script.written(page), "docs/baidu.md is out of date: python docs/endpoints.py"
    for name in (*ENDPOINTS, *UNSERVED):
        assert f"| `{name}` |" in page
