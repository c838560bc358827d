"""`diagnose()`: from whatever somebody holds in their hand to a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ocrgate.diagnosis import reply as replies
from ocrgate.diagnosis.book import GATEWAY, book
from ocrgate.diagnosis.catalogue import LONGEST_CODE, lookup
from ocrgate.diagnosis.cause import RULES, causes, network
from ocrgate.diagnosis.diagnosis import Diagnosis
from ocrgate.diagnosis.redaction import brief
from ocrgate.diagnosis.rule import Clue, Rule
from ocrgate.errors import AllProvidersFailed, DeadlineExceeded, ProviderError, ProviderRefused

_LONGEST_MESSAGE = 500


def diagnose(code_or_reply_or_exception: object, provider: str = "baidu") -> Diagnosis:
    """What a code, a reply, an exception or a whole text means.

    Args:
        code_or_reply_or_exception: `110`, `"SDK108"`, `"error_code: 110"`; a reply such as `{"error_code": 18, …}`, or
            its JSON as text or bytes; an exception of the standard library, of requests and urllib3, of the bare
            `baidu-aip`, of an engine or of this library; the last line of a traceback.
        provider: the provider type whose table is asked first; the gateway's own is `gateway`.

    Returns:
        The diagnosis, whose message holds no query value, token, key or password; for what no table knows one with
        `known` False.
    """
    subject = code_or_reply_or_exception
    if isinstance(subject, Diagnosis):
        return subject
    if isinstance(subject, ProviderError):
        return subject.diagnosis
    found = _diagnosed(subject, provider)
    return replace(found, code=brief(found.code, LONGEST_CODE), message=brief(found.message, _LONGEST_MESSAGE))


def _diagnosed(subject: object, provider: str) -> Diagnosis:
    if isinstance(subject, ProviderRefused):
        return lookup(GATEWAY, subject.reason, subject.detail)
    if isinstance(subject, BaseException):
        return _exception(subject, provider)
    if isinstance(subject, Mapping):
        return replies.diagnosed(subject, provider)
    if isinstance(subject, (list, tuple)):
        return _several(subject, provider)
    if isinstance(subject, (bytes, bytearray, memoryview)):
        return _text(bytes(subject), provider)
    if isinstance(subject, str):
        return _text(subject, provider)
    if subject is None:
        return lookup(provider, "bad_reply", "nothing came back")
    if isinstance(subject, float):
        return lookup(provider, replies.plain(subject))
    return lookup(provider, brief(str(subject), LONGEST_CODE))


def _several(subject: list[object] | tuple[object, ...], provider: str) -> Diagnosis:
    first = next((each for each in subject if isinstance(each, Mapping) and replies.error_code(each)), None)
    if isinstance(first, Mapping):
        return replies.diagnosed(first, provider)
    return lookup(provider, "bad_reply", f"a list of {len(subject)}, where a mapping is expected")


def _text(whole: str | bytes, provider: str) -> Diagnosis:
    # Codes and exceptions, all that the gateway itself asks about, need nothing of it.
    from ocrgate.diagnosis import text as texts

    text = texts.normal(texts.decoded(whole) if isinstance(whole, bytes) else whole)
    if not text:
        return lookup(provider, "bad_reply", "an empty text")
    code = texts.named(text, provider)
    if code is not None:
        return lookup(provider, code)
    value = texts.data(text)
    if isinstance(value, (Mapping, list)):
        return _diagnosed(value, provider)
    if isinstance(value, (str, bytes)):
        return _diagnosed(value, provider)
    told = next((reply for reply in texts.embedded(text) if replies.error_code(reply) is not None), None)
    if told is not None:
        return replies.diagnosed(told, provider)
    page = texts.page(text)
    if page is not None:
        return lookup(provider, "bad_reply", page)
    return _sentence(text, provider)


def _sentence(text: str, provider: str) -> Diagnosis:
    """The diagnosis of a text that is neither a code nor a reply."""
    from ocrgate.diagnosis import text as texts

    raised = texts.exception(text)
    if raised is not None:
        return _pasted(*raised, provider)
    marked = texts.leading(text, provider)
    if marked is not None:
        return lookup(provider, *marked)
    status = texts.status(text)
    if status is not None:
        return lookup(provider, status, text)
    labelled = texts.labelled(text)
    if labelled is not None:
        return lookup(provider, labelled, text)
    codes = texts.worded(text, provider)
    if len(codes) == 1:
        return lookup(provider, codes[0], text)
    if text.isascii() and text.isdigit():
        return lookup(provider, text)
    return lookup(provider, brief(text, LONGEST_CODE), text if len(text) > LONGEST_CODE else "")


def _exception(error: BaseException, provider: str) -> Diagnosis:
    clue = Clue.of(error)
    message = f"{type(error).__name__}: {clue.text}".removesuffix(": ")
    told = _last_of_story(error)
    if told is not None:
        return told
    code = _recognised(clue, provider)
    if code is not None:
        return lookup(provider, code, message)
    status = _status(error)
    if status is not None:
        return lookup(provider, f"http_{status}", message)
    found = network(error)
    if found is not None:
        code, said = found
        return lookup(provider, code, said if ": " in said else message if clue.text else said)
    inner = (_first(book(provider).rules, Clue.of(cause)) for cause in list(causes(error))[1:])
    code = next((code for code in inner if code is not None), None)
    if code is not None:
        return lookup(provider, code, message)
    return _unrecognised(type(error).__name__, message, provider)


def _pasted(name: str, clue: Clue, provider: str) -> Diagnosis:
    """The diagnosis of an exception of which there is only the text."""
    from ocrgate.diagnosis import text as texts

    message = f"{name}: {clue.text}".removesuffix(": ")
    code = _recognised(clue, provider)
    status = texts.status(clue.text) if code is None and "HTTPError" in clue.names else None
    code = code or status or _first(RULES, clue)
    return _unrecognised(name, message, provider) if code is None else lookup(provider, code, message)


def _recognised(clue: Clue, provider: str) -> str | None:
    own = _first(book(provider).rules, clue)
    return _first(book(GATEWAY).rules, clue) if own is None else own


def _first(rules: Iterable[Rule], clue: Clue) -> str | None:
    return next((rule.code for rule in rules if rule.fits(clue)), None)


def _unrecognised(name: str, message: str, provider: str) -> Diagnosis:
    if provider == GATEWAY:
        # Within the gateway only an adapter can have raised it.
        return lookup(GATEWAY, "adapter_error", message)
    bare = name.rpartition(".")[2]
    row = lookup(GATEWAY, "unknown_exception", message)
    return replace(row, code=name if bare.islower() else bare, known=False, certainty="")


def _last_of_story(error: BaseException) -> Diagnosis | None:
    """The last failure of an error that tells of several attempts."""
    if not isinstance(error, (AllProvidersFailed, DeadlineExceeded)):
        return None
    told = (attempt.diagnosis for attempt in reversed(error.attempts) if attempt.outcome == "failed")
    return next((each for each in told if each is not None), None)


def _status(error: BaseException) -> int | None:
    """The HTTP status that requests or urllib raised as an exception."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None and "urllib.error.HTTPError" in Clue.of(error).names:
        status = getattr(error, "code", None)
    return status if isinstance(status, int) and 100 <= status <= 599 else None
