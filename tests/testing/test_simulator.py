"""The simulated platform, asked by the SDK as it is shipped and by plain HTTP."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from PIL import Image
from stdnum import luhn
from stdnum.cn import ric, uscc
from tests.providers.platform import always, once, python

from ocrgate.errors import ConfigError
from ocrgate.testing import ManualClock
from ocrgate.testing.simulator import BaiduSimulator, Fault, Match, Plan, Rule, SimulatedKey
from ocrgate.testing.simulator.image import sniff

KEY = SimulatedKey()
PATH = "/rest/2.0/ocr/v1/"


def _image(width: int = 100, height: int = 40, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(buffer, kind)
    return buffer.getvalue()


def _send(platform: BaiduSimulator, path: str, fields: Mapping[str, Any], method: str = "POST") -> tuple[int, Any]:
    body = urlencode(fields)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", platform.port, timeout=10)) as connection:
        connection.request(method, path if method == "POST" else f"{path}?{body}", body if method == "POST" else None)
        response = connection.getresponse()
        content = response.read()
    return response.status, json.loads(content) if content else None


def _token(platform: BaiduSimulator, key: SimulatedKey = KEY, method: str = "POST") -> Any:
    fields = {"grant_type": "client_credentials", "client_id": key.api_key, "client_secret": key.secret_key}
    return _send(platform, "/oauth/2.0/token", fields, method)[1]


def _ask(platform: BaiduSimulator, endpoint: str = "accurate", token: str | None = None, **fields: Any) -> Any:
    token = token or _token(platform)["access_token"]
    if "image" not in fields and not {"url", "pdf_file", "ofd_file"} & fields.keys():
        fields["image"] = _image()
    sent = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in fields.items()
        if value is not None
    }
    return _send(platform, f"{PATH}{endpoint}?access_token={token}", sent)[1]


def test_the_sdk_as_it_is_shipped_works() -> None:
    code = """
import sys, warnings
warnings.simplefilter("ignore")
import io
from PIL import Image
from aip import AipOcr
for name, value in list(vars(AipOcr).items()):
    if isinstance(value, str) and value.startswith("https://aip.baidubce.com"):
        setattr(AipOcr, name, value.replace("https://aip.baidubce.com", sys.argv[1]))
