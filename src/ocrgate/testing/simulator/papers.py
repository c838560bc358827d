"""Fixed, fictional invoices, tickets, medical papers, tables and codes in the shapes of their endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocrgate.testing.simulator.cards import CARDS, Fields, Shape, answered, asked, box, listed, plain
from ocrgate.testing.simulator.vehicles import VEHICLES, VIN

_INVOICE: Mapping[str, Any] = {
    "InvoiceType": "专用发票",
    "InvoiceCode": "3100153130",
    "InvoiceNum": "14641426",
    "InvoiceDate": "2016年06月02日",
    "PurchaserName": "云杉数据有限公司",
    "PurchaserRegisterNum": "91330881MA0000XP07",
    "SellerName": "星河传媒有限公司",
    "SellerRegisterNum": "91330881MA0000XH14",
    "TotalAmount": "94339.62",
    "TotalTax": "5660.38",
    # The platform's own spelling.
    "AmountInFiguers": "100000.00",
    "AmountInWords": "壹拾万圆整",
    "CommodityName": [{"word": "信息服务费", "row": "1"}, {"word": "推广费", "row": "2"}],
    "CommodityNum": [{"word": "1", "row": "2"}],
    "CommodityTaxRate": [{"word": "6%", "row": "1"}, {"word": "6%", "row": "2"}],
    "PassengerName": [],
}
_TAXI = {"InvoiceCode": "133010000001", "InvoiceNum": "00000001", "Date": "2026-01-02", "Fare": "¥23.00元"}
_TRAIN = {
    "ticket_num": "Z000001",
    "starting_station": "江山站",
    "destination_station": "杭州东站",
    "date": "2026年01月02日",
    "ticket_rates": "￥104.0元",
    "name": "伍云龙",
}
_FLAT: Mapping[str, Mapping[str, Any]] = {
    "vat_invoice": _INVOICE,
    "taxi_receipt": _TAXI,
    "train_ticket": _TRAIN,
    "invoice": {"invoice_code": "133000000001", "invoice_number": "00000002", "total_price": "9.90"},
    "quota_invoice": {
        "invoice_code": "133000000002",
        "invoice_number": "00000003",
        "invoice_rate": "伍拾圆整",
        "location": "浙江省",
    },
    "air_ticket": {"ticket_number": "9990000000001", "name": "伍云龙", "ticket_rates": "CNY610.00"},
    "bus_ticket": {"InvoiceNum": "00000004", "Name": "伍云龙", "Fare": "45.00", "StartingStation": "江山站"},
    "toll_invoice": {
        "InvoiceCode": "133000000003",
        "InvoiceNum": "00000005",
        "Entrance": "江山",
        "TotalAmount": "15.00",
    },
    "ferry_ticket": {"InvoiceNum": "00000006", "Fare": "30.00", "StartingStation": "宁波"},
    "online_taxi_itinerary": {"service_provider": "云杉出行", "total_fare": "47.53", "phone": "13000000000"},
    "vehicle_invoice": {"InvoiceNum": "00000007", "Purchaser": "伍云龙", "VinNum": VIN},
    "used_vehicle_invoice": {"InvoiceNum": "00000008", "Purchaser": "伍云龙", "Price": "50000"},
    "weight_note": {"plate_number": "浙A12345", "gross_weight": "18.00", "net_weight": "8.00"},
    "waybill": {"waybill_number": "SF0000000000001", "recipient_name": "伍云龙"},
    "insurance_documents": {"InsBilNo": "P0000001", "InsCltNa1": "伍云龙", "BenPerLst": [{"BenCltNa": "杉月明"}]},
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "vehicle_certificate": {"CertificationNo": "WAA000000000001", "VinNo": VIN},
    "vehicle_registration_certificate": {"编号": "330000000001", "机动车所有人": "伍云龙", "登记日期": "2020-01-02"},
    "road_transport_certificate": {"owner": "伍云龙", "vehicle_number": "浙A12345"},
    "travel_card": {"手机号": "130****0000", "更新时间": "2022.01.02 10:00:00"},
    "health_code": {"姓名": "伍云龙", "状态": "绿码"},
    "covid_test": {"姓名": "伍云龙", "核酸结果": "阴性"},
}
_LISTED: Mapping[str, Mapping[str, str]] = {
    "shopping_receipt": {"shop_name": "云杉超市", "total_amount": "12.30"},
    "bank_receipt_new": {"收款人户名": "云杉数据有限公司", "小写金额": "100.00"},
    "medical_invoice": {"姓名": "伍云龙", "发票号": "0000000001", "金额小写": "58.20"},
    "medical_detail": {"Name": "伍云龙", "Hospital": "江山市云杉医院"},
    "medical_statement": {"Name": "伍云龙", "TotalAmount": "58.20"},
    "medical_report_detection": {"姓名": "伍云龙", "项目名称": "白细胞"},
    "health_report": {"姓名": "伍云龙", "检查结论": "未见异常"},
    "medical_record": {"姓名": "伍云龙", "住院次数": "1"},
    "medical_prescription": {"姓名": "伍云龙", "科室": "内科"},
    "medical_summary": {"姓名": "伍云龙", "出院诊断": "感冒"},
    "medical_summary_diagnosis": {"姓名": "伍云龙", "诊断": "感冒"},
    "medical_outpatient": {"姓名": "伍云龙", "主诉": "咳嗽"},
}


def _multiple_invoice(fields: Fields) -> dict[str, Any]:
    papers = (("taxi_receipt", _TAXI), ("train_ticket", _TRAIN))
    return answered(
        [
            {"type": kind, "probability": 0.97, **box(8 * index, kind), "result": listed(named, fields)}
            for index, (kind, named) in enumerate(papers)
        ]
    )


def _template(fields: Fields) -> dict[str, Any]:
    named = {"合计": "9.90", "日期": "2026-01-02"}
    return {
        "error_code": 0,
        "error_msg": "",
        "data": {
            "templateSign": fields.get("templateSign", "vat_invoice"),
            "isStructured": True,
            "scores": 1.0,
            "ret": [
                {
                    "word_name": name,
                    "word": word,
                    "location": box(index, word),
                    "probability": {"average": 0.98, "min": 0.95, "variance": 0.0},
                }
                for index, (name, word) in enumerate(named.items())
            ],
        },
    }


def _corners(left: int, top: int, right: int, bottom: int) -> list[dict[str, int]]:
    return [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]


def _table(fields: Fields) -> dict[str, Any]:
    cells = [("品名", 0, 0), ("金额", 0, 1), ("云杉", 1, 0), ("12.30", 1, 1)]
    body = []
    for words, row, column in cells:
        corners = _corners(60 * column, 20 + 20 * row, 60 + 60 * column, 40 + 20 * row)
        span = {"row_start": row, "row_end": row + 1, "col_start": column, "col_end": column + 1}
        body.append({"cell_location": corners, **span, "words": words})
        if asked(fields, "cell_contents"):
            body[-1]["contents"] = [{"poly_location": corners, "word": words}]
    header = [{"location": _corners(0, 0, 120, 20), "words": "清单"}]
    table = {"table_location": _corners(0, 0, 120, 60), "header": header, "body": body, "footer": []}
    return {"table_num": 1, "tables_result": [table]}


def _form(_fields: Fields) -> dict[str, Any]:
    body = [{"row": [1], "column": [1], "words": "品名", "location": box(1, "品名")}]
    header = [{"row": [1], "column": [1], "words": "清单", "location": box(0, "清单")}]
    return {"forms_result_num": 1, "forms_result": [{"header": header, "body": body, "footer": []}]}


def _qrcode(fields: Fields) -> dict[str, Any]:
    code: dict[str, Any] = {"type": "QR_CODE", "text": ["https://example.com/a", "second line"]}
    if asked(fields, "location"):
        code["location"] = box(0, "QR_CODE")
    return {"codes_result_num": 1, "codes_result": [code]}


def _seal(_fields: Fields) -> dict[str, Any]:
    major = {"words": "云杉数据有限公司", "probability": 0.99}
    minor = [{"words": "发票专用章", "probability": 0.98}]
    seal = {"type": "circle", "location": box(0, "seal"), "probability": 0.9, "major": major, "minor": minor}
    return {"result_num": 1, "result": [seal]}


def _document(fields: Fields) -> dict[str, Any]:
    words: dict[str, Any] = {"word": "季度报告", "words_location": box(0, "季度报告")}
    if asked(fields, "line_probability"):
        words["line_probability"] = {"average": 0.9876, "min": 0.95, "variance": 0.0}
    return {"img_direction": 0, "results_num": 1, "results": [{"words_type": "print", "words": words}]}


def _formula(_fields: Fields) -> dict[str, Any]:
    line = {"words": "x = 1", "location": box(0, "x = 1")}
    return {**answered([line]), "formula_result_num": 1, "formula_result": [{**line, "words": " x = 1 "}]}


def _lines(*words: str) -> Shape:
    entries = [{"words": text, "location": box(index, text)} for index, text in enumerate(words)]
    return lambda _: answered(entries)


def _sorted(kind: str) -> Shape:
    return lambda _: {"result_num": 1, "result": [{"type": kind, "probability": 0.98, "location": box(0, kind)}]}


def _flat(named: Mapping[str, Any]) -> Shape:
    return lambda _: answered(dict(named))


def _plain(named: Mapping[str, str]) -> Shape:
    return lambda _: answered(plain(named))


def _rows(named: Mapping[str, str]) -> Shape:
    return lambda fields: answered(listed(named, fields))


SHAPES: Mapping[str, Shape] = {
    **CARDS,
    **VEHICLES,
    **{name: _flat(named) for name, named in _FLAT.items()},
    **{name: _plain(named) for name, named in _WORDS.items()},
    **{name: _rows(named) for name, named in _LISTED.items()},
    "multiple_invoice": _multiple_invoice,
    "iocr": _template,
    "iocr_finance": _template,
    "table": _table,
    "form": _form,
    "qrcode": _qrcode,
    "seal": _seal,
    "doc_analysis": _document,
    "doc_analysis_office": _document,
    "formula": _formula,
    "meter": _lines("0123.4"),
    "lottery": _lines("双色球", "01 02 03 04 05 06-07"),
    "facade": _lines("云杉超市"),
    "intelligent_ocr": _lines("合计 9.90"),
    "multi_card_classify": _sorted("idcard_front"),
    "medical_recipts_classify": _sorted("medical_invoice"),
}
"""By endpoint: every one that does not answer with what the reader sees."""
