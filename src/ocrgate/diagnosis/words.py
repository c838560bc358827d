"""The words for what a diagnosis holds, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ocrgate.diagnosis.diagnosis import Diagnosis

Language = Literal["en", "zh"]
Words = Mapping[str, Mapping[Language, str]]

CATEGORIES: Words = {
    "network": {"en": "network", "zh": "网络"},
    "auth": {"en": "credentials", "zh": "鉴权"},
    "quota": {"en": "quota", "zh": "额度"},
    "throttle": {"en": "throttling", "zh": "限流"},
    "request": {"en": "request", "zh": "请求"},
    "image": {"en": "image", "zh": "图片"},
    "empty": {"en": "empty answer", "zh": "空结果"},
    "server": {"en": "server", "zh": "服务端"},
    "engine": {"en": "engine", "zh": "引擎"},
    "config": {"en": "configuration", "zh": "配置"},
    "unknown": {"en": "unknown", "zh": "未知"},
}
FAULTS: Words = {
    "provider": {"en": "the provider", "zh": "服务方"},
    "key": {"en": "the key or its account", "zh": "密钥或其账号"},
    "caller": {"en": "the caller: request, image or configuration", "zh": "调用方（请求、图片或配置）"},
    "network": {"en": "the way to the provider", "zh": "到服务方的网络"},
}
ACTIONS: Words = {
    "retry": {
        "en": "repeats the call within the retry budget, then asks the next engine",
        "zh": "在重试预算内重试，之后换下一个引擎",
    },
    "refresh_token": {
        "en": "fetches a new token and repeats the call; if that is refused, takes the next key, then the next engine",
        "zh": "重新获取 token 并重试；若仍被拒绝，则换下一个密钥，再换下一个引擎",
    },
    "next_key": {"en": "takes the next key, then the next engine", "zh": "换下一个密钥，之后换下一个引擎"},
    "fix_request": {
        "en": "never sends the same request again; asks the next engine",
        "zh": "不再发送同样的请求，换下一个引擎",
    },
    "next_provider": {"en": "asks the next engine at once", "zh": "立即换下一个引擎"},
    "fatal": {"en": "asks no further engine", "zh": "不再询问任何引擎"},
}
CERTAINTIES: Words = {
    "official": {
        "en": "read on a page of the provider, or decided by this library",
        "zh": "见于服务方页面，或由本库自身定义",
    },
    "copy": {"en": "read in a copy of the provider's table", "zh": "见于官方错误码表的副本或转述"},
    "legacy": {
        "en": "read on an old page of the provider; the meaning may have changed",
        "zh": "见于服务方的旧页面，含义可能已变",
    },
    "verified": {"en": "tried out", "zh": "经实验确认"},
    "observed": {"en": "reported by users", "zh": "由用户报告"},
    "inferred": {"en": "concluded from similar codes, not confirmed", "zh": "由同类错误码推断，未经证实"},
}
_CHINESE = {
    "official": "官方",
    "copy": "副本",
    "legacy": "旧文档",
    "verified": "已验证",
    "observed": "观察",
    "inferred": "推断",
}
BILLED: Mapping[bool | None, Mapping[Language, str]] = {
    True: {"en": "yes", "zh": "是"},
    False: {"en": "no", "zh": "否"},
    None: {"en": "cannot be known", "zh": "无法确定"},
}
_BY_KIND: Mapping[tuple[str, str, str], Mapping[Language, str]] = {
    ("retry", "throttle", "provider"): {
        "en": "slows down and repeats the call within the retry budget, then asks the next engine",
        "zh": "放慢速度并在重试预算内重试，之后换下一个引擎",
    },
    ("retry", "throttle", "key"): {
        "en": "slows down and repeats the call within the retry budget; then takes a key of another account, then the"
        " next engine",
        "zh": "放慢速度并在重试预算内重试；之后换用其他账号的密钥，再换下一个引擎",
    },
    ("next_key", "quota", "key"): {
        "en": "leaves every key of the account alone until the quota is back; takes a key of another account, then the"
        " next engine",
        "zh": "在额度恢复前停用该账号的所有密钥；换用其他账号的密钥，之后换下一个引擎",
    },
    ("next_key", "auth", "key"): {
        "en": "leaves this key alone until the configuration changes; takes the next key, then the next engine",
        "zh": "在配置变更前停用该密钥；换下一个密钥，之后换下一个引擎",
    },
}


def doing(diagnosis: Diagnosis, language: Language = "en") -> str:
    """What the gateway does about it."""
    kind = _BY_KIND.get((diagnosis.action, diagnosis.category, diagnosis.fault), ACTIONS[diagnosis.action])
    return kind[language]


def sure(diagnosis: Diagnosis, language: Language = "en") -> str:
    """How sure the meaning is."""
    name = diagnosis.certainty
    if not name:
        return {"en": "unknown", "zh": "未知"}[language]
    said = CERTAINTIES[name][language]
    if name == "official":
        said = _who_said(diagnosis.source)[language]
    return f"{_CHINESE[name]}：{said}" if language == "zh" else f"{name}: {said}"


def _who_said(source: str) -> Mapping[Language, str]:
    if source == "ocrgate":
        return {"en": "decided by this library", "zh": "由本库自身定义"}
    if source.startswith("RFC"):
        return {"en": "the standard says so", "zh": "见于标准"}
    return {"en": "read on a page of the provider", "zh": "见于服务方页面"}


def blamed(diagnosis: Diagnosis, language: Language = "en") -> str:
    """Who is to blame, and whether that counts in the provider's breaker."""
    counts = {
        True: {"en": "counts in the provider's breaker", "zh": "计入该引擎的熔断统计"},
        False: {"en": "does not count in the provider's breaker", "zh": "不计入该引擎的熔断统计"},
    }[diagnosis.counts_in_breaker]
    if language == "zh":
        return f"{FAULTS[diagnosis.fault]['zh']}；{counts['zh']}"
    return f"{FAULTS[diagnosis.fault]['en']}; {counts['en']}"
