"""Whether a key looks like one: of the right kind, in the right place, whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ocrgate.ability import Finding
from ocrgate_baidu.credential import Credential

API_KEY, SECRET_KEY = 24, 32
"""Characters of the two texts of an application, as the console hands them out today."""

_CONSOLE = "copy API Key and Secret Key from the application's page in the console"


def inspect(credentials: Sequence[Credential], *, lengths: bool = True) -> Iterator[Finding]:
    """One finding for each key, and one for each pair that is the same application. No text of a key is quoted.

    Args:
        credentials: the configured ones.
        lengths: whether lengths unlike those of the console are worth a warning.
    """
    for credential in credentials:
        yield _inspect(credential, lengths)
    for place, credential in enumerate(credentials):
        twins = [other.name for other in credentials[:place] if other.api_key == credential.api_key]
        if twins:
            yield Finding(
                f"key {credential.name}",
                "warn",
                f"the same API Key as {twins[0]}",
                "leave one of them out: changing from a key to itself gains no quota",
            )


def _inspect(credential: Credential, lengths: bool) -> Finding:
    name, fingerprint = f"key {credential.name}", credential.key.fingerprint
    seen = f"fingerprint {fingerprint}" if fingerprint else "well formed"
    if flaw := _flaw(credential):
        return Finding(name, "fail", flaw, _CONSOLE)
    sizes = (len(credential.api_key), len(credential.secret_key))
    if sizes == (SECRET_KEY, API_KEY):
        detail = "api_key is as long as a Secret Key and secret_key as long as an API Key"
        return Finding(name, "warn", detail, "swap the two")
    if lengths and sizes != (API_KEY, SECRET_KEY):
        detail = f"{seen}; api_key has {sizes[0]} characters and secret_key {sizes[1]}"
        return Finding(name, "warn", detail, f"those of an application have {API_KEY} and {SECRET_KEY}; {_CONSOLE}")
    if credential.app_id and not credential.app_id.isdecimal():
        return Finding(name, "warn", f"{seen}; app_id is not a number", "look whether the three values stand in place")
    return Finding(name, "pass", seen)


def _flaw(credential: Credential) -> str:
    """What makes the key unusable, or nothing."""
    if credential.flaw:
        return credential.flaw
    for field, value in (("api_key", credential.api_key), ("secret_key", credential.secret_key)):
        if not value:
            return f"{field} is empty"
        if re.search(r"\s", value):
            return f"{field} holds white space"
        if not value.isascii() or not value.isprintable():
            return f"{field} holds characters that no key has"
        if value[0] in "\"'" or value[-1] in "\"'":
            return f"{field} has a quotation mark at its end"
    if credential.api_key == credential.secret_key:
        return "api_key and secret_key are the same text"
    return ""
