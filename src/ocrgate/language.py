"""Languages by one set of names: BCP 47 tags, whatever an engine calls them."""

from __future__ import annotations

from collections.abc import Iterable

_ALIASES = {
    "zh-Hans": "zh zh-cn zh-sg zh-hans zho chi ch ch_sim chi_sim zh_sim cn chs chn simplified chinese",
    "zh-Hant": "zh-tw zh-hk zh-hant ch_tra chi_tra zh_tra cht chinese_cht",
    "en": "eng en-us en-gb english",
    "ja": "jpn jap jp japan japanese",
    "ko": "kor korean",
    "fr": "fra fre french",
    "de": "deu ger german",
    "es": "spa spanish",
    "pt": "por portuguese",
    "it": "ita italian",
    "ru": "rus russian",
    "da": "dan danish",
    "nl": "nld dut dutch",
    "ms": "msa mal malay",
    "sv": "swe swedish",
    "id": "ind indonesian",
    "pl": "pol polish",
    "ro": "ron rom romanian",
    "tr": "tur turkish",
    "el": "ell gre greek",
    "hu": "hun hungarian",
    "th": "tha thai",
    "vi": "vie vietnamese",
    "ar": "ara arabic",
    "hi": "hin hindi",
}
_TAGS = {alias: tag for tag, aliases in _ALIASES.items() for alias in (tag.lower(), *aliases.split())}


def tag(name: str) -> str:
    """The BCP 47 tag for any engine's name of a language; a name in no table comes back in lower case."""
    key = name.strip().lower()
    return _TAGS.get(key) or _TAGS.get(key.replace("_", "-")) or key


def tags(names: Iterable[str] | str) -> tuple[str, ...]:
    """Tags in the order given, each once; `chi_sim+eng` and `CHN_ENG` are taken apart."""
    listed = [names] if isinstance(names, str) else list(names)
    parts: list[str] = []
    for name in listed:
        for part in name.replace(",", "+").split("+"):
            parts += ["zh-Hans", "en"] if part.strip().upper() == "CHN_ENG" else [part]
    return tuple(dict.fromkeys(tag(part) for part in parts if part.strip()))
