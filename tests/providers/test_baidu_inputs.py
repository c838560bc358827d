"""Images, addresses and documents: what is handed over, what is sent, what is refused before it is."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocrgate.clock import Deadline
from ocrgate.diagnosis import Diagnosis
from ocrgate.page import Page
from ocrgate.provider import Request
from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey
from ocrgate_baidu import client, inputs
from ocrgate_baidu.endpoints import ENDPOINTS, Input
from ocrgate_baidu.failure import Failed
from ocrgate_baidu.parse import parse
from ocrgate_baidu.reply import Reply
from ocrgate_baidu.transport import Transport, Wire
from tests.providers.platform import picture, request

PDF = b"%PDF-1.7\n" + b"<< /Type /Page >>\n" * 3
OFD = b"PK\x03\x04 a document"
URL = b"https://example.com/a.png?x=1&y=2"


def ask(platform: BaiduSimulator, name: str, data: bytes, kind: Input, **more: Any) -> Reply:
    """What an endpoint answers about an input."""
    key = SimulatedKey()
    transport = Transport(Wire(base_url=platform.url, trust_env=False))
    try:
        token = platform.books.grant(key.api_key, key.secret_key)
        options = more.pop("options", {})
        return client.ask(transport, token, ENDPOINTS[name], data, options, Deadline.after(5), kind=kind, **more)
    finally:
        transport.close()


def refused(name: str, **more: Any) -> Diagnosis:
    """The diagnosis of a request that is not sent."""
    with pytest.raises(Failed) as caught:
        inputs.checked(ENDPOINTS[name], request(**more))
    return caught.value.diagnosis


def page(reply: Reply, name: str) -> Page:
    return parse(reply, ENDPOINTS[name].kind, 0, 0)


@pytest.mark.parametrize("name", ["accurate", "vat_invoice", "table", "bus_ticket", "quota_invoice"])
def test_a_page_of_a_document_is_read_and_the_pages_are_counted(name: str) -> None:
    with BaiduSimulator() as platform:
        reply = ask(platform, name, PDF, "pdf", page=2)
        assert platform.requests[-1].fields["pdf_file_num"] == "2"
    assert page(reply, name).notes["page_count"] == 3
    assert page(reply, name).lines


def test_one_call_reads_one_page_and_the_first_unless_told_otherwise() -> None:
    with BaiduSimulator() as platform:
        ask(platform, "general", PDF, "pdf")
        ask(platform, "general", PDF, "pdf", options={"pdf_file_num": "3"})
        ask(platform, "general", PDF, "pdf", options={"pdf_file_num": "3"}, page=2)
        assert [each.fields["pdf_file_num"] for each in platform.requests] == ["1", "3", "2"]
        with pytest.raises(Failed) as caught:
            ask(platform, "general", PDF, "pdf", page=4)
    assert (caught.value.diagnosis.code, caught.value.diagnosis.action) == ("216308", "fix_request")


@pytest.mark.parametrize("name", ["general_basic", "idcard", "online_taxi_itinerary", "quota_invoice"])
def test_an_address_is_sent_as_it_is(name: str) -> None:
    options = {"id_card_side": "front"} if name == "idcard" else {}
    with BaiduSimulator() as platform:
        reply = ask(platform, name, URL, "url", options=options)
        assert platform.requests[-1].fields["url"] == URL.decode()
        assert platform.requests[-1].fields.get("id_card_side") == options.get("id_card_side")
    assert page(reply, name).lines


def test_a_document_in_ofd_goes_through_the_sdk_although_it_has_no_method_for_it() -> None:
    with BaiduSimulator() as platform:
        reply = ask(platform, "vat_invoice", OFD, "ofd", options={"type": "normal"})
        assert platform.requests[-1].fields["ofd_file_num"] == "1"
        assert platform.requests[-1].fields["type"] == "normal"
    assert page(reply, "vat_invoice").notes["page_count"] == 1


def test_an_argument_of_its_own_is_in_the_form_whatever_the_way() -> None:
    permit, kind = "hk_macau_taiwan_exitentrypermit", {"exitentrypermit_type": "tw_passport_back"}
    ways: tuple[tuple[bytes, Input], ...] = ((picture(), "image"), (URL, "url"), (PDF, "pdf"))
    with BaiduSimulator() as platform:
        for data, way in ways:
            ask(platform, permit, data, way, options=kind)
            assert platform.requests[-1].fields["exitentrypermit_type"] == "tw_passport_back"


def test_pages_of_documents_are_no_matter_of_an_image() -> None:
    with BaiduSimulator() as platform:
        # This method of the SDK takes no options at all.
        ask(platform, "online_taxi_itinerary", picture(), "image", options={"pdf_file_num": "2", "ofd_file_num": "1"})
        assert platform.requests[-1].fields == {}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"image": "x"}, "216100"),
        ({"url": "https://elsewhere.example"}, "216100"),
        ({"access_token": "x"}, "216100"),
        ({"id_card_side": "front", "detect_ps": ["a", "b"]}, "216100"),
        ({}, "216101"),
    ],
)
def test_no_option_takes_the_place_of_the_input(options: dict[str, Any], code: str) -> None:
    with BaiduSimulator() as platform:
        with pytest.raises(Failed) as caught:
            ask(platform, "idcard", picture(), "image", options=options)
        assert platform.requests == []
    assert (caught.value.diagnosis.code, caught.value.diagnosis.action) == (code, "fix_request")


def test_each_format_is_the_input_it_stands_for() -> None:
    accurate = ENDPOINTS["accurate"]
    assert inputs.checked(accurate, request()) == "image"
    assert inputs.checked(accurate, request(format="bmp")) == "image"
    assert inputs.checked(accurate, request(format="PDF", data=PDF, page=3)) == "pdf"
    assert inputs.checked(accurate, request(format="OFD", data=OFD, page=2)) == "ofd"
    assert inputs.checked(accurate, request(format="URL", data=URL)) == "url"


@pytest.mark.parametrize(
    ("name", "more", "code", "told"),
    [
        ("accurate", {"format": "WEBP"}, "SDK109", "convert"),
        ("idcard", {"format": "PDF", "data": PDF}, "SDK109", "render the page"),
        ("vehicle_invoice", {"format": "OFD", "data": OFD}, "SDK109", "vat_invoice"),
        ("facade", {"format": "URL", "data": URL}, "SDK109", "download"),
        ("accurate", {"data": b""}, "216200", "empty"),
        ("accurate", {"format": "PDF", "data": b""}, "216200", "empty"),
        ("accurate", {"format": "PDF", "data": b"<html>"}, "216201", "no PDF"),
        ("accurate", {"format": "OFD", "data": PDF}, "216201", "no OFD"),
        ("accurate", {"page": 2}, "216308", "which has one"),
        ("accurate", {"format": "URL", "data": URL, "page": 2}, "216308", "which has one"),
        ("accurate", {"format": "PDF", "data": PDF, "page": 0}, "216308", "from 1"),
        ("accurate", {"format": "PDF", "data": PDF + bytes(8_000_000)}, "SDK100", "10,000,000"),
        ("accurate", {"format": "URL", "data": b""}, "282114", "1024"),
        ("accurate", {"format": "URL", "data": b"http://x/" + b"a" * 1016}, "282114", "1025"),
        ("accurate", {"format": "URL", "data": "http://例.example/a".encode()}, "282111", "ASCII"),
        ("accurate", {"format": "URL", "data": b"ftp://example.com/a.png"}, "282111", "http://"),
        ("accurate", {"format": "URL", "data": b"http:///a.png"}, "282111", "host"),
        ("accurate", {"format": "URL", "data": b"http://[/a.png"}, "282111", "none"),
        ("accurate", {"format": "URL", "data": b"http://x:99999/a.png"}, "282111", "none"),
        ("accurate", {"format": "URL", "data": b"http://x/a b.png"}, "282111", "http://"),
    ],
)
def test_what_baidu_would_refuse_is_refused_with_what_to_do(
    name: str, more: dict[str, Any], code: str, told: str
) -> None:
    diagnosis = refused(name, **more)
    assert (diagnosis.code, diagnosis.action, diagnosis.fault) == (code, "fix_request", "caller")
    assert told in diagnosis.message


def test_the_longest_address_is_taken() -> None:
    assert inputs.checked(ENDPOINTS["general"], request(format="URL", data=b"http://x/" + b"a" * 1015)) == "url"


@example(data=b"\xff" * 30, limit=100)
@example(data=b"\xff" * 30, limit=119)
@example(data=b"\xff" * 30, limit=120)
@given(data=st.binary(max_size=300), limit=st.integers(1, 1500))
def test_a_size_is_on_the_right_side_of_the_limit(data: bytes, limit: int) -> None:
    true = len(quote_plus(base64.b64encode(data)))
    assert (inputs.encoded(data, limit) > limit) == (true > limit)


@given(
    st.sampled_from(list(ENDPOINTS.values())),
    st.sampled_from(["PNG", "URL", "PDF", "OFD", "GIF", ""]),
    st.one_of(st.binary(max_size=40), st.sampled_from([PDF, OFD, URL, b"http://[::1]:8/", b"https://x"])),
    st.integers(-1, 5),
)
def test_any_request_is_an_input_or_a_diagnosis(where: Any, kind: str, data: bytes, number: int) -> None:
    try:
        fine = inputs.checked(where, Request(data, kind, 10, 10, page=number)) in where.inputs
    except Failed as failure:
        fine = failure.diagnosis.action == "fix_request"
    assert fine
