"""Fixed, fictional documents in the shapes of the card and invoice endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Fields = Mapping[str, str]


def _field(words: str, left: int, top: int, width: int = 152, height: int = 50) -> dict[str, Any]:
    return {"words": words, "location": {"left": left, "top": top, "width": width, "height": height}}


def card(endpoint: str, fields: Fields) -> dict[str, Any]:
    """A fixed, fictional document in the shape of a card or invoice endpoint."""
    return _CARDS[endpoint](fields)


def _idcard(fields: Fields) -> dict[str, Any]:
    front = {
        "姓名": _field("伍云龙", 267, 176),
        "性别": _field("男", 269, 262, 33),
        "民族": _field("汉", 492, 279, 30),
        "出生": _field("19990417", 270, 354, 357),
        "住址": _field("浙江省江山市", 271, 442, 459),
        "公民身份号码": _field("330881199904173914", 443, 681, 589, 45),
    }
    back = {
        "签发机关": _field("江山市公安局", 300, 180),
        "签发日期": _field("20150401", 300, 260),
        "失效日期": _field("20250401", 480, 260),
    }
    words = back if fields.get("id_card_side") == "back" else front
    reply: dict[str, Any] = {"image_status": "normal", "words_result": words, "words_result_num": len(words)}
    if fields.get("detect_direction") == "true":
        reply["direction"] = 0
    if fields.get("detect_risk") == "true":
        reply["risk_type"] = "normal"
    if fields.get("id_card_side") != "back":
        reply["idcard_number_type"] = 1
    return reply


def _bankcard(_fields: Fields) -> dict[str, Any]:
    return {
        "direction": 0,
        "result": {
            "bank_card_number": "6225 0000 0000 0000",
            "bank_name": "招商银行",
            "bank_card_type": 1,
            "valid_date": "07/29",
            "holder_name": "",
        },
    }


def _business_license(_fields: Fields) -> dict[str, Any]:
    words = {
        "单位名称": _field("云杉数据有限公司", 220, 300, 420),
        "社会信用代码": _field("91330881MA29XXXX0X", 220, 360, 420),
        "法人": _field("伍云龙", 220, 420),
        "注册资本": {"words": "无", "location": {"left": -1, "top": -1, "width": 0, "height": 0}},
    }
    return {"words_result": words, "words_result_num": len(words), "direction": 0}


def _vat_invoice(_fields: Fields) -> dict[str, Any]:
    words: dict[str, Any] = {
        "InvoiceType": "专用发票",
        "InvoiceCode": "3100153130",
        "InvoiceNum": "14641426",
        "InvoiceDate": "2016年06月02日",
        "PurchaserName": "云杉数据有限公司",
        "SellerName": "星河传媒有限公司",
        "TotalAmount": "94339.62",
        "TotalTax": "5660.38",
        "AmountInFiguers": "100000.00",
        "AmountInWords": "壹拾万圆整",
        "CommodityName": [{"word": "信息服务费", "row": "1"}, {"word": "推广费", "row": "2"}],
        "CommodityTaxRate": [{"word": "6%", "row": "1"}, {"word": "6%", "row": "2"}],
    }
    return {"words_result": words, "words_result_num": len(words)}


def _license_plate(_fields: Fields) -> dict[str, Any]:
    return {
        "words_result": {
            "color": "blue",
            "number": "浙A12345",
            "probability": [0.99, 0.98, 0.99, 0.99, 0.97, 0.99, 0.98],
            "vertexes_location": [{"x": 20, "y": 20}, {"x": 120, "y": 20}, {"x": 120, "y": 50}, {"x": 20, "y": 50}],
        }
    }


_CARDS: Mapping[str, Callable[[Fields], dict[str, Any]]] = {
    "idcard": _idcard,
    "bankcard": _bankcard,
    "business_license": _business_license,
    "vat_invoice": _vat_invoice,
    "license_plate": _license_plate,
}
