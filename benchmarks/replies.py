"""Replies in the shapes that Baidu documents or was seen to send, for the fuzz to spoil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Reply = Mapping[str, Any]

TOKEN: Reply = {
    "access_token": "24.0123456789abcdef0123456789abcdef.2592000.1767225600.282335-10000",
    "expires_in": 2592000,
    "refresh_token": "25.0123456789abcdef.315360000.1767225600.282335-10000",
    "scope": "public brain_all_scope wise_adapt",
    "session_key": "9mzdCy4rAAAAAAAA",
    "session_secret": "c7a1e1a4AAAAAAAA",
}
TOKEN_REFUSED: Reply = {"error": "invalid_client", "error_description": "unknown client id"}
REFUSED: Sequence[Reply] = (
    {"log_id": "1803053124329552748", "error_code": 110, "error_msg": "Access token invalid or no longer valid"},
    {"log_id": 1803053124329552748, "error_code": 282000, "error_msg": "internal error"},
    {"error_code": "SDK108", "error_msg": "connection or read data time out"},
    {"errno": 216202, "msg": "image size error", "data": {}, "logid": "7"},
    {"message": "too large"},
)


def _at(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"left": left, "top": top, "width": width, "height": height}


def _corners(left: int, top: int, right: int, bottom: int) -> list[dict[str, int]]:
    return [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]


_PLAIN: Reply = {
    "log_id": 2471272194,
    "words_result_num": 2,
    "words_result": [{"words": " TSINGTAO"}, {"words": "青島睥酒"}],
}
_PLACED: Reply = {
    "log_id": 8210485853468967382,
    "direction": 0,
    "language": 3,
    "words_result_num": 2,
    "paragraphs_result": [{"words_result_idx": [0, 1]}],
    "paragraphs_result_num": 1,
    "pdf_file_size": "3",
    "words_result": [
        {
            "words": ", house",
            "probability": {"average": 0.988221, "variance": 0.000139, "min": 0.976443},
            "location": _at(0, 12, 139, 27),
            "vertexes_location": _corners(0, 12, 137, 38),
            "finegrained_vertexes_location": [{"x": 0, "y": 12}, {"x": 22, "y": 12}],
            "min_finegrained_vertexes_location": _corners(0, 12, 137, 38),
        },
        {
            "words": "感动",
            "probability": {"average": 1.0, "variance": 0.0, "min": 1.0},
            "location": _at(35, 53, 193, 109),
            "chars": [
                {"char": "感", "char_prob": 0.99, "location": _at(56, 65, 69, 88)},
                {"char": "动", "char_prob": 0.98, "location": _at(140, 65, 70, 88)},
            ],
        },
    ],
}
_IDCARD: Reply = {
    "log_id": 2648325511,
    "direction": 0,
    "image_status": "normal",
    "risk_type": "normal",
    "idcard_number_type": 1,
    "card_quality": {"IsClear": 1, "IsClear_propobility": 0.95, "IsComplete": 1, "IsComplete_propobility": 0.9},
    "words_result": {
        "姓名": {"location": _at(267, 176, 152, 50), "words": "伍云龙"},
        "公民身份号码": {"location": _at(443, 681, 589, 45), "words": "330881199904173914"},
        "住址": {"location": _at(271, 442, 459, 50), "words": ""},
    },
    "words_result_num": 3,
}
_BANKCARD: Reply = {
    "log_id": 1447188951,
    "direction": 0,
    "result": {
        "bank_card_number": "6225 0000 0000 0000",
        "bank_name": "招商银行",
        "bank_card_type": 1,
        "valid_date": "07/29",
        "holder_name": "",
    },
}
_LICENCE: Reply = {
    "log_id": 490058765,
    "direction": 0,
    "words_result_num": 2,
    "words_result": {
        "单位名称": {"words": "云杉数据有限公司", "location": _at(220, 300, 420, 50)},
        "注册资本": {"words": "无", "location": _at(-1, -1, 0, 0)},
    },
}
_INVOICE: Reply = {
    "log_id": "5425496231209218858",
    "words_result_num": 29,
    "words_result": {
        "InvoiceType": "专用发票",
        "InvoiceNum": "14641426",
        "AmountInFiguers": "100000.00",
        "AmountInWords": "壹拾万圆整",
        "CommodityName": [{"word": "信息服务费", "row": "1"}, {"word": "推广费", "row": "2"}],
        "CommodityTaxRate": [{"word": "6%", "row": "1"}],
        "Remarks": None,
    },
}
_SEVERAL: Reply = {
    "log_id": "1390",
    "words_result_num": 2,
    "words_result": [
        {
            "type": "taxi_receipt",
            "top": 10,
            "left": 10,
            "width": 300,
            "height": 200,
            "probability": 0.97,
            "result": {"Fare": [{"word": "23.00"}], "Date": [{"word": "2026-01-02"}]},
        },
        {"type": "vat_invoice", "result": {"CommodityName": [{"row": "1", "word": "信息服务费"}], "Total": []}},
    ],
}
_PLATE: Reply = {
    "log_id": 3583925545,
    "words_result": {
        "color": "blue",
        "number": "浙A12345",
        "probability": [0.99, 0.98, 0.99],
        "vertexes_location": _corners(20, 20, 120, 50),
    },
}
_TEMPLATE: Reply = {
    "error_code": 0,
    "error_msg": "",
    "data": {
        "templateSign": "x",
        "scores": 1.0,
        "isStructured": True,
        "ret": [
            {
                "word_name": "合计",
                "word": "9.90",
                "location": _at(1, 1, 50, 20),
                "probability": {"average": 0.9, "min": 0.8, "variance": 0.0},
            }
        ],
    },
    "log_id": "15",
}
_CARDS: Mapping[str, Sequence[Reply]] = {
    "idcard": (_IDCARD, {**_IDCARD, "image_status": "non_idcard", "words_result": {}}),
    "bankcard": (_BANKCARD,),
    "business_license": (_LICENCE,),
    "vat_invoice": (_INVOICE,),
    "multiple_invoice": (_SEVERAL,),
    "license_plate": (_PLATE, {**_PLATE, "words_result": [_PLATE["words_result"]]}),
    "iocr": (_TEMPLATE,),
    "iocr_finance": (_TEMPLATE,),
}
_OTHERS: Mapping[str, Sequence[Reply]] = {
    "qrcode": ({"log_id": 1, "codes_result_num": 1, "codes_result": [{"type": "QR_CODE", "text": ["one", "two"]}]},),
    "table": (
        {
            "log_id": 2,
            "table_num": 1,
            "tables_result": [
                {
                    "table_location": _corners(0, 0, 300, 200),
                    "header": [{"words": "head", "location": _corners(0, 0, 100, 20)}],
                    "body": [
                        {
                            "cell_location": _corners(0, 20, 100, 40),
                            "row_start": 0,
                            "row_end": 1,
                            "col_start": 0,
                            "col_end": 1,
                            "words": "cell",
                            "contents": [{"poly_location": _corners(0, 20, 100, 40), "word": "cell"}],
                        }
                    ],
                    "footer": [],
                }
            ],
            "excel_file": "",
        },
    ),
    "form": (
        {
            "log_id": 3,
            "forms_result_num": 1,
            "forms_result": [{"header": [{"words": "h"}], "body": [{"row": [1], "column": [1], "words": "b"}]}],
        },
    ),
    "seal": (
        {
            "log_id": 4,
            "result_num": 1,
            "result": [
                {
                    "type": "circle",
                    "location": _at(5, 5, 100, 100),
                    "probability": 0.9,
                    "major": {"words": "云杉", "probability": 0.99},
                    "minor": [{"words": "专用章", "probability": 0.98}],
                }
            ],
        },
    ),
    "doc_analysis_office": (
        {
            "log_id": 5,
            "results_num": 1,
            "results": [
                {
                    "words_type": "print",
                    "words": {
                        "word": "Report",
                        "line_probability": {"average": 0.99},
                        "words_location": _at(1, 2, 80, 20),
                    },
                }
            ],
        },
    ),
    "formula": (
        {
            "log_id": 6,
            "words_result_num": 1,
            "words_result": [{"words": "x=1", "location": _at(1, 2, 80, 20)}],
            "formula_result": [{"words": " x = 1 ", "location": _at(1, 2, 80, 20)}],
        },
    ),
}
_BY_KIND: Mapping[str, Sequence[Reply]] = {
    "text": (_PLAIN, _PLACED, {"log_id": 1, "words_result_num": 0, "words_result": []}),
    "card": (_IDCARD, _BANKCARD, _LICENCE, _INVOICE, _SEVERAL, _TEMPLATE),
}


def replies(endpoint: str, kind: str) -> tuple[Reply, ...]:
    """Good replies of an endpoint, the most typical first, then errors that any endpoint may answer with.

    Args:
        endpoint: name of the endpoint; one that has no reply of its own here answers like the others of its kind.
        kind: `text`, `card`, or anything else for endpoints with a shape of their own.
    """
    known = _CARDS.get(endpoint) or _OTHERS.get(endpoint)
    if known is None:
        every = [reply for shapes in _OTHERS.values() for reply in shapes]
        known = _BY_KIND.get(kind) or (*every, _PLACED, _IDCARD)
    return (*known, *REFUSED)
