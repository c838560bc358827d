"""Fixed, fictional papers of vehicles and drivers in the shapes of their endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocrgate.testing.simulator.cards import Fields, Shape, answered, asked, box, plain

VIN = "LSV00000400000001"
VEHICLE_FRONT = {
    "号牌号码": "浙A12345",
    "车辆类型": "小型轿车",
    "所有人": "伍云龙",
    "住址": "浙江省江山市",
    "使用性质": "非营运",
    "品牌型号": "云杉牌YS7000",
    "车辆识别代号": VIN,
    "发动机号码": "A000001",
    "注册日期": "20200102",
    "发证日期": "20200103",
    "发证单位": "江山市公安局交通警察大队",
}
VEHICLE_BACK = {
    "号牌号码": "浙A12345",
    "档案编号": "330800000001",
    "核定载人数": "5人",
    "总质量": "1800kg",
    "整备质量": "1350kg",
    "核定载质量": "--",
    "外廓尺寸": "4600X1800X1450mm",
    "准牵引总质量": "--",
    "备注": "",
    "检验记录": "检验有效期至2026年01月浙A",
    "证芯编号": "3300000000001",
}
DRIVER_FRONT = {
    "证号": "330881199904173916",
    "姓名": "伍云龙",
    "性别": "男",
    "国籍": "中国",
    "住址": "浙江省江山市",
    "出生日期": "19990417",
    "初次领证日期": "20180601",
    "准驾车型": "C1",
    "有效期限": "20180601",
    "至": "20240601",
    "发证单位": "江山市公安局交通警察大队",
}
DRIVER_BACK = {"证号": "330881199904173916", "姓名": "伍云龙", "档案编号": "330800000002", "记录": "请于有效期满前换证"}


def _vehicle_license(fields: Fields) -> dict[str, Any]:
    return answered(plain(VEHICLE_BACK if fields.get("vehicle_license_side") == "back" else VEHICLE_FRONT))


def _driving_license(fields: Fields) -> dict[str, Any]:
    return answered(plain(DRIVER_BACK if fields.get("driving_license_side") == "back" else DRIVER_FRONT))


def _mixed_multi_vehicle(_fields: Fields) -> dict[str, Any]:
    pages = (("vehicle_license_front", VEHICLE_FRONT), ("driving_license_front", DRIVER_FRONT))
    return answered([{"card_type": kind, "card_result": plain(named)} for kind, named in pages])


def _license_plate(fields: Fields) -> dict[str, Any]:
    corners = ((20, 20), (120, 20), (120, 50), (20, 50))
    plate = {
        "color": "blue",
        "number": "浙A12345",
        "probability": [0.99, 0.98, 0.99, 0.99, 0.97, 0.99, 0.98],
        "vertexes_location": [{"x": x, "y": y} for x, y in corners],
    }
    return {"words_result": [plate] if asked(fields, "multi_detect") else plate}


VEHICLES: Mapping[str, Shape] = {
    "vehicle_license": _vehicle_license,
    "driving_license": _driving_license,
    "mixed_multi_vehicle": _mixed_multi_vehicle,
    "license_plate": _license_plate,
    "vin_code": lambda _: answered([{"words": VIN, "location": box(0, VIN)}]),
}
"""By endpoint."""