AipOcr._AipBase__accessTokenUrl = sys.argv[1] + "/oauth/2.0/token"
buffer = io.BytesIO()
Image.new("RGB", (100, 40), "white").save(buffer, "PNG")
client = AipOcr("10000", "simulated-api-key", "simulated-secret-key")
print(client.basicGeneral(buffer.getvalue())["words_result"][1]["words"])
print(client.accurate(buffer.getvalue(), {"probability": "true"})["words_result"][0]["location"]["left"])
print(client.idcard(buffer.getvalue(), "back")["words_result_num"])
print(client.vatInvoice(buffer.getvalue())["words_result"]["InvoiceNum"])
print(AipOcr("1", "typo", "x").basicGeneral(buffer.getvalue())["error_code"])
"""
    with BaiduSimulator() as platform:
        assert python(code, platform.url).split("\n") == ["TOTAL 12.30", "10", "3", "14641426", "14", ""]
        assert platform.tokens_issued == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_tokens_are_given_for_the_right_key_and_live_side_by_side(method: str) -> None:
    with BaiduSimulator() as platform:
        first, second = (_token(platform, method=method) for _ in range(2))
        assert first["access_token"] != second["access_token"]
        assert first["expires_in"] == 2_592_000
        assert "brain_all_scope" in first["scope"].split()
        for token in (first, second):
            assert _ask(platform, token=token["access_token"])["words_result_num"] == 2
        unknown = _token(platform, SimulatedKey(api_key="who"), method)
        assert unknown == {"error": "invalid_client", "error_description": "unknown client id"}
        wrong = _token(platform, SimulatedKey(secret_key="wrong"), method)
        assert wrong["error_description"] == "Client authentication failed"


def test_tokens_are_checked() -> None:
    clock = ManualClock()
    with BaiduSimulator(clock=clock, token_life=60) as platform:
        token = _token(platform)["access_token"]
        assert _ask(platform, token="nonsense")["error_code"] == 110
        assert _send(platform, f"{PATH}accurate?access_token=", {})[1]["error_code"] == 100
        assert _send(platform, f"{PATH}accurate", {})[1]["error_code"] == 14
        clock.advance(61)
        assert _ask(platform, token=token)["error_code"] == 111


@pytest.mark.parametrize(
    ("endpoint", "fields", "code"),
    [
        ("accurate", {"image": None}, 216101),
        ("accurate", {"image": ""}, 216200),
        ("accurate", {"image": "%%%"}, 216203),
        ("accurate", {"image": "data:image/png;base64,AAAA"}, 216201),
        ("accurate", {"image": b"GIF89a" + bytes(40)}, 216201),
        ("accurate", {"image": _image(14, 40)}, 216202),
        ("general", {"image": _image(4097, 20)}, 216202),
        ("general", {"image": _image()[:40] + bytes(6_000_000)}, 216202),
        ("accurate", {"image": bytes(9_500_000)}, 216202),
        ("accurate", {"url": "ftp://x/y.png"}, 282111),
        ("accurate", {"url": "http://x/" + "a" * 1024}, 282114),
        ("accurate", {"pdf_file": b"no pdf"}, 216201),
        ("accurate", {"pdf_file": b"%PDF-1.7 /Type /Page ", "pdf_file_num": "2"}, 216308),
        ("accurate", {"ofd_file": b"no ofd"}, 216201),
        ("accurate", {"ofd_file": b"PK", "ofd_file_num": "2"}, 216308),
        ("passport", {"pdf_file": b"%PDF-1.7", "image": None}, 216101),
        ("iocr", {}, 3),
        ("hk_macau_taiwan_exitentrypermit", {}, 216101),
        ("hk_macau_taiwan_exitentrypermit", {"exitentrypermit_type": "x"}, 216100),
        ("idcard", {}, 216101),
        ("idcard", {"id_card_side": "left"}, 216100),
        ("nothing", {}, 3),
    ],
)
def test_requests_are_checked_as_the_platform_does(endpoint: str, fields: dict[str, Any], code: int) -> None:
    with BaiduSimulator() as platform:
        assert _ask(platform, endpoint, **fields)["error_code"] == code
        assert platform.requests[-1].code == str(code)


def test_templates_are_where_the_platform_has_them_and_want_to_be_named() -> None:
    path = "/rest/2.0/solution/v1/iocr/recognise"
    image = base64.b64encode(_image()).decode()
    with BaiduSimulator() as platform:
        token = _token(platform)["access_token"]
        assert _send(platform, f"{path}?access_token={token}", {"image": image})[1]["error_code"] == 216101
        fields = {"image": image, "templateSign": "mine"}
        assert _send(platform, f"{path}?access_token={token}", fields)[1]["data"]["templateSign"] == "mine"
        assert _send(platform, f"{path}/finance?access_token={token}", {"image": image})[1]["data"]["ret"]
        assert platform.requests[-1].endpoint == "iocr_finance"


def test_numbers_of_its_cards_have_valid_check_digits() -> None:
    with BaiduSimulator() as platform:
        front = _ask(platform, "idcard", id_card_side="front")["words_result"]
        licence = _ask(platform, "business_license")["words_result"]
        card = _ask(platform, "bankcard")["result"]
        mother = _ask(platform, "birth_certificate")["words_result"]["MotherID"]
    assert ric.is_valid(front["公民身份号码"]["words"])
    assert ric.is_valid(mother["words"])
    assert uscc.is_valid(licence["社会信用代码"]["words"])
    assert luhn.is_valid(card["bank_card_number"].replace(" ", ""))


def test_cards_show_the_side_and_hold_what_was_asked_for() -> None:
    with BaiduSimulator() as platform:
        assert "档案编号" in _ask(platform, "driving_license", driving_license_side="back")["words_result"]
        assert (
            "HouseholderName"
            in _ask(platform, "household_register", household_register_side="homepage")["words_result"]
        )
        (fare,) = _ask(platform, "multiple_invoice")["words_result"][0]["result"]["Fare"]
        assert set(fare) == {"word"}
        asked = _ask(platform, "multiple_invoice", location="true", probability="true")
        assert set(asked["words_result"][0]["result"]["Fare"][0]) == {"word", "location", "probability"}


def test_what_is_inside_of_the_limits_is_read() -> None:
    with BaiduSimulator() as platform:
        assert _ask(platform, "accurate", image=_image(8192, 15))["words_result_num"] == 2
        for kind in ("JPEG", "BMP"):
            assert _ask(platform, image=_image(kind=kind))["words_result_num"] == 2
        assert _ask(platform, url="https://example.com/a.png")["words_result_num"] == 2
        document = _ask(platform, pdf_file=b"%PDF-1.7 /Type /Page /Type /Pages /Type /Page")
        assert document["pdf_file_size"] == "2"


def test_answers_hold_what_was_asked_for_and_no_more() -> None:
    with BaiduSimulator() as platform:
        plain = _ask(platform, "accurate_basic", probability="false")
        assert set(plain["words_result"][0]) == {"words"}
        assert set(plain) == {"log_id", "words_result_num", "words_result"}
        full = _ask(
            *(platform, "general"),
            probability="true",
            vertexes_location="true",
            recognize_granularity="small",
            detect_direction="true",
            detect_language="true",
            paragraph="true",
        )
        assert set(full["words_result"][0]) == {"words", "probability", "location", "vertexes_location", "chars"}
        assert (full["direction"], full["language"]) == (0, 3)
        assert full["paragraphs_result"] == [{"words_result_idx": [0, 1]}]


def test_the_reader_gives_the_text() -> None:
    seen: list[bytes] = []

    def reader(image: bytes) -> list[dict[str, Any]]:
        seen.append(image)
        return [{"words": "read", "vertexes": [(1, 2), (9, 3), (9, 8), (1, 7)], "probability": 0.5}]

    with BaiduSimulator(reader=reader) as platform:
        (line,) = _ask(platform, vertexes_location="true", probability="true")["words_result"]
    assert seen == [_image()]
    assert line["location"] == {"left": 1, "top": 2, "width": 8, "height": 6}
    assert line["vertexes_location"][1] == {"x": 9, "y": 3}


def test_a_reader_that_fails_is_an_internal_error_and_never_an_empty_page() -> None:
    def reader(_image: bytes) -> list[dict[str, Any]]:
        raise OSError("no engine")

    with BaiduSimulator(reader=reader) as platform:
        assert _ask(platform)["error_code"] == 282000


def test_rates_and_quotas_are_kept_for_each_key() -> None:
    clock = ManualClock(time=1_767_225_600.0)
    keys = [
        SimulatedKey("fast", "a", "a", qps=2),
        SimulatedKey("daily", "b", "b", per_day=2),
        SimulatedKey("all", "c", "c", total=1),
    ]
    with BaiduSimulator(keys=keys, clock=clock) as platform:
        tokens = [_token(platform, key)["access_token"] for key in keys]

        def codes(index: int, count: int) -> list[object]:
            return [_ask(platform, token=tokens[index]).get("error_code") for _ in range(count)]

        assert codes(0, 3) == [None, None, 18]
        assert codes(1, 3) == [None, None, 17]
        assert codes(2, 2) == [None, 19]
        clock.advance(1.0)
        assert codes(0, 1) == [None]
        assert codes(1, 1) == [17]
        clock.advance(86400)
        assert codes(1, 1) == [None]
        assert codes(2, 1) == [19]


def test_the_log_tells_what_arrived_and_holds_no_secret() -> None:
    with BaiduSimulator() as platform:
        _ask(platform, "general", paragraph="true")
        token, call = platform.requests
        assert (token.endpoint, token.code, token.key) == ("token", "ok", "primary")
        assert (call.endpoint, call.code, call.key, call.fields) == ("general", "ok", "primary", {"paragraph": "true"})
        assert call.size > 100
        assert platform.counts == {"ok": 2}
        assert KEY.secret_key not in repr(platform.requests) + repr(platform.keys)


def test_stopping_ends_a_hang_and_a_drip_and_starting_again_keeps_the_port() -> None:
    with BaiduSimulator(faults=[once("hang"), once("drip", number=2, interval=0.2)]) as platform:
        token, url = _token(platform)["access_token"], platform.url
        broken: list[BaseException] = []

        def call() -> None:
            try:
                _ask(platform, token=token)
            except (OSError, http.client.HTTPException, ValueError) as error:
                broken.append(error)

        callers = [threading.Thread(target=call) for _ in range(2)]
        for caller in callers:
            caller.start()
        pause = threading.Event()
        while len(platform.requests) < 3:
            pause.wait(0.01)
        begun = time.monotonic()
        platform.stop()
        assert time.monotonic() - begun < 1.0
        for caller in callers:
            caller.join(5)
        assert len(broken) == 2
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", platform.port), 0.5).close()
        platform.start()
        assert platform.url == url
        assert _ask(platform, token=token)["words_result_num"] == 2


def test_a_plan_hits_the_requests_it_names() -> None:
    rules = [
        Rule(Match(path="token", nth=(2,)), Fault("code", code=1)),
        Rule(Match(path="accurate", first=2, last=3), Fault("code", code=2)),
        Rule(Match(path="ocr", key="other"), Fault("code", code=4)),
    ]
    plan = Plan(rules)

    def codes(path: str, *names: str, count: int = 4) -> list[object]:
        faults = [plan.fault(path, names, 0.0) for _ in range(count)]
        return [fault and fault.code for fault in faults]

    assert codes("token") == [None, 1, None, None]
    assert codes("accurate", "mine") == [None, 2, 2, None]
    assert codes("general", "other", "its-api-key", count=2) == [4, 4]


def test_a_plan_follows_the_clock() -> None:
    clock = ManualClock()
    rule = Rule(Match(path="token", since=5, until=10), Fault("token_poison"))
    with BaiduSimulator(faults=[rule], clock=clock) as platform:
        assert "access_token" in _token(platform)
        clock.advance(6)
        assert "error" in _token(platform)
        clock.advance(5)
        assert "access_token" in _token(platform)


def test_shares_are_drawn_alike_for_one_seed() -> None:
    def hits(seed: int) -> list[bool]:
        plan = Plan([Rule(Match(share=0.3), Fault("reset"))], seed)
        return [plan.fault("accurate", (), 0.0) is not None for _ in range(300)]

    assert hits(1) == hits(1) != hits(2)
    assert 60 < sum(hits(1)) < 120


def test_a_plan_is_read_from_yaml(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "seed: 7\nfaults:\n"
        "  - {match: {path: accurate, from: 2, to: 4}, fault: {kind: http, status: 503, headers: {Retry-After: '1'}}}\n"
        "  - {match: {path: token, nth: 1}, fault: token_poison}\n",
        encoding="utf-8",
    )
    first, second = Plan.load(file).rules
    assert first == Rule(Match("accurate", first=2, last=4), Fault("http", status=503, headers={"Retry-After": "1"}))
    assert second == Rule(Match("token", nth=(1,)), Fault("token_poison"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("- {fault: hung}", "'hang'"),
        ("- {match: {pth: token}, fault: hang}", "'path'"),
        ("- {match: {share: 2}, fault: hang}", "0 to 1"),
        ("- {match: {nth: 0}, fault: hang}", "from 1"),
        ("- {match: [], fault: {}}", "kind"),
        ("- just a text", "fault"),
        ("faults: x", "list"),
        ("a: b", "unknown key"),
        ("{", "cannot be read"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_a_hint(tmp_path: Path, text: str, hint: str) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=hint):
        Plan.load(file)


def test_every_problem_of_a_plan_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        Plan.of([{"fault": "hung"}, {"fault": "hang"}, {"match": {"x": 1}, "fault": "hang"}])
    assert [problem.key for problem in caught.value.problems] == ["faults[0]", "faults[2]"]


def test_a_connection_serves_many_requests() -> None:
    with BaiduSimulator() as platform:
        connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=10)
        for _ in range(3):
            connection.request("POST", f"{PATH}accurate?access_token=x", f"image={quote_plus('a')}")
            assert json.loads(connection.getresponse().read())["error_code"] == 110
        connection.close()


def test_stopping_closes_connections_that_are_only_kept() -> None:
    with BaiduSimulator() as platform, socket.create_connection(("127.0.0.1", platform.port), 5) as kept:
        kept.sendall(b"GET /oauth/2.0/token HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(12) == b"HTTP/1.1 400"
        begun = time.monotonic()
        platform.stop()
        assert time.monotonic() - begun < 1.0
        while kept.recv(4096):
            pass


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_formats_and_sizes_are_read_from_the_first_bytes(kind: str) -> None:
    assert sniff(_image(123, 45, kind)) == (kind, 123, 45)
    assert sniff(_image(123, 45, kind)[:3]) is None


def test_an_unmatched_fault_leaves_the_other_endpoint_alone() -> None:
    with BaiduSimulator(faults=[always("token_down", path="token")]) as platform:
        with pytest.raises((OSError, http.client.HTTPException)):
            _token(platform)
        assert _ask(platform, token="x")["error_code"] == 110
