"""One use of a key, told when it is over."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from ocrgate.key import KeyUse
from ocrgate_baidu.failure import Failed


class Use:
    """A `with` block in which a key, or a token got with it, is sent; told at its end unless nothing was sent.

    Args:
        tell: hears of it.
        key: configured name.
        endpoint: `token`, or the name of the endpoint.
        clean: takes out of a text what the other side may have quoted of the request.
        billed: whether a success is billed.

    Attributes:
        log_id: Baidu's reference of a success, to be filled in.
    """

    def __init__(
        self, tell: Callable[[KeyUse], None], key: str, endpoint: str, clean: Callable[[str], str], *, billed: bool
    ) -> None:
        self.log_id: str | None = None
        self._tell = tell
        self._key = key
        self._endpoint = endpoint
        self._clean = clean
        self._billed = billed
        self._sent: tuple[int, str] | None = None

    def sent(self, size: int, source: str) -> None:
        """The request went out: bytes of its body, and the address they were sent from."""
        self._sent = (size, source)

    def __enter__(self) -> Use:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sent is None:
            return
        size, source = self._sent
        if error is None:
            use = KeyUse(self._key, self._endpoint, "ok", "", self.log_id, size, source, self._billed)
        elif isinstance(error, Failed):
            found = error.diagnosis
            billed = found.billed if self._billed else False
            code, log_id = self._clean(found.code), None if found.log_id is None else self._clean(found.log_id)
            use = KeyUse(self._key, self._endpoint, "failed", code, log_id, size, source, billed)
        else:
            use = KeyUse(self._key, self._endpoint, "failed", "adapter_error", None, size, source, None)
        self._tell(use)
