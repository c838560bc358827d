"""The Baidu adapter against the simulated platform: what it reads, and what it tells it by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ocrgate.clock import Deadline
from ocrgate.errors import ConfigError, ProviderError
from ocrgate.key import Key
from ocrgate.keys.ring import Ring
from ocrgate.testing import check_provider
from ocrgate.testing.simulator import BaiduSimulator, SimulatedKey
from ocrgate_baidu import ENDPOINTS, BaiduProvider
from tests.providers.platform import adapter, always, failure, key, picture, python, read, request


def test_it_conforms() -> None:
    with BaiduSimulator() as platform:
        assert check_provider(adapter(platform))


@pytest.mark.parametrize("endpoint", ["general_basic", "general", "accurate_basic", "accurate", "webimage_loc"])
def test_text_endpoints_give_lines_and_places_where_they_are_documented(endpoint: str) -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform, endpoint=endpoint)
        page = read(provider)
        assert page.text.splitlines()[1] == "TOTAL 12.30"
        assert all((line.polygon is not None) == provider.capabilities.polygons for line in page.lines)
        assert platform.requests[-1].endpoint == endpoint


def test_confidence_is_asked_for_unless_the_configuration_says_no() -> None:
    with BaiduSimulator() as platform:
        assert read(adapter(platform)).lines[0].confidence == pytest.approx(0.9987)
        silent = adapter(platform, options={"probability": False})
        assert read(silent).lines[0].confidence is None
        assert not silent.capabilities.confidence


def test_direction_paragraphs_and_reference_are_noted() -> None:
    with BaiduSimulator() as platform:
        page = read(adapter(platform, options={"detect_direction": True, "paragraph": True}))
    assert page.notes["direction"] == 0
    assert page.notes["paragraphs"] == ((0, 1),)
    assert isinstance(page.notes["log_id"], str)


def test_true_and_false_are_sent_as_baidu_writes_them() -> None:
    with BaiduSimulator() as platform:
        read(adapter(platform, options={"detect_direction": True, "paragraph": False}))
        assert platform.requests[-1].fields["detect_direction"] == "true"
        assert platform.requests[-1].fields["paragraph"] == "false"


def test_words_are_characters_when_they_were_asked_for() -> None:
    with BaiduSimulator() as platform:
        page = read(adapter(platform, options={"recognize_granularity": "small", "char_probability": True}))
    assert [word.text for word in page.lines[1].words] == list("TOTAL12.30")
    assert all(word.polygon is not None and word.confidence is not None for word in page.lines[1].words)


def test_a_card_gives_fields_under_both_names() -> None:
    with BaiduSimulator() as platform:
        page = read(adapter(platform, endpoint="idcard", options={"id_card_side": "front"}))
        assert page.fields["公民身份号码"] == page.fields["id_number"] == "330881199904173916"
        assert page.fields["姓名"] in page.text
        bank = read(adapter(platform, endpoint="bankcard"))
        assert bank.fields["bank_name"] == "招商银行"
        licence = read(adapter(platform, endpoint="business_license"))
        assert licence.fields["registered_capital"] == ""
        assert "无" not in licence.text
        invoice = read(adapter(platform, endpoint="vat_invoice"))
        assert invoice.fields["amount_in_figures"] == invoice.fields["AmountInFiguers"] == "100000.00"
        assert invoice.fields["CommodityName"] == "信息服务费\n推广费"
        plate = read(adapter(platform, endpoint="license_plate"))
        assert plate.text == plate.fields["number"] == "浙A12345"
        assert plate.lines[0].polygon is not None


@pytest.mark.parametrize(
    ("languages", "sent"),
    [(("zh-Hans",), "CHN_ENG"), (("zh-Hans", "en"), "CHN_ENG"), (("en",), "ENG"), (("ja", "ko"), "auto_detect")],
)
def test_languages_become_the_language_type(languages: tuple[str, ...], sent: str) -> None:
    with BaiduSimulator() as platform:
        read(adapter(platform), languages=languages)
        assert platform.requests[-1].fields["language_type"] == sent


def test_languages_that_one_value_cannot_cover_are_refused_before_anything_is_sent() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform, endpoint="general")
        assert failure(provider, languages=("ja", "ko")).code == "language"
        assert failure(provider, languages=("xx",)).code == "language"
        assert platform.requests == []


def test_options_of_one_call_are_checked_and_sent() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        read(provider, options={"vertexes_location": True})
        assert platform.requests[-1].fields["vertexes_location"] == "true"
        refused = failure(provider, options={"vertex_location": True})
    assert (refused.code, refused.fault) == ("216100", "caller")
    assert "vertexes_location" in refused.message


def test_what_baidu_would_refuse_is_not_sent() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        assert failure(provider, format="WEBP").code == "SDK109"
        assert failure(provider, data=b"").code == "216200"
        assert failure(provider, data=bytes(8_000_000)).code == "SDK100"
        assert platform.requests == []


def test_a_wrong_document_is_the_callers_fault_although_it_arrives_as_a_success() -> None:
    reply = '{"log_id": 7, "image_status": "non_idcard", "words_result": {}, "words_result_num": 0}'
    with BaiduSimulator(faults=[always("http", status=200, body=reply)]) as platform:
        told = failure(adapter(platform, endpoint="idcard", options={"id_card_side": "front"}))
    assert (told.code, told.category, told.fault, told.log_id) == ("non_idcard", "image", "caller", "7")


def test_twenty_threads_starting_cold_fetch_one_token() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform)
        with ThreadPoolExecutor(20) as pool:
            pages = list(pool.map(lambda _: read(provider), range(20)))
        assert len(pages) == 20
        assert platform.tokens_issued == 1


def test_a_call_takes_the_key_it_was_told_to_take() -> None:
    second = SimulatedKey("second", "second-api-key", "second-secret-key", total=1)
    with BaiduSimulator(keys=[SimulatedKey(), second]) as platform:
        provider = adapter(platform, keys=[key(), key("backup", second, account="other", weight=0.5)])
        first, backup = provider.keys
        assert [replace(each, fingerprint="") for each in (first, backup)] == [
            Key("primary"),
            Key("backup", "other", 0.5),
        ]
        assert len({first.fingerprint, backup.fingerprint}) == 2
        read(provider, key="backup")
        assert platform.requests[-1].key == "second"
        spent = failure(provider, key="backup")
        assert (spent.code, spent.category, spent.fault, spent.action) == ("19", "quota", "key", "next_key")
        assert failure(provider, key="nobody").code == "no_key"
        ring = Ring(provider.keys)
        ring.report("backup", spent)
        assert ring.pick(["primary"]) is None


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AIP_APP_ID", "1"), ("AIP_API_KEY", "an-api-key"), ("AIP_SECRET_KEY", "a-secret-key")):
        monkeypatch.setenv(name, value)
    assert [each.name for each in BaiduProvider().keys] == ["environment"]
    monkeypatch.delenv("AIP_SECRET_KEY")
    provider = BaiduProvider()
    assert provider.keys == ()
    assert not provider.check().ready
    assert "AIP_SECRET_KEY" in provider.check().remedy
    with pytest.raises(ProviderError, match="no_key"):
        provider.recognize(request(), Deadline.after(1))


def test_an_account_key_is_told_from_an_application_key_without_asking() -> None:
    app = SimulatedKey("x", "bce-v3/ALTAK-1234", "secret")
    readiness = BaiduProvider(keys=[key(app=app)]).check()
    assert not readiness.ready
    assert "ALTAK-1234" not in readiness.detail + readiness.remedy


def test_all_that_is_wrong_with_the_configuration_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        BaiduProvider(
            endpoint="acurate",
            base_url="aip.baidubce.com",
            tls={"verfy": True, "ca_bundle": "/no/such/file"},
            proxies={"https": "socks5://127.0.0.1:1"},
            keys=[
                {"name": "a", "api_key": "k", "secret_key": ""},
                {"name": "a", "api_key": "hidden", "secret_key": "s"},
            ],
        )
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert set(told) == {
        *("endpoint", "base_url", "tls.verfy", "tls.ca_bundle", "proxies.https", "keys[0].secret_key", "keys")
    }
    assert "'accurate'" in told["endpoint"]
    assert "'verify'" in told["tls.verfy"]
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "options", "hint"),
    [
        ("accurate", {"detect_direcion": True}, "detect_direction"),
        ("accurate", {"language_type": "ENGLISH"}, "ENG"),
        ("accurate_basic", {"detect_language": True}, "takes no such option"),
        ("accurate", {"probability": "maybe"}, "true or false"),
        ("general", {"pdf_file_num": 0}, "from 1"),
        ("idcard", {}, "front or back"),
        ("idcard", {"id_card_side": "left"}, "front"),
        ("accurate", {"image": "x"}, "not an option"),
    ],
)
def test_wrong_options_are_refused_with_the_nearest_right_one(
    endpoint: str, options: dict[str, object], hint: str
) -> None:
    with pytest.raises(ConfigError, match=hint):
        BaiduProvider(endpoint=endpoint, options=options, keys=[key()])


def test_the_model_of_the_options_agrees_with_the_constructor() -> None:
    model = BaiduProvider.options_model()
    read_back = model.model_validate({"keys": [key()], "options": {"probability": True}}).model_dump(exclude_unset=True)
    assert [each.name for each in BaiduProvider(**read_back).keys] == ["primary"]
    assert SimulatedKey().secret_key not in repr(read_back)
    wrongs: list[dict[str, object]] = [
        {"endpoint": "acurate"},
        {"options": {"probabilty": True}},
        {"endpoint": "idcard"},
        {"keyz": []},
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"accurate|probability|id_card_side|keyz"):
            model.model_validate(wrong)


def test_every_endpoint_names_a_method_of_the_sdk_that_asks_its_path() -> None:
    code = """
import inspect, re, warnings
warnings.simplefilter("ignore")
from aip import AipOcr
from ocrgate_baidu import ENDPOINTS
urls = {name: value for name, value in vars(AipOcr).items() if isinstance(value, str) and value.startswith("https://")}
for endpoint in ENDPOINTS.values():
    for method in filter(None, (endpoint.image, endpoint.url, endpoint.pdf)):
        name = re.search(r"_request\\(self\\.(__\\w+)", inspect.getsource(getattr(AipOcr, method))).group(1)
        assert urls["_AipOcr" + name].removeprefix("https://aip.baidubce.com") == endpoint.path, endpoint
print(len(ENDPOINTS))
"""
    assert int(python(code)) == len(ENDPOINTS) >= 70


def test_an_endpoint_whose_method_takes_no_options_can_be_asked() -> None:
    with BaiduSimulator() as platform:
        provider = adapter(platform, endpoint="online_taxi_itinerary")
        assert read(provider).fields["total_fare"] == "47.53"


def test_bmp_and_jpeg_are_sent_as_they_are() -> None:
    with BaiduSimulator() as platform:
        for kind in ("BMP", "JPEG"):
            assert read(adapter(platform), data=picture(kind=kind), format=kind).lines
