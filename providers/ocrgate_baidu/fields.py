"""Names of card and invoice fields: Baidu's own, and a stable one in snake_case beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMES: Mapping[str, str] = {
    "姓名": "name",
    "性别": "sex",
    "民族": "ethnicity",
    "出生": "birth_date",
    "住址": "address",
    "公民身份号码": "id_number",
    "签发机关": "issuing_authority",
    "签发日期": "issue_date",
    "失效日期": "expiry_date",
    "单位名称": "company_name",
    "社会信用代码": "credit_code",
    "证件编号": "licence_number",
    "法人": "legal_representative",
    "类型": "company_type",
    "组成形式": "composition",
    "地址": "address",
    "成立日期": "established_date",
    "注册资本": "registered_capital",
    "实收资本": "paid_in_capital",
    "经营范围": "business_scope",
    "有效期": "valid_until",
    "有效期起始日期": "valid_from",
    "登记机关": "registration_authority",
    "核准日期": "approval_date",
    "税务登记号": "tax_registration_number",
    "号牌号码": "plate_number",
    "车辆类型": "vehicle_type",
    "所有人": "owner",
    "使用性质": "use_character",
    "品牌型号": "model",
    "车辆识别代号": "vin",
    "发动机号码": "engine_number",
    "注册日期": "registration_date",
    "发证日期": "issue_date",
    "发证单位": "issuing_authority",
    "证号": "licence_number",
    "国籍": "nationality",
    "出生日期": "birth_date",
    "初次领证日期": "first_issue_date",
    "准驾车型": "vehicle_class",
    "有效期限": "valid_from",
    "至": "valid_until",
    "护照号码": "passport_number",
    "姓名拼音": "name_latin",
    "国家码": "country_code",
    "出生地点": "birth_place",
    "签发地点": "issue_place",
    "有效期至": "expiry_date",
    "护照签发地点": "issue_place",
    # Baidu's own spelling, kept as it is beside this one.
    "AmountInFiguers": "amount_in_figures",
}
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def snake(name: str) -> str | None:
    """The stable name of a field, or None for one that has none but Baidu's own."""
    known = _NAMES.get(name)
    if known is not None:
        return known
    if not name.isascii() or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        return None
    return "_".join(word.lower() for word in _WORDS.findall(name))


def both(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields under Baidu's names, then again under the stable ones; a name that is taken stays as it is."""
    named = dict(fields)
    for name, text in fields.items():
        number, dot, plain = name.rpartition(".")
        stable = snake(plain)
        if stable is not None:
            named.setdefault(f"{number}{dot}{stable}", text)
    return named
