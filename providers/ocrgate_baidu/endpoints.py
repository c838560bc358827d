"""Every OCR endpoint of the SDK as data: how it is asked, what it takes, what it allows, how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ocrgate.provider import Limits

FORMATS = ("PNG", "JPEG", "BMP")
MIN_SIDE = 15
_V1 = "/rest/2.0/ocr/v1/"

Kind = Literal["text", "card", "other"]
BOOLEAN = ("true", "false")
NUMBER = ("a whole number from 1",)
LANGUAGES = ("CHN_ENG", "ENG", "JAP", "KOR", "FRE", "SPA", "POR", "GER", "ITA", "RUS")
MORE_LANGUAGES = (
    *("auto_detect", *LANGUAGES, "DAN", "DUT", "MAL", "SWE", "IND", "POL", "ROM", "TUR", "GRE", "HUN", "THA", "VIE"),
    *("ARA", "HIN"),
)

VALUES: Mapping[str, tuple[str, ...] | None] = {
    "language_type": LANGUAGES,
    "recognize_granularity": ("big", "small"),
    "eng_granularity": ("word", "letter"),
    "id_card_side": ("front", "back"),
    "accuracy": ("normal", "high"),
    "type": ("normal", "roll"),
    "templateSign": None,
    "classifierId": None,
    "exitentrypermit_type": None,
    "pdf_file_num": NUMBER,
    "ofd_file_num": NUMBER,
}
"""Values of the parameters that are not true or false; None takes any text."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    Attributes:
        name: what `endpoint:` in the configuration says; the last part of the path as a rule.
        title: what Baidu calls it.
        image, url, pdf: methods of the SDK for each input; empty where it has none.
        kind: `text` answers with lines, `card` with named fields, `other` with something between.
        max_encoded: bytes of the image after base64 and percent-encoding.
        max_side: in pixels.
        params: that it documents; None when its documentation was not at hand, and then any is let through.
        required: parameters without which it answers 216101.
        positional: those of the required that the SDK wants as arguments of their own.
        languages: values of `language_type`, empty when it has no such parameter.
        located: whether its lines carry a place.
        path: on the server.
        retired: what to use instead of an endpoint that is being switched off, or empty.
    """

    name: str
    title: str
    image: str
    url: str = ""
    pdf: str = ""
    kind: Kind = "other"
    max_encoded: int = 4_000_000
    max_side: int = 4096
    params: tuple[str, ...] | None = None
    required: tuple[str, ...] = ()
    positional: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    located: bool = True
    path: str = ""
    retired: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path or _V1 + self.name)

    @property
    def limits(self) -> Limits:
        """What an image has to be like."""
        return Limits(
            formats=FORMATS,
            max_encoded_bytes=self.max_encoded,
            min_side=MIN_SIDE,
            max_side=self.max_side,
            max_aspect=None,
        )

    def values(self, parameter: str) -> tuple[str, ...] | None:
        """What a parameter may be set to, as texts; None for anything."""
        if parameter == "language_type" and self.languages:
            return self.languages
        return VALUES.get(parameter, BOOLEAN)


def _m(megabytes: int) -> int:
    return megabytes * 1_000_000


_PAGES = ("pdf_file_num", "ofd_file_num")


def _text(
    name: str,
    title: str,
    method: str,
    size: int,
    side: int,
    params: str,
    languages: tuple[str, ...] = (),
    *,
    located: bool,
) -> Endpoint:
    return Endpoint(
        name,
        title,
        method,
        f"{method}Url",
        f"{method}Pdf",
        "text",
        _m(size),
        side,
        (*params.split(), *_PAGES),
        languages=languages,
        located=located,
    )


_TEXT = (
    _text(
        *("general_basic", "通用文字识别（标准版）", "basicGeneral", 8, 4096),
        "language_type detect_direction detect_language paragraph probability",
        LANGUAGES,
        located=False,
    ),
    _text(
        *("general", "通用文字识别（标准含位置版）", "general", 8, 4096),
        "recognize_granularity language_type detect_direction detect_language paragraph vertexes_location probability"
        " multidirectional_recognize",
        LANGUAGES,
        located=True,
    ),
    _text(
        *("accurate_basic", "通用文字识别（高精度版）", "basicAccurate", 10, 8192),
        "language_type detect_direction paragraph probability multidirectional_recognize",
        MORE_LANGUAGES,
        located=False,
    ),
    _text(
        *("accurate", "通用文字识别（高精度含位置版）", "accurate", 10, 8192),
        "language_type eng_granularity recognize_granularity detect_direction vertexes_location paragraph probability"
        " char_probability multidirectional_recognize",
        MORE_LANGUAGES,
        located=True,
    ),
    _text(*("webimage", "网络图片文字识别", "webImage", 8, 4096), "detect_direction detect_language", located=False),
    _text(
        *("webimage_loc", "网络图片文字识别（含位置版）", "webimageLoc", 8, 4096),
        "detect_direction detect_language probability",
        located=True,
    ),
    _text(
        *("handwriting", "手写文字识别", "handwriting", 8, 4096),
        "recognize_granularity eng_granularity probability detect_direction detect_alteration language_type",
        LANGUAGES,
        located=True,
    ),
)

_CARD = (
    Endpoint(
        *("idcard", "身份证识别", "idcard", "idcardUrl", "", "card", _m(8), 8192),
        (
            *("id_card_side", "detect_ps", "detect_risk", "detect_quality", "detect_photo", "detect_card"),
            *("detect_direction", "detect_screenshot"),
        ),
        required=("id_card_side",),
        positional=("id_card_side",),
    ),
    Endpoint(
        *("bankcard", "银行卡识别", "bankcard", "bankcardUrl", "", "card", _m(8), 8192), ("location", "detect_quality")
    ),
    Endpoint(
        *("business_license", "营业执照识别", "businessLicense", "businessLicenseUrl", "", "card", _m(10), 8192),
        ("accuracy", "risk_warn", "detect_quality", "fullwidth_shift", "detect_direction"),
    ),
    Endpoint(
        *("vat_invoice", "增值税发票识别", "vatInvoice", "vatInvoiceUrl", "vatInvoicePdf", "card", _m(8), 4096),
        ("type", "seal_tag", *_PAGES),
        located=False,
    ),
    Endpoint(
        "multiple_invoice",
        "智能财务票据识别",
        "multipleInvoice",
        "multipleInvoiceUrl",
        "multipleInvoicePdf",
        "card",
        params=("verify_parameter", "probability", "location", *_PAGES),
        located=False,
    ),
    Endpoint(
        "invoice", "通用机打发票识别", "invoice", "invoiceUrl", "invoicePdf", "card", params=("location", *_PAGES)
    ),
    Endpoint(
        *("receipt", "通用票据识别", "receipt", "receiptUrl", "", "text", _m(8), 4096),
        ("recognize_granularity", "probability", "accuracy", "detect_direction"),
        retired="multiple_invoice or accurate_basic",
    ),
)

_PERMIT = "hk_macau_taiwan_exitentrypermit"
_IOCR = "/rest/2.0/solution/v1/iocr/recognise"
_FURTHER = (
    Endpoint(_PERMIT, "港澳台证件识别", _PERMIT, f"{_PERMIT}Url", f"{_PERMIT}Pdf", "card",
             required=("exitentrypermit_type",), positional=("exitentrypermit_type",)),
    Endpoint("iocr", "iOCR通用版", "custom", "customUrl", "customPdf", "card", path=_IOCR),
    Endpoint("iocr_finance", "iOCR财会版", "custom_finance", "custom_financeUrl", "custom_financePdf", "card",
             path=f"{_IOCR}/finance"),
    Endpoint("online_taxi_itinerary", "网约车行程单识别", "onlineTaxiItinerary", "onlineTaxiItineraryUrl",
             "onlineTaxiItineraryPdf", "card", params=()),
    Endpoint("form", "表格文字识别（同步接口）", "form", "formUrl", retired="table"),
    Endpoint("general_enhanced", "通用文字识别（含生僻字版）", "enhancedGeneral", "enhancedGeneralUrl", "", "text",
             retired="accurate_basic"),
)  # fmt: skip

# name, kind (t text, c card, o other), method when it is not the name, inputs besides the image (u URL, p PDF), title
_PLAIN = """
doc_analysis_office o - up 办公文档识别
seal o - up 印章识别
table o - up 表格文字识别V2
numbers t - u 数字识别
qrcode o - u 二维码识别
multi_idcard c - u 身份证混贴识别
business_card c businessCard . 名片识别
passport c - u 护照识别
social_security_card c - u 社保卡识别
HK_Macau_exitentrypermit c HKMacauExitentrypermit . 港澳通行证识别
taiwan_exitentrypermit c taiwanExitentrypermit . 台湾通行证识别
household_register c householdRegister u 户口本识别
birth_certificate c birthCertificate u 出生医学证明识别
multi_card_classify o - u 多卡证类别检测
vehicle_license c vehicleLicense u 行驶证识别
driving_license c drivingLicense u 驾驶证识别
license_plate c licensePlate u 车牌识别
mixed_multi_vehicle c - u 车辆证照混贴识别
vin_code c vinCode u VIN码识别
vehicle_invoice c vehicleInvoice u 机动车销售发票识别
used_vehicle_invoice c - u 二手车销售发票识别
vehicle_certificate c vehicleCertificate u 车辆合格证识别
vehicle_registration_certificate c - u 机动车登记证书识别
weight_note c weightNote up 磅单识别
waybill c - u 快递面单识别
road_transport_certificate c - up 道路运输证识别
quota_invoice c quotaInvoice . 定额发票识别
train_ticket c trainTicket up 火车票识别
taxi_receipt c taxiReceipt up 出租车票识别
air_ticket c airTicket up 飞机行程单识别
bus_ticket c - u 汽车票识别
toll_invoice c - u 过路过桥费发票识别
ferry_ticket c - u 船票识别
shopping_receipt c - up 购物小票识别
medical_invoice c medicalInvoice u 医疗发票识别
medical_detail c medicalDetail u 医疗费用明细识别
medical_statement c - u 医疗费用结算单识别
medical_report_detection c - u 医疗检验报告单识别
health_report c - u 医疗诊断报告单识别
medical_record c - u 病案首页识别
medical_summary c - u 出院小结识别
medical_summary_diagnosis c - u 诊断证明识别
medical_outpatient c - u 门诊病历识别
medical_prescription c - u 处方笺识别
medical_recipts_classify o - u 医疗票据类别检测
insurance_documents c insuranceDocuments . 保险单识别
travel_card c - . 通信行程卡识别
health_code c - . 健康码识别
covid_test c - . 核酸证明识别
doc_analysis o docAnalysis up 试卷分析与识别
formula o - u 公式识别
meter o - u 仪器仪表盘读数识别
lottery o - . 彩票识别
facade o - . 门脸文字识别
intelligent_ocr o - u 智能结构化识别
bank_receipt_new c - up 银行回单识别
marriage_certificate c - up 结婚证识别
"""


def _plain(row: str) -> Endpoint:
    name, kind, method, inputs, title = row.split(" ")
    method = name if method == "-" else method
    kinds: dict[str, Kind] = {"t": "text", "c": "card", "o": "other"}
    url = f"{method}Url" if "u" in inputs else ""
    return Endpoint(name, title, method, url, f"{method}Pdf" if "p" in inputs else "", kinds[kind])


ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.name: endpoint for endpoint in (*_TEXT, *_CARD, *_FURTHER, *map(_plain, _PLAIN.split("\n")[1:-1]))
}
"""By name. The SDK's calls that take no image, or whose answer is no reading of it, are not endpoints here."""
