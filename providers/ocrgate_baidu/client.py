"""The SDK's own class, left with the one thing it is good at: it knows how each endpoint is asked.

`AipOcr` builds the request and hands it to a wire of ours. It never sees a key or a token, opens no connection,
keeps nothing between calls and reads no reply, so nothing that it does with those can go wrong.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from ocrgate.clock import Deadline
from ocrgate_baidu.endpoints import FIELD, PAGE, Endpoint, Input
from ocrgate_baidu.failure import failed
from ocrgate_baidu.options import RESERVED
from ocrgate_baidu.quiet import quietly
from ocrgate_baidu.reply import Reply, answer
from ocrgate_baidu.transport import Transport

_HOST = "https://aip.baidubce.com"
"""The SDK wants whole URLs; the wire takes their path and knows the server itself."""


class _Response:
    """What the SDK takes for a response; its content has been judged and read already."""

    def __init__(self, content: Reply) -> None:
        self.content = content

    def close(self) -> None:
        """The transport has given the connection back."""


class _Wire:
    """What the SDK takes for `requests` and for its session."""

    def __init__(self, transport: Transport, token: str, deadline: Deadline, **hooks: Any) -> None:
        self._transport = transport
        self._secret_query = f"access_token={token}"
        self._deadline = deadline
        self._hooks = hooks

    def post(self, url: str, data: Mapping[str, Any], params: Mapping[str, str], **_rest: Any) -> _Response:
        reply = self._transport.post(
            urlsplit(url).path,
            data,
            self._deadline,
            query=params,
            secret_query=self._secret_query,
            **self._hooks,
        )
        return _Response(answer(reply))


@cache
def _prototype() -> Any:
    with quietly():
        from aip import AipOcr

    class Client(AipOcr):  # type: ignore[misc]
        """Asks with a token that somebody else owns."""

        def _auth(self, refresh: bool = False) -> dict[str, str]:
            return {}

        def _isPermission(self, authObj: object) -> bool:  # noqa: N802, N803
            return True

        def _getParams(self, authObj: object) -> dict[str, str]:  # noqa: N802, N803
            return {}

        def _getAuthHeaders(self, *_arguments: Any, **_options: Any) -> dict[str, str]:  # noqa: N802
            return {}

        def _proccessResult(self, content: Reply) -> Reply:  # noqa: N802
            return content

    client = Client("", "", "")
    client._isCloudUser = False
    return client


def load() -> None:
    """Import the SDK.

    Raises:
        Failed: `engine_missing` when it, or what it needs, is not installed.
    """
    try:
        _prototype()
        return
    except (ImportError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise failed("engine_missing", f'{reason}; pip install "ocrgate[baidu]"')


def ask(
    transport: Transport,
    token: str,
    endpoint: Endpoint,
    data: bytes,
    options: Mapping[str, str],
    deadline: Deadline,
    on_cancel: Callable[[Callable[[], None]], object] | None = None,
    on_sent: Callable[[int, str], None] | None = None,
    *,
    on_begin: Callable[[], None] | None = None,
    kind: Input = "image",
    page: int = 1,
) -> Reply:
    """Ask an endpoint about one image or one page of a document, once.

    Args:
        transport: sends the request.
        token: access token.
        endpoint: which one.
        data: content of the file, or for `url` the address in ASCII.
        options: checked, all texts; those that the endpoint requires among them.
        deadline: of the whole exchange.
        on_cancel: see `Request.on_cancel`.
        on_sent, on_begin: see `Transport.post`.
        kind: what `data` is; one of the endpoint's `inputs`.
        page: of a document, from 1. At 1 the option `pdf_file_num` or `ofd_file_num` counts, if it is given.

    Raises:
        Failed: with the diagnosis; before anything is sent for options that would take the place of the input.
    """
    load()
    rest = _options(endpoint, options, kind, page)
    # A copy a call: the SDK has nothing left to mix up between threads.
    client = copy.copy(_prototype())
    client.s = client._AipBase__client = _Wire(
        transport, token, deadline, on_cancel=on_cancel, on_begin=on_begin, on_sent=on_sent
    )
    method = endpoint.method(kind)
    reply: Reply
    if method:
        required = [rest.pop(name) for name in endpoint.positional]
        given = data.decode("ascii") if kind == "url" else data
        # Some of its methods take no options at all.
        reply = getattr(client, method)(given, *required, *((rest,) if rest else ()))
    else:
        text = data.decode("ascii") if kind == "url" else base64.b64encode(data).decode("ascii")
        reply = client.post(f"{_HOST}{endpoint.path}", {FIELD[kind]: text, **rest})
    return reply


def _options(endpoint: Endpoint, options: Mapping[str, str], kind: Input, page: int) -> dict[str, str]:
    """The options as this input wants them: with the page of a document, without pages of anything else.

    Raises:
        Failed: for options that would take the place of the input, that are no texts, or that are missing.
    """
    wrong = [name for name, value in options.items() if name in RESERVED or not isinstance(value, str)]
    if wrong:
        raise failed("216100", f"{wrong[0]}: no option, or no text")
    missing = [name for name in endpoint.positional if name not in options]
    if missing:
        raise failed("216101", f"{missing[0]}: the endpoint {endpoint.name} needs it")
    kept = {name: value for name, value in options.items() if name not in PAGE.values() or name == PAGE.get(kind)}
    number = PAGE.get(kind)
    if number is not None and (page != 1 or number not in kept):
        kept[number] = str(page)
    return kept
