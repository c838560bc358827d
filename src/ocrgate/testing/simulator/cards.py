"""Fixed, fictional cards and certificates in the shapes of their endpoints; numbers have valid check digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Fields = Mapping[str, str]
Shape = Callable[[Fields], dict[str, Any]]

_LEFT, _TOP, _STEP, _HEIGHT = 20, 10, 30, 24


def asked(fields: Fields, name: str) -> bool:
    """Whether an option is true."""
    return fields.get(name) == "true"


def box(index: int, words: str) -> dict[str, int]:
    """Where the field of that number stands."""
    return {"left": _LEFT, "top": _TOP + _STEP * index, "width": 12 * len(words) + 10, "height": _HEIGHT}


def located(named: Mapping[str, str]) -> dict[str, Any]:
    """Each field as `{"words", "location"}`; one that is not there reads 无 and stands nowhere."""
    nowhere = {"left": -1, "top": -1, "width": 0, "height": 0}
    return {
        name: {"words": words, "location": nowhere if words == "无" else box(index, words)}
        for index, (name, words) in enumerate(named.items())
    }


def plain(named: Mapping[str, str]) -> dict[str, Any]:
    """Each field as `{"words"}`."""
    return {name: {"words": words} for name, words in named.items()}


def listed(named: Mapping[str, str], fields: Fields) -> dict[str, Any]:
    """Each field as a list of rows `{"word"}`, with place and probability where they were asked for."""
    rows: dict[str, Any] = {}
    for index, (name, words) in enumerate(named.items()):
        row: dict[str, Any] = {"word": words}
        if asked(fields, "location"):
            row["location"] = box(index, words)
        if asked(fields, "probability"):
            row["probability"] = {"average": 0.9876, "min": 0.9512}
        rows[name] = [row]
    return rows


def answered(words: Any, **more: Any) -> dict[str, Any]:
    """An answer with `words_result`."""
    return {**more, "words_result_num": len(words), "words_result": words}


ID_FRONT = {
    "姓名": "伍云龙",
    "性别": "男",
    "民族": "汉",
    "出生": "19990417",
    "住址": "浙江省江山市",
    "公民身份号码": "330881199904173916",
}
ID_BACK = {"签发机关": "江山市公安局", "签发日期": "20150401", "失效日期": "20250401"}
PASSPORT = {
    "国家码": "CHN",
    "护照号码": "E00000000",
    "姓名": "伍云龙",
    "姓名拼音": "WU,YUNLONG",
    "性别": "男/M",
    "国籍": "中国/CHINESE",
    "生日": "19990417",
    "出生地点": "浙江/ZHEJIANG",
    "护照签发地点": "浙江/ZHEJIANG",
    "签发日期": "20190417",
    "有效期至": "20290416",
    "签发机关": "公安部出入境管理局",
    "护照机读码1": "POCHNWU<<YUNLONG<<<<<<<<<<<<<<<<<<<<<<<<<<<<",
    "护照机读码2": "E000000008CHN9904178M2904168<<<<<<<<<<<<<<<8",
}
PERMIT = {
    "Address": "浙江",
    "Birthday": "1999.04.17",
    "CardNum": "C00000000",
    "NameChn": "伍云龙",
    "NameEng": "WU,YUNLONG",
    "Sex": "男",
    "ValidDate": "2019.04.17-2029.04.16",
}
HOUSEHOLD = {
    "Name": "伍云龙",
    "Relationship": "户主",
    "Sex": "男",
    "BirthAddress": "浙江省江山市",
    "Nation": "汉族",
    "Birthday": "1999-04-17",
    "CardNo": "330881199904173916",
    "HouseholdNum": "000000001",
    "Hometown": "浙江省江山市",
    "Belief": "",
    "Education": "大学",
    "MaritalStatus": "未婚",
    "WWToCity": "久居",
    "WWHere": "久居",
    "Date": "2015年04月01日",
}
HOUSEHOLD_HOME = {"HouseholdType": "非农业家庭户口", "HouseholderName": "伍云龙", "Address": "浙江省江山市"}
BIRTH = {
    "BabyName": "伍小云",
    "BabySex": "女",
    "BabyBirthday": "2020年04月05日10时10分",
    "Code": "T330000001",
    "Hospital": "江山市云杉医院",
    "FatherName": "伍云龙",
    "FatherID": "330881199904173916",
    "MotherName": "杉月明",
    "MotherID": "330881199102020010",
}
MARRIAGE = {
    "姓名_男": "伍云龙",
    "身份证件号_男": "330881199904173916",
    "姓名_女": "杉月明",
    "身份证件号_女": "330881199102020010",
    "结婚证字号": "J330881-2019-000001",
    "持证人": "伍云龙",
    "登记日期": "2019年05月20日",
}
LICENCE = {
    "单位名称": "云杉数据有限公司",
    "社会信用代码": "91330881MA0000XP07",
    "证件编号": "无",
    "法人": "伍云龙",
    "类型": "有限责任公司",
    "地址": "浙江省江山市云杉路1号",
    "成立日期": "2019年01月02日",
    "有效期": "长期",
    "经营范围": "数据处理服务",
    "注册资本": "无",
}


def _idcard(fields: Fields) -> dict[str, Any]:
    back = fields.get("id_card_side") == "back"
    reply = answered(located(ID_BACK if back else ID_FRONT), image_status="normal")
    if asked(fields, "detect_direction"):
        reply["direction"] = 0
    if asked(fields, "detect_risk"):
        reply["risk_type"] = "normal"
    if asked(fields, "detect_quality"):
        # The platform's own spelling.
        reply["card_quality"] = {"IsClear": "1", "IsClear_propobility": "0.9876"}
    if not back:
        reply["idcard_number_type"] = 1
    return reply


def _multi_idcard(_fields: Fields) -> dict[str, Any]:
    return answered(
        [
            {
                "card_info": {"card_type": f"idcard_{side}", "image_status": "normal", "direction": 0},
                "card_result": located(named),
            }
            for side, named in (("front", ID_FRONT), ("back", ID_BACK))
        ]
    )


def _bankcard(fields: Fields) -> dict[str, Any]:
    card: dict[str, Any] = {
        "bank_card_number": "6225 0000 0000 0006",
        "bank_name": "招商银行",
        "bank_card_type": 1,
        "valid_date": "07/29",
        "holder_name": "",
    }
    if asked(fields, "location"):
        card["bank_card_number_location"] = box(2, card["bank_card_number"])
    if asked(fields, "detect_quality"):
        card["card_quality"] = {"IsClear": "1", "IsClear_probability": "0.9876"}
    return {"direction": 0, "result": card}


def _social_security_card(_fields: Fields) -> dict[str, Any]:
    card = {"name": "伍云龙", "sex": "男", "social_security_number": "330881199904173916", "card_number": "A00000001"}
    return {"direction": "0", "words_result": {name: {"word": word} for name, word in card.items()}}


def _household_register(fields: Fields) -> dict[str, Any]:
    return answered(plain(HOUSEHOLD_HOME if fields.get("household_register_side") == "homepage" else HOUSEHOLD))


def _business_card(_fields: Fields) -> dict[str, Any]:
    card = {"NAME": ["伍云龙"], "COMPANY": ["云杉数据有限公司"], "ADDR": ["浙江省江山市云杉路1号"], "TEL": [], "PC": []}
    return answered(card)


CARDS: Mapping[str, Shape] = {
    "idcard": _idcard,
    "multi_idcard": _multi_idcard,
    "bankcard": _bankcard,
    "business_license": lambda _: answered(located(LICENCE), direction=0),
    "business_card": _business_card,
    "passport": lambda _: answered(located(PASSPORT), direction=0),
    "social_security_card": _social_security_card,
    "HK_Macau_exitentrypermit": lambda _: answered(located(PERMIT)),
    "taiwan_exitentrypermit": lambda _: answered(located(PERMIT)),
    "hk_macau_taiwan_exitentrypermit": lambda fields: answered(listed(PERMIT, fields)),
    "household_register": _household_register,
    "birth_certificate": lambda _: answered(located(BIRTH)),
    "marriage_certificate": lambda fields: answered(listed(MARRIAGE, fields)),
}
"""By endpoint."""
