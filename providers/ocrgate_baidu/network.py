"""What went wrong in the network, as the failure of an attempt."""

from __future__ import annotations

from ocrgate.diagnosis.cause import causes, network, said
from ocrgate_baidu.attempt import Attempt
from ocrgate_baidu.failure import Failed, failed


def ended(attempt: Attempt) -> Failed:
    """The failure of an attempt that was ended from outside."""
    if attempt.reason == "cancelled":
        return failed("cancelled", "the caller gave up")
    if not attempt.connected:
        return failed("connect_timeout", "no connection in the time of one attempt")
    return failed("timeout", "no complete reply in the time of one attempt")


def diagnosed(error: BaseException, attempt: Attempt) -> Failed:
    """The failure for whatever requests, urllib3, ssl or socket raised; its text quotes no URL."""
    if attempt.reason is not None:
        return ended(attempt)
    code, message = network(error) or ("network", said(list(causes(error))))
    return failed(code, message)
