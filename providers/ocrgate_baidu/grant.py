"""The token endpoint: application key in, access token out."""

from __future__ import annotations

import math
from collections.abc import Callable

from ocrgate.clock import Clock, Deadline
from ocrgate.keys.token import Token
from ocrgate_baidu.credential import Credential, Redactor
from ocrgate_baidu.failure import failed
from ocrgate_baidu.reply import decode
from ocrgate_baidu.transport import Transport

PATH = "/oauth/2.0/token"


def fetch(
    transport: Transport,
    credential: Credential,
    redactor: Redactor,
    clock: Clock,
    deadline: Deadline,
    on_cancel: Callable[[Callable[[], None]], object] | None = None,
    on_sent: Callable[[int, str], None] | None = None,
) -> Token:
    """A new token. The secret travels in the body, where no proxy logs it; a scope is not asked for.

    Raises:
        Failed: `invalid_client` and the like are the key's fault; anything else that is no token, the server's.
    """
    data = {
        "grant_type": "client_credentials",
        "client_id": credential.api_key,
        "client_secret": credential.secret_key,
    }
    reply = decode(transport.post(PATH, data, deadline, on_cancel=on_cancel, on_sent=on_sent))
    text, seconds = reply.get("access_token"), _seconds(reply.get("expires_in"))
    # A token goes into a request line.
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or set(text) & set(" &#%"):
        raise failed("bad_reply", "the token endpoint's reply holds no access_token")
    if seconds is None:
        raise failed("bad_reply", "the token endpoint's reply does not say how long the token lives")
    redactor.learn(text)
    return Token(text, clock.monotonic() + seconds)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
